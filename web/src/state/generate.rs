//! The continuation of a prompt.

/// The continuation of the prompt: its settings, as typed, and what has come so far.
#[derive(Clone, Debug, PartialEq)]
pub struct GenerateState {
    /// Most new tokens.
    pub max_tokens: String,
    /// 0 takes the likeliest token each time.
    pub temperature: String,
    /// Seed of the draws.
    pub seed: String,
    /// True if it runs.
    pub running: bool,
    /// Tells it from those before it, whose last tokens may still be on their way.
    pub run: u32,
    /// The prompt it continues.
    pub prompt: String,
    /// The text so far.
    pub text: String,
    /// Number of tokens so far.
    pub tokens: usize,
    /// The error that it ended with, if any.
    pub ended: Option<String>,
}

impl Default for GenerateState {
    fn default() -> Self {
        Self {
            max_tokens: "40".to_owned(),
            temperature: "0".to_owned(),
            seed: "0".to_owned(),
            running: false,
            run: 0,
            prompt: String::new(),
            text: String::new(),
            tokens: 0,
            ended: None,
        }
    }
}

impl GenerateState {
    /// Without a continuation; the settings stay. One that runs goes on for nobody, so it is to be stopped.
    pub fn forget(&mut self) {
        self.running = false;
        self.prompt.clear();
        self.text.clear();
        self.tokens = 0;
        self.ended = None;
    }

    /// True while what comes for this run belongs on the page.
    pub fn awaits(&self, run: u32) -> bool {
        self.running && self.run == run
    }
}

/// A setting of the continuation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GenerateField {
    /// Most new tokens.
    MaxTokens,
    /// Temperature.
    Temperature,
    /// Seed.
    Seed,
}
