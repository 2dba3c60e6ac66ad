//! `sweep --latents`: autoencoders of several sizes from one pass of the model, and the scaling law that fits them.

use std::fs;
use std::io::{self, Write as _};
use std::path::Path;
use std::time::{Duration, Instant};

use evaluation::scaling::PAPER_GPT4;
use train::checkpoint;
use train::{Config, Folder, Measured, Order, Trainer, decode_config};
use train_run::{Harvest, SAMPLE};
use wire::{SweptTraining, TrainingSweep};

use super::args::GridSweep;
use super::{law, plot, report};
use crate::args::Common;
use crate::error::Error;
use crate::print_json;
use crate::progress::size;
use crate::status_line::{StatusLine, duration};
use crate::train::error::TrainError;
use crate::train::harvest::{TextOptions, Texts};
use crate::train::signal::Stop;

/// Checkpoints are saved with the first block that ends so long after the last one.
const CHECKPOINT: Duration = Duration::from_secs(300);

/// Steps per line of a log, as in `train`.
const LOG_STEPS: u64 = 10;

/// The loss of a training is the mean over its last so many steps, as a share of all.
const LAST: f64 = 0.1;

/// One training of the grid.
struct Training {
    folder: String,
    trainer: Trainer,
    /// FVU and L0 of the last steps.
    last: Vec<(f64, f64)>,
    measured: Option<Measured>,
    /// Lines of its log that are not written yet.
    log: Vec<String>,
}

/// Trains the grid; false where it was stopped.
///
/// # Errors
/// As `train`; [`Error::Exists`].
pub async fn of_trainings(common: &Common, arguments: &GridSweep) -> Result<bool, Error> {
    // The parser asks for both.
    let (Some(hook), Some(out)) = (&arguments.hook, &arguments.out) else {
        return Ok(true);
    };
    if out.exists() {
        return Err(Error::Exists { path: out.clone() });
    }
    // What can be wrong without data is said before it is read.
    for config in configs(arguments, arguments.tokens.unwrap_or(1))? {
        config.check()?;
    }
    let stop = Stop::listen()?;
    let given = TextOptions {
        common,
        hook,
        corpus: &arguments.corpus,
        text_field: &arguments.text_field,
        context: arguments.context,
        keep_first: false,
        corpus_tokens: arguments.corpus_tokens,
    };
    let texts = Texts::open(&given, &stop).await?;
    let rows: u64 = texts.harvest().lengths().into_iter().map(u64::from).sum();
    let configs = configs(arguments, arguments.tokens.unwrap_or(rows))?;
    let mut grid = Grid::new(&texts, configs, &stop)?;
    grid.run(out).await?;
    let stopped = stop.is_wanted();
    let result = result(&grid, texts.harvest(), hook, stopped);
    let json = serde_json::to_string(&result).map_err(io::Error::from)? + "\n";
    write(&out.join("sweep.json"), &json)?;
    write(&out.join("sweep.svg"), &plot::svg(&result))?;
    let mut printed = io::stdout().lock();
    match common.json {
        true => print_json(&mut printed, &result)?,
        false => printed.write_all(report::text(&result, out).as_bytes())?,
    }
    Ok(!stopped)
}

fn write(path: &Path, text: &str) -> Result<(), Error> {
    fs::write(path, text).map_err(|source| Error::Write {
        path: path.to_owned(),
        source,
    })
}

/// The settings of each n and k, those with the fewest latents first.
fn configs(arguments: &GridSweep, tokens: u64) -> Result<Vec<Config>, Error> {
    let sorted = |values: &[usize]| {
        let mut values = values.to_vec();
        values.sort_unstable();
        values.dedup();
        values
    };
    let (sizes, ks) = (sorted(&arguments.latents), sorted(&arguments.k));
    let mut configs = Vec::new();
    for latents in &sizes {
        for k in &ks {
            let mut changes = arguments.settings.clone();
            let mut change =
                |key: &str, value: serde_json::Value| changes.push((key.to_owned(), value));
            change("latents", (*latents).into());
            change("k", (*k).into());
            if let Some(batch) = arguments.batch {
                change("batch", batch.into());
            }
            if let Some(lr) = arguments.lr {
                change("lr", lr.into());
            }
            if let Some(seed) = arguments.seed {
                change("seed", seed.into());
            }
            configs.push(decode_config(None, &changes)?.over(tokens));
        }
    }
    Ok(configs)
}

/// Trainings that go on side by side: each block of activations is computed once.
struct Grid<'a> {
    texts: &'a Texts,
    stop: &'a Stop,
    configs: Vec<Config>,
    order: Order,
    trainings: Vec<Training>,
    line: StatusLine,
}

impl<'a> Grid<'a> {
    fn new(texts: &'a Texts, configs: Vec<Config>, stop: &'a Stop) -> Result<Self, Error> {
        let first = configs.first().cloned().unwrap_or_default();
        Ok(Self {
            texts,
            stop,
            configs,
            order: Order::new(first.seed, texts.harvest().lengths(), first.batch)?,
            trainings: Vec::new(),
            line: StatusLine::new(),
        })
    }

