//! Files are read in parts: only the bytes that are asked for, in any layout, and what cannot be read is told.

use std::cell::RefCell;
use std::rc::Rc;

use crate::common;
use crate::common::torch::{Stored, pt, small, topk};
use crate::common::{file, read_folder, read_pt, safetensors, tensors};
use formats::gpt2::Gpt2Files;
use formats::sae::{Layout, SaeFile, openai, saelens};
use formats::source::{ByteSource, FileBytes, MemoryBytes, Reading};
use formats::tensors::TensorFile;
use pollster::block_on;

/// A file in memory that remembers what was read of it, and fails where it is told to.
struct Watched {
    bytes: MemoryBytes,
    read: RefCell<Vec<(u64, usize)>>,
    fails_from: u64,
}

impl Watched {
    fn new(name: &str, bytes: Vec<u8>) -> Rc<Self> {
        Self::failing(name, bytes, u64::MAX)
    }

    fn failing(name: &str, bytes: Vec<u8>, fails_from: u64) -> Rc<Self> {
        Rc::new(Self {
            bytes: MemoryBytes::new(name, bytes),
            read: RefCell::default(),
            fails_from,
        })
    }

    /// What was read since the last call.
    fn taken(&self) -> Vec<(u64, usize)> {
        self.read.take()
    }

    fn total(&self) -> usize {
        self.taken().iter().map(|&(_, length)| length).sum()
    }
}

impl ByteSource for Watched {
    fn name(&self) -> &str {
        self.bytes.name()
    }

    fn len(&self) -> u64 {
        self.bytes.len()
    }

    fn read(&self, offset: u64, length: usize) -> Reading<'_> {
        self.read.borrow_mut().push((offset, length));
        if offset + length as u64 > self.fails_from {
            return Box::pin(async { Err("the connection was cut".to_owned()) });
        }
        self.bytes.read(offset, length)
    }
}

fn numbers(count: usize) -> Vec<f32> {
    (0..count).map(|i| (i as f32).mul_add(0.5, -7.0)).collect()
}

#[test]
fn rows_of_safetensors_take_their_own_bytes_only() {
    let bytes = safetensors(&[
        ("first", &[4, 3], numbers(12)),
        ("second", &[100, 8], numbers(800)),
    ]);
    let source = Watched::new("m.safetensors", bytes.clone());
    let open = block_on(TensorFile::open(source.clone())).unwrap();
    let header = u64::from_le_bytes(*bytes.first_chunk().unwrap());
    assert_eq!(source.taken(), [(0, 8), (8, header as usize)]);
    let data = 8 + header;
    assert_eq!(open.offset("first").unwrap(), data);
    assert_eq!(open.offset("second").unwrap(), data + 48);
    assert_eq!(source.taken(), []);

    let rows = block_on(open.read_rows("second", 10..12)).unwrap();
    assert_eq!(rows, numbers(800)[80..96]);
    assert_eq!(source.taken(), [(data + 48 + 320, 64)]);
    assert_eq!(block_on(open.read("first")).unwrap(), numbers(12));
    assert_eq!(source.taken(), [(data, 48)]);
    assert!(block_on(open.read_rows("second", 7..7)).unwrap().is_empty());
    assert_eq!(source.taken(), []);
    assert_eq!(open.entries(), tensors_of(bytes).entries());
}

fn tensors_of(bytes: Vec<u8>) -> TensorFile {
    TensorFile::from_safetensors("m.safetensors", bytes).unwrap()
}

#[test]
fn a_model_is_checked_by_its_header_alone() {
    let path = common::root().join("web/demo/model/model.safetensors");
    let source = Rc::new(FileBytes::open(&path).unwrap());
    let weights = block_on(TensorFile::open(source)).unwrap();
    let config = file("web/demo/model/config.json");
    let model = block_on(Gpt2Files::new(&config, weights)).unwrap();
    let whole = tensors("web/demo/model/model.safetensors");
    let whole = block_on(Gpt2Files::new(&config, whole)).unwrap();
    for key in ["wte.weight", "h.3.attn.c_attn.weight"] {
        let rows = block_on(model.rows(key, 200..204)).unwrap();
        assert_eq!(rows, block_on(whole.rows(key, 200..204)).unwrap());
        assert_eq!(model.position(key), whole.position(key));
    }
    assert_ne!(model.position("wte.weight"), model.position("wpe.weight"));
    assert_eq!(model.position("no.such.tensor"), u64::MAX);
}

