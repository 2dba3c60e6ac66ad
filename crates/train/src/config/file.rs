//! Settings out of files and options.

use serde::de::DeserializeOwned;

use super::Config;
use crate::error::Error;

/// As [`decode_settings`], of an autoencoder's training.
///
/// # Errors
/// As [`decode_settings`].
pub fn decode_config(
    file: Option<(&str, &[u8])>,
    changes: &[(String, serde_json::Value)],
) -> Result<Config, Error> {
    decode_settings(file, changes)
}

/// Settings as JSON, with changes of single ones as `KEY=VALUE`, where a value is JSON or a word.
///
/// # Errors
/// [`Error::Configuration`] with the place of what cannot be read.
pub fn decode_settings<T: DeserializeOwned>(
    file: Option<(&str, &[u8])>,
    changes: &[(String, serde_json::Value)],
) -> Result<T, Error> {
    let wrong = |file: &str, why: String| Error::Configuration {
        file: file.to_owned(),
        why,
    };
    let name = file.map_or("--set", |(name, _)| name);
    let mut value = match file {
        None => serde_json::Value::Object(serde_json::Map::new()),
        Some((name, bytes)) => serde_json::from_slice(bytes)
            .map_err(|error| wrong(name, format!("not JSON: {error}")))?,
    };
    // Checked by itself first, so that the message names the file for what stands in it.
    let decode = |name: &str, value: &serde_json::Value| {
        serde_path_to_error::deserialize::<_, T>(value)
            .map_err(|error| wrong(name, format!("{}: {}", error.path(), error.inner())))
    };
    decode(name, &value)?;
    let Some(object) = value.as_object_mut() else {
        return Err(wrong(name, "settings are a JSON object".to_owned()));
    };
    for (key, change) in changes {
        object.insert(key.clone(), change.clone());
    }
    decode("--set", &value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Activation;

    #[test]
    fn a_file_is_read_and_what_is_wrong_in_it_is_named() {
        let file = br#"{"latents": 512, "k": 8, "activation": "batch_topk"}"#;
        let changes = [("k".to_owned(), 4.into())];
        let config = decode_config(Some(("a.json", file)), &changes).unwrap();
        assert_eq!((config.latents, config.k), (512, 4));
        assert_eq!(config.activation, Activation::BatchTopk);
        for (bytes, says) in [
            (&br#"{"latent": 5}"#[..], "a.json: latent: unknown field"),
            (br#"{"k": -1}"#, "a.json: k: invalid value"),
            (br#"{"activation": "gelu"}"#, "unknown variant `gelu`"),
            (b"k = 3", "a.json: not JSON"),
            (b"[]", "a.json"),
        ] {
            let error = decode_config(Some(("a.json", bytes)), &[]).unwrap_err();
            assert!(error.to_string().contains(says), "{error}");
        }
        for activation in [
            Activation::Topk,
            Activation::BatchTopk,
            Activation::JumpRelu,
            Activation::Relu,
        ] {
            assert_eq!(serde_json::to_value(activation).unwrap(), activation.name());
        }
        let again = serde_json::to_vec(&config).unwrap();
        assert_eq!(decode_config(Some(("a", &again)), &[]).unwrap(), config);
    }
}