    /// Trains all to the end, or to Ctrl C, and leaves a folder of each.
    async fn run(&mut self, out: &Path) -> Result<(), Error> {
        let Some(first) = self.configs.first().cloned() else {
            return Ok(());
        };
        let width = self.texts.harvest().width();
        let memory: u64 = self.configs.iter().map(|config| config.memory(width)).sum();
        let note = format!(
            "note: {} trainings from one pass of the model, each on {} tokens in {} steps; memory: {}",
            self.configs.len(),
            first.tokens,
            first.steps(),
            size(memory),
        );
        writeln!(io::stderr(), "{note}")?;
        let mut block = vec![0.0; first.block_rows() * width];
        let batch = first.batch * width;
        let steps = first.steps();
        let begun = Instant::now();
        let mut saved = begun;
        let blocks = steps.div_ceil(first.block_batches as u64);
        for number in 0..blocks {
            let takes = self.order.block(number, first.block_rows());
            match self.texts.fill(&takes, &mut block, self.stop).await {
                Err(Error::Train(error)) if matches!(*error, TrainError::Stopped) => break,
                filled => filled?,
            }
            if number == 0 {
                self.start(&block[..first.block_rows().min(SAMPLE) * width])?;
            }
            for place in 0..self.trainings.len() {
                for batch in block.chunks_exact(batch) {
                    if self.trainings[place].trainer.steps_done() == steps || self.stop.is_wanted()
                    {
                        break;
                    }
                    self.step(place, batch, steps)?;
                    self.show(place, steps, begun);
                }
            }
            if self.stop.is_wanted() {
                break;
            }
            if saved.elapsed() >= CHECKPOINT {
                self.save(out)?;
                saved = Instant::now();
            }
        }
        self.line.end();
        if self.trainings.is_empty() {
            return Err(TrainError::Stopped.into());
        }
        self.save(out)
    }

    /// Saves a checkpoint of every training, and the new lines of its log.
    fn save(&mut self, out: &Path) -> Result<(), Error> {
        for training in &mut self.trainings {
            let folder = Folder::open(&out.join(&training.folder))?;
            let (origin, source) = {
                let harvest = self.texts.harvest();
                (harvest.origin(), harvest.source())
            };
            checkpoint::save(&folder, &training.trainer, origin, source)?;
            for line in training.log.drain(..) {
                folder.append_log(&line)?;
            }
        }
        Ok(())
    }

    fn start(&mut self, sample: &[f32]) -> Result<(), Error> {
        for config in &self.configs {
            let (trainer, _) = Trainer::new(config.clone(), sample, self.texts.harvest().width())?;
            self.trainings.push(Training {
                folder: format!("n{}-k{}", config.latents, config.k),
                trainer,
                last: Vec::new(),
                measured: None,
                log: Vec::new(),
            });
        }
        Ok(())
    }

    fn step(&mut self, place: usize, batch: &[f32], steps: u64) -> Result<(), Error> {
        let training = &mut self.trainings[place];
        let measured = training.trainer.step(batch)?;
        let first = steps - (LAST * steps as f64).ceil() as u64;
        if training.trainer.steps_done() > first {
            training.last.push((measured.fvu, measured.l0));
        }
        training.measured = Some(measured);
        let done = training.trainer.steps_done();
        if done.is_multiple_of(LOG_STEPS) || done == steps {
            let record = training.trainer.take_record();
            let line = serde_json::to_string(&record).map_err(io::Error::from)?;
            training.log.push(line);
        }
        Ok(())
    }

    fn show(&self, place: usize, steps: u64, begun: Instant) {
        if !self.line.is_due() {
            return;
        }
        // A step takes about as long as it has latents.
        let work = |training: &Training, steps: u64| {
            training.trainer.config().latents as f64 * steps as f64
        };
        let done: f64 = self
            .trainings
            .iter()
            .map(|one| work(one, one.trainer.steps_done()))
            .sum();
        let all: f64 = self.trainings.iter().map(|one| work(one, steps)).sum();
        let left = begun.elapsed().as_secs_f64() * (all - done) / done.max(1e-9);
        let training = &self.trainings[place];
        self.line.show(&format!(
            "{}: step {} of {steps}  FVU {:.4}  all {:.0} %  {} left",
            training.folder,
            training.trainer.steps_done(),
            training
                .measured
                .as_ref()
                .map_or(f64::NAN, |measured| measured.fvu),
            100.0 * done / all.max(1e-9),
            duration(left),
        ));
    }
}

fn result(grid: &Grid<'_>, harvest: &Harvest, hook: &str, stopped: bool) -> TrainingSweep {
    let trainings = grid.trainings.iter().map(|training| {
        let config = training.trainer.config();
        let count = training.last.len() as f64;
        let mean = |value: fn(&(f64, f64)) -> f64| {
            (count > 0.0).then(|| training.last.iter().map(value).sum::<f64>() / count)
        };
        SweptTraining {
            latents: config.latents,
            k: config.k,
            folder: training.folder.clone(),
            // Of a training that was stopped the last batch.
            loss: mean(|(fvu, _)| *fvu).or(training.measured.as_ref().map(|measured| measured.fvu)),
            l0: mean(|(_, l0)| *l0).or(training.measured.as_ref().map(|measured| measured.l0)),
            dead: training
                .measured
                .as_ref()
                .map(|measured| measured.dead as f64 / config.latents as f64),
            law: None,
            residual: None,
        }
    });
    let first = grid
        .trainings
        .first()
        .map(|training| training.trainer.config());
    let mut result = TrainingSweep {
        model: harvest.origin().model_name.clone().unwrap_or_default(),
        hook: harvest
            .origin()
            .hook_name
            .clone()
            .unwrap_or_else(|| hook.to_owned()),
        tokens: first.map_or(0, |config| config.tokens),
        seed: first.map_or(0, |config| config.seed),
        points: trainings.collect(),
        law: None,
        law_missing: None,
        paper_gpt4: PAPER_GPT4,
        stopped,
    };
    law::add(&mut result);
    result
}
