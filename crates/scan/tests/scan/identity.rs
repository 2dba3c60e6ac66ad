//! Identities: of the numbers, not of the files.

use std::rc::Rc;

use crate::common::{model, read, tokenizer};
use formats::gpt2::Gpt2Files;
use formats::sae::{SaeFile, openai, saelens};
use formats::source::MemoryBytes;
use formats::tensors::TensorFile;
use half::f16;
use pollster::block_on;
use safetensors::tensor::{Dtype, TensorView};
use scan::identity;

fn pt(name: &str) -> SaeFile {
    let bytes = read(&format!("tests/fixtures/openai/{name}"));
    block_on(openai::open_pt(Rc::new(MemoryBytes::new(name, bytes)))).unwrap()
}

/// The demo's model with its tensors as f32, some numbers changed.
fn as_f32(change: impl Fn(&str, &mut Vec<f32>)) -> Gpt2Files {
    let bytes = read("web/demo/model/model.safetensors");
    let file = safetensors::SafeTensors::deserialize(&bytes).unwrap();
    let tensors: Vec<(String, Vec<usize>, Vec<u8>)> = file
        .iter()
        .map(|(name, tensor)| {
            let mut values: Vec<f32> = match tensor.dtype() {
                Dtype::F16 => {
                    let f16s = tensor.data().as_chunks::<2>().0.iter();
                    f16s.map(|bytes| f16::from_le_bytes(*bytes).to_f32())
                        .collect()
                }
                Dtype::F32 => {
                    let floats = tensor.data().as_chunks::<4>().0.iter();
                    floats.map(|bytes| f32::from_le_bytes(*bytes)).collect()
                }
                other => panic!("{other:?}"),
            };
            change(name, &mut values);
            let data = values
                .iter()
                .flat_map(|value| value.to_le_bytes())
                .collect();
            (name.to_owned(), tensor.shape().to_vec(), data)
        })
        .collect();
    let views = tensors.iter().map(|(name, shape, data)| {
        let view = TensorView::new(Dtype::F32, shape.clone(), data).unwrap();
        (name.clone(), view)
    });
    let bytes = safetensors::serialize(views, None).unwrap();
    let weights = TensorFile::from_safetensors("w", bytes).unwrap();
    block_on(Gpt2Files::new(&read("web/demo/model/config.json"), weights)).unwrap()
}

#[test]
fn a_model_is_the_same_as_f16_and_as_f32_and_another_with_another_weight() {
    let hash = |files: &Gpt2Files| block_on(identity::model(files)).unwrap();
    let own = hash(&model());
    assert_eq!(own.len(), 64);
    assert_eq!(own, hash(&as_f32(|_, _| ())));
    let changed = as_f32(|name, values| {
        if name.ends_with("h.2.mlp.c_fc.bias") {
            values[5] += 0.5;
        }
    });
    assert_ne!(own, hash(&changed));
}

#[test]
fn an_autoencoder_is_the_same_in_either_layout_and_another_with_another_weight() {
    let hash = |file: &SaeFile| block_on(identity::sae(file)).unwrap();
    let original = pt("layer_3.pt");
    let own = hash(&original);
    let whole = block_on(original.read()).unwrap();
    let folder = |sae: &formats::sae::Sae| {
        let written = saelens::write_folder(sae).unwrap();
        let weights = TensorFile::from_safetensors("w", written.weights).unwrap();
        block_on(saelens::open_folder(&written.cfg_json, weights)).unwrap()
    };
    let written = folder(&whole);
    assert_ne!(original.encoder_layout(), written.encoder_layout());
    assert_eq!(own, hash(&written));
    assert_ne!(own, hash(&pt("layer_5.pt")));
    let mut changed = whole.clone();
    changed.w_dec[77] += 0.5;
    assert_ne!(own, hash(&folder(&changed)));
}

#[test]
fn a_tokenizer_is_its_tokens() {
    use sha2::{Digest, Sha256};
    let tokenizer = tokenizer();
    let mut lines = String::new();
    for id in 0..tokenizer.vocab_size() as u32 {
        for byte in tokenizer.token_bytes(id).unwrap_or_default() {
            lines += &format!("{byte:02x}");
        }
        lines.push('\n');
    }
    let expected: String = Sha256::digest(lines)
        .iter()
        .map(|b| format!("{b:02x}"))
        .collect();
    assert_eq!(identity::tokenizer(&tokenizer), expected);
}
