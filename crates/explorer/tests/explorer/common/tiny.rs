//! GPT-2s small enough to be written out in a test: the residual stream at every hook is the token's row of `wte`.

use std::collections::BTreeMap;

use explorer::{Session, WeightChoice};
use formats::gpt2::Gpt2Files;
use formats::sae::{SaeFile, saelens};
use formats::tensors::TensorFile;
use formats::tokenizer::Tokenizer;
use kernels::Device;
use pollster::block_on;
use safetensors::tensor::{Dtype, TensorView, serialize};
use serde_json::{Value, json};

/// The id of `<|endoftext|>`, which is the BOS and the only special token; byte b has the id b.
pub const BOS: u32 = 256;
pub const WIDTH: usize = 4;

/// f32 weights by name; a name that ends in ` as F16` is stored as F16.
pub type Tensors = BTreeMap<String, (Vec<usize>, Vec<f32>)>;

pub fn bytes_of(tensors: &Tensors) -> Vec<u8> {
    let stored: Vec<(&str, Dtype, &[usize], Vec<u8>)> = tensors
        .iter()
        .map(
            |(name, (shape, values))| match name.strip_suffix(" as F16") {
                Some(name) => {
                    let halves = values.iter().map(|value| half::f16::from_f32(*value));
                    let bytes = halves.flat_map(half::f16::to_le_bytes).collect();
                    (name, Dtype::F16, &shape[..], bytes)
                }
                None => {
                    let bytes = values
                        .iter()
                        .flat_map(|value| value.to_le_bytes())
                        .collect();
                    (&name[..], Dtype::F32, &shape[..], bytes)
                }
            },
        )
        .collect();
    let views = stored.iter().map(|(name, dtype, shape, bytes)| {
        let view = TensorView::new(*dtype, shape.to_vec(), bytes).unwrap();
        (*name, view)
    });
    serialize(views, None).unwrap()
}

/// Every byte a token, and `<|endoftext|>`.
pub fn tokenizer() -> Tokenizer {
    let plain = |byte: u32| {
        (33..127).contains(&byte) || (161..173).contains(&byte) || (174..256).contains(&byte)
    };
    let mut others = 256..;
    let mut vocab = serde_json::Map::new();
    for byte in 0..256_u32 {
        let letter = if plain(byte) {
            byte
        } else {
            others.next().unwrap()
        };
        vocab.insert(char::from_u32(letter).unwrap().to_string(), byte.into());
    }
    vocab.insert("<|endoftext|>".to_owned(), BOS.into());
    let level = json!({"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": true});
    let json = json!({
        "version": "1.0", "normalizer": null, "pre_tokenizer": level, "post_processor": null, "decoder": level,
        "added_tokens": [{"id": BOS, "content": "<|endoftext|>", "single_word": false, "lstrip": false,
            "rstrip": false, "normalized": false, "special": true}],
        "model": {"type": "BPE", "dropout": null, "unk_token": null, "continuing_subword_prefix": "",
            "end_of_word_suffix": "", "fuse_unk": false, "byte_fallback": false, "vocab": vocab, "merges": []}
    });
    Tokenizer::from_tokenizer_json(json.to_string().as_bytes()).unwrap()
}

/// A number that depends on name and place alone, in [-0.5, 0.5).
fn number(name: &str, at: usize) -> f32 {
    let seed = name.bytes().fold(at as u32, |sum, byte| {
        sum.wrapping_mul(0x0100_0193) ^ u32::from(byte)
    });
    let mixed = seed
        .wrapping_mul(0x9e37_79b9)
        .rotate_left(15)
        .wrapping_mul(0x85eb_ca6b);
    (mixed >> 8) as f32 / (1 << 24) as f32 - 0.5
}

