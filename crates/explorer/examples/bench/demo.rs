//! Sessions with the demo's model and its SAEs.

use explorer::{SaeOptions, Session, WeightChoice};
use formats::gpt2::Gpt2Files;
use formats::sae::saelens;
use formats::tensors::TensorFile;
use formats::tokenizer::Tokenizer;
use kernels::Device;
use pollster::block_on;
use serde_json::Value;

use crate::Result;

/// The id under which the SAE of the middle layer is loaded.
pub const MIDDLE: &str = "middle";

/// With the SAE of the middle layer alone.
pub fn with_middle(device: &Device, folder: &str) -> Result<Session> {
    let mut session = with_model(device, folder)?;
    let saes = saes(folder)?;
    let middle = saes.get(saes.len() / 2).unwrap_or(&Value::Null);
    load(&mut session, folder, middle, MIDDLE)?;
    Ok(session)
}

/// With all its SAEs under their own ids, which come in their order.
pub fn with_all(device: &Device, folder: &str) -> Result<(Session, Vec<String>)> {
    let mut session = with_model(device, folder)?;
    let mut ids = Vec::new();
    for sae in saes(folder)? {
        let id = sae["id"].as_str().unwrap_or_default().to_owned();
        load(&mut session, folder, &sae, &id)?;
        ids.push(id);
    }
    Ok((session, ids))
}

fn saes(folder: &str) -> Result<Vec<Value>> {
    let manifest: Value = serde_json::from_slice(&std::fs::read(format!("{folder}/demo.json"))?)?;
    Ok(manifest["saes"].as_array().cloned().unwrap_or_default())
}

fn with_model(device: &Device, folder: &str) -> Result<Session> {
    let read = |name: &str| std::fs::read(format!("{folder}/{name}"));
    let weights = TensorFile::from_safetensors("model", read("model/model.safetensors")?)?;
    let files = block_on(Gpt2Files::new(&read("model/config.json")?, weights))?;
    let tokenizer = Tokenizer::from_tokenizer_json(&read("model/tokenizer.json")?)?;
    let mut session = Session::on(device.clone());
    block_on(session.load_model("demo", "demo", files, tokenizer, WeightChoice::Auto))?;
    Ok(session)
}

fn load(session: &mut Session, folder: &str, sae: &Value, id: &str) -> Result<()> {
    let read = |name: &str| std::fs::read(format!("{folder}/{name}"));
    let at = |part: &str| sae[part]["path"].as_str().unwrap_or_default().to_owned();
    let weights = TensorFile::from_safetensors(&at("weights"), read(&at("weights"))?)?;
    let file = block_on(saelens::open_folder(&read(&at("cfg"))?, weights))?;
    block_on(session.load_sae(id, &file, &SaeOptions::default()))?;
    Ok(())
}
