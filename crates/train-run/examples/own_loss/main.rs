//! An autoencoder with a loss of one's own: `own_loss MODEL HOOK TEXT OUT`, a model's folder, a hook, a text file, and the folder to write.

mod own;

use std::path::Path;

use explorer::{BackendChoice, Bos, LimitsChoice, Session, WeightChoice};
use formats::gpt2::Gpt2Files;
use formats::sae::saelens;
use formats::tensors::{TensorFile, TensorSet};
use formats::tokenizer::Tokenizer;
use own::{Settings, train};
use pollster::block_on;
use train_run::{Harvest, HarvestOptions};

type Failure = Box<dyn std::error::Error>;

async fn run(model: &str, hook: &str, text: &str, out: &Path) -> Result<(), Failure> {
    let read = |name: &str| std::fs::read(Path::new(model).join(name));
    let weights = TensorFile::from_safetensors("model.safetensors", read("model.safetensors")?)?;
    let files = Gpt2Files::new(&read("config.json")?, TensorSet::from(weights)).await?;
    let tokenizer = Tokenizer::from_tokenizer_json(&read("tokenizer.json")?)?;
    let mut session = Session::new(BackendChoice::Auto, LimitsChoice::Adapter).await?;
    let loading = session.load_model(model, model, files, tokenizer, WeightChoice::Auto);
    loading.await?;
    let options = HarvestOptions {
        hook,
        bos: Bos::Yes,
        context: None,
        keep_first: false,
        with_model_id: false,
    };
    let mut harvest = Harvest::new(&mut session, options)?;
    for document in std::fs::read_to_string(text)?.split("\n<|endoftext|>\n") {
        harvest.add(&session, document)?;
    }
    let settings = Settings {
        latents: 1024,
        batch: 512,
        steps: 500,
        lr: 2e-3,
        sparsity: 0.3,
    };
    let sae = train(&session, &harvest, settings, |step, measured| {
        if step % 50 == 0 {
            let own::Measured { loss, fvu, l0 } = measured;
            println!("step {step}  loss {loss:.4}  FVU {fvu:.4}  L0 {l0:.1}");
        }
    });
    let folder = saelens::write_folder(&sae.await?)?;
    std::fs::create_dir_all(out)?;
    std::fs::write(out.join("cfg.json"), folder.cfg_json)?;
    std::fs::write(out.join("sae_weights.safetensors"), folder.weights)?;
    Ok(())
}

fn main() -> Result<(), Failure> {
    let given: Vec<String> = std::env::args().skip(1).collect();
    let [model, hook, text, out] = &given[..] else {
        return Err("give a model's folder, a hook, a text file and the folder to write".into());
    };
    block_on(run(model, hook, text, Path::new(out)))
}
