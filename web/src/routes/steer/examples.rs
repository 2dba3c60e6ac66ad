//! Features of the demo that move its texts. `page-steer.test.js` runs each and counts its words.

use wire::Edit;

/// A feature that moves the text.
pub struct Example {
    /// The direction.
    pub name: &'static str,
    /// The prompt.
    pub prompt: &'static str,
    /// The edit, in the grammar of edits.
    pub edit: &'static str,
    /// Words of which there are more under it, separated by blanks.
    pub words: &'static str,
}

/// The examples, on SAEs of the demo.
pub const EXAMPLES: [Example; 4] = [
    Example {
        name: "thou and thy",
        prompt: "Once upon a time there was",
        edit: "openai.layer_3:3480=+7x",
        words: "thy thou thee thine thyself",
    },
    Example {
        name: "people of The Mysterious Island",
        prompt: "Once upon a time there was",
        edit: "openai.layer_3:4050=+10x",
        words: "Herbert Spilett Pencroff Fogg Neb Harding Smith",
    },
    Example {
        name: "first person",
        prompt: "Once upon a time there was",
        edit: "openai.layer_3:1265=+7x",
        words: "I my me myself mine",
    },
    Example {
        name: "bed and sleep",
        prompt: "Once upon a time there was",
        edit: "openai.layer_5:1350=+14x",
        words: "bed beds sleep asleep",
    },
];

impl Example {
    /// The edit.
    pub fn edits(&self) -> Vec<Edit> {
        self.edit.parse().into_iter().collect()
    }

    /// Id of the SAE that it is of.
    pub fn sae(&self) -> &'static str {
        self.edit.split_once(':').map_or("", |(sae, _)| sae)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_example_is_an_edit() {
        for example in &EXAMPLES {
            let edits = example.edits();
            assert_eq!(edits.len(), 1, "{}", example.name);
            assert_eq!(edits[0].sae, example.sae());
            assert_eq!(edits[0].to_string(), example.edit);
        }
    }
}
