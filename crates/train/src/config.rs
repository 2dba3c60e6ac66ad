//! Settings of a training, and their checks.

use serde::{Deserialize, Serialize};

use crate::error::Error;

/// Rule by which latents are active.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Activation {
    /// The k largest pre-activations of each token, then ReLU.
    #[default]
    Topk,
    /// The k·B largest positive pre-activations of a batch of B tokens (Bussmann et al., arXiv 2412.06410). Afterwards a threshold
    /// takes the batch's place: the autoencoder is written as JumpReLU.
    BatchTopk,
    /// Pre-activations above a threshold of each latent, which is trained as well, by straight-through estimates (Rajamanoharan et al.,
    /// arXiv 2407.14435). k is the L0 that is aimed at.
    JumpRelu,
    /// ReLU, with the sum of the activations as a part of the loss (L1). k is the L0 that is aimed at, unless the coefficient is
    /// given.
    Relu,
}

impl Activation {
    /// Its name in settings.
    pub fn name(self) -> &'static str {
        match self {
            Self::Topk => "topk",
            Self::BatchTopk => "batch_topk",
            Self::JumpRelu => "jump_relu",
            Self::Relu => "relu",
        }
    }

    /// True if there are as many active latents as k says.
    pub fn is_topk(self) -> bool {
        matches!(self, Self::Topk | Self::BatchTopk)
    }
}

/// Normalization of activations before the encoder.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum InputNormalization {
    /// Each token's mean is subtracted and its (unbiased) standard deviation divided out.
    #[default]
    LayerNorm,
    /// One factor for all tokens brings the mean norm to √d; it is folded into the weights that are written.
    MeanNorm,
    /// None.
    None,
}

/// Start of the bias that is subtracted before the encoder and added after the decoder.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PreBiasStart {
    /// The geometric median of a sample, as OpenAI's.
    #[default]
    GeometricMedian,
    /// The mean of a sample.
    Mean,
    /// Zero.
    Zero,
}

/// The moment at which decoder directions are scaled to length 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DecoderNorm {
    /// After the optimiser's step: the directions that are written have length 1.
    #[default]
    AfterStep,
    /// Before it, and before the gradient's parallel part is removed, as in OpenAI's code: they leave a step not quite of length 1.
    BeforeStep,
    /// Never.
    Never,
}

