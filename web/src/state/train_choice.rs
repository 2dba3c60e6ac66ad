//! The settings of a training as a person chooses them, and what is wrong with them.

use super::scan::Text;
use super::texts::Source;

/// Rule by which latents are active.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Rule {
    /// The k largest of each token.
    #[default]
    Topk,
    /// The k·B largest of a batch of B tokens.
    BatchTopk,
    /// Those above a threshold of each latent, which is trained as well.
    JumpRelu,
    /// Those above 0, with L1.
    Relu,
}

impl Rule {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Topk, Self::BatchTopk, Self::JumpRelu, Self::Relu];

    /// Its name in settings.
    pub fn key(self) -> &'static str {
        match self {
            Self::Topk => "topk",
            Self::BatchTopk => "batch_topk",
            Self::JumpRelu => "jump_relu",
            Self::Relu => "relu",
        }
    }

    /// Its name for people.
    pub fn name(self) -> &'static str {
        match self {
            Self::Topk => "TopK",
            Self::BatchTopk => "BatchTopK",
            Self::JumpRelu => "JumpReLU",
            Self::Relu => "ReLU + L1",
        }
    }

    /// True if reconstructions from the first latents can be parts of the loss.
    pub fn has_prefixes(self) -> bool {
        matches!(self, Self::Topk | Self::BatchTopk)
    }

    /// The rule of a key.
    pub fn of_key(key: &str) -> Self {
        let found = Self::ALL.into_iter().find(|rule| rule.key() == key);
        found.unwrap_or_default()
    }
}

/// The processor of a training's steps.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Processor {
    /// One core of the CPU.
    #[default]
    Cpu,
    /// The GPU that the engine runs on.
    Gpu,
}

impl Processor {
    /// Its name as an option of the package.
    pub fn key(self) -> &'static str {
        match self {
            Self::Cpu => "cpu",
            Self::Gpu => "gpu",
        }
    }

    /// The processor of a key.
    pub fn of_key(key: &str) -> Self {
        match key {
            "gpu" => Self::Gpu,
            _ => Self::Cpu,
        }
    }
}

/// A number that a person types.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Field {
    /// Number of latents.
    Latents,
    /// Active latents per token.
    K,
    /// Numbers of first latents whose reconstructions count as well.
    Matryoshka,
    /// Tokens to train on.
    Tokens,
    /// Tokens per step.
    Batch,
    /// Peak learning rate.
    Lr,
    /// Seed.
    Seed,
}

/// What is trained, and how, as the person typed it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Choice {
    /// Where the text is from.
    pub source: Source,
    /// The files.
    pub texts: Vec<Text>,
    /// The hook, as chosen; nothing leaves it to the page.
    pub hook: Option<String>,
    /// Rule by which latents are active.
    pub rule: Rule,
    /// The processor of the steps.
    pub processor: Processor,
    /// Number of latents.
    pub latents: String,
    /// Active latents per token.
    pub k: String,
    /// Prefixes, with commas; nothing for none.
    pub matryoshka: String,
    /// Tokens to train on; nothing for the texts once.
    pub tokens: String,
    /// Tokens per step.
    pub batch: String,
    /// Peak learning rate; nothing leaves it to the number of latents.
    pub lr: String,
    /// Seed.
    pub seed: String,
}

impl Default for Choice {
    fn default() -> Self {
        Self {
            source: Source::default(),
            texts: Vec::new(),
            hook: None,
            rule: Rule::default(),
            processor: Processor::default(),
            latents: "1024".to_owned(),
            k: "16".to_owned(),
            matryoshka: String::new(),
            tokens: String::new(),
            batch: "1024".to_owned(),
            lr: String::new(),
            seed: "0".to_owned(),
        }
    }
}

