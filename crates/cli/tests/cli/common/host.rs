//! A host on this machine that publishes models and autoencoders as Hugging Face does, and the program asking it.

#[path = "../../../../hub/tests/hub/common/server.rs"]
pub mod server;

use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use serde_json::Value;
use server::Server;

use super::{root, without_notes};

/// A model there.
pub const MODEL: &str = "openai-community/gpt2";
/// An autoencoder there: a folder whose name ends like a file's.
pub const SAE: &str = "jbloom/GPT2-Small-OAI-v5-32k-resid-post-SAEs:v5_32k_layer_3.pt";
/// Where the autoencoder belongs.
pub const HOOK: &str = "blocks.3.hook_resid_post";

/// A host with a model and autoencoders in the layouts in which they are published.
pub fn host() -> Server {
    let server = Server::start();
    server.publish_folder(MODEL, "", &root().join("web/demo/model"));
    let (repo, path) = SAE.split_once(':').unwrap();
    let saelens = root().join(format!("tests/fixtures/saelens/{HOOK}"));
    server.publish_folder(repo, path, &saelens);
    let pt = fs::read(root().join("tests/fixtures/openai/layer_3.pt")).unwrap();
    server.publish("someone/saes", "layer_3.pt", &pt);
    server.put("plain/sae 3/layer_3.pt", &pt, false);
    server
}

/// The program, asking this host, with this cache.
pub fn command(server: &Server, cache: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sae-explorer"));
    command
        .args(arguments)
        .env("SAE_EXPLORER_MIRROR", server.url())
        .env("SAE_EXPLORER_CACHE", cache)
        .env("SAE_EXPLORER_NO_HF_CACHE", "1")
        .env("HF_TOKEN", "hf_secret")
        .stdin(Stdio::null());
    for proxy in ["http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"] {
        command.env_remove(proxy);
    }
    command
}

/// What comes of it.
pub fn run(server: &Server, cache: &Path, arguments: &[&str]) -> Output {
    command(server, cache, arguments).output().unwrap()
}

/// What a trace of the model and an autoencoder prints, and what it says beside it.
pub fn trace(
    server: &Server,
    cache: &Path,
    model: &str,
    sae: &str,
    more: &[&str],
) -> (Value, String) {
    let prompt = ["--prompt", "the king", "--json", "--backend", "cpu"];
    let arguments = [
        &["trace", "--model", model, "--sae", sae][..],
        &prompt,
        more,
    ]
    .concat();
    let output = run(server, cache, &arguments);
    let errors = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{errors}");
    let errors = without_notes(&errors);
    (serde_json::from_slice(&output.stdout).unwrap(), errors)
}

/// The paragraph with which the program refuses.
pub fn refused(server: &Server, cache: &Path, arguments: &[&str], code: &str, words: &[&str]) {
    let output = run(server, cache, arguments);
    let errors = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{arguments:?}: {errors}");
    assert_eq!(output.stdout, b"");
    let last = errors.lines().last().unwrap_or_default();
    assert!(last.starts_with(&format!("error ({code}): ")), "{errors}");
    for word in words {
        assert!(last.contains(word), "`{last}` should say {word}");
    }
}
