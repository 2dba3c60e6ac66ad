//! What steering asks for, beside plain runs of the model: effects, generation whose features are watched, a slider that moves.

use std::cell::Cell;
use std::ops::ControlFlow;

use explorer::{Bos, Edit, EffectsOptions, GenerateOptions, Session, TraceOptions};
use kernels::Device;
use pollster::block_on;
use serde_json::{Value, json};

use crate::timing::median;
use crate::{Result, demo, table};

const TOKENS: usize = 64;
const WRITTEN: usize = 48;
/// Pairs of runs of which the medians are taken.
const RUNS: usize = 7;
/// The same of effects, each of them beside the median of so many passes.
const ROUNDS: usize = 5;
const PASSES: usize = 15;
/// The share of a KL by which effects may be off, as the page asks for them.
const WITHIN: f64 = 0.05;

/// Measures the demo's model with all its SAEs.
pub fn measure(device: &Device, folder: &str) -> Result<Value> {
    let (mut session, ids) = demo::with_all(device, folder)?;
    let middle = ids.get(ids.len() / 2).cloned().unwrap_or_default();
    let mut lines = Vec::new();
    let mut results = Vec::new();
    let mut report = |name: &str, plain: f64, measured: f64, ratio: f64| {
        lines.push(vec![
            name.to_owned(),
            table::milliseconds(plain),
            table::milliseconds(measured),
            format!("{ratio:.2}"),
        ]);
        results.push(json!({
            "name": name, "plain_seconds": plain, "measured_seconds": measured, "ratio": ratio,
        }));
    };
    let (pass, edit) = slider(&session, &middle)?;
    report("a moved slider, beside one pass", pass, edit, edit / pass);
    for within in [0.0, WITHIN] {
        let (features, pass, all) = effects(&session, &middle, within)?;
        let passes = pass * features as f64;
        let how = match within {
            0.0 => "all measured".to_owned(),
            within => format!("KL proven within {}%", within * 100.0),
        };
        let name = format!("effects of {features} active features, beside a pass for each: {how}");
        report(&name, passes, all, passes / all);
    }
    let (plain, watched) = generation(&mut session, ids)?;
    let name = format!("{WRITTEN} tokens with the features of 3 SAEs, beside none");
    report(&name, plain, watched, watched / plain);
    table::print(
        &format!("Steering on {}, ms", device.adapter_name()),
        &["", "plain", "measured", "ratio"],
        &lines,
    );
    Ok(json!(results))
}

/// Text of one kind; `first` makes it another one.
fn prompt(first: u32) -> Vec<u32> {
    let rest = (1..TOKENS as u32).map(|i| 300 + i * 37 % 1000);
    [first].into_iter().chain(rest).collect()
}

fn alone() -> TraceOptions {
    TraceOptions {
        saes: Some(Vec::new()),
        bos: Bos::No,
        ..TraceOptions::default()
    }
}

/// Seconds of one pass from the tokens on, and of the new distribution after one edit has another value; in turn, so that both have
/// the same machine.
fn slider(session: &Session, sae: &str) -> Result<(f64, f64)> {
    let (options, edited) = (alone(), prompt(1));
    let round = Cell::new(2);
    let pass = || -> Result<()> {
        round.set(round.get() + 1);
        block_on(session.trace(&prompt(round.get()), &options))?;
        Ok(())
    };
    let value = Cell::new(1.0);
    let edit = || -> Result<()> {
        value.set(value.get() + 0.1);
        let edits = [Edit::set(sae, 903, value.get())];
        block_on(session.edited(&edited, &edits, &options))?;
        Ok(())
    };
    let (mut passes, mut edits) = (Vec::new(), Vec::new());
    for _ in 0..=RUNS {
        passes.push(median(1, &pass)?);
        // The pass of the edited prompt is kept from here on, as while a slider moves.
        edit()?;
        edits.push(median(1, &edit)?);
    }
    Ok((middle_of(passes), middle_of(edits)))
}

/// Without the first, which warms up.
fn middle_of(mut seconds: Vec<f64>) -> f64 {
    seconds.remove(0);
    seconds.sort_by(f64::total_cmp);
    seconds[seconds.len() / 2]
}

/// Number of the prompt's active features, seconds of one pass, and seconds until all of them have been ablated. The passes are run
/// between the ablations of all, so that both have the same machine.
fn effects(session: &Session, sae: &str, within: f64) -> Result<(usize, f64, f64)> {
    let options = EffectsOptions {
        bos: Bos::No,
        within,
        ..EffectsOptions::new(sae)
    };
    let features = Cell::new(0);
    let round = Cell::new(100);
    // Of another prompt each time, whose clean pass is not kept yet.
    let next = || {
        round.set(round.get() + 1);
        prompt(round.get())
    };
    let all = || -> Result<()> {
        let found = block_on(session.effects(&next(), &options, |_| ControlFlow::Continue(())))?;
        features.set(found.effects.len());
        Ok(())
    };
    let plain = alone();
    let pass = || -> Result<()> {
        block_on(session.trace(&next(), &plain))?;
        Ok(())
    };
    let (mut passes, mut effects) = (Vec::new(), Vec::new());
    for _ in 0..=ROUNDS {
        passes.push(median(PASSES, pass)?);
        effects.push(median(1, all)?);
    }
    Ok((features.get(), middle_of(passes), middle_of(effects)))
}

/// Seconds of a continuation without its features and with them.
fn generation(session: &mut Session, sets: Vec<String>) -> Result<(f64, f64)> {
    let plain = GenerateOptions {
        max_tokens: WRITTEN,
        bos: Bos::No,
        ..GenerateOptions::default()
    };
    let watched = GenerateOptions {
        features: sets,
        ..plain.clone()
    };
    let prompt = prompt(7);
    let mut run = |options: &GenerateOptions| {
        median(1, || {
            let going_on = |_| ControlFlow::Continue(());
            block_on(session.generate_watched(&prompt, options, going_on))?;
            Ok(())
        })
    };
    let (mut without, mut with) = (Vec::new(), Vec::new());
    for _ in 0..=RUNS {
        without.push(run(&plain)?);
        with.push(run(&watched)?);
    }
    Ok((middle_of(without), middle_of(with)))
}
