//! Texts that trainings and evaluations read.

/// Where a text is from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Source {
    /// The part of the demo's corpus that lies beside the page.
    #[default]
    Sample,
    /// Files of one's own.
    Files,
    /// The prompt.
    Prompt,
}

/// Address of the part of the demo's corpus.
pub const SAMPLE: &str = "demo/corpus-sample.jsonl.gzip";

/// Its size; a test of the build keeps it about so.
pub const SAMPLE_BYTES: f64 = 550_000.0;

impl Source {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Sample, Self::Files, Self::Prompt];

    /// Its name in a list's values.
    pub fn key(self) -> &'static str {
        match self {
            Self::Sample => "sample",
            Self::Files => "files",
            Self::Prompt => "prompt",
        }
    }

    /// Its name for people.
    pub fn name(self) -> &'static str {
        match self {
            Self::Sample => "the demo’s corpus (sample)",
            Self::Files => "files of your own",
            Self::Prompt => "the prompt",
        }
    }

    /// The source of a key.
    pub fn of_key(key: &str) -> Self {
        let found = Self::ALL.into_iter().find(|source| source.key() == key);
        found.unwrap_or_default()
    }
}
