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
    /// Why it ended, where that is worth saying.
    pub ended: Option<String>,
    /// True if it ended because the model's context is full.
    pub full: bool,
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
            full: false,
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
        self.full = false;
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

/// The second half of a text, from the beginning of a word on: what a model whose context is full can go on behind.
pub fn second_half(text: &str) -> &str {
    let mut starts = text.char_indices().map(|(at, _)| at);
    let middle = starts.clone().find(|at| *at >= text.len().div_ceil(2));
    let rest = middle.or(starts.next_back()).map_or("", |at| &text[at..]);
    // A text without gaps is cut in the middle of one.
    let word = rest
        .find(char::is_whitespace)
        .map_or(rest, |at| rest[at..].trim_start());
    match word {
        "" => rest,
        word => word,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_second_half_begins_with_a_word() {
        assert_eq!(second_half("one two three four"), "four");
        assert_eq!(second_half("one two\nthree"), "three");
        assert_eq!(second_half("onetwothree"), "three");
        assert_eq!(second_half("éééé"), "éé");
        assert_eq!(second_half("ab   "), "  ");
        assert_eq!(second_half("a😀"), "😀");
        assert_eq!(second_half(""), "");
    }

    proptest::proptest! {
        #[test]
        fn it_is_an_end_of_the_text_and_shorter(text in "\\PC{2,60}") {
            let half = second_half(&text);
            proptest::prop_assert!(text.ends_with(half));
            proptest::prop_assert!(half.len() < text.len());
            proptest::prop_assert!(!half.is_empty() || text.is_empty());
        }
    }
}
