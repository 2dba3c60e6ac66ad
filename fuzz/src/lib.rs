//! Helpers of the fuzz targets: reading to the end of whatever opens, and small valid files to read beside the fuzzed one.
//!
//! A target fails where a parser panics, overflows, runs too long, takes too much memory, or where what it accepted does
//! not come back from its own writer.

#[path = "../../crates/formats/tests/formats/common/torch.rs"]
pub mod torch;

use std::rc::Rc;

use formats::Error;
use formats::sae::{SaeFile, openai, saelens};
use formats::source::{ByteSource, MemoryBytes};
use formats::tensors::TensorFile;
use pollster::block_on;

/// A file in memory.
pub fn source(bytes: &[u8]) -> Rc<dyn ByteSource> {
    Rc::new(MemoryBytes::new("file", bytes.to_vec()))
}

/// Reads an autoencoder in pieces and as a whole; what was read is written again, and has to come back identical.
pub fn read_sae(file: Result<SaeFile, Error>) {
    let Ok(file) = file else {
        return;
    };
    let _ = block_on(file.encoder(0..1));
    let _ = block_on(file.decoder(0..1));
    let _ = block_on(file.encoder(1..usize::MAX));
    let _ = (file.encoder_position(), file.decoder_position());
    let Ok(sae) = block_on(file.read()) else {
        return;
    };
    // A factor is folded when it is written, which may push weights out of range.
    let sae = sae.with_folded_factor().unwrap_or(sae);
    if [&sae.w_enc, &sae.w_dec, &sae.b_dec]
        .iter()
        .any(|w| w.iter().any(|v| !v.is_finite()))
    {
        return;
    }
    let folder = saelens::write_folder(&sae).expect("what was read can be written");
    let weights = TensorFile::from_safetensors("written", folder.weights).expect("a sound file");
    let again = block_on(saelens::open_folder(&folder.cfg_json, weights)).expect("a sound folder");
    let mut again = block_on(again.read()).expect("sound weights");
    again.firing_frequency.clone_from(&sae.firing_frequency);
    assert_eq!(again, sae);
    if let Ok(pt) = openai::write_pt(&sae) {
        let again = block_on(openai::open_pt(source(&pt))).expect("a sound archive");
        let again = block_on(again.read()).expect("sound weights");
        assert_eq!((again.w_enc, again.w_dec), (sae.w_enc, sae.w_dec));
    }
}

/// The bytes of a `safetensors` file of f32 tensors, all of the same number.
pub fn safetensors(tensors: &[(&str, &[usize])]) -> Vec<u8> {
    let mut header = serde_json::Map::new();
    let mut end = 0;
    for (name, shape) in tensors {
        let start = end;
        end += 4 * shape.iter().product::<usize>();
        let entry =
            serde_json::json!({ "dtype": "F32", "shape": shape, "data_offsets": [start, end] });
        header.insert((*name).to_owned(), entry);
    }
    let header = serde_json::Value::Object(header).to_string();
    let mut out = (header.len() as u64).to_le_bytes().to_vec();
    out.extend(header.as_bytes());
    out.extend((0..end / 4).flat_map(|_| 0.5f32.to_le_bytes()));
    out
}

/// The weights of an autoencoder of 3 latents and 2 inputs, for each set of tensors that an architecture has.
pub fn sae_weights() -> impl Iterator<Item = TensorFile> {
    let vectors: [&[&str]; 3] = [
        &["b_enc"],
        &["b_enc", "threshold"],
        &["b_gate", "r_mag", "b_mag"],
    ];
    vectors.into_iter().map(|vectors| {
        let mut tensors: Vec<(&str, &[usize])> =
            vec![("W_enc", &[2, 3]), ("W_dec", &[3, 2]), ("b_dec", &[2])];
        tensors.extend(vectors.iter().map(|&name| (name, &[3][..])));
        TensorFile::from_safetensors("weights", safetensors(&tensors)).expect("a sound file")
    })
}
