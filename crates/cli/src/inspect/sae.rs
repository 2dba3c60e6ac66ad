//! What an autoencoder is.

use std::path::Path;
use std::rc::Rc;

use formats::sae::{Architecture, Sae, openai, saelens};
use formats::source::MemoryBytes;
use formats::tensors::TensorFile;
use pollster::block_on;

use super::report::Report;
use crate::error::Error;
use crate::load;

/// A SAELens folder.
pub fn folder(path: &Path) -> Report {
    const WEIGHTS: &str = "sae_weights.safetensors";
    let in_folder = Error::in_folder(path);
    let needed = "a SAELens folder has cfg.json and sae_weights.safetensors";
    let mut report = Report::new(path, "a SAELens folder");
    let cfg = report.keep(load::read(&path.join("cfg.json"), needed));
    let weights = report.keep(
        load::read(&path.join(WEIGHTS), needed)
            .and_then(|bytes| TensorFile::from_safetensors(WEIGHTS, bytes).map_err(in_folder)),
    );
    let entries = weights.as_ref().map(TensorFile::entries);
    if let (Some(cfg), Some(weights)) = (cfg, weights) {
        let read = async { saelens::open_folder(&cfg, weights).await?.read().await };
        let sae = block_on(read).map_err(in_folder);
        if let Some(sae) = report.keep(sae) {
            facts(&mut report, &sae);
        }
    }
    if let Some(entries) = entries {
        report.tensors(entries);
    }
    report
}

/// An OpenAI `.pt` file.
pub fn pt(path: &Path, bytes: Vec<u8>) -> Report {
    let mut report = Report::new(path, "an OpenAI autoencoder (.pt)");
    let name = path.display().to_string();
    let source = Rc::new(MemoryBytes::new(&name, bytes));
    let entries = block_on(openai::entries(source.clone())).unwrap_or_default();
    let read = async { openai::open_pt(source).await?.read().await };
    let sae = block_on(read).map_err(|e| Error::File(Box::new(e)));
    if let Some(sae) = report.keep(sae) {
        facts(&mut report, &sae);
    }
    if !entries.is_empty() {
        report.tensors(entries);
    }
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
    report.fact("applies b_dec to input", config.apply_b_dec_to_input);
    report.fact("hook", config.hook_name.clone());
    report.fact("model", config.model_name.clone());
    report.fact("prepends bos", config.prepend_bos);
    report.fact("context", config.context_size);
    report.fact("skipped positions", config.skipped_positions.clone());
    report.fact("has firing frequency", sae.firing_frequency.is_some());
}
