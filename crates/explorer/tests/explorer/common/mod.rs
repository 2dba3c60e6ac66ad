//! The demo model and the reference fixtures, for tests.

pub mod compare;
pub mod tiny;

use std::path::{Path, PathBuf};
use std::rc::Rc;

use explorer::{BackendChoice, Error, LimitsChoice, SaeOptions, Session, WeightChoice};
use formats::gpt2::Gpt2Files;
use formats::sae::{Architecture, Gate, Normalization, Sae, SaeConfig, SaeFile, openai, saelens};
use formats::source::MemoryBytes;
use formats::tensors::TensorFile;
use formats::tokenizer::Tokenizer;
use kernels::{Device, DeviceOptions, DispatchProfile};
use pollster::block_on;

pub const PROMPTS: [&str; 6] = ["fairy", "bible", "rust", "pydoc", "gloss", "odd"];
pub const TOPK: [&str; 3] = ["openai.layer_1", "openai.layer_3", "openai.layer_5"];
pub const RELU: &str = "saelens.blocks.3.relu";

/// The root of this checkout, or of another one whose demo is to be tested.
pub fn root() -> PathBuf {
    let own = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    std::env::var_os("SAE_EXPLORER_CHECKOUT").map_or_else(own, PathBuf::from)
}

pub fn read(path: &Path) -> Vec<u8> {
    std::fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// A session with nothing loaded. None where there is no GPU and none is required.
pub fn empty_session(backend: BackendChoice, limits: LimitsChoice) -> Option<Session> {
    match block_on(Session::new(backend, limits)) {
        Ok(session) => Some(session),
        Err(error) if std::env::var_os("SAE_EXPLORER_REQUIRE_GPU").is_none() => {
            eprintln!("not run: {error}");
            None
        }
        Err(error) => panic!("{error}"),
    }
}

/// A session with the demo model and no autoencoders. None where there is no GPU and none is required.
pub fn model_session(backend: BackendChoice, limits: LimitsChoice) -> Option<Session> {
    Some(with_model(empty_session(backend, limits)?))
}

fn with_model(mut session: Session) -> Session {
    load_demo(&mut session).unwrap();
    session.set_prepend_bos(true).unwrap();
    session
}

/// The CPU device, and the GPU with either dispatch profile: that of GPUs (tiled products, fused LayerNorm, f16 weights)
/// and that of software adapters.
pub fn devices() -> Vec<(&'static str, Device)> {
    devices_with(false)
}

/// The same; with `poison`, scratch memory holds NaN before it is used.
pub fn devices_with(poison: bool) -> Vec<(&'static str, Device)> {
    let plain = DeviceOptions {
        poison,
        ..DeviceOptions::default()
    };
    let mut devices = vec![("cpu", Device::cpu_with(plain))];
    for (name, profile) in [
        ("gpu profile", DispatchProfile::Gpu),
        ("software profile", DispatchProfile::SoftwareAdapter),
    ] {
        let options = DeviceOptions { profile, ..plain };
        match block_on(Device::gpu(options)) {
            Ok(device) => devices.push((name, device)),
            Err(error) if std::env::var_os("SAE_EXPLORER_REQUIRE_GPU").is_none() => {
                eprintln!("not run with the {name}: {error}");
            }
            Err(error) => panic!("{error}"),
        }
    }
    devices
}

/// Runs a check on every device with the demo model alone.
pub fn with_demo_model(check: impl Fn(&str, &mut Session)) {
    for (name, device) in devices() {
        check(name, &mut with_model(Session::on(device)));
    }
}

/// Runs a check on every device with the demo model and its autoencoders.
pub fn with_demo(check: impl Fn(&str, &mut Session)) {
    with_demo_model(|name, session| {
        load_demo_saes(session);
        check(name, session);
    });
}

/// A session on a device with the demo model and its autoencoders.
pub fn demo_on(device: Device) -> Session {
    let mut session = with_model(Session::on(device));
    load_demo_saes(&mut session);
    session
}

/// Tokens of ordinary text, as many as wanted, the BOS first.
pub fn token_ids(count: usize) -> Vec<u32> {
    let texts = PROMPTS.map(Fixture::load);
    let ids: Vec<u32> = texts
        .iter()
        .flat_map(|text| text.ids("token_ids").split_off(1))
        .collect();
    let bos = Fixture::load(PROMPTS[0]).ids("token_ids")[0];
    let rest = ids.iter().copied().cycle().take(count - 1);
    std::iter::once(bos).chain(rest).collect()
}

/// Loads the demo model.
pub fn load_demo(session: &mut Session) -> Result<(), Error> {
    let demo = root().join("web/demo/model");
    let weights = read(&demo.join("model.safetensors"));
    let weights = TensorFile::from_safetensors("model.safetensors", weights)?;
    let files = block_on(Gpt2Files::new(&read(&demo.join("config.json")), weights))?;
    let tokenizer = Tokenizer::from_tokenizer_json(&read(&demo.join("tokenizer.json")))?;
    let loading = session.load_model("demo", "demo", files, tokenizer, WeightChoice::Auto);
    block_on(loading).map(|_| ())
}

/// One of the demo's TopK autoencoders.
pub fn layer_3() -> Rc<SaeFile> {
    Rc::new(demo_sae("layer_3.pt"))
}

/// Where it belongs.
pub fn at_layer_3() -> SaeOptions {
    SaeOptions {
        hook: Some("blocks.3.hook_resid_post".to_owned()),
        ..SaeOptions::default()
    }
}

fn demo_sae(name: &str) -> SaeFile {
    let bytes = read(&root().join("tests/fixtures/openai").join(name));
    block_on(openai::open_pt(Rc::new(MemoryBytes::new(name, bytes)))).unwrap()
}

/// A session with the demo model, its three TopK autoencoders and the ReLU one.
pub fn demo_session(backend: BackendChoice) -> Option<Session> {
    let mut session = model_session(backend, LimitsChoice::Adapter)?;
    load_demo_saes(&mut session);
    Some(session)
}

/// Loads the demo's autoencoders as its manifest lists them, and the ReLU one beside them.
fn load_demo_saes(session: &mut Session) {
    let demo = root().join("web/demo");
    let manifest: serde_json::Value =
        serde_json::from_slice(&read(&demo.join("demo.json"))).unwrap();
    for sae in manifest["saes"].as_array().unwrap() {
        let at = |part: &str| demo.join(sae[part]["path"].as_str().unwrap());
        let id = sae["id"].as_str().unwrap();
        load_folder(session, id, &at("cfg"), &at("weights"));
    }
    let folder = root().join("tests/fixtures/saelens/blocks.3.hook_resid_post_relu");
    let weights = folder.join("sae_weights.safetensors");
    load_folder(session, RELU, &folder.join("cfg.json"), &weights);
}

fn load_folder(session: &mut Session, id: &str, cfg: &Path, weights: &Path) {
    let weights = TensorFile::from_safetensors("sae_weights.safetensors", read(weights)).unwrap();
    let file = block_on(saelens::open_folder(&read(cfg), weights)).unwrap();
    block_on(session.load_sae(id, &file, &SaeOptions::default())).unwrap();
}

/// A standard autoencoder in memory with these rows as encoder (transposed) and decoder, without biases.
fn plain_sae(rows: &[f32], d_in: usize, hook: &str) -> SaeFile {
    let d_sae = rows.len() / d_in;
    let config = SaeConfig {
        hook_name: Some(hook.to_owned()),
        ..SaeConfig::new(Architecture::Standard, (d_in, d_sae), Normalization::None)
    };
    let folder = saelens::write_folder(&Sae {
        config,
        w_enc: rows.to_vec(),
        b_enc: vec![0.0; d_sae],
        gate: Gate::None,
        w_dec: rows.to_vec(),
        b_dec: vec![0.0; d_in],
        firing_frequency: None,
    })
    .unwrap();
    let weights = TensorFile::from_safetensors("sae_weights.safetensors", folder.weights).unwrap();
    block_on(saelens::open_folder(&folder.cfg_json, weights)).unwrap()
}

/// An autoencoder whose latent i is dimension i.
pub fn identity_sae(d_in: usize, hook: &str) -> SaeFile {
    let mut rows = vec![0.0; d_in * d_in];
    rows.iter_mut().step_by(d_in + 1).for_each(|x| *x = 1.0);
    plain_sae(&rows, d_in, hook)
}

/// An autoencoder of one latent with this direction.
pub fn one_latent_sae(direction: &[f32], hook: &str) -> SaeFile {
    plain_sae(direction, direction.len(), hook)
}

/// One prompt's reference values.
pub struct Fixture {
    pub json: serde_json::Value,
    tensors: TensorFile,
    bytes: Vec<u8>,
}

impl Fixture {
    pub fn load(name: &str) -> Self {
        let folder = root().join("tests/fixtures");
        let json = serde_json::from_slice(&read(&folder.join(format!("{name}.json")))).unwrap();
        let file = format!("{name}.safetensors");
        let bytes = read(&folder.join(&file));
        let tensors = TensorFile::from_safetensors(&file, bytes.clone()).unwrap();
        Self {
            json,
            tensors,
            bytes,
        }
    }

    pub fn text(&self) -> &str {
        self.json["text"].as_str().unwrap()
    }

    pub fn f32(&self, name: &str) -> Vec<f32> {
        block_on(self.tensors.read(name)).unwrap()
    }

    pub fn ids(&self, list: &str) -> Vec<u32> {
        self.json[list]
            .as_array()
            .unwrap()
            .iter()
            .map(|id| id.as_u64().unwrap() as u32)
            .collect()
    }

    /// Integers stored as tensors.
    pub fn i32(&self, name: &str) -> Vec<i32> {
        let tensors = safetensors::SafeTensors::deserialize(&self.bytes).unwrap();
        tensors
            .tensor(name)
            .unwrap()
            .data()
            .as_chunks()
            .0
            .iter()
            .map(|bytes| i32::from_le_bytes(*bytes))
            .collect()
    }
}

/// Largest absolute difference; NaN where there is one on either side, which no bound holds.
pub fn max_difference(a: &[f32], b: &[f32]) -> f32 {
    assert_eq!(a.len(), b.len());
    let differences = a.iter().zip(b).map(|(a, b)| (a - b).abs());
    differences.fold(0.0, |most, one| {
        if most.is_nan() || one <= most {
            most
        } else {
            one
        }
    })
}

#[test]
fn differences_keep_what_is_not_a_number() {
    assert!(max_difference(&[6.0, f32::NAN, 1.0005], &[1.0, 1.0, 1.0]).is_nan());
    assert!(max_difference(&[1.0, 2.0], &[f32::NAN, 2.0]).is_nan());
    assert_eq!(max_difference(&[1.0, 2.0, 5.0], &[1.0, 4.0, 5.5]), 2.0);
    assert!(relative_rms(&[f32::NAN], &[1.0]).is_nan());
}

/// ‖a − b‖ / ‖b‖.
pub fn relative_rms(a: &[f32], b: &[f32]) -> f64 {
    assert_eq!(a.len(), b.len());
    let square = |x: f32| f64::from(x) * f64::from(x);
    let error: f64 = a.iter().zip(b).map(|(a, b)| square(a - b)).sum();
    let norm: f64 = b.iter().map(|b| square(*b)).sum();
    (error / norm).sqrt()
}
