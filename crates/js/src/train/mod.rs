//! Trainings of sparse autoencoders on a person's own texts.

mod host;
mod kept;
mod processor;
mod pt;
mod settings;

pub use pt::as_pt;

use std::rc::Rc;

use ::train::checkpoint::{LOG, Source};
use ::train::{Record, Take, Training, checkpoint};
use corpus::Corpus;
use explorer::{Bos, Session};
use serde::Deserialize;
use train_run::{Activations, Harvest, HarvestOptions, Run, Windows, advice};
use wasm_bindgen::prelude::*;
use wire::{ScannedFile, TrainEstimate, TrainOptions, TrainProgress, TrainRecord, Trained};

use crate::engine::Engine;
use crate::error::{answer, bad_option, fault, refused};
use crate::options;
use crate::part::{self, unreadable};
use host::{Host, Word};
use kept::{TOKENS, kept_files};

/// Points of a curve that are enough: a report is of so many steps that there are no more.
const REPORTS: u64 = 400;

/// Documents between two looks at messages.
const DOCUMENTS: u64 = 16;

/// Tokens of texts that are read, unless the caller says otherwise.
const CORPUS_TOKENS: u64 = 20_000_000;

/// Seconds between two checkpoints, unless the caller says otherwise.
const CHECKPOINT_SECONDS: f64 = 60.0;

/// What is to be trained, and on what.
#[derive(Deserialize)]
struct Wanted {
    /// Id under which it is stored.
    id: String,
    /// Names and lengths of the texts; none where it goes on.
    files: Vec<(String, u64)>,
    /// True if it goes on from what is stored.
    resume: bool,
    options: TrainOptions,
}

#[wasm_bindgen]
// The session stays borrowed while a call waits for the device: that is what keeps a second call out.
#[allow(clippy::await_holding_refcell_ref)]
impl Engine {
    /// Trains a sparse autoencoder on activations of the model, from the beginning or from what is stored. The host reads texts, hears
    /// how far it is, stores checkpoints and says whether it goes on: see `pkg/trainer.js`.
    ///
    /// # Errors
    /// `bad-option`, `bad-corpus` for texts that cannot be read or are too short, `no-model`, `hook-mismatch`, `not-a-number` for
    /// activations that are none and for a training that diverged, `other-training`, `bad-file` for a stored one that is damaged,
    /// `cancelled` where it was stopped before its first step, `device-lost`.
    pub async fn train(&self, wanted: JsValue, host: Host) -> Result<JsValue, JsValue> {
        let wanted: Wanted = options::read("options", wanted)?;
        let mut session = self.session()?;
        let trained = if wanted.resume {
            resume(&mut session, &wanted, &host).await?
        } else {
            start(&mut session, &wanted, &host).await?
        };
        answer(&trained)
    }
}

/// A training under way, with what is kept of it.
struct UnderWay<'a> {
    wanted: &'a Wanted,
    host: &'a Host,
    name: String,
    harvest: &'a Harvest,
    run: Run<'a, Texts<'a>>,
    training: Training,
    log: String,
    last: Option<Record>,
    /// True if the tokens of the texts are stored.
    has_tokens: bool,
    /// Steps of the last checkpoint that was stored, and the time of the last try.
    stored: Option<u64>,
    tried: f64,
}

/// The model and the windows of texts.
struct Texts<'a> {
    session: &'a Session,
    harvest: &'a Harvest,
}

impl Activations for Texts<'_> {
    type Error = train_run::Error;

    fn width(&self) -> usize {
        self.harvest.width()
    }

    fn lengths(&self) -> Vec<u32> {
        self.harvest.lengths()
    }

    async fn fill(&self, takes: &[Take], block: &mut [f32]) -> Result<(), train_run::Error> {
        let filled = self.harvest.fill(self.session, takes, block, || Ok(()));
        filled.await
    }
}

