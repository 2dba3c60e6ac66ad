//! `feature`: a feature by its weights alone.

use std::fmt::Write as _;
use std::io::{self, Write as _};

use explorer::{LimitsChoice, Session, TokenValue};
use serde::Serialize;

use crate::args::Feature;
use crate::error::Error;
use crate::place::Places;
use crate::table::visible;
use crate::{load, print_json};

/// A feature, as `--json` prints it.
#[derive(Serialize)]
struct JsonFeature<'a> {
    sae: &'a str,
    hook: &'a str,
    #[serde(flatten)]
    feature: &'a explorer::Feature,
    backend: &'a str,
    adapter: &'a str,
}

/// Describes a feature and prints it.
pub async fn feature(arguments: &Feature) -> Result<(), Error> {
    let common = &arguments.common;
    let mut session = Session::new(common.backend.into(), LimitsChoice::Adapter).await?;
    let places = Places::new(&common.downloads);
    load::model(&mut session, &places, &common.model).await?;
    let ids = load::sets(&mut session, &places, &arguments.sets).await?;
    let sae = load::chosen_set(arguments.set.as_deref(), &ids)?;
    let feature = session.feature(sae, arguments.latent).await?;
    let info = session.info();
    let set = info.saes.iter().find(|set| set.id == sae);
    let json = JsonFeature {
        sae,
        hook: set.map_or("", |set| set.hook.as_str()),
        feature: &feature,
        backend: &info.backend,
        adapter: &info.adapter,
    };
    let mut out = io::stdout().lock();
    match common.json {
        true => print_json(&mut out, &json),
        false => Ok(out.write_all(text(&json).as_bytes())?),
    }
}

fn text(json: &JsonFeature<'_>) -> String {
    let mut out = String::new();
    let feature = json.feature;
    let _ = writeln!(out, "{}:{} at {}", json.sae, feature.latent, json.hook);
    let _ = writeln!(
        out,
        "decoder norm {:.4}, output norm {:.4}, encoder bias {:.4}",
        feature.decoder_norm, feature.output_norm, feature.encoder_bias
    );
    let listed = |effects: &[TokenValue]| {
        let listed = effects
            .iter()
            .map(|effect| format!("{} {:+.3}", visible(&effect.text), effect.value));
        listed.collect::<Vec<_>>().join(", ")
    };
    let _ = writeln!(
        out,
        "logits up, by the direct path: {}",
        listed(&feature.logit_effect.top)
    );
    let _ = writeln!(out, "logits down: {}", listed(&feature.logit_effect.bottom));
    let nearest = feature
        .nearest
        .iter()
        .map(|near| format!("{} ({:.3})", near.latent, near.cosine));
    let _ = writeln!(
        out,
        "nearest by decoder cosine: {}",
        nearest.collect::<Vec<_>>().join(", ")
    );
    out
}
