//! The learning rate over a training.

use crate::config::Config;

/// The learning rate of a step, from 0: it rises linearly over the warm-up, stays, and falls linearly over the last part, to a value
/// above 0 at the last step.
pub fn learning_rate(config: &Config, step: u64) -> f64 {
    let steps = config.steps();
    let rise = match config.warmup() {
        0 => 1.0,
        warmup => ((step + 1) as f64 / warmup as f64).min(1.0),
    };
    let falling = config.decay_fraction * steps as f64;
    let left = steps.saturating_sub(step) as f64;
    let fall = if falling > 0.0 {
        (left / falling).min(1.0)
    } else {
        1.0
    };
    config.learning_rate() * rise * fall
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_rises_stays_and_falls() {
        let config = Config {
            tokens: 100 * 4096,
            lr: Some(1.0),
            warmup_steps: None,
            decay_fraction: 0.2,
            ..Config::default()
        };
        let at = |step| learning_rate(&config, step);
        let near = |a: f64, b: f64| assert!((a - b).abs() < 1e-12, "{a}, not {b}");
        near(at(0), 0.1);
        near(at(9), 1.0);
        near(at(50), 1.0);
        near(at(80), 1.0);
        near(at(90), 0.5);
        near(at(99), 0.05);
        let plain = Config {
            warmup_steps: Some(0),
            decay_fraction: 0.0,
            ..config
        };
        near(learning_rate(&plain, 0), 1.0);
        near(learning_rate(&plain, 99), 1.0);
    }
}