async fn start(session: &mut Session, wanted: &Wanted, host: &Host) -> Result<Trained, JsValue> {
    let given = &wanted.options;
    let (mut config, has_tokens) = settings::config(given)?;
    // What can be wrong without data is said before it is read.
    config.check_before_data(has_tokens).map_err(failed)?;
    let hook = given.hook.as_deref();
    let hook = hook.ok_or_else(|| bad_option("hook", "name the hook to train on"))?;
    let field = given.text_field.as_deref();
    let corpus = part::corpus(wanted.files.clone(), field, &host.reader())?;
    let options = HarvestOptions {
        hook,
        bos: options::bos(given.bos.as_deref())?,
        context: given.context,
        keep_first: given.keep_first.unwrap_or(false),
        with_model_id: true,
    };
    let mut harvest = Harvest::new(session, options).map_err(failed_run)?;
    read(session, &mut harvest, corpus, given.corpus_tokens, host).await?;
    harvest.end(&wanted.files);
    let texts = Texts {
        session,
        harvest: &harvest,
    };
    if !has_tokens {
        config = config.over(texts.rows());
    }
    let mut run = Run::new(config, &texts, clock()).map_err(failed)?;
    host.tell(&TrainProgress::Look);
    let found = run.look().await.map_err(failed_run)?;
    let trainer = run.start().map_err(failed)?;
    let training = processor::on(given.processor.as_deref(), session, trainer).await?;
    let first = wanted.files.first().map(|(name, _)| name.clone());
    let mut under_way = UnderWay {
        wanted,
        host,
        name: given.name.clone().or(first).unwrap_or_default(),
        harvest: &harvest,
        tried: run.now(),
        run,
        training,
        log: String::new(),
        last: None,
        has_tokens: false,
        stored: None,
    };
    under_way.run.begin(under_way.training.trainer());
    let estimate = under_way.run.try_steps(&mut under_way.training).await;
    let estimate = estimate.map_err(failed_run)?;
    let config = under_way.run.config();
    let info = session.info();
    host.tell(&TrainProgress::Estimate(TrainEstimate {
        corpus_tokens: harvest.tokens() as u64,
        tokens: config.tokens,
        steps: config.steps(),
        width: harvest.width(),
        memory_bytes: config.memory(harvest.width()) + config.checkpoint_bytes(harvest.width()),
        corpus_bytes: harvest.windows().memory(),
        model_bytes: info.loaded_bytes,
        checkpoint_bytes: config.checkpoint_bytes(harvest.width()),
        seconds: estimate.seconds,
        tokens_per_second: estimate.tokens_per_second,
        mean_over_spread: found.mean_over_spread,
        normalised_mean_over_spread: found.normalised_mean_over_spread,
        advice: advice(&found, config).map(str::to_owned),
        device: device(session),
        processor: processor::name(&under_way.training, session),
    }));
    if host.confirmed().await? == Word::Stop {
        return Err(stopped());
    }
    under_way.report_if_due();
    under_way.save().await?;
    under_way.train().await
}

async fn resume(session: &mut Session, wanted: &Wanted, host: &Host) -> Result<Trained, JsValue> {
    let stored = host.stored().await?;
    let read = |name: &str| stored.file(name);
    let place = std::path::Path::new(&wanted.id);
    let (config, state) = checkpoint::describe(place, read).map_err(failed)?;
    let origin = &state.origin;
    let options = HarvestOptions {
        hook: origin.hook_name.as_deref().unwrap_or_default(),
        bos: match origin.prepend_bos {
            Some(true) => Bos::Yes,
            _ => Bos::No,
        },
        context: origin.context_size,
        keep_first: !origin.skips_first,
        with_model_id: true,
    };
    let mut harvest = Harvest::new(session, options).map_err(failed_run)?;
    let windows = Windows::decode(&read(TOKENS).map_err(failed)?).map_err(failed_run)?;
    let files = state.source.get("corpus").cloned().unwrap_or_default();
    harvest.take(windows, &files);
    let read = |name: &str| stored.file(name);
    let resumed = checkpoint::read(place, &config, harvest.source(), read);
    let (trainer, state) = resumed.map_err(failed)?;
    let log = stored.file(LOG).map_err(failed)?;
    let log = String::from_utf8_lossy(&log).into_owned();
    let lines = log
        .lines()
        .filter_map(|line| serde_json::from_str(line).ok());
    let records: Vec<TrainRecord> = lines.filter_map(kept::record).collect();
    let last = log.lines().last();
    let last = last.and_then(|line| serde_json::from_str(line).ok());
    drop(stored);
    let given = wanted.options.processor.as_deref();
    let training = processor::on(given, session, trainer).await?;
    let note = (state.machine != training.trainer().machine()).then(|| {
        format!(
            "The checkpoint is of another kind of processor ({}): the results are as good, but not the same to the bit.",
            state.machine
        )
    });
    let texts = Texts {
        session,
        harvest: &harvest,
    };
    let run = Run::new(config, &texts, clock()).map_err(failed)?;
    host.tell(&TrainProgress::Resumed {
        step: state.step,
        steps: run.config().steps(),
        records,
        note,
    });
    let mut under_way = UnderWay {
        wanted,
        host,
        name: wanted.options.name.clone().unwrap_or_default(),
        harvest: &harvest,
        tried: run.now(),
        run,
        training,
        log,
        last,
        has_tokens: true,
        stored: Some(state.step),
    };
    under_way.run.begin(under_way.training.trainer());
    under_way.train().await
}

