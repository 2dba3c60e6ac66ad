//! Recognition of transcoders, which are not supported, so that they are refused by name and not as something damaged.

use crate::error::{Error, Result, shortened};
use crate::tensors::TensorFile;

/// Refuses the `config.yaml` of a folder as circuit-tracer has it: a set of transcoders, one file per layer. Any other YAML
/// passes.
///
/// # Errors
/// `unsupported-architecture`.
pub fn refuse_set(file: &str, config_yaml: &[u8]) -> Result<()> {
    let text = String::from_utf8_lossy(config_yaml);
    let sign = text.lines().find(|line| {
        let Some((key, value)) = line.split_once(':') else {
            return false;
        };
        match key.trim() {
            "feature_input_hook" | "feature_output_hook" | "transcoders" => true,
            "model_kind" => value.contains("transcoder"),
            _ => false,
        }
    });
    match sign {
        None => Ok(()),
        Some(line) => {
            let sign = format!("circuit-tracer's setting `{}`", shortened(line.trim()));
            Err(Error::transcoder(file, sign))
        }
    }
}

/// Refuses tensors that only transcoders have: circuit-tracer's, and the skip connection.
///
/// # Errors
/// `unsupported-architecture`.
pub fn refuse_tensors(file: &TensorFile) -> Result<()> {
    let names = file.names();
    let is_sign = |name: &&String| {
        let numbered = |beginning| {
            let number = name.strip_prefix(beginning);
            number.is_some_and(|n: &str| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit()))
        };
        matches!(
            name.as_str(),
            "W_skip" | "activation_function.threshold" | "b_skip"
        ) || numbered("W_enc_")
            || numbered("W_dec_")
    };
    match names.iter().find(is_sign) {
        None => Ok(()),
        Some(name) => {
            let sign = format!("the tensor `{}`", shortened(name));
            Err(Error::transcoder(file.file_name(), sign))
        }
    }
}
