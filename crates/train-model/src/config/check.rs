//! Settings that cannot be.

use super::Config;
use crate::error::Error;

/// The most rows of a batch.
const MOST_ROWS: usize = 1 << 16;

impl Config {
    /// Refuses settings that cannot be.
    ///
    /// # Errors
    /// [`Error::Training`] with `Setting`.
    pub fn check(&self) -> Result<(), Error> {
        let sizes: [(&'static str, usize, usize); 5] = [
            ("n_layer", self.n_layer, 256),
            ("n_embd", self.n_embd, 1 << 14),
            ("n_head", self.n_head, 1 << 10),
            ("batch", self.batch, MOST_ROWS),
            ("part", self.part, MOST_ROWS),
        ];
        for (key, value, most) in sizes {
            if value == 0 || value > most {
                return Err(
                    train::Error::setting(key, value, format!("it is from 1 to {most}")).into(),
                );
            }
        }
        if !(8..=1 << 14).contains(&self.n_positions) {
            let expected = format!("it is from 8 to {}", 1 << 14);
            return Err(train::Error::setting("n_positions", self.n_positions, expected).into());
        }
        if !self.n_embd.is_multiple_of(self.n_head) {
            let expected = format!("it divides n_embd = {}", self.n_embd);
            return Err(train::Error::setting("n_head", self.n_head, expected).into());
        }
        if !self.batch.is_multiple_of(self.part) {
            let expected = format!("it divides batch = {}", self.batch);
            return Err(train::Error::setting("part", self.part, expected).into());
        }
        if self.steps == Some(0) {
            return Err(train::Error::setting("steps", 0, "at least 1").into());
        }
        if self.total_steps() == 0 {
            let expected = format!(
                "at least one batch, {} rows of {} tokens",
                self.batch, self.n_positions
            );
            return Err(train::Error::setting("tokens", self.tokens, expected).into());
        }
        if self.validation_rows == 0 {
            return Err(train::Error::setting("validation_rows", 0, "at least 1").into());
        }
        self.check_numbers()
    }

    fn check_numbers(&self) -> Result<(), Error> {
        type Holds = fn(f64) -> bool;
        let above_0: Holds = |value| value > 0.0 && value.is_finite();
        let from_0: Holds = |value| value >= 0.0 && value.is_finite();
        let below_1: Holds = |value| (0.0..1.0).contains(&value);
        let to_1: Holds = |value| (0.0..=1.0).contains(&value);
        for (key, value, holds, expected) in [
            ("lr", self.lr, above_0, "a learning rate is above 0"),
            (
                "decay_fraction",
                self.decay_fraction,
                to_1,
                "a share is from 0 to 1",
            ),
            (
                "final_lr_fraction",
                self.final_lr_fraction,
                to_1,
                "a share is from 0 to 1",
            ),
            (
                "adam_beta1",
                self.adam_beta1,
                below_1,
                "it is at least 0 and below 1",
            ),
            (
                "adam_beta2",
                self.adam_beta2,
                below_1,
                "it is at least 0 and below 1",
            ),
            ("adam_epsilon", self.adam_epsilon, above_0, "it is above 0"),
            (
                "weight_decay",
                self.weight_decay,
                from_0,
                "it is 0 for none, or above",
            ),
            (
                "clip_norm",
                self.clip_norm,
                from_0,
                "it is 0 for none, or above",
            ),
            ("init_std", self.init_std, above_0, "it is above 0"),
            (
                "init_position_std",
                self.init_position_std,
                above_0,
                "it is above 0",
            ),
            (
                "validation_fraction",
                self.validation_fraction,
                below_1,
                "it is 0 for none, or below 1",
            ),
        ] {
            if !holds(value) {
                return Err(train::Error::setting(key, value, expected).into());
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_that_cannot_be_are_refused_by_name() {
        let good = Config::default();
        good.check().unwrap();
        assert_eq!(good.total_steps(), 3294);
        type Change = fn(&mut Config);
        let bad: [(&str, Change); 16] = [
            ("n_layer", |c| c.n_layer = 0),
            ("n_embd", |c| c.n_embd = 1 << 20),
            ("n_head", |c| c.n_head = 3),
            ("n_positions", |c| c.n_positions = 4),
            ("batch", |c| c.batch = 0),
            ("part", |c| c.part = 3),
            ("tokens", |c| c.tokens = 4095),
            ("steps", |c| c.steps = Some(0)),
            ("lr", |c| c.lr = f64::NAN),
            ("decay_fraction", |c| c.decay_fraction = 1.5),
            ("final_lr_fraction", |c| c.final_lr_fraction = -0.1),
            ("adam_beta2", |c| c.adam_beta2 = 1.0),
            ("weight_decay", |c| c.weight_decay = -1.0),
            ("clip_norm", |c| c.clip_norm = f64::INFINITY),
            ("validation_fraction", |c| c.validation_fraction = 1.0),
            ("validation_rows", |c| c.validation_rows = 0),
        ];
        for (key, change) in bad {
            let mut config = good.clone();
            change(&mut config);
            match config.check() {
                Err(Error::Training(train::Error::Setting { key: found, .. })) => {
                    assert_eq!(found, key);
                }
                other => panic!("{key}: {other:?}"),
            }
        }
    }
}
