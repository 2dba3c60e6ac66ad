//! Settings of a training.

mod check;
mod file;

pub use file::{decode_config, decode_settings};

use serde::{Deserialize, Serialize};

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

    /// These settings with as many tokens as there are rows, or one batch: a corpus is read once where nothing else is said.
    #[must_use]
    pub fn over(self, rows: u64) -> Self {
        Self {
            tokens: rows.max(self.batch as u64),
            ..self
        }
    }

    fn weights_bytes(&self, width: usize) -> u64 {
        let (n, d) = (self.latents as u64, width as u64);
        4 * (2 * n * d + n + d)
    }

    /// Copies of the weights in a state: they, Adam's moments, and the running mean.
    fn copies(&self) -> u64 {
        3 + u64::from(self.ema > 0.0)
    }

    /// Bytes of a checkpoint, but for what is small beside them: the autoencoder, and weights, moments and running mean.
    pub fn checkpoint_bytes(&self, width: usize) -> u64 {
        self.weights_bytes(width) * (1 + self.copies())
    }

    /// Bytes that a training on activations of a width takes beside the program and the model: weights, Adam's moments, gradients,
    /// the running mean, a block of activations, a step's own memory, and the files of a checkpoint while they are written.
    pub fn memory(&self, width: usize) -> u64 {
        let (d, batch) = (width as u64, self.batch as u64);
        let weights = self.weights_bytes(width);
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
        // The gradients are one more copy.
        weights * (self.copies() + 1 + self.copies()) + rows + aux + block + encode
    }
}