/// The weights of one block that adds nothing, with these tokens' rows of `wte`.
pub fn weights(rows: &[(u32, [f32; WIDTH])]) -> Tensors {
    let mut tensors = Tensors::new();
    let mut add = |name: &str, shape: &[usize], value: &dyn Fn(usize) -> f32| {
        let values = (0..shape.iter().product()).map(value).collect();
        tensors.insert(format!("transformer.{name}"), (shape.to_vec(), values));
    };
    add("wte.weight", &[257, WIDTH], &|at| {
        let row = rows.iter().find(|(id, _)| *id as usize == at / WIDTH);
        row.map_or_else(|| number("wte", at), |(_, row)| row[at % WIDTH])
    });
    add("wpe.weight", &[64, WIDTH], &|_| 0.0);
    add("ln_f.weight", &[WIDTH], &|_| 1.0);
    add("ln_f.bias", &[WIDTH], &|_| 0.0);
    for norm in ["ln_1", "ln_2"] {
        add(&format!("h.0.{norm}.weight"), &[WIDTH], &|_| 1.0);
        add(&format!("h.0.{norm}.bias"), &[WIDTH], &|_| 0.0);
    }
    for (name, inputs, outputs) in [
        ("attn.c_attn", WIDTH, 3 * WIDTH),
        ("attn.c_proj", WIDTH, WIDTH),
        ("mlp.c_fc", WIDTH, 4 * WIDTH),
        ("mlp.c_proj", 4 * WIDTH, WIDTH),
    ] {
        add(&format!("h.0.{name}.weight"), &[inputs, outputs], &|_| 0.0);
        add(&format!("h.0.{name}.bias"), &[outputs], &|_| 0.0);
    }
    tensors
}

/// A session with a model of these weights.
pub fn session(device: &Device, tensors: &Tensors) -> Session {
    let config = json!({
        "model_type": "gpt2", "architectures": ["GPT2LMHeadModel"], "activation_function": "gelu_new", "n_embd": WIDTH,
        "n_head": 1, "n_layer": 1, "n_positions": 64, "vocab_size": 257, "layer_norm_epsilon": 1e-5,
        "bos_token_id": BOS, "eos_token_id": BOS
    });
    let weights = TensorFile::from_safetensors("model.safetensors", bytes_of(tensors)).unwrap();
    let files = block_on(Gpt2Files::new(config.to_string().as_bytes(), weights)).unwrap();
    let mut session = Session::on(device.clone());
    let loading = session.load_model("tiny", "tiny", files, tokenizer(), WeightChoice::Auto);
    block_on(loading).unwrap();
    session
}

/// A standard autoencoder at `blocks.0.hook_resid_pre` whose latents are the dimensions and what is below 0 of them, so that
/// nothing is lost, but for `offset` in every dimension; or, with `halfwave`, without those below 0. `metadata` is added
/// to its settings.
pub fn sae(offset: f32, halfwave: bool, metadata: Value) -> SaeFile {
    let latents = if halfwave { WIDTH } else { 2 * WIDTH };
    let sign = |input: usize, latent: usize| match latent {
        _ if latent == input => 1.0,
        _ if latent == input + WIDTH => -1.0,
        _ => 0.0,
    };
    let encoder = (0..WIDTH * latents).map(|at| sign(at / latents, at % latents));
    let decoder = (0..WIDTH * latents).map(|at| sign(at % WIDTH, at / WIDTH));
    let tensors = Tensors::from([
        (
            "W_enc".to_owned(),
            (vec![WIDTH, latents], encoder.collect()),
        ),
        (
            "W_dec".to_owned(),
            (vec![latents, WIDTH], decoder.collect()),
        ),
        ("b_enc".to_owned(), (vec![latents], vec![0.0; latents])),
        ("b_dec".to_owned(), (vec![WIDTH], vec![offset; WIDTH])),
    ]);
    let mut settings =
        json!({"sae_lens_version": "6.20.0", "hook_name": "blocks.0.hook_resid_pre"});
    for (name, value) in metadata.as_object().unwrap() {
        settings[name] = value.clone();
    }
    let cfg = json!({
        "architecture": "standard", "d_in": WIDTH, "d_sae": latents, "dtype": "float32", "apply_b_dec_to_input": false,
        "normalize_activations": "none", "reshape_activations": "none", "metadata": settings
    });
    let weights = TensorFile::from_safetensors("sae_weights.safetensors", bytes_of(&tensors));
    let cfg = cfg.to_string();
    let opened = saelens::open_folder(cfg.as_bytes(), weights.unwrap());
    block_on(opened).unwrap()
}
