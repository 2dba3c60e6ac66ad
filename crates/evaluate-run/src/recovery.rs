//! Progressive recovery, JumpReLU at test time, and refinement.

use evaluation::refine::refine;
use evaluation::threshold::of_equal_l0;
use explorer::Session;
use formats::sae::{Architecture, MAX_K, Sae};
use wire::{JumpReluAtTest, Metrics, Recovery, RecoveryPoint, Refinement};

use crate::context::{Context, Subject};
use crate::error::Error;
use crate::host::Host;
use crate::sample::Sample;
use crate::variants;

/// Positions that are refined.
const REFINED: usize = 4096;

/// Measures an autoencoder, which is not on the device, with other latents than in training; None where it was stopped. `whole` are its metrics and
/// the number of its active latents at all positions that count.
///
/// # Errors
/// Those of reading and running it.
pub async fn measure(
    session: &mut Session,
    context: &Context<'_, impl Host>,
    sae: &mut Subject<'_>,
    (metrics, active): (Metrics, usize),
    sample: &Sample,
) -> Result<Option<Recovery>, Error> {
    let mut recovery = Recovery::default();
    let whole = sae.file.read().await;
    let whole = whole.map_err(|error| Error::File(Box::new(error)))?;
    recovery.refinement = refined(&whole, sample);
    let Architecture::TopK { k } = sae.file.config.architecture else {
        recovery.notes.push(format!(
            "k' and a threshold in k's place are of TopK autoencoders; this one is {}",
            sae.file.config.architecture.name()
        ));
        return Ok(Some(recovery));
    };
    let most = MAX_K.min(sae.file.config.d_sae);
    let mut ks: Vec<usize> = [k / 4, k / 2, k, 2 * k, 4 * k].into();
    ks.retain(|k| (1..=most).contains(k));
    ks.dedup();
    if 4 * k > most {
        recovery.notes.push(format!("k' is at most {most}"));
    }
    let mut strongest = Vec::new();
    let widest = ks.last().copied().unwrap_or(k);
    for other in ks {
        if other == k {
            recovery.progressive.push(RecoveryPoint { k, metrics });
            continue;
        }
        sae.file.config.architecture = Architecture::TopK { k: other };
        let name = format!("{} with k = {other}", sae.id);
        let found = variant(session, context, sae, &name, None, |values| {
            if other == widest {
                strongest.extend_from_slice(values);
            }
        });
        let found = found.await;
        sae.file.config.architecture = Architecture::TopK { k };
        let Some(metrics) = found? else {
            return Ok(None);
        };
        recovery
            .progressive
            .push(RecoveryPoint { k: other, metrics });
    }
    let Some(mut threshold) = of_equal_l0(&strongest, active).filter(|_| widest > k) else {
        let note = "no threshold keeps as many latents active as TopK does";
        recovery.notes.push(note.to_owned());
        return Ok(Some(recovery));
    };
    loop {
        let name = format!("{} as JumpReLU", sae.id);
        let file = variants::jump_relu(&whole, threshold).await?;
        let mut above = Vec::new();
        let found = variant(session, context, sae, &name, Some(&file), |values| {
            above.extend(values.iter().filter(|value| **value > 0.0));
        });
        let Some(metrics) = found.await? else {
            return Ok(None);
        };
        // A token may have more above the threshold than were listed: then it is too low, and all that matters is above it.
        match of_equal_l0(&above, active) {
            Some(higher) if above.len() > active && higher > threshold => threshold = higher,
            _ => {
                recovery.jump_relu = Some(JumpReluAtTest {
                    threshold: f64::from(threshold),
                    metrics,
                });
                break;
            }
        }
    }
    Ok(Some(recovery))
}

/// Metrics of a variant over all windows; None where it was stopped before the end, so that what it saw is not what the others saw. `look` receives
/// the activations at each position that counts.
async fn variant(
    session: &mut Session,
    context: &Context<'_, impl Host>,
    sae: &Subject<'_>,
    name: &str,
    file: Option<&formats::sae::SaeFile>,
    mut look: impl FnMut(&[f32]),
) -> Result<Option<Metrics>, Error> {
    let file = file.unwrap_or(sae.file);
    session.load_sae(name, file, sae.options).await?;
    let ids = [name.to_owned()];
    let found = context.run(session, name, &ids, |found| {
        for (row, counted) in found
            .activations
            .chunks_exact(found.k.max(1))
            .zip(found.counted)
        {
            if *counted {
                look(row);
            }
        }
        Ok(())
    });
    let found = found.await;
    session.unload_sae(name)?;
    let found = found?.into_iter().next();
    let is_whole = |windows| windows == context.windows.windows.len();
    Ok(found
        .filter(|found| is_whole(found.windows))
        .map(|found| found.metrics))
}

/// FVU of some positions before and after their magnitudes are made the best ones; None without positions.
fn refined(sae: &Sae, sample: &Sample) -> Option<Refinement> {
    let width = sample.width();
    let stride = sample.len().div_ceil(REFINED).max(1);
    let rows: Vec<usize> = (0..sample.len()).step_by(stride).collect();
    let input = |row: usize| &sample.inputs[row * width..(row + 1) * width];
    let mut means = vec![0.0; width];
    for row in &rows {
        for (mean, x) in means.iter_mut().zip(input(*row)) {
            *mean += f64::from(*x) / rows.len() as f64;
        }
    }
    let (mut before, mut after, mut variance) = (0.0, 0.0, 0.0);
    for row in &rows {
        let x = input(*row);
        let apart = x.iter().zip(&means);
        variance += apart
            .map(|(x, mean)| (f64::from(*x) - mean).powi(2))
            .sum::<f64>();
        let target: Vec<f32> = x.iter().zip(&sae.b_dec).map(|(x, b)| x - b).collect();
        let active = &sample.active[*row];
        let (mut directions, mut z) = (Vec::new(), Vec::new());
        for (latent, value) in active {
            let place = *latent as usize * width;
            directions.extend_from_slice(sae.w_dec.get(place..place + width)?);
            z.push(*value);
        }
        let refined = refine(&target, &directions, &z);
        before += refined.before;
        after += refined.after;
    }
    let share = |error: f64| (variance > 0.0 || variance.is_nan()).then(|| error / variance);
    (!rows.is_empty()).then(|| Refinement {
        tokens: rows.len(),
        before: share(before),
        after: share(after),
    })
}
