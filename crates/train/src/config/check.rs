//! Settings that cannot be.

use super::{Activation, Config, DecoderNorm};
use crate::error::Error;

impl Config {
    /// Refuses settings that cannot be.
    ///
    /// # Errors
    /// [`Error::Setting`].
    pub fn check(&self) -> Result<(), Error> {
        fn refuse(key: &'static str, value: impl ToString, expected: impl Into<String>) -> Error {
            Error::setting(key, value, expected)
        }
        let n = self.latents;
        if n == 0 || n > 1 << 24 {
            let expected = "the number of latents is from 1 to 16777216";
            return Err(refuse("latents", n, expected));
        }
        let most = n.min(formats::sae::MAX_K);
        if self.k == 0 || self.k > most {
            let expected = format!(
                "k is from 1 to {most}: at most the number of latents, {n}, and at most {}",
                formats::sae::MAX_K
            );
            return Err(refuse("k", self.k, expected));
        }
        let factor = self.multi_topk_factor;
        if factor == 1 || factor.saturating_mul(self.k) > n {
            let expected = format!(
                "it is 0 for none, or at least 2, and {factor}·k is at most the number of latents, {n}"
            );
            return Err(refuse("multi_topk_factor", factor, expected));
        }
        let is_topk = self.activation == Activation::Topk;
        if factor > 0 && (!is_topk || !self.matryoshka.is_empty()) {
            let expected = "Multi-TopK goes with the activation topk alone, without matryoshka";
            return Err(refuse("multi_topk_factor", factor, expected));
        }
        let bounds = [0].into_iter().chain(self.matryoshka.iter().copied());
        let pairs = bounds.zip(self.matryoshka.iter().copied());
        if let Some((_, prefix)) = pairs.into_iter().find(|(a, b)| a >= b || *b >= n) {
            let expected = format!("prefixes increase, from 1 to below the number of latents, {n}");
            return Err(refuse("matryoshka", prefix, expected));
        }
        if !self.matryoshka.is_empty() && !self.activation.is_topk() {
            let expected = "prefixes go with the activations topk and batch_topk";
            return Err(refuse("matryoshka", self.matryoshka.len(), expected));
        }
        if self.activation == Activation::Relu && self.decoder_norm == DecoderNorm::Never {
            let expected = "with ReLU and L1 directions need a length, or activations shrink while they grow: after_step or before_step";
            return Err(refuse("decoder_norm", "never", expected));
        }
        if self.matryoshka.len() > 63 {
            let expected = "at most 63 prefixes";
            return Err(refuse("matryoshka", self.matryoshka.len(), expected));
        }
        if self.batch < 2 || self.batch > 1 << 20 {
            let expected = "a batch has from 2 to 1048576 tokens";
            return Err(refuse("batch", self.batch, expected));
        }
        if self.block_batches == 0 || self.block_batches > 1 << 16 {
            let expected = "a block has from 1 to 65536 batches";
            return Err(refuse("block_batches", self.block_batches, expected));
        }
        if self.tokens < self.batch as u64 {
            let expected = format!("at least one batch, {}", self.batch);
            return Err(refuse("tokens", self.tokens, expected));
        }
        if self.dead_tokens == 0 {
            return Err(refuse("dead_tokens", 0, "at least 1"));
        }
        self.check_numbers()
    }

    /// As [`Config::check`], as far as that is known before data is read; where `has_tokens` is false they will say how many tokens there
    /// are.
    ///
    /// # Errors
    /// [`Error::Setting`].
    pub fn check_before_data(&self, has_tokens: bool) -> Result<(), Error> {
        match has_tokens {
            true => self.check(),
            false => self.clone().over(self.tokens).check(),
        }
    }

