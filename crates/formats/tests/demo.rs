//! The demo's own files.

mod common;

use common::{file, gpt2, json, read_folder, read_pt, tensors};
use formats::sae::{Architecture, FileKind, Normalization, sniff, sniff_head};
use formats::tokenizer::Tokenizer;
use pollster::block_on;

const TOPK_FOLDER: &str = "tests/fixtures/saelens/blocks.3.hook_resid_post";

#[test]
fn the_model_reads_as_its_card_says() {
    let weights = tensors("web/demo/model/model.safetensors");
    let model = gpt2(&file("web/demo/model/config.json"), weights).unwrap();
    let config = model.config();
    assert_eq!((config.n_layer, config.n_head, config.n_embd), (6, 4, 256));
    assert_eq!(
        (config.n_positions, config.vocab_size, config.n_inner),
        (256, 8192, 1024)
    );
    assert_eq!(config.bos_token_id, Some(8191));
    assert_eq!(config.layer_norm_epsilon, 1e-5);
    let embedding = block_on(model.tensor("wte.weight")).unwrap();
    assert_eq!(embedding.len(), 8192 * 256);
    assert_eq!(
        block_on(model.rows("wte.weight", 8190..8192)).unwrap(),
        embedding[8190 * 256..]
    );
    assert!(block_on(model.rows("wte.weight", 7..7)).unwrap().is_empty());
    assert_eq!(
        block_on(model.rows("wte.weight", 8191..8193))
            .unwrap_err()
            .code(),
        "wrong-shape"
    );

    // wte + wpe is the input of block 0, which the fixture holds.
    let positions = block_on(model.tensor("wpe.weight")).unwrap();
    let fixture = block_on(tensors("tests/fixtures/fairy.safetensors").read("embed")).unwrap();
    let ids = json("tests/fixtures/fairy.json");
    for (t, id) in ids["token_ids"].as_array().unwrap().iter().enumerate() {
        let token = id.as_u64().unwrap() as usize;
        for d in 0..256 {
            let sum = embedding[token * 256 + d] + positions[t * 256 + d];
            assert!(
                (sum - fixture[t * 256 + d]).abs() < 1e-6,
                "position {t}, element {d}"
            );
        }
    }
}

#[test]
fn the_pt_file_and_the_saelens_folder_are_the_same_autoencoder() {
    let pt = read_pt("layer_3.pt", file("web/demo/sae/layer_3.pt")).unwrap();
    let weights = tensors(&format!("{TOPK_FOLDER}/sae_weights.safetensors"));
    let folder = read_folder(&file(&format!("{TOPK_FOLDER}/cfg.json")), weights).unwrap();

    let bits = |values: &[f32]| values.iter().map(|v| v.to_bits()).collect::<Vec<_>>();
    assert_eq!(bits(&pt.w_enc), bits(&folder.w_enc));
    assert_eq!(bits(&pt.b_enc), bits(&folder.b_enc));
    assert_eq!(bits(&pt.w_dec), bits(&folder.w_dec));
    assert_eq!(bits(&pt.b_dec), bits(&folder.b_dec));
    assert_eq!(pt.w_enc.len(), 4096 * 256);
    assert_eq!(pt.b_dec.len(), 256);

    for sae in [&pt, &folder] {
        assert_eq!(sae.config.architecture, Architecture::TopK { k: 16 });
        assert_eq!(sae.config.normalization, Normalization::LayerNorm);
        assert_eq!((sae.config.d_in, sae.config.d_sae), (256, 4096));
        assert!(sae.config.apply_b_dec_to_input);
    }
    assert_eq!((pt.config.hook_name, pt.config.prepend_bos), (None, None));
    assert_eq!(
        folder.config.hook_name.as_deref(),
        Some("blocks.3.hook_resid_post")
    );
    assert_eq!(folder.config.prepend_bos, Some(true));
    assert_eq!(
        folder.config.model_name.as_deref(),
        Some("demo-gpt2-6l-256d")
    );
    assert_eq!(folder.config.context_size, Some(256));
    assert_eq!(folder.config.counted.skipped_positions, [0]);
    let frequency = pt.firing_frequency.unwrap();
    assert_eq!(frequency.len(), 4096);
    // The frequencies of all latents add up to the mean number of active ones, k.
    let l0: f32 = frequency.iter().sum();
    assert!(
        (l0 - 16.0).abs() < 0.01,
        "{l0} latents are active on average"
    );
}

