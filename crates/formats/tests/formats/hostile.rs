//! No bytes make a parser panic: random ones, and valid files cut, flipped and spliced.

use crate::common;
use crate::common::{entries, gpt2, read_folder, read_pt, safetensors};
use std::sync::LazyLock;

use crate::common::torch::{pt, small, topk};
use formats::gpt2::Gpt2Config;
use formats::sae::{openai, saelens, sniff};
use formats::tensors::{ShardIndex, TensorFile};
use formats::tokenizer::Tokenizer;
use pollster::block_on;
use proptest::prelude::*;
use proptest::sample::Index;

/// Hands bytes to every parser. What they answer does not matter here, only that they do.
fn parse_all(bytes: &[u8]) {
    sniff(bytes);
    if let Ok(sae) = read_pt("x.pt", bytes.to_vec()) {
        let _ = openai::write_pt(&sae);
        let _ = saelens::write_folder(&sae);
    }
    let _ = entries("x.pt", bytes);
    if let Ok(index) = ShardIndex::from_json("x.json", bytes) {
        let _ = index.join(Vec::new());
    }
    if let Ok(file) = TensorFile::from_safetensors("x.safetensors", bytes.to_vec()) {
        for name in file.names() {
            let _ = block_on(file.read(&name));
            let _ = block_on(file.read_rows(&name, 0..1));
            let _ = block_on(file.read_rows(&name, 1..usize::MAX));
        }
        let _ = block_on(saelens::read_sparsity(&file, 3));
        let _ = read_folder(CFG, file);
    }
    let empty = || TensorFile::from_safetensors("x", b"\x02\0\0\0\0\0\0\0{}".to_vec()).unwrap();
    let _ = Gpt2Config::from_json(bytes);
    let _ = gpt2(bytes, empty());
    let _ = read_folder(bytes, empty());
    let parts = Tokenizer::from_vocab_merges(&VOCAB, bytes);
    for tokenizer in [Tokenizer::from_tokenizer_json(bytes), parts]
        .into_iter()
        .flatten()
    {
        tokenizer.encode("some text <|endoftext|>");
        tokenizer.decode(&[0, 1, u32::MAX]);
    }
    let _ = Tokenizer::from_vocab_merges(bytes, b"");
}

const CFG: &[u8] =
    br#"{"architecture":"topk","k":2,"d_in":2,"d_sae":3,"normalize_activations":"layer_norm"}"#;
const CONFIG: &[u8] =
    br#"{"model_type":"gpt2","n_layer":1,"n_head":2,"n_embd":4,"n_positions":3,"vocab_size":5}"#;
const INDEX: &[u8] =
    br#"{"metadata":{"total_size":8},"weight_map":{"a":"1.safetensors","b":"2.safetensors"}}"#;

/// The demo's first 300 tokens, the merges that make them, and the special one.
static TOKENIZER: LazyLock<serde_json::Value> = LazyLock::new(|| {
    let mut root = common::json("web/demo/model/tokenizer.json");
    root["added_tokens"][0]["id"] = 300.into();
    let vocab = root["model"]["vocab"].as_object_mut().unwrap();
    vocab.retain(|_, id| id.as_u64().unwrap() < 300);
    let bytes = 256;
    let merges = vocab.len() - bytes;
    root["model"]["merges"]
        .as_array_mut()
        .unwrap()
        .truncate(merges);
    root
});
static VOCAB: LazyLock<Vec<u8>> =
    LazyLock::new(|| TOKENIZER["model"]["vocab"].to_string().into_bytes());

/// One small valid file of each kind.
fn valid() -> Vec<Vec<u8>> {
    let tensors = safetensors(&[
        ("W_enc", &[2, 3], vec![1.0; 6]),
        ("W_dec", &[3, 2], vec![1.0; 6]),
        ("b_enc", &[3], vec![1.0; 3]),
        ("b_dec", &[2], vec![1.0; 2]),
        ("scaling_factor", &[3], vec![1.0; 3]),
    ]);
    vec![
        pt(&small(), &topk(2, "ReLU")),
        tensors,
        CFG.to_vec(),
        CONFIG.to_vec(),
        VOCAB.clone(),
        TOKENIZER.to_string().into_bytes(),
        INDEX.to_vec(),
    ]
}

/// A way to spoil a file.
#[derive(Debug, Clone)]
enum Spoil {
    Truncate(Index),
    Flip(Index, u8),
    Set(Index, u8),
    /// A part of one file over a part of another, or of itself.
    Splice(Index, Index, Index, usize),
    Insert(Index, Vec<u8>),
}