/// Reads documents until there are enough tokens.
async fn read(
    session: &Session,
    harvest: &mut Harvest,
    mut corpus: Corpus,
    most: Option<u64>,
    host: &Host,
) -> Result<(), JsValue> {
    let most = most.unwrap_or(CORPUS_TOKENS);
    let total_bytes = corpus.bytes();
    let mut documents = 0;
    while let Some(document) = corpus.next() {
        let document = document.map_err(unreadable)?;
        harvest.add(session, &document.text).map_err(failed_run)?;
        documents += 1;
        let tokens = harvest.tokens() as u64;
        if documents % DOCUMENTS == 1 {
            host.tell(&TrainProgress::Read {
                bytes: corpus.bytes_read(),
                total_bytes,
                tokens,
            });
            if host.turn().await? == Word::Stop {
                return Err(stopped());
            }
        }
        if tokens >= most {
            break;
        }
    }
    Ok(())
}

impl UnderWay<'_> {
    /// Trains to the end, or until it is stopped.
    async fn train(mut self) -> Result<Trained, JsValue> {
        let every = self.wanted.options.checkpoint_seconds;
        let every = every.unwrap_or(CHECKPOINT_SECONDS);
        let steps = self.run.config().steps();
        while self.training.trainer().steps_done() < steps {
            let step = self.training.trainer().steps_done();
            let is_saved = self.stored == Some(step);
            match self.host.between(step as f64, is_saved).await? {
                Word::Stop => break,
                Word::Save => {
                    self.save().await?;
                    continue;
                }
                Word::Go => {}
            }
            match self.run.step(&mut self.training).await {
                // Stopped while activations were computed.
                Err(train_run::Error::Engine(explorer::Error::Cancelled)) => break,
                measured => measured.map_err(failed_run)?,
            };
            self.report_if_due();
            if self.run.now() - self.tried >= every {
                self.save().await?;
            }
        }
        if self.stored != Some(self.training.trainer().steps_done()) {
            self.save().await?;
        }
        let mut files = Vec::new();
        let origin = self.harvest.origin();
        let keep = |name: &str, bytes: &[u8]| {
            files.push(ScannedFile {
                path: name.to_owned(),
                bytes: bytes.to_vec(),
            });
            Ok::<(), ::train::Error>(())
        };
        let trainer = self.training.current().await.map_err(failed)?;
        checkpoint::autoencoder(trainer, origin, keep).map_err(failed)?;
        files.push(ScannedFile {
            path: LOG.to_owned(),
            bytes: self.log.clone().into_bytes(),
        });
        Ok(Trained {
            info: self.info(),
            complete: self.training.trainer().steps_done() >= steps,
            stored: self.stored == Some(self.training.trainer().steps_done()),
            files,
        })
    }

    /// Reports the steps since the last report, where it is time for one.
    fn report_if_due(&mut self) {
        let steps = self.run.config().steps();
        let every = steps.div_ceil(REPORTS).max(1);
        let step = self.training.trainer().steps_done();
        let reported = self.last.as_ref().map_or(0, |last| last.step);
        if step / every == reported / every && step != steps {
            return;
        }
        let line = self.run.line(&mut self.training);
        // A line has numbers alone; those that are none are null.
        if let Ok(text) = serde_json::to_string(&line) {
            self.log += &text;
            self.log.push('\n');
        }
        self.host.tell(&TrainProgress::Step {
            record: kept::told(&line),
            steps,
        });
        self.last = Some(line.record);
    }

    /// Stores a checkpoint. Where that fails the last one is as it was, and the training goes on.
    async fn save(&mut self) -> Result<(), JsValue> {
        self.tried = self.run.now();
        let begun = self.run.now();
        let source: &Source = self.harvest.source();
        let trainer = self.training.current().await.map_err(failed)?;
        let mut files =
            kept_files(trainer, self.harvest.origin(), source, &self.log).map_err(failed)?;
        if !self.has_tokens {
            files.push(ScannedFile {
                path: TOKENS.to_owned(),
                bytes: self.harvest.windows().encode(),
            });
        }
        let step = self.training.trainer().steps_done();
        match self.host.store(&files, &self.info()).await? {
            None => {
                self.has_tokens = true;
                self.stored = Some(step);
                self.host.tell(&TrainProgress::Saved { step });
            }
            Some(why) => self.host.tell(&TrainProgress::Unsaved { why }),
        }
        self.run.saved_since(begun);
        Ok(())
    }

    fn info(&self) -> wire::TrainingInfo {
        let config = self.training.trainer().config();
        let origin = self.harvest.origin();
        let name = |name: &Option<String>| name.clone().unwrap_or_default();
        wire::TrainingInfo {
            id: self.wanted.id.clone(),
            name: self.name.clone(),
            model: name(&origin.model_name),
            hook: name(&origin.hook_name),
            latents: config.latents,
            k: config.k,
            activation: config.activation.name().to_owned(),
            step: self.training.trainer().steps_done(),
            steps: config.steps(),
            tokens: self.training.trainer().tokens_done(),
            fvu: self.last.as_ref().map(|last| last.fvu),
            saved_at: js_sys::Date::now(),
            bytes: config.checkpoint_bytes(self.harvest.width()),
        }
    }
}

