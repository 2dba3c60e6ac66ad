//! Training of sparse autoencoders: how far it is, and what this browser keeps of it.

use wire::{TrainEstimate, TrainRecord, TrainingInfo};

use super::State;
use super::scan::Text;
use super::texts::Source;
use super::train_choice::{Choice, Field, Processor, Rule, Wanted, whole};

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
    /// Where the text is from.
    Source(Source),
    /// Texts were chosen.
    Choose(Vec<Text>),
    /// The processor of the steps.
    Processor(Processor),
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
            TrainAction::Source(source) => train.choice.source = source,
            TrainAction::Processor(processor) => train.choice.processor = processor,
            TrainAction::Choose(texts) => {
                train.choice.texts = texts;
                train.choice.source = Source::Files;
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

    /// True where the engine runs on a GPU, which then can train as well.
    pub fn trains_on_gpu(&self) -> bool {
        self.info.as_ref().is_some_and(|info| info.backend == "gpu")
    }

    /// The processor that is chosen for the steps, where it is there.
    pub fn train_processor(&self) -> Processor {
        match self.trains_on_gpu() {
            true => self.train.choice.processor,
            false => Processor::Cpu,
        }
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
        if choice.source == Source::Files && choice.texts.is_empty() {
            return Err("Choose a text first.".to_owned());
        }
        let processor = self.train_processor();
        if processor == Processor::Gpu && choice.rule != Rule::Topk {
            return Err(format!(
                "A GPU trains TopK; train {} on the CPU.",
                choice.rule.name()
            ));
        }
        let number = |typed: &str| whole(typed).unwrap_or_default();
        Ok(Wanted {
            source: choice.source,
            processor,
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
