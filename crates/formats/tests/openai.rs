//! `.pt` files: every variant that is read, and every one that is refused by name.

mod common;

use common::read_pt;
use common::torch::{Stored, activation, archive, entries, pickled, pt, small, topk};
use formats::Error;
use formats::sae::{Architecture, Normalization, Sae};

fn read(tensors: &[Stored], rest: &[u8]) -> Result<Sae, Error> {
    read_pt("test.pt", pt(tensors, rest))
}

/// The error, after checking that it names its file and the culprit.
fn refused(result: Result<Sae, Error>, code: &str, culprit: &str) {
    let error = result.unwrap_err();
    assert_eq!(error.code(), code, "{error}");
    assert!(error.to_string().starts_with("test.pt: "), "{error}");
    assert!(
        error.to_string().contains(culprit),
        "`{error}` should name {culprit}"
    );
    assert_eq!(error.details()["file"], "test.pt");
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
fn nothing_but_tensors_is_ever_called() {
    let refuse = |pickle: &[u8], culprit: &str| {
        refused(read_pt("test.pt", pickled(pickle)), "bad-file", culprit)
    };
    refuse(
        b"\x80\x02cposix\nsystem\nX\x02\0\0\0ls\x85R.",
        "`posix.system`",
    );
    refuse(
        b"\x80\x04\x8c\x08builtins\x8c\x04eval\x93\x8c\x011\x85R.",
        "`builtins.eval`",
    );
    refuse(b"\x80\x02c__builtin__\ngetattr\n.", "`__builtin__.getattr`");
    refuse(
        b"\x80\x02ctorch._utils\n_rebuild_device_tensor_from_numpy\n.",
        "_rebuild_device_tensor_from_numpy",
    );
    refuse(b"\x80\x02(ios\nsystem\n.", "instruction 0x69");
    refuse(
        b"\x80\x02ccollections\nOrderedDict\nX\x01\0\0\0a\x85R.",
        "calls something",
    );
    refuse(b"\x80\x02ctorch\nFloatStorage\n)R.", "calls something");
    refuse(b"\x80\x02}K\x01b.", "sets the state");
    refuse(b"\x80\x02X\x01\0\0\0aQ.", "outside of it");
    refuse(b"\x80\x02K\x01.", "something else than a dictionary");
    refuse(b"\x80\x02}K\x01K\x02s.", "keys that are not texts");
    refuse(b"\x80\x01.", "protocol 1");
    refuse(b"\x80\x02X\xff\xff\xff\xffa", "truncated");
    refuse(b"\x80\x02", "truncated");
    refuse(b"", "truncated");
    refuse(b"\x80\x02.", "not there");
    refuse(b"\x80\x02t.", "never began");
    refuse(b"\x80\x02}(R.", "not there");
    refuse(b"\x80\x02h\x07.", "slot 7");
    refuse(b"\x80\x02}r\xff\xff\xff\xff.", "slot 4294967295");
    refuse(b"\x80\x02X\x01\0\0\0\xff.", "not UTF-8");
    refuse(b"\x80\x02\x8a\x09123456789.", "64 bits");
}

#[test]
fn deep_nesting_exhausts_no_stack() {
    let mut pickle = b"\x80\x02)".to_vec();
    pickle.extend(std::iter::repeat_n(0x85, 3_000_000));
    pickle.push(b'.');
    refused(
        read_pt("test.pt", pickled(&pickle)),
        "bad-file",
        "something else than a dictionary",
    );
    let mut pickle = b"\x80\x02".to_vec();
    pickle.extend(std::iter::repeat_n(b'(', 3_000_000));
    refused(
        read_pt("test.pt", pickled(&pickle)),
        "bad-file",
        "truncated",
    );
}

#[test]
fn archives_are_checked() {
    let whole = pt(&small(), &topk(2, "ReLU"));
    refused(
        read_pt("test.pt", whole[..whole.len() / 2].to_vec()),
        "bad-file",
        "truncated",
    );
    refused(read_pt("test.pt", Vec::new()), "bad-file", "truncated");
    refused(
        read_pt("test.pt", b"\x80\x02}.".to_vec()),
        "unsupported-architecture",
        "bare pickle",
    );
    refused(
        read_pt("test.pt", archive(&[("a".to_owned(), vec![1])])),
        "bad-file",
        "without `data.pkl`",
    );

    let mut lost = entries(&small(), &topk(2, "ReLU"));
    lost.retain(|(name, _)| name != "archive/data/2");
    refused(
        read_pt("test.pt", archive(&lost)),
        "bad-file",
        "`archive/data/2` in it: missing",
    );

    let mut big_endian = entries(&small(), &topk(2, "ReLU"));
    big_endian.push(("archive/byteorder".to_owned(), b"big".to_vec()));
    refused(
        read_pt("test.pt", archive(&big_endian)),
        "unsupported-architecture",
        "`big`",
    );

    // One bit of a weight: the archive's checksum tells.
    let mut flipped = whole.clone();
    let weight = 3.0f32.to_le_bytes();
    let at = whole.windows(4).rposition(|w| w == weight).unwrap();
    flipped[at] ^= 1;
    refused(
        read_pt("test.pt", flipped),
        "bad-file",
        "`archive/data/3` in it",
    );

    // A packed entry could stand for a thousand times its size.
    let mut packed = whole;
    let at = packed
        .windows(16)
        .rposition(|w| w == b"archive/data.pkl")
        .unwrap();
    packed[at - 46 + 10] = 8;
    refused(
        read_pt("test.pt", packed),
        "bad-file",
        "packed or encrypted",
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
