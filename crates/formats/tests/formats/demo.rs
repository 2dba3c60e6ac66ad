//! The demo's own files.

use crate::common;
use crate::common::{file, gpt2, json, read_folder, read_pt, tensors};
use formats::sae::{Architecture, FileKind, Normalization, Sae, sniff, sniff_head};
use formats::tensors::Dtype;
use formats::tokenizer::Tokenizer;
use pollster::block_on;
use serde_json::Value;

const TOPK_FOLDER: &str = "tests/fixtures/saelens/blocks.3.hook_resid_post";

/// The SAEs of the site, with the `.pt` file that each was made from.
fn site_saes() -> Vec<(Value, String)> {
    let manifest = json("web/demo/demo.json");
    let saes = manifest["saes"].as_array().unwrap().iter();
    saes.map(|sae| {
        let (kind, name) = sae["id"].as_str().unwrap().split_once('.').unwrap();
        (sae.clone(), format!("tests/fixtures/{kind}/{name}.pt"))
    })
    .collect()
}

fn read_site_sae(sae: &Value) -> Sae {
    let at = |part: &str| format!("web/demo/{}", sae[part]["path"].as_str().unwrap());
    read_folder(&file(&at("cfg")), tensors(&at("weights"))).unwrap()
}

#[test]
fn the_model_reads_as_its_configuration_says() {
    let weights = tensors("web/demo/model/model.safetensors");
    let model = gpt2(&file("web/demo/model/config.json"), weights).unwrap();
    let stated = json("web/demo/model/config.json");
    let stated = |name: &str| stated[name].as_u64().unwrap() as usize;
    let config = model.config();
    let (vocab, width) = (stated("vocab_size"), stated("n_embd"));
    assert_eq!(config.n_layer, stated("n_layer"));
    assert_eq!(config.n_head, stated("n_head"));
    assert_eq!((config.n_embd, config.vocab_size), (width, vocab));
    assert_eq!(config.n_positions, stated("n_positions"));
    assert_eq!(config.n_inner, 4 * width);
    assert_eq!(config.bos_token_id, Some(stated("bos_token_id") as u32));
    assert_eq!(config.layer_norm_epsilon, 1e-5);
    let embedding = block_on(model.tensor("wte.weight")).unwrap();
    assert_eq!(embedding.len(), vocab * width);
    assert_eq!(
        block_on(model.rows("wte.weight", vocab - 2..vocab)).unwrap(),
        embedding[(vocab - 2) * width..]
    );
    assert!(block_on(model.rows("wte.weight", 7..7)).unwrap().is_empty());
    assert_eq!(
        block_on(model.rows("wte.weight", vocab - 1..vocab + 1))
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
        for d in 0..width {
            let sum = embedding[token * width + d] + positions[t * width + d];
            assert!(
                (sum - fixture[t * width + d]).abs() < 1e-6,
                "position {t}, element {d}"
            );
        }
    }
}

#[test]
fn the_pt_file_and_the_saelens_folder_are_the_same_autoencoder() {
    let pt = read_pt("layer_3.pt", file("tests/fixtures/openai/layer_3.pt")).unwrap();
    let weights = tensors(&format!("{TOPK_FOLDER}/sae_weights.safetensors"));
    let folder = read_folder(&file(&format!("{TOPK_FOLDER}/cfg.json")), weights).unwrap();

    let bits = |values: &[f32]| values.iter().map(|v| v.to_bits()).collect::<Vec<_>>();
    assert_eq!(bits(&pt.w_enc), bits(&folder.w_enc));
    assert_eq!(bits(&pt.b_enc), bits(&folder.b_enc));
    assert_eq!(bits(&pt.w_dec), bits(&folder.w_dec));
    assert_eq!(bits(&pt.b_dec), bits(&folder.b_dec));
    let stated = json(&format!("{TOPK_FOLDER}/cfg.json"));
    let size = |name: &str| stated[name].as_u64().unwrap() as usize;
    let (d_in, d_sae, k) = (size("d_in"), size("d_sae"), size("k"));
    assert_eq!(pt.w_enc.len(), d_sae * d_in);
    assert_eq!(pt.b_dec.len(), d_in);

    for sae in [&pt, &folder] {
        assert_eq!(sae.config.architecture, Architecture::TopK { k });
        assert_eq!(sae.config.normalization, Normalization::LayerNorm);
        assert_eq!((sae.config.d_in, sae.config.d_sae), (d_in, d_sae));
        assert!(sae.config.apply_b_dec_to_input);
    }
    assert_eq!((pt.config.hook_name, pt.config.prepend_bos), (None, None));
    let metadata = &stated["metadata"];
    let text = |name: &str| metadata[name].as_str();
    assert_eq!(folder.config.hook_name.as_deref(), text("hook_name"));
    assert_eq!(folder.config.prepend_bos, metadata["prepend_bos"].as_bool());
    assert_eq!(folder.config.model_name.as_deref(), text("model_name"));
    let context = folder.config.context_size.map(|size| size as u64);
    assert_eq!(context, metadata["context_size"].as_u64());
    assert_eq!(folder.config.counted.skipped_positions, [0]);
    let frequency = pt.firing_frequency.unwrap();
    assert_eq!(frequency.len(), d_sae);
    // The frequencies of all latents add up to the mean number of active ones, k.
    let l0: f32 = frequency.iter().sum();
    assert!(
        (l0 - k as f32).abs() < 0.01,
        "{l0} latents are active on average"
    );
}

