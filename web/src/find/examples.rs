//! Example prompts by their names and texts.

use super::matching::{Match, match_text};
use super::{Hit, Source, Target};
use crate::data::Example;

/// The example prompts.
pub struct Examples<'a>(pub &'a [Example]);

impl Source for Examples<'_> {
    fn find(&self, query: &str) -> (Vec<(Match, Hit)>, Option<String>) {
        let hits = self.0.iter().filter_map(|example| {
            // A word somewhere in a text says less than one in a name.
            let by_text = || match_text(query, &example.text).map(|_| Match::Inside);
            let quality = match_text(query, &example.name).or_else(by_text)?;
            let hit = Hit {
                target: Target::Example(example.text.clone()),
                name: example.name.clone(),
                about: example.text.clone(),
            };
            Some((quality, hit))
        });
        (hits.collect(), None)
    }

    fn has(&self, target: &Target) -> bool {
        matches!(target, Target::Example(text) if self.0.iter().any(|example| example.text == *text))
    }
}
