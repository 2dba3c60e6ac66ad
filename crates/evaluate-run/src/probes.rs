//! Probes of an autoencoder's latents for labels that the text gives.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use evaluation::logistic::fit;
use evaluation::pre_activations::of_latents;
use evaluation::random::Random;
use evaluation::sparse_probe::{ActiveLatents, probe};
use evaluation::tasks::TASKS;
use formats::sae::{Gate, Sae};
use wire::{ProbeTask, Probes, SparseProbe};

use crate::context::Context;
use crate::error::Error;
use crate::host::Host;
use crate::sample::Sample;

/// Samples of each label at most.
const EACH: usize = 1024;
/// A task with fewer samples of a label is left out.
const FEWEST: usize = 32;
/// Latents of a sparse probe.
const KS: [usize; 3] = [1, 2, 5];
/// Latents whose pre-activations are in memory at a time, on each thread.
const LATENTS: usize = 32;
/// Number of this use of random numbers; each task adds its own.
const PURPOSE: u64 = 100;
/// The most sources that have a task of their own, those with the most rows first.
const SOURCES: usize = 6;

/// A task with its samples.
struct Samples {
    name: String,
    definition: String,
    base_rate: f64,
    rows: Vec<usize>,
    labels: Vec<bool>,
}

/// A latent's loss.
type Best = Option<(f64, u32)>;

/// Fits the probes; None where it was stopped.
///
/// # Errors
/// [`Error::NotANumber`] where a probe's loss is none.
pub async fn measure(
    context: &Context<'_, impl Host>,
    id: &str,
    sae: &Sae,
    sample: &Sample,
) -> Result<Option<Probes>, Error> {
    let seed = context.settings.seed;
    let (samples, left_out) = tasks(sample, &context.windows.read.sources, seed);
    let Some(best) = best(context, id, sae, sample, &samples).await else {
        return Ok(None);
    };
    let mut tasks = Vec::new();
    for (samples, best) in samples.into_iter().zip(best) {
        let Some((loss, latent)) = best else {
            return Err(Error::NotANumber {
                what: format!("every probe's loss for {} of {id}", samples.name),
            });
        };
        let (sparse, guess) = sparse(sample, &samples, sae.config.d_sae);
        context.host.turn().await;
        tasks.push(ProbeTask {
            sparse,
            guess,
            name: samples.name,
            definition: samples.definition,
            base_rate: samples.base_rate,
            samples: samples.rows.len(),
            loss,
            latent,
        });
    }
    let count = tasks.len() as f64;
    let sum: f64 = tasks.iter().map(|task| task.loss).sum();
    Ok(Some(Probes {
        tokens: sample.len(),
        seed,
        loss: (!tasks.is_empty()).then(|| sum / count),
        tasks,
        left_out,
    }))
}

/// The tasks with balanced samples, and the names of those that lack samples.
fn tasks(sample: &Sample, sources: &[String], seed: u64) -> (Vec<Samples>, Vec<String>) {
    let all = 0..sample.len();
    let mut questions: Vec<(String, String, Vec<bool>)> = Vec::new();
    for (bit, task) in TASKS.iter().enumerate() {
        let labels = sample.labels.iter().map(|bits| bits >> bit & 1 == 1);
        questions.push((
            task.name.to_owned(),
            task.definition.to_owned(),
            labels.collect(),
        ));
    }
    let rows = |source: usize| {
        sample
            .sources
            .iter()
            .filter(|other| **other == source)
            .count()
    };
    let mut by_rows: Vec<usize> = (0..sources.len()).collect();
    by_rows.sort_by_key(|source| std::cmp::Reverse(rows(*source)));
    if sources.len() > 1 {
        for source in by_rows.into_iter().take(SOURCES) {
            let name = &sources[source];
            let labels = sample.sources.iter().map(|other| *other == source);
            let definition = format!("is in a document of the source {name}");
            questions.push((format!("source {name}"), definition, labels.collect()));
        }
    }
    let (mut tasks, mut left_out) = (Vec::new(), Vec::new());
    for (number, (name, definition, labels)) in questions.into_iter().enumerate() {
        let (yes, no): (Vec<usize>, Vec<usize>) = all.clone().partition(|row| labels[*row]);
        let each = yes.len().min(no.len()).min(EACH);
        if each < FEWEST {
            left_out.push(name);
            continue;
        }
        let mut random = Random::new(seed, PURPOSE + number as u64);
        let mut rows = random.choose(&yes, each);
        rows.extend(random.choose(&no, each));
        rows.sort_unstable();
        tasks.push(Samples {
            name,
            definition,
            base_rate: yes.len() as f64 / sample.len() as f64,
            labels: rows.iter().map(|row| labels[*row]).collect(),
            rows,
        });
    }
    (tasks, left_out)
}