#[test]
fn every_pt_file_of_the_demo_reads() {
    for layer in [1, 5] {
        let name = format!("web/demo/sae/layer_{layer}.pt");
        let sae = read_pt(&name, file(&name)).unwrap();
        assert_eq!(sae.config.architecture, Architecture::TopK { k: 16 });
        let norm = sae.w_dec[..256].iter().map(|w| w * w).sum::<f32>().sqrt();
        assert!(
            (norm - 1.0).abs() < 1e-2,
            "decoder rows have unit norm, not {norm}"
        );
    }
}

#[test]
fn the_relu_folder_reads() {
    let folder = format!("{TOPK_FOLDER}_relu");
    let weights = tensors(&format!("{folder}/sae_weights.safetensors"));
    let sae = read_folder(&file(&format!("{folder}/cfg.json")), weights).unwrap();
    assert_eq!(sae.config.architecture, Architecture::Standard);
    assert_eq!(sae.config.normalization, Normalization::None);
}

#[test]
fn files_are_told_apart_by_content() {
    assert_eq!(sniff(&file("web/demo/sae/layer_1.pt")), FileKind::TorchZip);
    assert_eq!(
        sniff(&file("web/demo/model/model.safetensors")),
        FileKind::Safetensors
    );
    assert_eq!(sniff(&file("web/demo/model/config.json")), FileKind::Json);
    assert_eq!(sniff(b"\x80\x02\x8a\x0a"), FileKind::TorchLegacy);
    assert_eq!(
        sniff(b"version https://git-lfs.github.com/spec/v1"),
        FileKind::Unknown
    );
    assert_eq!(sniff(b""), FileKind::Unknown);
}

#[test]
fn fixture_prompts_tokenise_as_in_the_reference() {
    let from_json = Tokenizer::from_tokenizer_json(&file("web/demo/model/tokenizer.json")).unwrap();
    let vocab = file("tests/fixtures/tokenizer/vocab.json");
    let from_parts =
        Tokenizer::from_vocab_merges(&vocab, &file("tests/fixtures/tokenizer/merges.txt")).unwrap();
    for name in ["fairy", "bible", "rust", "pydoc", "gloss", "odd"] {
        let fixture = json(&format!("tests/fixtures/{name}.json"));
        let text = fixture["text"].as_str().unwrap();
        let expected: Vec<u32> = serde_json::from_value(fixture["token_ids"].clone()).unwrap();
        let greedy: Vec<u32> = serde_json::from_value(fixture["greedy_ids"].clone()).unwrap();
        for tokenizer in [&from_json, &from_parts] {
            assert_eq!(tokenizer.bos(), Some(8191));
            assert_eq!(tokenizer.vocab_size(), 8192);
            let mut ids = vec![8191];
            ids.extend(tokenizer.encode(text));
            assert_eq!(ids, expected, "{name}");
            assert_eq!(tokenizer.decode(&ids[1..]), text);
            assert_eq!(
                tokenizer.decode(&greedy),
                fixture["greedy_text"].as_str().unwrap()
            );
        }
    }
}

/// A safetensors header of 384 bytes begins with the mark of a pickle, and one of 67,324,752 with that of a zip archive.
#[test]
fn a_safetensors_file_is_known_whatever_the_length_of_its_header() {
    for length in (2..2000u64).chain([0x0403_4b50, 65_536 + 384, 0x2_0000_0180 >> 8]) {
        let mut head = length.to_le_bytes().to_vec();
        head.extend(b"{\"a\":{\"dtype\"");
        assert_eq!(
            sniff_head(&head, length + 8),
            FileKind::Safetensors,
            "{length}"
        );
        // Where the size is not known, as in a browser's first look.
        assert_eq!(sniff_head(&head, u64::MAX), FileKind::Safetensors);
        // The file must be long enough for its header.
        assert_ne!(
            sniff_head(&head, length + 7),
            FileKind::Safetensors,
            "{length}"
        );
    }
    assert_eq!(sniff_head(b"{\"a\": 12,{", u64::MAX), FileKind::Json);
    // Pickles of every protocol, and torch's old format.
    let old = b"\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19.\x80\x02M\xe9\x03.";
    assert_eq!(sniff(old), FileKind::TorchLegacy);
    for protocol in 1..=5 {
        let pickle = [
            &[0x80, protocol, b'}', b'q', 0, b'X', 6, 0, 0][..],
            b"\0{abc",
        ]
        .concat();
        assert_eq!(sniff(&pickle), FileKind::TorchLegacy);
    }
}