/// A training that can begin.
#[derive(Clone, Debug, PartialEq)]
pub struct Wanted {
    /// Where the text is from.
    pub source: Source,
    /// The processor of the steps.
    pub processor: Processor,
    /// The hook.
    pub hook: String,
    /// Rule by which latents are active.
    pub rule: Rule,
    /// Number of latents.
    pub latents: u64,
    /// Active latents per token.
    pub k: u64,
    /// Prefixes.
    pub matryoshka: Vec<u64>,
    /// Tokens to train on.
    pub tokens: Option<u64>,
    /// Tokens per step.
    pub batch: u64,
    /// Peak learning rate.
    pub lr: Option<f64>,
    /// Seed.
    pub seed: u64,
}

impl Choice {
    /// What was typed.
    pub fn typed(&self, field: Field) -> &str {
        match field {
            Field::Latents => &self.latents,
            Field::K => &self.k,
            Field::Matryoshka => &self.matryoshka,
            Field::Tokens => &self.tokens,
            Field::Batch => &self.batch,
            Field::Lr => &self.lr,
            Field::Seed => &self.seed,
        }
    }

    pub(super) fn set(&mut self, field: Field, typed: String) {
        *match field {
            Field::Latents => &mut self.latents,
            Field::K => &mut self.k,
            Field::Matryoshka => &mut self.matryoshka,
            Field::Tokens => &mut self.tokens,
            Field::Batch => &mut self.batch,
            Field::Lr => &mut self.lr,
            Field::Seed => &mut self.seed,
        } = typed;
    }

    /// What is wrong with what was typed in a field, by itself or beside the others.
    pub fn wrong(&self, field: Field) -> Option<String> {
        let latents = whole(&self.latents);
        let within = |value: Option<u64>, least: u64, most: u64, what: &str| match value {
            Some(value) if (least..=most).contains(&value) => None,
            _ => Some(format!("{what}: a whole number from {least} to {most}.")),
        };
        match field {
            Field::Latents => within(latents, 1, 1 << 20, "Latents"),
            Field::K => {
                let most = latents.unwrap_or(u64::MAX).min(512);
                let why = within(whole(&self.k), 1, most, "Active latents k")?;
                Some(format!(
                    "{} k is at most the number of latents, and at most 512.",
                    why
                ))
            }
            Field::Matryoshka => {
                let prefixes = self.prefixes();
                let most = latents.unwrap_or(u64::MAX);
                let holds = prefixes.as_ref().is_some_and(|list| {
                    list.is_sorted_by(|one, other| one < other)
                        && list.iter().all(|prefix| (1..most).contains(prefix))
                });
                (!holds).then(|| {
                    "Matryoshka prefixes: increasing whole numbers with commas, each below the number of latents, as 64, 256; or nothing.".to_owned()
                })
            }
            Field::Tokens if self.tokens.trim().is_empty() => None,
            Field::Tokens => {
                let least = whole(&self.batch).unwrap_or(2);
                within(whole(&self.tokens), least, 1 << 40, "Tokens")
                    .map(|why| format!("{why} At least one batch, or nothing for the texts once."))
            }
            Field::Batch => within(whole(&self.batch), 2, 1 << 16, "Tokens per step"),
            Field::Lr if self.lr.trim().is_empty() => None,
            Field::Lr => {
                let rate = self.lr.trim().parse::<f64>().ok();
                let holds = rate.is_some_and(|rate| rate > 0.0 && rate < 1.0);
                (!holds).then(|| {
                    "Learning rate: a number above 0 and below 1, as 0.001 or 1e-3; or nothing."
                        .to_owned()
                })
            }
            Field::Seed => within(whole(&self.seed), 0, 1 << 53, "Seed"),
        }
    }

    /// Prefixes; none where the rule has none, whatever stands in the field.
    pub(super) fn prefixes(&self) -> Option<Vec<u64>> {
        if !self.rule.has_prefixes() {
            return Some(Vec::new());
        }
        let parts = self.matryoshka.split([',', ' ', ';']);
        let parts = parts.filter(|part| !part.is_empty());
        parts.map(|part| part.parse().ok()).collect()
    }
}

/// A whole number, with or without separators.
pub(super) fn whole(typed: &str) -> Option<u64> {
    let digits: String = typed.chars().filter(|c| !" ,_'’".contains(*c)).collect();
    digits.parse().ok()
}
