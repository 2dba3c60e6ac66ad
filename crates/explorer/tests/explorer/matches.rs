//! Features of one autoencoder that are most like those of another, against NumPy's float64 numbers.

use crate::common::{at_layer_3, layer_3, read, root, with_demo, with_demo_model};
use explorer::{Error, Session};
use pollster::block_on;
use serde_json::Value;

#[test]
fn the_nearest_features_are_those_of_the_formula() {
    let references: Value =
        serde_json::from_slice(&read(&root().join("tests/fixtures/demo-matches.json"))).unwrap();
    with_demo(|device, session| {
        session
            .load_neurons("stream", "blocks.2.hook_resid_mid")
            .unwrap();
        for reference in references.as_array().unwrap() {
            let text = |name: &str| reference[name].as_str().unwrap();
            let (sae, other) = (text("sae"), text("other"));
            let latent = u32::try_from(reference["latent"].as_u64().unwrap()).unwrap();
            let found = block_on(session.matches(sae, latent, other)).unwrap();
            assert_eq!(found.len(), 10);
            let latents = reference["latents"].as_array().unwrap();
            let cosines = reference["cosines"].as_array().unwrap();
            for ((found, latent), cosine) in found.iter().zip(latents).zip(cosines) {
                let what = format!("{device}: {latent} for {sae}/{latent} in {other}");
                assert_eq!(u64::from(found.latent), latent.as_u64().unwrap(), "{what}");
                let difference = f64::from(found.cosine) - cosine.as_f64().unwrap();
                assert!(difference.abs() < 2e-6, "{what}: {difference:e}");
            }
        }
    });
}

fn refusal(session: &Session, sae: &str, latent: u32, other: &str) -> Error {
    block_on(session.matches(sae, latent, other)).unwrap_err()
}

#[test]
fn what_cannot_be_compared_is_refused_with_the_reason() {
    with_demo(|_, session| {
        session
            .load_neurons("mlp", "blocks.3.mlp.hook_post")
            .unwrap();
        session.load_neurons("z", "blocks.3.attn.hook_z").unwrap();
        for other in ["mlp", "z"] {
            let message = refusal(session, "openai.layer_3", 16, other).to_string();
            assert!(message.contains(other), "{message}");
            assert!(message.contains("blocks.3.hook_resid_post"), "{message}");
        }
        // At one hook point directions are comparable, whatever it is: neurons are orthogonal, so there is none.
        assert_eq!(block_on(session.matches("z", 3, "z")).unwrap(), []);
        let missing = refusal(session, "openai.layer_3", 16, "nowhere");
        assert!(matches!(missing, Error::UnknownSae { .. }), "{missing}");
        let beyond = refusal(session, "openai.layer_3", 999_999, "openai.layer_5");
        assert!(
            matches!(beyond, Error::BadOption { name: "latent", .. }),
            "{beyond}"
        );
    });
}

#[test]
fn an_autoencoder_in_its_file_is_compared_from_but_not_searched() {
    with_demo_model(|_, session| {
        let options = at_layer_3();
        let loading = session.load_streamed_sae("filed", layer_3(), &options, None);
        block_on(loading).unwrap();
        session
            .load_neurons("stream", "blocks.3.hook_resid_post")
            .unwrap();
        let found = block_on(session.matches("filed", 16, "stream")).unwrap();
        assert_eq!(found.len(), 10);
        let message = refusal(session, "stream", 3, "filed").to_string();
        assert!(message.contains("stays in its file"), "{message}");
    });
}
