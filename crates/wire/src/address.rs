//! Addresses of the page about a prompt: the names of their parts, and one that says a prompt, a token and a feature. The page
//! writes and reads more in them (`docs/keyboard-and-url.md`), by the same names.

pub use crate::percent::{decode, encode};

/// Route of the page of a prompt: what stands between `#` and `?`.
pub const PROMPT_ROUTE: &str = "/prompt";
/// The model's id.
pub const MODEL: &str = "model";
/// The id of the selected SAE.
pub const SAE: &str = "sae";
/// Index of the selected token, a BOS included.
pub const TOKEN: &str = "token";
/// The selected latent of the SAE.
pub const FEATURE: &str = "feature";
/// A person's choice of a BOS before the prompt.
pub const BOS: &str = "bos";
/// The prompt.
pub const PROMPT: &str = "prompt";

/// The beginning of the ids of feature sets that need no SAE; a hook point follows.
pub const NEURONS: &str = "neurons:";

/// The choice of a BOS by its name in the address and in the API.
pub fn bos_name(bos: Option<bool>) -> &'static str {
    match bos {
        None => "auto",
        Some(true) => "yes",
        Some(false) => "no",
    }
}

/// A prompt with a selected token and feature.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PromptAddress<'a> {
    /// Id of the model.
    pub model: &'a str,
    /// Id of the SAE.
    pub sae: &'a str,
    /// Index of the selected token, the BOS included.
    pub token: usize,
    /// The selected latent, if one is.
    pub feature: Option<u32>,
    /// A person's choice of a BOS; nothing leaves it to the page.
    pub bos: Option<bool>,
    /// The text.
    pub prompt: &'a str,
}

impl PromptAddress<'_> {
    /// The address, from its `#` on.
    pub fn to_hash(&self) -> String {
        let mut hash = format!("#{PROMPT_ROUTE}");
        let mut put = |name: &str, value: &str| {
            hash.push(if hash.contains('?') { '&' } else { '?' });
            hash.push_str(name);
            hash.push('=');
            encode(&mut hash, value, b"");
        };
        put(MODEL, self.model);
        put(SAE, self.sae);
        put(TOKEN, &self.token.to_string());
        if let Some(feature) = self.feature {
            put(FEATURE, &feature.to_string());
        }
        if self.bos.is_some() {
            put(BOS, bos_name(self.bos));
        }
        put(PROMPT, self.prompt);
        hash
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_its_parts_in_the_pages_order() {
        let address = PromptAddress {
            model: "owner/name",
            sae: "neurons:blocks.3.mlp.hook_post",
            token: 8,
            feature: Some(903),
            bos: Some(false),
            prompt: "a & <b>\n“é”",
        };
        assert_eq!(
            address.to_hash(),
            "#/prompt?model=owner%2Fname&sae=neurons%3Ablocks.3.mlp.hook_post&token=8&feature=903&bos=no\
             &prompt=a+%26+%3Cb%3E%0A%E2%80%9C%C3%A9%E2%80%9D"
        );
        let bare = PromptAddress {
            feature: None,
            bos: None,
            ..address
        };
        assert!(!bare.to_hash().contains("feature=") && !bare.to_hash().contains("bos="));
    }
}
