//! Description of a scanned feature set: what its tally and the model's weights say of each feature, with a label.

use atlas::record::TokenIndex;
use atlas::{FeatureRecord, SetInfo, Tally, label};
use explorer::{DirectionsOptions, Session};

use crate::error::Error;

/// A feature set as it goes into an atlas.
pub struct Described {
    /// The set, without its files.
    pub info: SetInfo,
    /// One record per latent.
    pub records: Vec<FeatureRecord>,
    /// Features that fire on each token of the vocabulary, see [`Tally::token_index`].
    pub token_index: TokenIndex,
    /// Coordinates per latent, see [`explorer::SetDirections::map`].
    pub map: Option<Vec<[f32; 2]>>,
}

/// What a tally says, without weights and labels.
pub fn counted(tally: &Tally) -> Described {
    Described {
        info: tally.set_info(),
        records: tally.records(),
        token_index: tally.token_index(),
        map: None,
    }
}

/// What a tally and the weights in the session say. `set` is the set's id there; `others` are those of the sets in which the nearest
/// features are looked for.
///
/// # Errors
/// [`Error::Engine`] as [`Session::directions`].
pub async fn describe(
    session: &Session,
    tally: &Tally,
    set: &str,
    others: &[String],
    map: bool,
) -> Result<Described, Error> {
    let mut described = counted(tally);
    let options = DirectionsOptions {
        others: Some(others.to_vec()),
        map,
    };
    let directions = session.directions(set, &options).await?;
    let corpus = tally.corpus();
    let text = |id| session.token_text(id).unwrap_or_default();
    for (record, latent) in described.records.iter_mut().zip(directions.latents) {
        latent.fill(record);
        record.label = label::label(record, &corpus, &text);
    }
    described.map = directions.map;
    Ok(described)
}
