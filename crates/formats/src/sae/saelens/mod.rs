//! Sparse autoencoders as SAELens stores them: a folder with `cfg.json` and `sae_weights.safetensors`.

mod cfg;
mod known;
mod notices;
mod square;
mod surplus;
mod write;

use super::file::{Frequency, Keys, Layout, SaeFile, Tensors};
use super::{Architecture, CountedPositions, SaeConfig};
use crate::error::{Error, Result};
use crate::tensors::TensorFile;
use cfg::Cfg;

pub use super::sparsity::read_sparsity;
pub use write::{Folder, Precision, write_folder, write_folder_in};

const CFG: &str = "cfg.json";
const WEIGHTS: &str = "sae_weights.safetensors";

pub(super) const KEYS: Keys = Keys {
    encoder: "W_enc",
    b_enc: "b_enc",
    decoder: "W_dec",
    b_dec: "b_dec",
};

/// Opens a folder's two files: `cfg.json` (of today or of an older SAELens) and `sae_weights.safetensors`, whose tensors
/// are left where they are. Where the settings ask for the decoder's norms, the decoder is read once, in pieces.
///
/// # Errors
/// `bad-file` for a damaged file, a setting out of range or two that contradict each other; `unsupported-architecture` for
/// an architecture, normalisation or reshaping that is not supported, and for a tensor that the architecture does not
/// use; `wrong-shape` by tensor; `unreadable`.
pub async fn open_folder(cfg_json: &[u8], weights: TensorFile) -> Result<SaeFile> {
    let cfg = Cfg::parse(cfg_json)?;
    cfg.refuse_transcoder()?;
    cfg.refuse_contradictions()?;
    let (d_in, d_sae) = (cfg.settings.size("d_in")?, cfg.settings.size("d_sae")?);
    let architecture = cfg.architecture(d_sae)?;
    let config = SaeConfig {
        architecture,
        d_in,
        d_sae,
        normalization: cfg.normalization()?,
        apply_b_dec_to_input: cfg.settings.flag("apply_b_dec_to_input")?.unwrap_or(true),
        hook_name: cfg.text(&["hook_name", "hook_point", "hf_hook_name"])?,
        prepend_bos: cfg.prepend_bos()?,
        counted: CountedPositions::read(CFG, &cfg.settings)?,
        model_name: cfg.text(&["model_name"])?,
        context_size: cfg.settings.optional_size("context_size")?,
        center_writing_weights: cfg.center_writing_weights()?,
    };
    cfg.refuse_what_changes_the_input()?;
    let folded = cfg
        .settings
        .flag("rescale_acts_by_decoder_norm")?
        .unwrap_or(false);
    if folded && matches!(architecture, Architecture::JumpRelu | Architecture::Gated) {
        return Err(Error::unsupported(
            CFG,
            "rescale_acts_by_decoder_norm with the architecture",
            architecture.name(),
            "standard, topk",
        ));
    }

    surplus::refuse(&weights, architecture, d_sae).await?;
    let expect = |name: &str, shape: &[usize]| {
        weights.expect(name, shape)?;
        weights.dtype(name)
    };
    expect(KEYS.encoder, &[d_in, d_sae])?;
    expect(KEYS.decoder, &[d_sae, d_in])?;
    expect(KEYS.b_dec, &[d_in])?;
    for name in surplus::vectors(architecture) {
        expect(name, &[d_sae])?;
    }
    let mut notices = notices::of(&cfg, &config);
    if d_in == d_sae {
        notices.push(square::notice(&weights, d_in).await?);
    }
    let mut file = SaeFile {
        config,
        notices,
        tensors: Tensors::Safetensors(weights),
        keys: KEYS,
        encoder_layout: Layout::InputMajor,
        decoder_layout: Layout::LatentMajor,
        norms: None,
        frequency: Frequency::Unknown,
    };
    if folded {
        file.fold_decoder_norms().await?;
    }
    Ok(file)
}