/// The site carries the SAEs in f16: nothing of them may be lost.
#[test]
fn the_sites_saes_are_the_pt_files_bit_for_bit() {
    for (listed, pt) in site_saes() {
        let pt = read_pt(&pt, file(&pt)).unwrap();
        let site = read_site_sae(&listed);
        let weights = |sae: &Sae| {
            let all = [&sae.w_enc, &sae.b_enc, &sae.w_dec, &sae.b_dec];
            all.map(|values| values.iter().map(|v| v.to_bits()).collect::<Vec<_>>())
        };
        assert!(weights(&site) == weights(&pt), "{listed}");
        let hook = listed["hook"].as_str();
        assert_eq!(site.config.hook_name.as_deref(), hook);
        assert_eq!(site.config.prepend_bos, listed["bos"].as_bool());
        // What the `.pt` does not say.
        let mut as_pt = site.config.clone();
        (as_pt.hook_name, as_pt.prepend_bos) = (None, None);
        assert_eq!(as_pt, pt.config);

        let path = format!("web/demo/{}", listed["weights"]["path"].as_str().unwrap());
        let tensors = tensors(&path);
        for name in ["W_enc", "W_dec", "b_enc", "b_dec"] {
            assert_eq!(tensors.dtype(name).unwrap(), Dtype::F16, "{path}: {name}");
        }
    }
}

#[test]
fn the_bundle_stays_small() {
    fn bytes_in(folder: &std::path::Path) -> u64 {
        let entries = std::fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap());
        entries
            .map(|entry| match entry.metadata().unwrap() {
                found if found.is_dir() => bytes_in(&entry.path()),
                found => found.len(),
            })
            .sum()
    }
    let bytes = bytes_in(&common::root().join("web/demo"));
    // The atlas is fetched part by part, when a feature is looked at.
    let atlas = bytes_in(&common::root().join("web/demo/atlas"));
    let first = bytes - atlas;
    assert!(
        first < 27_000_000,
        "web/demo is {first} bytes without its atlas"
    );
    assert!(atlas < 30_000_000, "the atlas is {atlas} bytes");
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
    assert_eq!(
        sniff(&file("tests/fixtures/openai/layer_1.pt")),
        FileKind::TorchZip
    );
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
    let config = json("web/demo/model/config.json");
    let bos = config["bos_token_id"].as_u64().unwrap() as u32;
    let vocab = config["vocab_size"].as_u64().unwrap();
    for name in ["fairy", "bible", "rust", "pydoc", "gloss", "odd"] {
        let fixture = json(&format!("tests/fixtures/{name}.json"));
        let text = fixture["text"].as_str().unwrap();
        let expected: Vec<u32> = serde_json::from_value(fixture["token_ids"].clone()).unwrap();
        let greedy: Vec<u32> = serde_json::from_value(fixture["greedy_ids"].clone()).unwrap();
        for tokenizer in [&from_json, &from_parts] {
            assert_eq!(tokenizer.bos(), Some(bos));
            assert_eq!(tokenizer.vocab_size() as u64, vocab);
            let mut ids = vec![bos];
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
