//! The processor of a training's steps.

use explorer::Session;
use train::{Trainer, Training};
use wasm_bindgen::JsValue;

use super::{clock, failed};
use crate::error::bad_option;

/// Seconds of the GPU's work that are submitted at once: the page draws with the same GPU, sixty times a second.
const SUBMISSION: f64 = 0.012;

/// A training on the processor that is wanted.
///
/// # Errors
/// `bad-option` for another word, where there is no GPU, and for what a GPU does not train.
pub async fn on(
    wanted: Option<&str>,
    session: &Session,
    trainer: Trainer,
) -> Result<Training, JsValue> {
    match wanted {
        None | Some("cpu") => Ok(trainer.into()),
        Some("gpu") if session.info().backend == "gpu" => {
            let training = Training::on(session.device(), trainer);
            let mut training = training.await.map_err(failed)?;
            training.keep_short(clock(), SUBMISSION).map_err(failed)?;
            Ok(training)
        }
        Some("gpu") => Err(bad_option(
            "processor",
            "this session has no GPU; train on the CPU",
        )),
        Some(_) => Err(bad_option("processor", "it is \"cpu\" or \"gpu\"")),
    }
}

/// Its name.
pub fn name(training: &Training, session: &Session) -> String {
    match training {
        Training::Cpu(_) => "one core of the CPU".to_owned(),
        Training::Device(_) => format!("GPU ({})", session.info().adapter),
    }
}
