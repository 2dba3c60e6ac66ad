//! Identities of models, tokenizers and feature sets: SHA-256 of their numbers, equal for equal weights in whatever file and
//! layout, as f16 or as f32.

use std::ops::Range;

use atlas::info::hexadecimal;
use atlas::tally::TallySet;
use atlas::{ModelKey, SetKind};
use explorer::SaeInfo;
use formats::gpt2::Gpt2Files;
use formats::sae::{Architecture, Gate, Layout, Normalization, SaeFile};
use formats::tokenizer::Tokenizer;
use sha2::{Digest, Sha256};

/// Numbers that are read at a time.
const PIECE: usize = 1 << 20;

/// Identity of a model: of a line with its sizes and constants, then of each tensor in the order of the pass: `KEY ROWSxCOLS\n`
/// and its numbers as little-endian f32, row-major. Keys are Hugging Face's without `transformer.`.
///
/// # Errors
/// As [`Gpt2Files::rows`].
pub async fn model(files: &Gpt2Files) -> formats::Result<String> {
    let config = files.config();
    let mut hash = Sha256::new();
    hash.update(format!(
        "gpt2 layers {} heads {} epsilon {:08x} activation {} scaled {} by-layer {}\n",
        config.n_layer,
        config.n_head,
        config.layer_norm_epsilon.to_bits(),
        config.activation.name(),
        config.scale_attn_weights,
        config.scale_attn_by_inverse_layer_idx,
    ));
    for (key, shape) in files.shapes() {
        let rows = shape.first().copied().unwrap_or(0);
        let width: usize = shape.iter().skip(1).product();
        hash.update(format!("{key} {rows}x{width}\n"));
        for range in pieces(rows, width) {
            numbers(&mut hash, &files.rows(&key, range).await?);
        }
    }
    Ok(hexadecimal(&hash.finalize()))
}

/// Identity of a tokenizer, see [`atlas::ModelKey::tokenizer_sha256`]. An id that no token has is an empty line.
pub fn tokenizer(tokenizer: &Tokenizer) -> String {
    let bytes = |id| tokenizer.token_bytes(id).unwrap_or_default().to_vec();
    let vocabulary: Vec<Vec<u8>> = (0u32..).take(tokenizer.vocab_size()).map(bytes).collect();
    ModelKey::tokenizer_hash(&vocabulary)
}

/// A loaded feature set as a tally knows it, by its id in the atlas and its identity: that of the model for neurons.
pub fn tally_set(id: String, set: &SaeInfo, sha256: String) -> TallySet {
    TallySet {
        id,
        kind: match set.architecture.as_str() {
            "neurons" => SetKind::Neurons,
            _ => SetKind::Sae,
        },
        hook: set.hook.clone(),
        n_latents: u32::try_from(set.n_latents).unwrap_or(u32::MAX),
        sha256,
    }
}

/// Identity of an autoencoder: of a line with its sizes and what it computes, then `W_enc`, `b_enc`, the parameters of its
/// activation function, `W_dec`, `b_dec`, each as its name, a line break, and little-endian f32. Matrices are latent-major, as
/// the engine uses them; one that is stored input by input is in memory as a whole meanwhile.
///
/// # Errors
/// As [`SaeFile::encoder`].
pub async fn sae(file: &SaeFile) -> formats::Result<String> {
    let config = &file.config;
    let mut hash = Sha256::new();
    let k = match config.architecture {
        Architecture::TopK { k } => k,
        _ => 0,
    };
    let factor = match config.normalization {
        Normalization::ExpectedAverageOnlyIn {
            norm_scaling_factor,
        } => norm_scaling_factor.map_or(0, f32::to_bits),
        _ => 0,
    };
    hash.update(format!(
        "sae {} k {k} in {} latents {} normalization {} {factor:08x} b_dec-first {}\n",
        config.architecture.name(),
        config.d_in,
        config.d_sae,
        config.normalization.name(),
        config.apply_b_dec_to_input,
    ));
    hash.update("W_enc\n");
    matrix(&mut hash, file, file.encoder_layout(), true).await?;
    vector(&mut hash, "b_enc", &file.b_enc().await?);
    match file.gate().await? {
        Gate::None => {}
        Gate::Threshold(threshold) => vector(&mut hash, "threshold", &threshold),
        Gate::Gated {
            b_gate,
            r_mag,
            b_mag,
        } => {
            vector(&mut hash, "b_gate", &b_gate);
            vector(&mut hash, "r_mag", &r_mag);
            vector(&mut hash, "b_mag", &b_mag);
        }
    }
    hash.update("W_dec\n");
    matrix(&mut hash, file, file.decoder_layout(), false).await?;
    vector(&mut hash, "b_dec", &file.b_dec().await?);
    Ok(hexadecimal(&hash.finalize()))
}

async fn matrix(
    hash: &mut Sha256,
    file: &SaeFile,
    layout: Layout,
    encoder: bool,
) -> formats::Result<()> {
    let (d_in, d_sae) = (file.config.d_in, file.config.d_sae);
    let read = async |rows: Range<usize>| match encoder {
        true => file.encoder(rows).await,
        false => file.decoder(rows).await,
    };
    match layout {
        Layout::LatentMajor => {
            for rows in pieces(d_sae, d_in) {
                numbers(hash, &read(rows).await?);
            }
        }
        Layout::InputMajor => {
            let stored = read(0..d_in).await?;
            let mut row = Vec::with_capacity(d_in);
            for latent in 0..d_sae {
                row.clear();
                row.extend(stored.iter().skip(latent).step_by(d_sae.max(1)));
                numbers(hash, &row);
            }
        }
    }
    Ok(())
}

fn vector(hash: &mut Sha256, name: &str, values: &[f32]) {
    hash.update(format!("{name}\n"));
    numbers(hash, values);
}

fn numbers(hash: &mut Sha256, values: &[f32]) {
    let mut bytes = [0; 4096];
    for part in values.chunks(bytes.len() / 4) {
        for (into, value) in bytes.as_chunks_mut::<4>().0.iter_mut().zip(part) {
            *into = value.to_le_bytes();
        }
        hash.update(&bytes[..part.len() * 4]);
    }
}

/// Rows in pieces of about [`PIECE`] numbers.
fn pieces(rows: usize, width: usize) -> impl Iterator<Item = Range<usize>> {
    let step = (PIECE / width.max(1)).max(1);
    (0..rows)
        .step_by(step)
        .map(move |first| first..rows.min(first + step))
}
