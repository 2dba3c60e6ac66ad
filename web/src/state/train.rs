//! Training of sparse autoencoders: what is chosen, how far it is, and what this browser keeps of it.

use wire::{TrainEstimate, TrainRecord, TrainingInfo};

use super::State;
use super::scan::Text;

/// Size of the module that trains, which is loaded when somebody asks for it; a budget of the build keeps it below.
pub const MODULE_BYTES: f64 = 1_000_000.0;

/// Hook points at which autoencoders are trained, of each block.
pub const POINTS: [&str; 5] = [
    "hook_resid_post",
    "hook_resid_mid",
    "hook_resid_pre",
    "hook_mlp_out",
    "hook_attn_out",
];

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
    /// The files.
    pub texts: Vec<Text>,
    /// The hook, as chosen; nothing leaves it to the page.
    pub hook: Option<String>,
    /// Rule by which latents are active.
    pub rule: Rule,
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
            texts: Vec::new(),
            hook: None,
            rule: Rule::default(),
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

    fn set(&mut self, field: Field, typed: String) {
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
    fn prefixes(&self) -> Option<Vec<u64>> {
        if !self.rule.has_prefixes() {
            return Some(Vec::new());
        }
        let parts = self.matryoshka.split([',', ' ', ';']);
        let parts = parts.filter(|part| !part.is_empty());
        parts.map(|part| part.parse().ok()).collect()
    }
}

/// A whole number, with or without separators.
fn whole(typed: &str) -> Option<u64> {
    let digits: String = typed.chars().filter(|c| !" ,_'’".contains(*c)).collect();
    digits.parse().ok()
}

/// Reports over which the rate is taken: activations are computed for several steps at once, and a report may have those of many or none.
const RATE: usize = 16;

/// Tokens per second over the last reports; nothing where that is not known.
pub fn rate(records: &[TrainRecord]) -> Option<f64> {
    let last = &records[records.len().saturating_sub(RATE)..];
    let before = records
        .len()
        .checked_sub(RATE + 1)
        .and_then(|at| records.get(at));
    let mut from = before.map_or(0, |record| record.tokens);
    let (mut tokens, mut seconds) = (0.0, 0.0);
    for record in last.iter().filter(|record| record.tokens_per_second > 0.0) {
        let own = record.tokens.saturating_sub(from) as f64;
        tokens += own;
        seconds += own / record.tokens_per_second;
        from = record.tokens;
    }
    (seconds > 0.0).then(|| tokens / seconds)
}

/// What a running training does.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Stage {
    /// The module and the model's weights are loaded.
    Load {
        /// Bytes so far.
        bytes: f64,
        /// Bytes in all.
        total: f64,
    },
    /// Texts are read.
    Read {
        /// Bytes so far.
        bytes: f64,
        /// Bytes in all.
        total: f64,
        /// Tokens so far.
        tokens: u64,
    },
    /// The first activations are computed, and looked at.
    Look,
    /// It is known what it takes; the person's word is awaited.
    Confirm,
    /// Steps.
    Train,
    /// Its step has ended, and it waits.
    Paused,
}

/// What a training reports.
#[derive(Clone, Debug, PartialEq)]
pub enum Report {
    /// What it does.
    Stage(Stage),
    /// What it takes.
    Estimate(TrainEstimate),
    /// It goes on from a checkpoint: steps in all, what was measured until then, and a note.
    Resumed(u64, Vec<TrainRecord>, Option<String>),
    /// Steps that are done, and all.
    Step(TrainRecord, u64),
    /// A checkpoint of so many steps is stored.
    Saved(u64),
    /// A checkpoint could not be stored.
    Unsaved(String),
}