#[test]
fn a_pt_file_is_opened_by_its_directory_and_its_pickle() {
    let bytes = file("tests/fixtures/openai/layer_3.pt");
    let source = Watched::new("layer_3.pt", bytes.clone());
    let sae = block_on(openai::open_pt(source.clone())).unwrap();
    let opening = source.total();
    assert!(opening < 100_000, "{opening} bytes were read");
    assert_eq!(sae.encoder_layout(), Layout::LatentMajor);
    assert_eq!(sae.decoder_layout(), Layout::InputMajor);
    let whole = read_pt("layer_3.pt", bytes).unwrap();

    let rows = block_on(sae.encoder(10..14)).unwrap();
    assert_eq!(rows, whole.w_enc[10 * 256..14 * 256]);
    assert!(source.total() < 4 * 256 * 4 + 100);
    // Of inputs, as they lie in the file.
    let rows = block_on(sae.decoder(3..5)).unwrap();
    for (i, row) in rows.chunks(4096).enumerate() {
        for latent in [0, 17, 4095] {
            assert_eq!(row[latent], whole.w_dec[latent * 256 + 3 + i]);
        }
    }
    assert!(source.total() < 2 * 4096 * 4 + 100);
    assert_eq!(block_on(sae.b_enc()).unwrap(), whole.b_enc);
    assert_eq!(block_on(sae.b_dec()).unwrap(), whole.b_dec);
    assert_eq!(
        block_on(sae.firing_frequency()).unwrap(),
        whole.firing_frequency
    );
    assert!(sae.encoder_position() < sae.decoder_position());
    assert_eq!(
        block_on(sae.encoder(4095..4097)).unwrap_err().code(),
        "wrong-shape"
    );
}

/// Every matrix in pieces of `step` rows, put together as one autoencoder has them in memory.
fn pieced(sae: &SaeFile, step: usize) -> (Vec<f32>, Vec<f32>) {
    let (d_in, d_sae) = (sae.config.d_in, sae.config.d_sae);
    let gather = |layout: Layout, encoder: bool| {
        let (height, width) = match layout {
            Layout::LatentMajor => (d_sae, d_in),
            Layout::InputMajor => (d_in, d_sae),
        };
        let mut out = vec![0.0; d_in * d_sae];
        for first in (0..height).step_by(step) {
            let rows = first..height.min(first + step);
            let values = if encoder {
                block_on(sae.encoder(rows.clone())).unwrap()
            } else {
                block_on(sae.decoder(rows.clone())).unwrap()
            };
            for (row, values) in rows.zip(values.chunks(width)) {
                for (column, &value) in values.iter().enumerate() {
                    let (latent, input) = match layout {
                        Layout::LatentMajor => (row, column),
                        Layout::InputMajor => (column, row),
                    };
                    out[latent * d_in + input] = value;
                }
            }
        }
        out
    };
    (
        gather(sae.encoder_layout(), true),
        gather(sae.decoder_layout(), false),
    )
}