/// The best latent of each task, on all cores; None where it was stopped.
async fn best(
    context: &Context<'_, impl Host>,
    id: &str,
    sae: &Sae,
    sample: &Sample,
    tasks: &[Samples],
) -> Option<Vec<Best>> {
    let host = context.host;
    let work = Work {
        next: AtomicUsize::new(0),
        stopped: AtomicBool::new(false),
        sae,
        sample,
        tasks,
    };
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    host.begin();
    let what = format!("{id}, probes");
    let latents = sae.config.d_sae;
    // The host is of this thread.
    let look = |best: &mut Vec<Best>| {
        if host.is_stopped() {
            work.stopped.store(true, Ordering::Relaxed);
        }
        let done = work.some(best);
        if let Some(done) = done {
            host.part(&what, done, latents, "latents");
        }
        done.is_some()
    };
    let mut found = vec![None; tasks.len()];
    if threads == 1 {
        while look(&mut found) {
            host.turn().await;
        }
    } else {
        std::thread::scope(|scope| {
            let others: Vec<_> = (1..threads).map(|_| scope.spawn(|| work.share())).collect();
            while look(&mut found) {}
            for other in others {
                let others = other.join();
                let others = others.unwrap_or_else(|panic| std::panic::resume_unwind(panic));
                for (one, other) in found.iter_mut().zip(others) {
                    *one = better(*one, other);
                }
            }
        });
    }
    host.end();
    (!work.stopped.load(Ordering::Relaxed)).then_some(found)
}

/// What the threads share.
struct Work<'a> {
    next: AtomicUsize,
    stopped: AtomicBool,
    sae: &'a Sae,
    sample: &'a Sample,
    tasks: &'a [Samples],
}

impl Work<'_> {
    /// Looks at the next latents, and gives how many are begun; None where there are no more, or it was stopped.
    fn some(&self, best: &mut [Best]) -> Option<usize> {
        let latents = self.sae.config.d_sae;
        let first = self.next.fetch_add(LATENTS, Ordering::Relaxed);
        if first >= latents || self.stopped.load(Ordering::Relaxed) {
            return None;
        }
        let last = latents.min(first + LATENTS);
        look(self.sae, self.sample, self.tasks, first..last, best);
        Some(last)
    }

    /// One thread's share of the latents.
    fn share(&self) -> Vec<Best> {
        let mut best = vec![None; self.tasks.len()];
        while self.some(&mut best).is_some() {}
        best
    }
}

/// The better of two, of equal ones the one with the lower number.
fn better(one: Best, other: Best) -> Best {
    match (one, other) {
        (Some(one), Some(other)) => {
            let order = one.0.total_cmp(&other.0).then(one.1.cmp(&other.1));
            Some(if order.is_le() { one } else { other })
        }
        (one, other) => one.or(other),
    }
}

/// Fits every task's probe on each of some latents.
fn look(
    sae: &Sae,
    sample: &Sample,
    tasks: &[Samples],
    latents: std::ops::Range<usize>,
    best: &mut [Best],
) {
    let width = sample.width();
    let weights = &sae.w_enc[latents.start * width..latents.end * width];
    // Of a gated autoencoder the gate decides what is active.
    let bias = match &sae.gate {
        Gate::Gated { b_gate, .. } => b_gate,
        _ => &sae.b_enc,
    };
    let b_dec = sae.config.apply_b_dec_to_input.then_some(&sae.b_dec[..]);
    let values = of_latents(
        (&sample.inputs, width),
        weights,
        &bias[latents.clone()],
        b_dec,
    );
    for (latent, values) in latents.zip(values.chunks_exact(sample.len().max(1))) {
        for (task, best) in tasks.iter().zip(&mut *best) {
            let values: Vec<f32> = task.rows.iter().map(|row| values[*row]).collect();
            let loss = fit(&values, 1, &task.labels, 0.0).loss;
            if loss.is_finite() {
                *best = better(*best, Some((loss, latent as u32)));
            }
        }
    }
}

/// Probes on few latents, fitted on windows with even numbers and measured on the others, and the accuracy there of always naming the
/// more frequent label.
fn sparse(sample: &Sample, task: &Samples, latents: usize) -> (Vec<SparseProbe>, Option<f64>) {
    let active: Vec<&ActiveLatents> = task.rows.iter().map(|row| &sample.active[*row]).collect();
    let held_out = task.rows.iter().map(|row| sample.windows[*row] % 2 == 1);
    let held_out: Vec<bool> = held_out.collect();
    let Some(found) = probe(&active, &task.labels, &held_out, latents, &KS) else {
        return (Vec::new(), None);
    };
    let labels = || {
        let labels = task.labels.iter().zip(&held_out);
        labels.filter(|(_, held)| **held).map(|(label, _)| *label)
    };
    let yes = labels().filter(|label| *label).count() as f64 / labels().count().max(1) as f64;
    let probes = found.into_iter().zip(KS).map(|(found, k)| SparseProbe {
        k,
        latents: found.latents,
        accuracy: found.accuracy,
        f1: found.f1,
    });
    (probes.collect(), Some(yes.max(1.0 - yes)))
}
