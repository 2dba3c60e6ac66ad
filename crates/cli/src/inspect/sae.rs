//! Inspection of an autoencoder.

use std::rc::Rc;

use formats::sae::{
    Architecture, BOS_UNKNOWN, CountedPositions, Normalization, Sae, SaeFile, SpecialTokens,
    openai, saelens,
};
use formats::source::ByteSource;
use formats::tensors::TensorFile;

use super::report::Report;
use crate::error::Error;
use crate::load;
use crate::place::Place;

/// A SAELens folder.
pub async fn folder(place: &Place) -> Report {
    const WEIGHTS: &str = "sae_weights.safetensors";
    let in_folder = Error::in_folder(place.name());
    let needed = "a SAELens folder has cfg.json and sae_weights.safetensors";
    let mut report = Report::new(place.name(), "a SAELens folder");
    let cfg = report.keep(place.join("cfg.json").read(needed));
    let weights = match place.join(WEIGHTS).open(WEIGHTS, needed) {
        Ok(source) => TensorFile::open(source).await.map_err(&in_folder),
        Err(error) => Err(error),
    };
    let weights = report.keep(weights);
    let entries = weights.as_ref().map(TensorFile::entries);
    if let (Some(cfg), Some(weights)) = (cfg, weights) {
        let file = saelens::open_folder(&cfg, weights)
            .await
            .map_err(&in_folder);
        if let Some(file) = report.keep(file) {
            notices(&mut report, &file);
            let file = load::with_frequencies(file, place).await;
            if let Some(file) = report.keep(file)
                && let Some(sae) = report.keep(file.read().await.map_err(in_folder))
            {
                facts(&mut report, &sae);
            }
        }
    }
    if let Some(entries) = entries {
        report.tensors(entries);
    }
    report
}

/// A `.pt` file in OpenAI's layout, or one of attention heads' outputs with its settings beside it.
pub async fn pt(place: &Place, source: Rc<dyn ByteSource>) -> Report {
    let entries = openai::entries(Rc::clone(&source)).await;
    let entries = entries.unwrap_or_default();
    let of_attention = entries.iter().any(|entry| entry.name == "W_enc");
    let kind = if of_attention {
        "an autoencoder of attention heads' outputs (.pt)"
    } else {
        "an OpenAI autoencoder (.pt)"
    };
    let mut report = Report::new(place.name(), kind);
    let file = load::open_pt(place, source).await;
    if let Some(file) = report.keep(file) {
        notices(&mut report, &file);
        let sae = file.read().await.map_err(|e| Error::File(Box::new(e)));
        if let Some(sae) = report.keep(sae) {
            facts(&mut report, &sae);
        }
    }
    if !entries.is_empty() {
        report.tensors(entries);
    }
    report
}

/// Notices: what its file left open, and another name of its hook.
fn notices(report: &mut Report, file: &SaeFile) {
    report.notice(file.notices.iter().cloned());
    if file.config.prepend_bos.is_none() {
        report.notice([BOS_UNKNOWN.to_owned()]);
    }
    let hook = file.config.hook_name.as_deref();
    report.notice(hook.and_then(explorer::about_hook));
}

/// A folder of circuit-tracer's transcoders, by its configuration.
pub fn transcoders(place: &Place, refusal: Error) -> Report {
    let mut report = Report::new(place.name(), "circuit-tracer's transcoders");
    report.keep::<()>(Err(refusal));
    report
}

fn facts(report: &mut Report, sae: &Sae) {
    let config = &sae.config;
    report.fact("architecture", config.architecture.name());
    if let Architecture::TopK { k } = config.architecture {
        report.fact("k", k);
    }
    report.fact("latents", config.d_sae);
    report.fact("d_in", config.d_in);
    report.fact("normalization", config.normalization.name());
    if let Normalization::ExpectedAverageOnlyIn {
        norm_scaling_factor,
    } = config.normalization
    {
        // By its shortest decimals: widening would show 0.30000001192092896.
        let factor = norm_scaling_factor.map(|factor| factor.to_string());
        let factor = factor.and_then(|factor| factor.parse::<f64>().ok());
        report.fact("norm scaling factor", factor);
    }
    report.fact("applies b_dec to input", config.apply_b_dec_to_input);
    report.fact("hook", config.hook_name.clone());
    report.fact("model", config.model_name.clone());
    report.fact("prepends bos", config.prepend_bos);
    report.fact("model was centred", config.center_writing_weights);
    report.fact("context", config.context_size);
    counted(report, &config.counted);
    report.fact("has firing frequency", sae.firing_frequency.is_some());
}

/// Positions and tokens that training left out.
fn counted(report: &mut Report, counted: &CountedPositions) {
    match &counted.exclude_special_tokens {
        SpecialTokens::None => report.fact("excluded tokens", "none"),
        SpecialTokens::All => report.fact("excluded tokens", "special"),
        SpecialTokens::Ids(ids) => report.fact("excluded tokens", ids.clone()),
    }
    let slice = counted.seqpos_slice.map(|slice| {
        let bound = |at: Option<i64>| at.map(|at| at.to_string()).unwrap_or_default();
        let step = slice
            .step
            .map(|step| format!(":{step}"))
            .unwrap_or_default();
        format!("{}:{}{step}", bound(slice.start), bound(slice.stop))
    });
    report.fact("positions used", slice.unwrap_or_else(|| "all".to_owned()));
    report.fact("skipped positions", counted.skipped_positions.clone());
}