#[test]
fn pieces_of_any_height_are_the_whole() {
    // A decoder stored transposed, an encoder inside of a larger buffer, and one scattered over its storage.
    let turned = Stored {
        strides: vec![1, 2],
        shape: vec![2, 3],
        ..Stored::floats("decoder.weight", &[3, 2], &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0])
    };
    let padded = Stored {
        offset: 2,
        shape: vec![3, 2],
        strides: vec![3, 1],
        ..Stored::floats("encoder.weight", &[11], &numbers(11))
    };
    let scattered = Stored {
        offset: 1,
        shape: vec![3, 2],
        strides: vec![2, 7],
        ..Stored::floats("encoder.weight", &[13], &numbers(13))
    };
    for (encoder, expected) in [
        (padded, [2, 3, 5, 6, 8, 9]),
        (scattered, [1, 8, 3, 10, 5, 12]),
    ] {
        let mut tensors = small();
        tensors[2] = encoder;
        tensors[3] = Stored {
            strides: turned.strides.clone(),
            shape: turned.shape.clone(),
            bytes: turned.bytes.clone(),
            ..turned
        };
        let bytes = pt(&tensors, &topk(2, "ReLU"));
        let sae = block_on(openai::open_pt(common::source("x.pt", bytes.clone()))).unwrap();
        assert_eq!(sae.decoder_layout(), Layout::LatentMajor);
        let whole = read_pt("x.pt", bytes).unwrap();
        assert_eq!(whole.w_enc, expected.map(|i| numbers(13)[i]));
        assert_eq!(whole.w_dec, [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
        for step in 1..5 {
            assert_eq!(
                pieced(&sae, step),
                (whole.w_enc.clone(), whole.w_dec.clone())
            );
        }
    }
}

#[test]
fn the_decoder_norm_is_folded_into_every_piece() {
    let (d_in, d_sae) = (5, 9);
    let bytes = safetensors(&[
        ("W_enc", &[d_in, d_sae], numbers(d_in * d_sae)),
        ("W_dec", &[d_sae, d_in], numbers(d_in * d_sae)),
        ("b_enc", &[d_sae], numbers(d_sae)),
        ("b_dec", &[d_in], numbers(d_in)),
    ]);
    let cfg =
        br#"{"architecture":"topk","k":2,"d_in":5,"d_sae":9,"rescale_acts_by_decoder_norm":true}"#;
    let sae = block_on(saelens::open_folder(cfg, tensors_of(bytes.clone()))).unwrap();
    let whole = read_folder(cfg, tensors_of(bytes)).unwrap();
    for step in [1, 2, 4, 9] {
        assert_eq!(
            pieced(&sae, step),
            (whole.w_enc.clone(), whole.w_dec.clone())
        );
    }
    for row in whole.w_dec.chunks(d_in) {
        let norm = row.iter().map(|w| w * w).sum::<f32>().sqrt();
        assert!(
            (norm - 1.0).abs() < 1e-6,
            "a folded row has the norm {norm}"
        );
    }
}

#[test]
fn a_number_that_is_none_is_named_by_its_place_in_the_tensor() {
    let mut values = numbers(60);
    values[41] = f32::NAN;
    let bytes = safetensors(&[("w", &[12, 5], values)]);
    let file = tensors_of(bytes);
    block_on(file.read_rows("w", 0..8)).unwrap();
    let error = block_on(file.read_rows("w", 7..12)).unwrap_err();
    assert!(
        error.to_string().contains("`w` holds NaN at element 41"),
        "{error}"
    );
}

#[test]
fn a_flipped_bit_shows_once_a_matrix_was_read_in_order() {
    let mut bytes = pt(&small(), &topk(2, "ReLU"));
    let at = bytes
        .windows(4)
        .rposition(|w| w == 3.0f32.to_le_bytes())
        .unwrap();
    bytes[at] ^= 1;
    let sae = block_on(openai::open_pt(common::source("x.pt", bytes))).unwrap();
    block_on(sae.decoder(1..2)).unwrap();
    block_on(sae.decoder(0..1)).unwrap();
    let error = block_on(sae.decoder(1..2)).unwrap_err();
    assert_eq!(error.code(), "bad-file");
    assert!(
        error
            .to_string()
            .contains("`archive/data/3` in it: its bytes do not have the checksum"),
        "{error}"
    );
}

#[test]
fn what_cannot_be_read_is_told_with_its_file_and_the_reason() {
    let bytes = safetensors(&[("w", &[4], numbers(4))]);
    let size = bytes.len() as u64;
    for (fails_from, at_open) in [(0, true), (20, true), (size - 1, false)] {
        let source = Watched::failing("model.safetensors", bytes.clone(), fails_from);
        let read = async { TensorFile::open(source).await?.read("w").await };
        let error = block_on(read).unwrap_err();
        assert_eq!(error.code(), "unreadable", "{at_open}");
        assert_eq!(
            error.to_string(),
            "model.safetensors could not be read: the connection was cut"
        );
        assert_eq!(error.details()["file"], "model.safetensors");
    }
    let pt = pt(&small(), &topk(2, "ReLU"));
    for fails_from in (0..pt.len() as u64).step_by(16) {
        let source = Watched::failing("x.pt", pt.clone(), fails_from);
        let read = async { openai::open_pt(source).await?.read().await };
        assert_eq!(block_on(read).unwrap_err().code(), "unreadable");
    }
}

#[test]
fn files_on_disk_are_read_and_missing_ones_named() {
    let path = common::root().join("web/demo/model/config.json");
    let file = FileBytes::open(&path).unwrap();
    let expected = std::fs::read(&path).unwrap();
    assert_eq!(file.len(), expected.len() as u64);
    assert!(!file.is_empty());
    assert_eq!(block_on(file.read(3, 10)).unwrap()[..], expected[3..13]);
    assert_eq!(block_on(file.read(0, 4)).unwrap()[..], expected[..4]);
    assert!(block_on(file.read(file.len() - 1, 2)).is_err());
    let error = FileBytes::open(std::path::Path::new("no/such/file.pt")).unwrap_err();
    assert_eq!(error.code(), "unreadable");
    assert!(error.to_string().contains("no/such/file.pt"), "{error}");
}
