//! The learning rate over a training.

use crate::config::Config;

/// The learning rate of a step, from 0: it rises linearly over the warm-up, stays, and falls linearly over the last part of the steps, to
/// `final_lr_fraction` of its peak behind the last one.
pub fn learning_rate(config: &Config, step: u64) -> f64 {
    let steps = config.total_steps() as f64;
    let rise = match config.warmup_steps {
        0 => 1.0,
        warmup => ((step + 1) as f64 / warmup as f64).min(1.0),
    };
    let left = 1.0 - step as f64 / steps;
    let fall = match config.decay_fraction > 0.0 {
        true => (left / config.decay_fraction).clamp(0.0, 1.0),
        false => 1.0,
    };
    let last = config.final_lr_fraction;
    config.lr * rise * (fall * (1.0 - last) + last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_rises_stays_and_falls() {
        let config = Config {
            steps: Some(100),
            lr: 1.0,
            warmup_steps: 10,
            decay_fraction: 0.2,
            final_lr_fraction: 0.02,
            ..Config::default()
        };
        let at = |step| learning_rate(&config, step);
        let near = |a: f64, b: f64| assert!((a - b).abs() < 1e-12, "{a}, not {b}");
        near(at(0), 0.1);
        near(at(9), 1.0);
        near(at(50), 1.0);
        near(at(80), 1.0);
        near(at(90), 0.51);
        near(at(99), 0.05 * 0.98 + 0.02);
        let plain = Config {
            warmup_steps: 0,
            decay_fraction: 0.0,
            ..config
        };
        near(learning_rate(&plain, 0), 1.0);
        near(learning_rate(&plain, 99), 1.0);
    }
}
