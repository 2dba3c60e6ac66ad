//! A small corpus in shards, and the atlas of it.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use atlas::files::encode;
use atlas::tally::{TallySet, Values, Window};
use atlas::{ModelKey, SetKind, Settings, Tally};
use atlas_parquet::{COACTIVATIONS, EXAMPLES, FEATURES, Tables};
use scan_folder::disk::{Folder, read_info, read_tally};
use scan_folder::{CorpusFile, CorpusKey, Progress, Scan, ScanInfo, Shard, VERSION};

const LATENTS: u32 = 70;
const DOCUMENTS: u64 = 12;
pub const SETS: [&str; 2] = ["layer-0", "layer-1"];

fn info(shard: Shard) -> ScanInfo {
    let set = |id: &str| TallySet {
        id: id.to_owned(),
        kind: SetKind::Sae,
        hook: "blocks.0.hook_resid_post".to_owned(),
        n_latents: LATENTS,
        sha256: id.repeat(8),
    };
    ScanInfo {
        version: VERSION,
        complete: false,
        model: ModelKey {
            name: "small".to_owned(),
            sha256: "aa".repeat(32),
            tokenizer_sha256: "bb".repeat(32),
            vocabulary: 256,
        },
        corpus: CorpusKey {
            name: "corpus".to_owned(),
            files: vec![CorpusFile {
                name: "a.txt".to_owned(),
                bytes: 360,
            }],
            text_field: "text".to_owned(),
        },
        settings: Settings::default(),
        shard,
        limit_tokens: None,
        progress: Progress::default(),
        sets: SETS.map(set).into(),
        tallies: Vec::new(),
    }
}

/// Latent t + set (mod 70) fires on token t.
fn add(tally: &mut Tally, set: u32, document: u64) {
    let source = if document.is_multiple_of(2) {
        "even"
    } else {
        "odd"
    };
    tally.document(document, &format!("document {document}"), source);
    let tokens: Vec<u32> = (0..30u32)
        .map(|at| (at * 7 + document as u32 * 13) % 256)
        .collect();
    let latents: Vec<i32> = tokens
        .iter()
        .map(|token| ((token + set) % LATENTS) as i32)
        .collect();
    let activations: Vec<f32> = tokens
        .iter()
        .map(|token| 0.5 + *token as f32 / 64.0)
        .collect();
    let window = Window {
        document,
        start: 0,
        tokens: &tokens,
        counted: &[true; 30],
    };
    let values = Values::Sparse {
        slots: 1,
        latents: &latents,
        activations: &activations,
    };
    tally.add(&window, &values).unwrap();
}

/// The folder of an ended scan of a part of the corpus.
pub fn shard(place: &Path, index: u32, of: u32) -> PathBuf {
    let shard = Shard { index, of };
    let folder = place.join(format!("shard-{index}-{of}"));
    let (mut writer, _) = Folder::open(&folder, &info(shard)).unwrap();
    let mut scan = Scan::new(info(shard));
    let documents = (0..DOCUMENTS).filter(|document| shard.has(*document));
    for document in documents {
        for (set, tally) in (0u32..).zip(&mut scan.tallies) {
            add(tally, set, document);
        }
        scan.info.progress.windows += 1;
        scan.info.progress.tokens += 30;
    }
    scan.info.progress.documents = DOCUMENTS;
    scan.end();
    writer.finish(&scan).unwrap();
    folder
}

/// All of one scan.
pub fn shards(place: &Path, of: u32) -> Vec<PathBuf> {
    (0..of).map(|index| shard(place, index, of)).collect()
}

/// The bytes of a scan's tallies, and its description.
pub fn content(folder: &Path) -> (ScanInfo, Vec<Vec<u8>>) {
    let info = read_info(folder).unwrap();
    let bytes = |file| encode(&read_tally(folder, file).unwrap()).unwrap();
    let tallies = info.tallies.iter().map(bytes).collect();
    (info, tallies)
}

/// The tables of the atlas of a scan.
pub fn tables(place: &Path, scan: &Path) -> PathBuf {
    let info = read_info(scan).unwrap();
    let folder = place.join("atlas");
    fs::create_dir_all(folder.join("tables")).unwrap();
    let [features, examples, coactivations] =
        [FEATURES, EXAMPLES, COACTIVATIONS].map(|path| File::create(folder.join(path)).unwrap());
    let mut index = info.atlas();
    let tallies: Vec<Tally> = info
        .tallies
        .iter()
        .map(|file| read_tally(scan, file).unwrap())
        .collect();
    index.corpus = tallies[0].corpus();
    let mut tables = Tables::new(&index, features, examples, coactivations).unwrap();
    for tally in &tallies {
        tables
            .add(&index, &tally.set_info(), &tally.records())
            .unwrap();
    }
    tables.finish().unwrap();
    folder
}
