//! The demo in a session, and small corpora.

#![allow(dead_code, reason = "each test file uses some of these")]

use std::path::{Path, PathBuf};

use atlas::tally::TallySet;
use atlas::{ModelKey, SetKind, Settings};
use corpus::Document;
use explorer::{BackendChoice, LimitsChoice, SaeOptions, Session, WeightChoice};
use formats::gpt2::Gpt2Files;
use formats::sae::saelens;
use formats::tensors::TensorFile;
use formats::tokenizer::Tokenizer;
use pollster::block_on;
use scan_folder::{CorpusKey, Progress, ScanInfo, Shard, VERSION};

/// The MLP neurons' set, beside the demo's autoencoders.
pub const NEURONS: &str = "neurons";
/// Ids of all sets.
pub const SETS: [&str; 3] = ["openai.layer_3", "openai.layer_5", NEURONS];

pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

pub fn read(path: &str) -> Vec<u8> {
    std::fs::read(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

pub fn model() -> Gpt2Files {
    let weights = TensorFile::from_safetensors("w", read("web/demo/model/model.safetensors"));
    let config = read("web/demo/model/config.json");
    block_on(Gpt2Files::new(&config, weights.unwrap())).unwrap()
}

pub fn tokenizer() -> Tokenizer {
    Tokenizer::from_tokenizer_json(&read("web/demo/model/tokenizer.json")).unwrap()
}

/// The demo with the sets of [`SETS`], on the CPU.
pub fn session() -> Session {
    let mut session = block_on(Session::new(BackendChoice::Cpu, LimitsChoice::Adapter)).unwrap();
    let weights = WeightChoice::Auto;
    block_on(session.load_model("demo", "demo", model(), tokenizer(), weights)).unwrap();
    session.set_prepend_bos(true).unwrap();
    for layer in [3, 5] {
        let folder = format!("web/demo/sae/layer_{layer}");
        let weights = read(&format!("{folder}/sae_weights.safetensors"));
        let weights = TensorFile::from_safetensors("w", weights).unwrap();
        let cfg = read(&format!("{folder}/cfg.json"));
        let file = block_on(saelens::open_folder(&cfg, weights)).unwrap();
        let id = format!("openai.layer_{layer}");
        block_on(session.load_sae(&id, &file, &SaeOptions::default())).unwrap();
    }
    session
        .load_neurons(NEURONS, "blocks.4.mlp.hook_post")
        .unwrap();
    session
}

/// A scan of a session's sets.
pub fn info(session: &Session, shard: Shard, limit_tokens: Option<u64>) -> ScanInfo {
    let saes = session.info().saes.into_iter();
    let sets = saes.map(|set| TallySet {
        kind: match set.architecture.as_str() {
            "neurons" => SetKind::Neurons,
            _ => SetKind::Sae,
        },
        id: set.id,
        hook: set.hook,
        n_latents: set.n_latents as u32,
        sha256: "of the set".to_owned(),
    });
    ScanInfo {
        version: VERSION,
        complete: false,
        model: ModelKey {
            name: "demo".to_owned(),
            sha256: "of the model".to_owned(),
            tokenizer_sha256: "of the tokenizer".to_owned(),
            vocabulary: session.info().model.unwrap().vocab as u32,
        },
        corpus: CorpusKey {
            name: "texts".to_owned(),
            files: Vec::new(),
            text_field: "text".to_owned(),
        },
        settings: Settings {
            context: 64,
            bos: true,
            ..Settings::default()
        },
        shard,
        limit_tokens,
        progress: Progress::default(),
        sets: sets.collect(),
        tallies: Vec::new(),
    }
}

/// Documents of several lengths and sources, each of other text: parts of the repository's own documents.
pub fn documents() -> Vec<Document> {
    let text = String::from_utf8(read("docs/metrics.md")).unwrap();
    let words: Vec<&str> = text.split_inclusive(' ').collect();
    let mut documents = Vec::new();
    let mut at = 0;
    for (number, length) in (0..).zip([90, 3, 30, 200, 1, 57, 140, 25, 75, 40, 110, 2]) {
        documents.push(Document {
            number,
            name: format!("part {number}"),
            source: ["metrics", "a", "z"][number as usize % 3].to_owned(),
            text: words[at..at + length].concat(),
        });
        at += length;
    }
    // A text that spells the BOS out, at its beginning and inside.
    documents[2].text.insert_str(0, "<|endoftext|>");
    documents[3].text.insert_str(100, "<|endoftext|>");
    documents
}