    fn check_numbers(&self) -> Result<(), Error> {
        let above_0 = |value: f64| value > 0.0 && value.is_finite();
        let from_0 = |value: f64| value >= 0.0 && value.is_finite();
        let below_1 = |value: f64| (0.0..1.0).contains(&value);
        let threshold = f64::from(self.dead_threshold);
        for (key, value, holds, expected) in [
            (
                "lr",
                self.learning_rate(),
                above_0(self.learning_rate()),
                "a learning rate is above 0",
            ),
            (
                "multi_topk_coefficient",
                self.multi_topk_coefficient,
                from_0(self.multi_topk_coefficient),
                "a weight is 0 or more",
            ),
            (
                "l0_coefficient",
                self.l0_coefficient,
                from_0(self.l0_coefficient),
                "a weight is 0 or more",
            ),
            (
                "jump_bandwidth",
                self.jump_bandwidth,
                above_0(self.jump_bandwidth),
                "it is above 0: without a width no threshold is trained",
            ),
            (
                "jump_lr_factor",
                self.jump_lr_factor,
                above_0(self.jump_lr_factor),
                "it is above 0",
            ),
            (
                "l1_coefficient",
                self.l1_coefficient.unwrap_or(0.0),
                from_0(self.l1_coefficient.unwrap_or(0.0)),
                "a weight is 0 or more",
            ),
            (
                "decay_fraction",
                self.decay_fraction,
                (0.0..=1.0).contains(&self.decay_fraction),
                "a share is from 0 to 1",
            ),
            (
                "adam_beta1",
                self.adam_beta1,
                below_1(self.adam_beta1),
                "it is at least 0 and below 1",
            ),
            (
                "adam_beta2",
                self.adam_beta2,
                below_1(self.adam_beta2),
                "it is at least 0 and below 1",
            ),
            (
                "adam_epsilon",
                self.adam_epsilon,
                above_0(self.adam_epsilon),
                "it is above 0",
            ),
            (
                "aux_coefficient",
                self.aux_coefficient,
                from_0(self.aux_coefficient),
                "a weight is 0 or more",
            ),
            (
                "aux_fraction",
                self.aux_fraction,
                self.aux_fraction > 0.0 && self.aux_fraction <= 1.0,
                "a share is above 0 and at most 1",
            ),
            (
                "dead_threshold",
                threshold,
                from_0(threshold),
                "an activation is 0 or more",
            ),
            (
                "ema",
                self.ema,
                below_1(self.ema),
                "it is 0 for none, or below 1, as 0.999",
            ),
        ] {
            if !holds {
                return Err(Error::setting(key, value, expected));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(config: &Config, key: &str) {
        match config.check() {
            Err(Error::Setting { key: found, .. }) => assert_eq!(found, key),
            other => panic!("{key}: {other:?}"),
        }
    }

    #[test]
    fn settings_that_cannot_be_are_refused_by_name() {
        let good = Config::default();
        good.check().unwrap();
        type Change = fn(&mut Config);
        let bad: [(&str, Change); 24] = [
            ("latents", |c| c.latents = 0),
            ("k", |c| c.k = 0),
            ("k", |c| (c.latents, c.k) = (8, 9)),
            ("k", |c| c.k = 513),
            ("multi_topk_factor", |c| c.multi_topk_factor = 1),
            ("multi_topk_factor", |c| c.multi_topk_factor = 4096),
            ("multi_topk_factor", |c| {
                (c.multi_topk_factor, c.matryoshka) = (4, vec![100]);
            }),
            ("matryoshka", |c| c.matryoshka = vec![10, 10]),
            ("matryoshka", |c| c.matryoshka = vec![4096]),
            ("batch", |c| c.batch = 1),
            ("block_batches", |c| c.block_batches = 0),
            ("tokens", |c| c.tokens = 4095),
            ("lr", |c| c.lr = Some(f64::NAN)),
            ("decay_fraction", |c| c.decay_fraction = 1.5),
            ("adam_beta2", |c| c.adam_beta2 = 1.0),
            ("aux_fraction", |c| c.aux_fraction = 0.0),
            ("dead_tokens", |c| c.dead_tokens = 0),
            ("ema", |c| c.ema = -0.5),
            ("l0_coefficient", |c| c.l0_coefficient = f64::INFINITY),
            ("jump_bandwidth", |c| c.jump_bandwidth = 0.0),
            ("jump_lr_factor", |c| c.jump_lr_factor = -1.0),
            ("l1_coefficient", |c| c.l1_coefficient = Some(-1.0)),
            ("matryoshka", |c| {
                (c.activation, c.matryoshka) = (Activation::JumpRelu, vec![10]);
            }),
            ("decoder_norm", |c| {
                (c.activation, c.decoder_norm) = (Activation::Relu, DecoderNorm::Never);
            }),
        ];
        for (key, change) in bad {
            let mut config = good.clone();
            change(&mut config);
            refused(&config, key);
        }
    }
}
