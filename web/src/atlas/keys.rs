//! What one's own notes about a set of an atlas are kept under.

use ::atlas::files::file_info;
use ::atlas::{AtlasInfo, SetInfo, SetKind};

use crate::notes::SetKey;

/// What a set's notes are kept under.
pub fn key_of(info: &AtlasInfo, set: &SetInfo) -> SetKey {
    SetKey {
        // Of neurons the atlas names the model's tensors, which all its hooks share.
        sha256: match set.kind {
            SetKind::Sae => set.sha256.clone(),
            SetKind::Neurons => own_key(&set.sha256, &set.hook),
        },
        name: set.id.clone(),
        model: info.model.name.clone(),
        hook: set.hook.clone(),
    }
}

/// The SHA-256 under which notes about neurons are kept: of the model's and the hook point.
fn own_key(sha256: &str, hook: &str) -> String {
    file_info(String::new(), format!("{sha256}\n{hook}").as_bytes()).sha256
}