/// A training under way.
#[derive(Clone, Debug, PartialEq)]
pub struct Running {
    /// What it does.
    pub stage: Stage,
    /// What it takes.
    pub estimate: Option<TrainEstimate>,
    /// What was measured so far.
    pub records: Vec<TrainRecord>,
    /// Steps in all.
    pub steps: u64,
    /// Steps of the last checkpoint.
    pub saved: Option<u64>,
    /// Why the last checkpoint could not be stored.
    pub unsaved: Option<String>,
    /// What is to be known of a training that was resumed.
    pub note: Option<String>,
    /// True from the wish to pause until it waits.
    pub pausing: bool,
    /// True once the person has asked for its end.
    pub stopping: bool,
}

impl Default for Running {
    fn default() -> Self {
        Self {
            stage: Stage::Load {
                bytes: 0.0,
                total: 0.0,
            },
            estimate: None,
            records: Vec::new(),
            steps: 0,
            saved: None,
            unsaved: None,
            note: None,
            pausing: false,
            stopping: false,
        }
    }
}

impl Running {
    fn report(&mut self, report: Report) {
        match report {
            Report::Stage(stage) => {
                self.pausing &= stage != Stage::Paused;
                self.stage = stage;
            }
            Report::Estimate(estimate) => {
                self.steps = estimate.steps;
                self.estimate = Some(estimate);
                self.stage = Stage::Confirm;
            }
            Report::Resumed(steps, records, note) => {
                self.stage = Stage::Train;
                self.steps = steps;
                self.records = records;
                self.note = note;
            }
            Report::Step(record, steps) => {
                self.stage = Stage::Train;
                self.steps = steps;
                self.records.push(record);
            }
            Report::Saved(step) => {
                self.saved = Some(step);
                self.unsaved = None;
            }
            Report::Unsaved(why) => self.unsaved = Some(why),
        }
    }

    /// Share that is done, from 0 to 1; nothing where that is not known.
    pub fn share(&self) -> Option<f64> {
        let of = |done: f64, total: f64| (total > 0.0).then(|| (done / total).clamp(0.0, 1.0));
        match self.stage {
            Stage::Load { bytes, total } | Stage::Read { bytes, total, .. } => of(bytes, total),
            Stage::Look | Stage::Confirm => None,
            Stage::Train | Stage::Paused => {
                let step = self.records.last().map_or(0, |record| record.step);
                of(step as f64, self.steps as f64)
            }
        }
    }

    /// Seconds that are left, by the rate of the last report.
    pub fn left(&self) -> Option<f64> {
        let last = self.records.last()?;
        if self.stage != Stage::Train || last.step == 0 {
            return None;
        }
        let rate = rate(&self.records)?;
        let per_step = last.tokens as f64 / last.step as f64;
        let steps = self.steps.saturating_sub(last.step) as f64;
        Some(steps * per_step / rate)
    }
}

/// A training that has ended.
#[derive(Clone, Debug, PartialEq)]
pub struct Finished {
    /// It.
    pub info: TrainingInfo,
    /// True if all steps are done.
    pub complete: bool,
    /// True if this browser keeps it.
    pub stored: bool,
    /// What was measured.
    pub records: Vec<TrainRecord>,
}

/// Trainings.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TrainState {
    /// What is to be trained.
    pub choice: Choice,
    /// The training under way.
    pub running: Option<Running>,
    /// The last one that ended.
    pub finished: Option<Finished>,
    /// Why the last one failed.
    pub failed: Option<String>,
    /// Trainings that this browser keeps.
    pub stored: Vec<TrainingInfo>,
    /// True while one is opened or packed.
    pub busy: bool,
}

/// Something about trainings.
#[derive(Clone, Debug)]
pub enum TrainAction {
    /// Texts were chosen.
    Choose(Vec<Text>),
    /// The hook.
    Hook(String),
    /// The rule by which latents are active.
    Rule(Rule),
    /// A number, as typed.
    Type(Field, String),
    /// A training begins.
    Started,
    /// What it reports.
    Report(Report),
    /// The person said that it shall begin, or go on.
    Going,
    /// The person asked for a pause.
    Pausing,
    /// The person asked for its end.
    Stopping,
    /// It ended, or failed; nothing where it was given up before there was anything.
    Ended(Result<Option<Finished>, String>),
    /// Trainings that this browser keeps.
    Listed(Vec<TrainingInfo>),
    /// One is opened or packed, or no longer.
    Busy(bool),
    /// One was removed.
    Removed(String),
    /// Something about them failed.
    Failed(String),
}