/// A clock for the parts of a run.
fn clock() -> explorer::Clock {
    Rc::new(|| host::now() / 1000.0)
}

fn device(session: &Session) -> String {
    let info = session.info();
    format!("{} ({})", info.backend.to_uppercase(), info.adapter)
}

fn stopped() -> JsValue {
    let message = "The training was stopped before it began; nothing was kept.";
    fault("cancelled", message, JsValue::UNDEFINED)
}

fn failed_run(error: train_run::Error) -> JsValue {
    use train_run::Error;
    match error {
        Error::Training(error) => failed(error),
        Error::Engine(error) => refused(error),
        Error::Corpus(error) => unreadable(error),
        Error::Tokens { .. } => fault("bad-file", error, JsValue::UNDEFINED),
        Error::Context { .. } => bad_option("context", error),
        error => bad_option("bos", error),
    }
}

fn failed(error: ::train::Error) -> JsValue {
    use ::train::Error;
    let code = match &error {
        Error::Setting { key, .. } => return bad_option(key, &error),
        Error::Configuration { .. } => return bad_option("settings", &error),
        Error::TooFew { .. } | Error::Constant { .. } => "bad-corpus",
        Error::NotFinite { .. } | Error::Diverged { .. } => "not-a-number",
        Error::Other { .. } => "other-training",
        Error::NoState { .. } | Error::Damaged { .. } | Error::Read { .. } => "bad-file",
        Error::Device(_) => {
            let message = error.to_string();
            let Error::Device(error) = error else {
                return fault("internal", message, JsValue::UNDEFINED);
            };
            let code = explorer::Error::from(error).code();
            return fault(code, message, JsValue::UNDEFINED);
        }
        _ => "internal",
    };
    fault(code, error, JsValue::UNDEFINED)
}