/// Settings of a training. Every field can stand in a file of settings, as JSON; those that do not have the values of
/// [`Config::default`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Number of latents, n.
    pub latents: usize,
    /// Active latents per token, k.
    pub k: usize,
    /// Rule by which latents are active.
    pub activation: Activation,
    /// JumpReLU: weight λ of λ·(L0 / k − 1)², L0 the mean number of active latents of the batch.
    pub l0_coefficient: f64,
    /// JumpReLU: the width ε around a threshold in which pre-activations count for its gradient, in units of the standard deviation of
    /// an input's dimension.
    pub jump_bandwidth: f64,
    /// JumpReLU: learning rate of the thresholds over that of the weights. They are one number a latent, move by about the learning rate a
    /// step, and have to find the L0 that is aimed at.
    pub jump_lr_factor: f64,
    /// ReLU: weight λ of λ·mean over tokens of Σ z / (d·σ), σ the standard deviation of an input's dimension. None starts at 1 and
    /// changes it in each step by up to 2 %, over the first three quarters of the steps, until L0 is k.
    pub l1_coefficient: Option<f64>,
    /// JumpReLU and ReLU: steps over which the weight of sparsity rises to its value. None is as many as the learning rate has.
    pub sparsity_warmup_steps: Option<u64>,
    /// Multi-TopK: a second reconstruction, from so many times k latents, is a part of the loss; 0 for none. The paper has 4.
    pub multi_topk_factor: usize,
    /// Weight of that second part. The paper has 1/8.
    pub multi_topk_coefficient: f64,
    /// Matryoshka: the loss has a part for the reconstruction from the first so many latents, for each number of the list, beside
    /// that from all. Increasing. Empty for none.
    pub matryoshka: Vec<usize>,
    /// Normalization of activations before the encoder.
    pub input_normalization: InputNormalization,
    /// Tokens to train on; the last ones that do not make a batch are left out.
    pub tokens: u64,
    /// Tokens per step.
    pub batch: usize,
    /// Batches per block: activations of so many batches are in memory, and are shuffled, at a time.
    pub block_batches: usize,
    /// Peak learning rate. None is 2e-4·√(2^14 / n), as in EleutherAI's sparsify.
    pub lr: Option<f64>,
    /// Steps over which the learning rate rises to its peak. None is a tenth of all, at most 100.
    pub warmup_steps: Option<u64>,
    /// Share of the steps, at the end, over which it falls to 0.
    pub decay_fraction: f64,
    /// Adam's β₁.
    pub adam_beta1: f64,
    /// Adam's β₂.
    pub adam_beta2: f64,
    /// Adam's ε.
    pub adam_epsilon: f64,
    /// AuxK: dead latents that reconstruct what a token's others left. None is half the width of the activations; 0 turns it off.
    pub aux_latents: Option<usize>,
    /// Weight of AuxK's loss.
    pub aux_coefficient: f64,
    /// Share of a batch, from its beginning, for which it is computed. OpenAI's code has 1.
    pub aux_fraction: f64,
    /// True if it has a gradient in the pre-encoder bias, as in OpenAI's code.
    pub aux_pre_bias_gradient: bool,
    /// Tokens without an activation after which a latent counts as dead. The paper has ten millions.
    pub dead_tokens: u64,
    /// Activation above which a latent counts as active for that.
    pub dead_threshold: f32,
    /// Start of the pre-encoder bias.
    pub pre_bias_start: PreBiasStart,
    /// True if the encoder is scaled at the start so that unit vectors are reconstructed with length 1 in the mean.
    pub encoder_start_scaled: bool,
    /// The moment at which decoder directions are scaled to length 1.
    pub decoder_norm: DecoderNorm,
    /// True if the part of the decoder's gradient that is parallel to the directions is removed.
    pub remove_parallel: bool,
    /// Factor of the running mean of the weights that is written in the place of the weights; 0 for none.
    pub ema: f64,
    /// True if the running mean is updated before the optimiser's step, as in OpenAI's code.
    pub ema_before_step: bool,
    /// Seed of the start and of the order of data.
    pub seed: u64,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            latents: 4096,
            k: 16,
            activation: Activation::Topk,
            l0_coefficient: 1.0,
            jump_bandwidth: 0.05,
            jump_lr_factor: 10.0,
            l1_coefficient: None,
            sparsity_warmup_steps: None,
            multi_topk_factor: 0,
            multi_topk_coefficient: 0.125,
            matryoshka: Vec::new(),
            input_normalization: InputNormalization::LayerNorm,
            tokens: 10_000_000,
            batch: 4096,
            block_batches: 8,
            lr: None,
            warmup_steps: None,
            decay_fraction: 0.3,
            adam_beta1: 0.9,
            adam_beta2: 0.999,
            adam_epsilon: 6.25e-10,
            aux_latents: None,
            aux_coefficient: 1.0 / 32.0,
            aux_fraction: 1.0,
            aux_pre_bias_gradient: false,
            dead_tokens: 1_000_000,
            dead_threshold: 1e-3,
            pre_bias_start: PreBiasStart::GeometricMedian,
            encoder_start_scaled: true,
            decoder_norm: DecoderNorm::AfterStep,
            remove_parallel: true,
            ema: 0.0,
            ema_before_step: false,
            seed: 0,
        }
    }
}

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

    /// Steps of the training.
    pub fn steps(&self) -> u64 {
        self.tokens / self.batch as u64
    }

    /// Activations of a block.
    pub fn block_rows(&self) -> usize {
        self.batch * self.block_batches
    }

    /// The peak learning rate.
    pub fn learning_rate(&self) -> f64 {
        let by_size = || 2e-4 * (f64::from(1 << 14) / self.latents as f64).sqrt();
        self.lr.unwrap_or_else(by_size)
    }

    /// Steps over which the learning rate rises to its peak.
    pub fn warmup(&self) -> u64 {
        self.warmup_steps.unwrap_or((self.steps() / 10).min(100))
    }

    /// Steps over which the weight of sparsity rises to its value.
    pub fn sparsity_warmup(&self) -> u64 {
        self.sparsity_warmup_steps.unwrap_or_else(|| self.warmup())
    }

    /// Dead latents that AuxK uses for activations of a width.
    pub fn aux_latents(&self, width: usize) -> usize {
        self.aux_latents.unwrap_or((width / 2).max(1))
    }

    /// Bytes that a training on activations of a width takes beside the program and the model: weights, Adam's moments, gradients,
    /// the running mean, a block of activations, a step's own memory, and the files of a checkpoint while they are written.
    pub fn memory(&self, width: usize) -> u64 {
        let (n, d, batch) = (self.latents as u64, width as u64, self.batch as u64);
        let weights = 4 * (2 * n * d + n + d);
        let copies = 4 + u64::from(self.ema > 0.0);
        let levels = 1 + u64::from(self.multi_topk_factor > 0) + self.matryoshka.len() as u64;
        // Those above a threshold are some times as many at the start, and are there twice.
        let times = if self.activation.is_topk() {
            self.multi_topk_factor.max(1)
        } else {
            8
        };
        let slots = (self.k * times) as u64;
        let aux = self.aux_latents(width) as u64;
        let rows = 4 * batch * d * (2 + levels) + 16 * batch * slots;
        let aux = (batch as f64 * self.aux_fraction * (16 * aux + 8 * d) as f64) as u64;
        let block = 4 * d * self.block_rows() as u64;
        let encode = crate::encode::memory(self.latents, width);
        // A checkpoint has its state as a file's bytes; before that the weights in SAELens's order, and as a file's bytes.
        weights * copies + (copies - 1) * weights + rows + aux + block + encode
    }
}