impl State {
    pub(super) fn train_action(&mut self, action: TrainAction) {
        let train = &mut self.train;
        match action {
            TrainAction::Choose(texts) => {
                train.choice.texts = texts;
                train.failed = None;
            }
            TrainAction::Hook(hook) => train.choice.hook = Some(hook),
            TrainAction::Rule(rule) => train.choice.rule = rule,
            TrainAction::Type(field, typed) => train.choice.set(field, typed),
            TrainAction::Started => {
                train.failed = None;
                train.finished = None;
                train.running = Some(Running::default());
            }
            TrainAction::Report(report) => {
                if let Some(running) = &mut train.running {
                    running.report(report);
                }
            }
            TrainAction::Going => {
                if let Some(running) = &mut train.running {
                    running.pausing = false;
                    running.stage = Stage::Train;
                }
            }
            TrainAction::Pausing => {
                if let Some(running) = &mut train.running {
                    running.pausing = true;
                }
            }
            TrainAction::Stopping => {
                if let Some(running) = &mut train.running {
                    running.stopping = true;
                }
            }
            TrainAction::Ended(ended) => {
                train.running = None;
                match ended {
                    Ok(finished) => train.finished = finished,
                    Err(why) => train.failed = Some(why),
                }
            }
            TrainAction::Listed(stored) => train.stored = stored,
            TrainAction::Busy(busy) => {
                train.busy = busy;
                if busy {
                    train.failed = None;
                }
            }
            TrainAction::Removed(id) => {
                train.stored.retain(|one| one.id != id);
                if let Some(finished) = &mut train.finished {
                    finished.stored &= finished.info.id != id;
                }
            }
            TrainAction::Failed(why) => train.failed = Some(why),
        }
    }

    /// Hooks of the loaded model at which autoencoders are trained.
    pub fn train_hooks(&self) -> Vec<String> {
        let layers = self.model.as_ref().map_or(0, |model| model.n_layers);
        let layer = |layer: usize| POINTS.map(|point| format!("blocks.{layer}.{point}"));
        (0..layers).flat_map(layer).collect()
    }

    /// The hook of the training: the chosen one, or else the residual stream after a block in the middle.
    pub fn train_hook(&self) -> Option<String> {
        let layers = self.model.as_ref()?.n_layers;
        let chosen = self.train.choice.hook.clone();
        let chosen = chosen.filter(|hook| self.train_hooks().contains(hook));
        let middle = layers.saturating_sub(1) / 2;
        Some(chosen.unwrap_or_else(|| format!("blocks.{middle}.hook_resid_post")))
    }

    /// The training of what is chosen.
    ///
    /// # Errors
    /// What is missing for it, or wrong.
    pub fn wanted_training(&self) -> Result<Wanted, String> {
        let choice = &self.train.choice;
        let hook = self.train_hook().ok_or("The model is not there yet.")?;
        for field in [
            Field::Latents,
            Field::K,
            Field::Matryoshka,
            Field::Tokens,
            Field::Batch,
            Field::Lr,
            Field::Seed,
        ] {
            if let Some(why) = choice.wrong(field) {
                return Err(why);
            }
        }
        if choice.texts.is_empty() {
            return Err("Choose a text first.".to_owned());
        }
        let number = |typed: &str| whole(typed).unwrap_or_default();
        Ok(Wanted {
            hook,
            rule: choice.rule,
            latents: number(&choice.latents),
            k: number(&choice.k),
            matryoshka: choice.prefixes().unwrap_or_default(),
            tokens: whole(&choice.tokens),
            batch: number(&choice.batch),
            lr: choice.lr.trim().parse().ok(),
            seed: number(&choice.seed),
        })
    }
}