fn spoil() -> impl Strategy<Value = Spoil> {
    let at = any::<Index>;
    prop_oneof![
        at().prop_map(Spoil::Truncate),
        (at(), 0..8u8).prop_map(|(i, bit)| Spoil::Flip(i, bit)),
        (
            at(),
            prop_oneof![Just(0), Just(0x7f), Just(0xff), any::<u8>()]
        )
            .prop_map(|(i, b)| Spoil::Set(i, b)),
        (at(), at(), at(), 1..64usize).prop_map(|(f, from, to, n)| Spoil::Splice(f, from, to, n)),
        (at(), proptest::collection::vec(any::<u8>(), 1..16))
            .prop_map(|(i, b)| Spoil::Insert(i, b)),
    ]
}

fn apply(file: &mut Vec<u8>, files: &[Vec<u8>], spoil: &Spoil) {
    if file.is_empty() {
        return;
    }
    match spoil {
        Spoil::Truncate(at) => file.truncate(at.index(file.len())),
        Spoil::Flip(at, bit) => {
            let at = at.index(file.len());
            file[at] ^= 1 << bit;
        }
        Spoil::Set(at, byte) => {
            let at = at.index(file.len());
            file[at] = *byte;
        }
        Spoil::Splice(other, from, to, length) => {
            let other = &files[other.index(files.len())];
            let from = from.index(other.len());
            let part = &other[from..other.len().min(from + length)];
            let to = to.index(file.len());
            let end = file.len().min(to + part.len());
            file.splice(to..end, part.iter().copied());
        }
        Spoil::Insert(at, bytes) => {
            let at = at.index(file.len());
            file.splice(at..at, bytes.iter().copied());
        }
    }
}

/// A pickle of opcodes that the reader knows, in any order.
fn pickle() -> impl Strategy<Value = Vec<u8>> {
    let pieces: Vec<&'static [u8]> = vec![
        b"(",
        b")",
        b"]",
        b"}",
        b"t",
        b"l",
        b"d",
        b"a",
        b"s",
        b"e",
        b"u",
        b"0",
        b"N",
        b"Q",
        b"R",
        b"b",
        b".",
        b"\x85",
        b"\x86",
        b"\x87",
        b"\x88",
        b"\x89",
        b"\x93",
        b"\x94",
        b"q\0",
        b"q\x01",
        b"h\0",
        b"h\x01",
        b"K\x02",
        b"K\0",
        b"J\xff\xff\xff\xff",
        b"M\xff\xff",
        b"\x8a\x01\x80",
        b"\x8a\x08\xff\xff\xff\xff\xff\xff\xff\x7f",
        b"G@\x09!\xfbTD-\x18",
        b"\x8c\x07storage",
        b"\x8c\x010",
        b"X\x0e\0\0\0encoder.weight",
        b"ctorch\nFloatStorage\n",
        b"ctorch._utils\n_rebuild_tensor_v2\n",
        b"ccollections\nOrderedDict\n",
    ];
    proptest::collection::vec(proptest::sample::select(pieces), 0..60)
        .prop_map(|parts| parts.concat())
}

#[test]
fn the_files_to_spoil_are_valid() {
    let files = valid();
    read_pt("x.pt", files[0].clone()).unwrap();
    let weights = TensorFile::from_safetensors("x", files[1].clone()).unwrap();
    read_folder(&files[2], weights).unwrap();
    Gpt2Config::from_json(&files[3]).unwrap();
    Tokenizer::from_vocab_merges(&files[4], b"#version: 0.2\n").unwrap();
    assert_eq!(
        Tokenizer::from_tokenizer_json(&files[5])
            .unwrap()
            .decode(&[300]),
        "<|endoftext|>"
    );
    ShardIndex::from_json("x.json", &files[6]).unwrap();
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3000))]

    #[test]
    fn random_bytes_are_answered(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        parse_all(&bytes);
    }

    #[test]
    fn spoiled_files_are_answered(which in 0..7usize, spoils in proptest::collection::vec(spoil(), 1..6)) {
        let files = valid();
        let mut file = files[which].clone();
        for spoil in &spoils {
            apply(&mut file, &files, spoil);
        }
        parse_all(&file);
    }

    #[test]
    fn known_instructions_in_any_order_are_answered(program in pickle()) {
        parse_all(&common::torch::pickled(&[b"\x80\x02".to_vec(), program].concat()));
    }

    #[test]
    fn any_header_is_answered(
        shape in proptest::collection::vec(prop_oneof![Just(0), Just(1), 0..10u64, Just(u64::MAX), any::<u64>()], 0..4),
        start in prop_oneof![Just(0), any::<u64>()],
        end in prop_oneof![0..64u64, any::<u64>()],
        data in 0..64usize,
    ) {
        let header = serde_json::json!({"a": {"dtype": "F32", "shape": shape, "data_offsets": [start, end]}});
        parse_all(&common::with_header(&header.to_string(), &vec![0; data]));
    }
}