/// Settings as JSON, with changes of single ones as `KEY=VALUE`, where a value is JSON or a word.
///
/// # Errors
/// [`Error::Configuration`] with the place of what cannot be read.
pub fn decode_config(
    file: Option<(&str, &[u8])>,
    changes: &[(String, serde_json::Value)],
) -> Result<Config, Error> {
    let wrong = |file: &str, why: String| Error::Configuration {
        file: file.to_owned(),
        why,
    };
    let name = file.map_or("--set", |(name, _)| name);
    let mut value = match file {
        None => serde_json::Value::Object(serde_json::Map::new()),
        Some((name, bytes)) => serde_json::from_slice(bytes)
            .map_err(|error| wrong(name, format!("not JSON: {error}")))?,
    };
    // Checked by itself first, so that the message names the file for what stands in it.
    let decode = |name: &str, value: &serde_json::Value| {
        serde_path_to_error::deserialize::<_, Config>(value)
            .map_err(|error| wrong(name, format!("{}: {}", error.path(), error.inner())))
    };
    decode(name, &value)?;
    let Some(object) = value.as_object_mut() else {
        return Err(wrong(name, "settings are a JSON object".to_owned()));
    };
    for (key, change) in changes {
        object.insert(key.clone(), change.clone());
    }
    decode("--set", &value)
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

    #[test]
    fn a_file_is_read_and_what_is_wrong_in_it_is_named() {
        let file = br#"{"latents": 512, "k": 8, "activation": "batch_topk"}"#;
        let changes = [("k".to_owned(), 4.into())];
        let config = decode_config(Some(("a.json", file)), &changes).unwrap();
        assert_eq!((config.latents, config.k), (512, 4));
        assert_eq!(config.activation, Activation::BatchTopk);
        for (bytes, says) in [
            (&br#"{"latent": 5}"#[..], "a.json: latent: unknown field"),
            (br#"{"k": -1}"#, "a.json: k: invalid value"),
            (br#"{"activation": "gelu"}"#, "unknown variant `gelu`"),
            (b"k = 3", "a.json: not JSON"),
            (b"[]", "a.json"),
        ] {
            let error = decode_config(Some(("a.json", bytes)), &[]).unwrap_err();
            assert!(error.to_string().contains(says), "{error}");
        }
        for activation in [
            Activation::Topk,
            Activation::BatchTopk,
            Activation::JumpRelu,
            Activation::Relu,
        ] {
            assert_eq!(serde_json::to_value(activation).unwrap(), activation.name());
        }
        let again = serde_json::to_vec(&config).unwrap();
        assert_eq!(decode_config(Some(("a", &again)), &[]).unwrap(), config);
    }
}
