//! Inspection of a model's folder and of a tokenizer.

use explorer::{BackendChoice, LimitsChoice, Session, WeightChoice};
use formats::gpt2::{Gpt2Config, Gpt2Files};
use formats::tokenizer::Tokenizer;

use super::report::Report;
use crate::demo::Demo;
use crate::error::Error;
use crate::load;
use crate::place::Place;

/// A folder with a configuration, weights and a tokenizer. Each is looked at even where another is at fault.
pub async fn folder(place: &Place) -> Result<Report, Error> {
    let in_folder = Error::in_folder(place.name());
    let mut report = Report::new(place.name(), "a model's folder");
    let config = place.join("config.json");
    let json = report.keep(config.read("a model's folder has it"));
    let config = json.as_ref().and_then(|json| {
        let config = report.keep(Gpt2Config::from_json(json).map_err(&in_folder))?;
        config_facts(&mut report, &config);
        Some(config)
    });
    let mut files = None;
    if let Some((weights, _)) = report.keep(load::weights(place, &Demo::manifest()?).await) {
        report.fact("weights", weights.file_name());
        report.tensors(weights.entries());
        if let (Some(json), Some(_)) = (&json, &config) {
            let check = async {
                let files = Gpt2Files::new(json, weights).await?;
                files.check_finite().await?;
                Ok(files)
            };
            files = report.keep(check.await.map_err(in_folder));
        }
    }
    if let Some(tokenizer) = report.keep(load::tokenizer(place)) {
        tokenizer_facts(&mut report, &tokenizer);
        if let Some(files) = files
            && tokenizer.vocab_size() <= files.config().vocab_size
        {
            sample_loss(&mut report, files, tokenizer.clone()).await;
        }
        if let Some(config) = config.filter(|c| tokenizer.vocab_size() > c.vocab_size) {
            report.keep::<()>(Err(Error::Engine(explorer::Error::TokenizerMismatch {
                tokenizer: tokenizer.vocab_size(),
                model: config.vocab_size,
            })));
        }
    }
    Ok(report)
}

/// Runs the model on the sample text: a matrix that is transposed and square passes every check of shapes, and shows here.
async fn sample_loss(report: &mut Report, files: Gpt2Files, tokenizer: Tokenizer) {
    let run = async {
        // Nothing here needs a GPU, and the CPU gives the same numbers everywhere.
        let mut session = Session::new(BackendChoice::Cpu, LimitsChoice::Adapter).await?;
        let loaded = session
            .load_model("model", "model", files, tokenizer, WeightChoice::F32)
            .await?;
        Ok((loaded.notices, session.sample_loss().await?))
    };
    let Some((notices, sample)) = report.keep(run.await.map_err(Error::Engine)) else {
        return;
    };
    report.notice(notices);
    if let Some(sample) = sample {
        let rounded = |nats: f64| (nats * 1e4).round() / 1e4;
        report.fact("loss on the sample text", rounded(sample.loss));
        report.fact("usual for a trained model", sample.usual.clone());
        report.fact("loss by chance", rounded(sample.chance));
        report.notice(sample.caution);
    }
}

/// A `config.json` alone.
pub fn config(place: &Place, json: &[u8]) -> Report {
    let mut report = Report::new(place.name(), "a model's configuration");
    let config = Gpt2Config::from_json(json);
    if let Some(config) = report.keep(config.map_err(|e| Error::File(Box::new(e)))) {
        config_facts(&mut report, &config);
        report.notice(config.notices);
    }
    report
}

/// A folder with only a tokenizer.
pub fn tokenizer_folder(place: &Place) -> Report {
    let mut report = Report::new(place.name(), "a tokenizer");
    if let Some(tokenizer) = report.keep(load::tokenizer(place)) {
        tokenizer_facts(&mut report, &tokenizer);
    }
    report
}

/// A `tokenizer.json` alone.
pub fn tokenizer(place: &Place, json: &[u8]) -> Report {
    let mut report = Report::new(place.name(), "a tokenizer");
    let tokenizer = Tokenizer::from_tokenizer_json(json);
    if let Some(tokenizer) = report.keep(tokenizer.map_err(|e| Error::File(Box::new(e)))) {
        tokenizer_facts(&mut report, &tokenizer);
    }
    report
}

fn config_facts(report: &mut Report, config: &Gpt2Config) {
    report.fact("architecture", "gpt2");
    report.fact("layers", config.n_layer);
    report.fact("heads", config.n_head);
    report.fact("d_model", config.n_embd);
    report.fact("d_mlp", config.n_inner);
    report.fact("context", config.n_positions);
    report.fact("vocabulary", config.vocab_size);
    // By its shortest decimals: widening would show 9.99999974e-6.
    let epsilon = config.layer_norm_epsilon.to_string();
    report.fact("layer norm epsilon", epsilon.parse::<f64>().ok());
    report.fact("activation", config.activation.name());
    report.fact("attention scaled by head width", config.scale_attn_weights);
    report.fact(
        "attention scaled by layer",
        config.scale_attn_by_inverse_layer_idx,
    );
    report.fact("bos token", config.bos_token_id);
    report.fact("eos tokens", config.eos_token_ids.clone());
}

fn tokenizer_facts(report: &mut Report, tokenizer: &Tokenizer) {
    report.fact("tokenizer's vocabulary", tokenizer.vocab_size());
    report.fact("tokenizer's bos", tokenizer.bos());
}
