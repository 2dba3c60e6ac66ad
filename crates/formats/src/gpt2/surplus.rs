//! Tensors of a model's file that GPT-2 does not use.

use std::collections::HashSet;

use super::{Gpt2Files, HEAD};
use crate::error::{Error, Result, shortened};

/// Refuses tensors that would change what is computed: any more in the transformer, and a bias of the output projection.
/// Heads for other tasks beside the transformer do not; they are named in a notice.
pub(super) fn check(files: &Gpt2Files) -> Result<Option<String>> {
    let used: HashSet<String> = files
        .shapes()
        .into_iter()
        .map(|(key, _)| files.key(&key))
        .collect();
    let mut others = Vec::new();
    for name in files.weights.names() {
        if name == HEAD || used.contains(&name) || is_buffer(&name) {
            continue;
        }
        let inside = match files.prefix {
            "" => ["h.", "wte.", "wpe.", "ln_f."]
                .iter()
                .any(|part| name.starts_with(part)),
            prefix => name.starts_with(prefix),
        };
        if inside || name.starts_with("lm_head.") {
            let reason = "without it the model would be another function; remove the tensor if it does nothing";
            return Err(Error::surplus(
                files.weights.file_name(),
                &name,
                "GPT-2",
                reason,
            ));
        }
        others.push(format!("`{}`", shortened(&name)));
    }
    const MOST: usize = 4;
    Ok((!others.is_empty()).then(|| {
        let more = others.len().saturating_sub(MOST);
        let more = if more > 0 {
            format!(" and {more} more")
        } else {
            String::new()
        };
        others.truncate(MOST);
        let list = others.join(", ");
        format!(
            "{} has tensors outside of the transformer that are not used: {list}{more}",
            files.weights.file_name()
        )
    }))
}

/// The causal mask and its value, which PyTorch saves with each block.
fn is_buffer(name: &str) -> bool {
    name.ends_with(".attn.bias") || name.ends_with(".attn.masked_bias")
}
