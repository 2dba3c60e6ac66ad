//! Autoencoders in `.pt` files: every variant that is read, and every one that is refused by name.

use crate::common::torch::{Stored, activation, archive, entries, pt, small, topk};
use crate::common::{read_pt, refused};
use formats::Error;
use formats::sae::{Architecture, Normalization, Sae};

fn read(tensors: &[Stored], rest: &[u8]) -> Result<Sae, Error> {
    read_pt("test.pt", pt(tensors, rest))
}

#[test]
fn a_state_dictionary_with_metadata_reads() {
    let sae = read(&small(), &topk(2, "ReLU")).unwrap();
    assert_eq!(sae.config.architecture, Architecture::TopK { k: 2 });
    assert_eq!(sae.config.normalization, Normalization::LayerNorm);
    assert_eq!((sae.config.d_sae, sae.config.d_in), (3, 2));
    assert_eq!(sae.w_enc, [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
    assert_eq!(sae.w_dec, sae.w_enc, "the decoder is stored transposed");
    assert_eq!(sae.b_enc, [1.0, 2.0, 3.0]);
    assert_eq!(sae.b_dec, [0.5, -0.5]);
    assert_eq!(sae.firing_frequency, None);
}

#[test]
fn without_an_activation_it_is_relu_on_raw_input() {
    for rest in [Vec::new(), activation("ReLU")] {
        let sae = read(&small(), &rest).unwrap();
        assert_eq!(sae.config.architecture, Architecture::Standard);
        assert_eq!(sae.config.normalization, Normalization::None);
    }
}

#[test]
fn a_frequency_buffer_counts_only_once_filled() {
    for (values, expected) in [
        ([0.25, 0.0, 1.0], Some(vec![0.25, 0.0, 1.0])),
        ([1.0, 1.0, 1.0], None),
        ([7.0, 0.0, 0.0], None),
        ([f32::NAN, 0.0, 0.0], None),
    ] {
        let mut tensors = small();
        tensors.push(Stored::floats(
            "latents_activation_frequency",
            &[3],
            &values,
        ));
        assert_eq!(
            read(&tensors, &topk(1, "ReLU")).unwrap().firing_frequency,
            expected
        );
    }
}

#[test]
fn every_float_type_reads() {
    let values = [1.0f32, 2.0, 3.0, 4.0, 5.0, 6.0];
    let halves = [0x3c00u16, 0x4000, 0x4200, 0x4400, 0x4500, 0x4600];
    let types: [(&str, Vec<u8>); 3] = [
        (
            "DoubleStorage",
            values
                .iter()
                .flat_map(|&v| f64::from(v).to_le_bytes())
                .collect(),
        ),
        (
            "HalfStorage",
            halves.iter().flat_map(|h| h.to_le_bytes()).collect(),
        ),
        (
            "BFloat16Storage",
            values
                .iter()
                .flat_map(|v| ((v.to_bits() >> 16) as u16).to_le_bytes())
                .collect(),
        ),
    ];
    for (class, bytes) in types {
        let mut tensors = small();
        tensors[2].class = class;
        tensors[2].bytes = bytes;
        assert_eq!(
            read(&tensors, &topk(2, "ReLU")).unwrap().w_enc,
            values,
            "{class}"
        );
    }
}

#[test]
fn views_are_gathered() {
    // The decoder as the transpose of a [3, 2] buffer, and the encoder inside of a larger one.
    let mut tensors = small();
    tensors[3] = Stored {
        strides: vec![1, 2],
        shape: vec![2, 3],
        ..Stored::floats("decoder.weight", &[3, 2], &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0])
    };
    let padded = [9.0, 9.0, 1.0, 2.0, 9.0, 3.0, 4.0, 9.0, 5.0, 6.0, 9.0];
    tensors[2] = Stored {
        offset: 2,
        shape: vec![3, 2],
        strides: vec![3, 1],
        ..Stored::floats("encoder.weight", &[11], &padded)
    };
    let sae = read(&tensors, &topk(2, "ReLU")).unwrap();
    assert_eq!(sae.w_enc, [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
    assert_eq!(sae.w_dec, [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
}

#[test]
fn views_that_do_not_fit_their_storage_are_refused() {
    let spoil = |change: fn(&mut Stored)| {
        let mut tensors = small();
        change(&mut tensors[2]);
        read(&tensors, &topk(2, "ReLU"))
    };
    refused(
        spoil(|t| t.offset = 1),
        "bad-file",
        "`encoder.weight` reaches past its storage",
    );
    refused(
        spoil(|t| t.strides = vec![3, 1]),
        "bad-file",
        "reaches past its storage",
    );
    refused(
        spoil(|t| t.strides = vec![i32::MAX, 1]),
        "bad-file",
        "reaches past its storage",
    );
    refused(
        spoil(|t| t.strides = vec![1, 1]),
        "bad-file",
        "more than once",
    );
    refused(
        spoil(|t| t.strides = vec![0, 0]),
        "bad-file",
        "more than once",
    );
    refused(
        spoil(|t| t.strides = vec![1]),
        "bad-file",
        "strides are damaged",
    );
    refused(spoil(|t| t.offset = -1), "bad-file", "strides are damaged");
    refused(
        spoil(|t| t.elements = 7),
        "bad-file",
        "should take 28 bytes",
    );
    refused(spoil(|t| t.elements = 5), "bad-file", "reaches past");
    refused(
        spoil(|t| t.class = "LongStorage"),
        "unsupported-architecture",
        "`encoder.weight`",
    );
    refused(
        spoil(|t| t.class = "ComplexFloatStorage"),
        "bad-file",
        "torch.ComplexFloatStorage",
    );
}

#[test]
fn a_huge_shape_on_a_tiny_storage_allocates_nothing() {
    let mut tensors = small();
    tensors[2].shape = vec![i32::MAX, i32::MAX];
    tensors[2].strides = vec![0, 0];
    refused(
        read(&tensors, &topk(2, "ReLU")),
        "bad-file",
        "more than once",
    );
}

#[test]
fn missing_tensors_and_wrong_shapes_are_named() {
    for index in 0..4 {
        let mut tensors = small();
        let name = tensors.remove(index).name;
        refused(
            read(&tensors, &topk(2, "ReLU")),
            "bad-file",
            &format!("`{name}` is missing"),
        );
    }
    let mut tensors = small();
    tensors[0] = Stored::floats("pre_bias", &[3], &[0.0; 3]);
    refused(
        read(&tensors, &topk(2, "ReLU")),
        "wrong-shape",
        "`pre_bias` has shape [3], but [2]",
    );
    let mut tensors = small();
    tensors[3] = Stored::floats("decoder.weight", &[3, 2], &[0.0; 6]);
    refused(
        read(&tensors, &topk(2, "ReLU")),
        "wrong-shape",
        "`decoder.weight` has shape [3, 2]",
    );
    let mut tensors = small();
    tensors[2] = Stored::floats("encoder.weight", &[6], &[0.0; 6]);
    refused(
        read(&tensors, &topk(2, "ReLU")),
        "bad-file",
        "two dimensions",
    );
}

#[test]
fn weights_that_are_no_numbers_are_named() {
    for value in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
        let mut tensors = small();
        tensors[1] = Stored::floats("latent_bias", &[3], &[0.0, value, 0.0]);
        refused(
            read(&tensors, &topk(2, "ReLU")),
            "non-finite-weights",
            &format!("`latent_bias` holds {value}"),
        );
    }
}

#[test]
fn activations_are_checked() {
    refused(
        read(&small(), &topk(0, "ReLU")),
        "bad-file",
        "activation_state_dict.k",
    );
    refused(
        read(&small(), &topk(4, "ReLU")),
        "bad-file",
        "the number of latents, 3",
    );
    refused(
        read(&small(), &topk(-1, "ReLU")),
        "bad-file",
        "activation_state_dict.k",
    );
    refused(
        read(&small(), &topk(2, "Softplus")),
        "unsupported-architecture",
        "Softplus",
    );
    refused(
        read(&small(), &activation("TopK")),
        "bad-file",
        "must state it",
    );
    refused(
        read(&small(), &activation("JumpReLU")),
        "unsupported-architecture",
        "JumpReLU",
    );
}

#[test]
fn buffers_may_be_missing_or_of_whole_numbers() {
    let whole = |name| Stored {
        class: "LongStorage",
        bytes: vec![0; 24],
        ..Stored::floats(name, &[3], &[0.0; 3])
    };
    let mut tensors = small();
    tensors.push(whole("stats_last_nonzero"));
    assert_eq!(read(&tensors, b"").unwrap(), read(&small(), b"").unwrap());
    tensors.push(whole("latents_activation_frequency"));
    tensors.push(whole("latents_mean_square"));
    let sae = read(&tensors, &topk(2, "ReLU")).unwrap();
    assert_eq!(sae, read(&small(), &topk(2, "ReLU")).unwrap());
    // Another shape, or a storage that is not in the archive, is no reason to refuse weights either.
    let mut tensors = small();
    tensors.push(Stored::floats(
        "latents_activation_frequency",
        &[2],
        &[0.0; 2],
    ));
    assert_eq!(read(&tensors, b"").unwrap().firing_frequency, None);
    let mut lost = entries(&tensors, b"");
    lost.retain(|(name, _)| name != "archive/data/4");
    assert_eq!(
        read_pt("test.pt", archive(&lost)).unwrap().firing_frequency,
        None
    );
}
