//! The example of a loss of one's own, on the demo's model: it learns, and what it writes is what it trained.

#[path = "../examples/own_loss/own.rs"]
mod own;

use std::path::Path;

use explorer::{BackendChoice, Bos, LimitsChoice, SaeOptions, Session, TraceOptions, WeightChoice};
use formats::gpt2::Gpt2Files;
use formats::sae::saelens;
use formats::tensors::{TensorFile, TensorSet};
use formats::tokenizer::Tokenizer;
use own::{Settings, train};
use pollster::block_on;
use train_run::{Harvest, HarvestOptions};

const HOOK: &str = "blocks.1.hook_resid_post";

#[test]
fn an_autoencoder_is_trained_with_a_loss_of_ones_own_and_opens() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let read = |name: &str| std::fs::read(root.join("web/demo/model").join(name)).unwrap();
    let weights = read("model.safetensors");
    let weights = TensorFile::from_safetensors("model.safetensors", weights).unwrap();
    let weights = TensorSet::from(weights);
    let files = block_on(Gpt2Files::new(&read("config.json"), weights)).unwrap();
    let tokenizer = Tokenizer::from_tokenizer_json(&read("tokenizer.json")).unwrap();
    let session = Session::new(BackendChoice::Cpu, LimitsChoice::Adapter);
    let mut session = block_on(session).unwrap();
    let loading = session.load_model("demo", "demo", files, tokenizer, WeightChoice::Auto);
    block_on(loading).unwrap();
    let options = HarvestOptions {
        hook: HOOK,
        bos: Bos::Yes,
        context: Some(64),
        keep_first: false,
        with_model_id: false,
    };
    let mut harvest = Harvest::new(&mut session, options).unwrap();
    let text = std::fs::read_to_string(root.join("docs/scan.md")).unwrap();
    for document in text.split("\n## ") {
        harvest.add(&session, document).unwrap();
    }
    let settings = Settings {
        latents: 192,
        batch: 128,
        steps: 80,
        lr: 5e-3,
        sparsity: 0.3,
    };
    let mut steps = Vec::new();
    let sae = block_on(train(&session, &harvest, settings, |_, step| {
        steps.push(step)
    }))
    .unwrap();
    let (first, last) = (steps[0], steps[79]);
    assert!(last.loss < 0.5 * first.loss, "{first:?} {last:?}");
    assert!(
        last.fvu < 0.5 * first.fvu && last.fvu < 0.6,
        "{first:?} {last:?}"
    );
    assert!(
        last.l0 < 0.9 * first.l0 && last.l0 > 1.0,
        "{first:?} {last:?}"
    );
    let folder = saelens::write_folder(&sae).unwrap();
    let weights = folder.weights;
    let weights = TensorFile::from_safetensors("sae_weights.safetensors", weights).unwrap();
    let file = block_on(saelens::open_folder(&folder.cfg_json, weights)).unwrap();
    block_on(session.load_sae("own", &file, &SaeOptions::default())).unwrap();
    let prompt = &text[..200];
    let trace = block_on(session.trace(prompt, &TraceOptions::default())).unwrap();
    let fvu = trace.saes[0].metrics.fvu.unwrap();
    assert!(fvu < 0.8, "{fvu}");
}
