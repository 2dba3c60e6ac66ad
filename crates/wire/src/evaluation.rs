//! What SAEs lose on a text.

use serde::{Deserialize, Serialize};
use ts_rs::TS;

use crate::loaded::SaeInfo;
use crate::trace::Metrics;

/// Reconstruction metrics of an SAE on a text of any length.
#[derive(Debug, Clone, PartialEq, Serialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct Evaluation {
    /// The SAE.
    #[serde(flatten)]
    pub info: SaeInfo,
    /// Means over the tokens of all windows.
    #[serde(flatten)]
    pub metrics: Metrics,
    /// Mean next-token cross-entropy of the model itself, nats, over the windows' tokens.
    pub loss: Option<f64>,
    /// Tokens that went through the model, every window's BOS included.
    pub tokens: usize,
    /// In how many windows of at most the model's context the text was read.
    pub windows: usize,
    /// Tokens of the longest window, a BOS included.
    pub window_tokens: usize,
    /// True if each window begins with a BOS.
    pub bos_prepended: bool,
    /// As in a trace.
    pub cautions: Vec<String>,
}

/// The evaluation of some SAEs on one text.
#[derive(Debug, Clone, PartialEq, Serialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct Evaluations {
    /// The model's name.
    pub model: String,
    /// The text.
    pub text: String,
    /// One for each SAE.
    pub saes: Vec<Evaluation>,
    /// `gpu` or `cpu`.
    #[ts(type = "'gpu' | 'cpu'")]
    pub backend: String,
    /// Name of the GPU adapter, or of the CPU path.
    pub adapter: String,
}

/// The evaluation of some SAEs over one corpus, read in windows.
#[derive(Debug, Clone, PartialEq, Serialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct CorpusEvaluations {
    /// The model's name.
    pub model: String,
    /// What was read.
    pub corpus: EvaluatedCorpus,
    /// One for each SAE that was begun.
    pub saes: Vec<CorpusEvaluation>,
    /// True if it was stopped before its end: the last SAE saw fewer tokens, and those behind it are missing.
    pub stopped: bool,
    /// `gpu` or `cpu`.
    #[ts(type = "'gpu' | 'cpu'")]
    pub backend: String,
    /// Name of the GPU adapter, or of the CPU path.
    pub adapter: String,
}

/// The part of a corpus that an evaluation reads.
#[derive(Debug, Clone, Default, PartialEq, Serialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct EvaluatedCorpus {
    /// Names of its files, without folders.
    pub files: Vec<String>,
    /// Sources of its documents, in the order in which they come.
    pub sources: Vec<String>,
    /// Documents of which something was read.
    pub documents: usize,
    /// Windows, none of which crosses the end of a document.
    pub windows: usize,
    /// Tokens of the windows, without BOS.
    pub tokens: usize,
    /// Tokens of the longest window that is made, a BOS included.
    pub context: usize,
}

/// An SAE over a corpus.
#[derive(Debug, Clone, PartialEq, Serialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct CorpusEvaluation {
    /// Reconstruction metrics over the tokens of all windows.
    #[serde(flatten)]
    pub evaluation: Evaluation,
    /// Loss with zeros in the activation's place at the positions that count, nats.
    pub zero_loss: Option<f64>,
    /// (CE_zero − CE_spliced) / (CE_zero − CE_clean): 1 where the reconstruction loses nothing, 0 where it is as bad as zeros.
    pub ce_recovered: Option<f64>,
    /// Latents that were not active at any of the positions that count.
    pub dead: usize,
    /// `dead` as a share of all latents; `null` where no position counts.
    pub dead_share: Option<f64>,
    /// The other latents by how often they are active.
    pub density: Density,
    /// Where it was asked for.
    pub recovery: Option<Recovery>,
    /// Where it was asked for.
    pub probes: Option<Probes>,
    /// Where it was asked for.
    pub ablation: Option<AblationSparsity>,
}

/// A histogram of latents by log₁₀ of their density, the share of the counted positions at which a latent is not zero.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct Density {
    /// log₁₀ of the bins' bounds, one more than there are bins.
    pub edges: Vec<f64>,
    /// Latents in each bin; dead ones are in none.
    pub counts: Vec<u64>,
}

/// What an SAE reconstructs where other latents, or others of their magnitudes, are used than in training.
#[derive(Debug, Clone, Default, PartialEq, Serialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct Recovery {
    /// The k′ largest latents instead of the k largest, for some k′; empty where the SAE is not TopK.
    pub progressive: Vec<RecoveryPoint>,
    /// JumpReLU with one threshold; `null` where the SAE is not TopK.
    pub jump_relu: Option<JumpReluAtTest>,
    /// The magnitudes of each token's active latents replaced by the best ones that are not negative.
    pub refinement: Option<Refinement>,
    /// What is missing, and why.
    pub notes: Vec<String>,
}

/// An SAE with other latents per token than in training.
#[derive(Debug, Clone, PartialEq, Serialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct RecoveryPoint {
    /// k′.
    pub k: usize,
    /// Over the windows that the SAE was evaluated on.
    #[serde(flatten)]
    pub metrics: Metrics,
}

/// A TopK SAE with one threshold instead of the k largest.
#[derive(Debug, Clone, PartialEq, Serialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct JumpReluAtTest {
    /// Pre-activations above it are kept: chosen on the same tokens so that as many are as in TopK.
    pub threshold: f64,
    /// Over the windows that the SAE was evaluated on.
    #[serde(flatten)]
    pub metrics: Metrics,
}

/// FVU before and after the magnitudes of active latents are made the best ones.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct Refinement {
    /// Positions of the sample, evenly spread over those that count.
    pub tokens: usize,
    /// FVU of the sample with the encoder's magnitudes.
    pub before: Option<f64>,
    /// FVU of the sample with the magnitudes ≥ 0 that minimise each token's squared error.
    pub after: Option<f64>,
}

/// Probes on an SAE's latents for labels that the text gives.
#[derive(Debug, Clone, PartialEq, Serialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct Probes {
    /// Positions that could be chosen.
    pub tokens: usize,
    /// The seed of the choice.
    pub seed: u64,
    /// One for each task with enough tokens of both kinds.
    pub tasks: Vec<ProbeTask>,
    /// Mean of the tasks' probe losses, nats.
    pub loss: Option<f64>,
    /// Names of the tasks that were left out because too few tokens are of one kind.
    pub left_out: Vec<String>,
}

/// Probes for one label.
#[derive(Debug, Clone, PartialEq, Serialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct ProbeTask {
    /// Its name.
    pub name: String,
    /// The tokens of which it is true.
    pub definition: String,
    /// Share of all positions of which it is true. The samples are balanced: half of them.
    pub base_rate: f64,
    /// Number of samples.
    pub samples: usize,
    /// Mean cross-entropy of the best latent's probe σ(w·h + b) on its pre-activation h, nats; ln 2 = 0.693 is chance.
    pub loss: f64,
    /// That latent.
    pub latent: u32,
    /// Probes on the activations of few latents, measured on held-out windows; empty where one part lacks a label.
    pub sparse: Vec<SparseProbe>,
    /// The accuracy of naming the more frequent label of the held-out samples always.
    pub guess: Option<f64>,
}

/// A logistic regression on the activations of few latents.
#[derive(Debug, Clone, PartialEq, Serialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct SparseProbe {
    /// Number of latents.
    pub k: usize,
    /// The latents, the one that tells most first.
    pub latents: Vec<u32>,
    /// Share of the held-out samples that are labelled rightly.
    pub accuracy: f64,
    /// Harmonic mean of precision and recall on the held-out samples.
    pub f1: f64,
}

/// Sparsity of what ablating single latents changes in the logits.
#[derive(Debug, Clone, PartialEq, Serialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct AblationSparsity {
    /// Ablations that changed a logit: one active latent at one position each.
    pub ablations: usize,
    /// Ablations that changed nothing, and have no sparsity.
    pub without_effect: usize,
    /// T: positions whose logits are compared, the ablated one included.
    pub tokens: usize,
    /// V: entries of the vocabulary.
    pub vocabulary: usize,
    /// The seed of the choice.
    pub seed: u64,
    /// Mean of (‖Δ‖₁/‖Δ‖₂)²/(V·T), each token's median of Δ taken off: the share of the logits that an ablation moves.
    pub mean: Option<f64>,
    /// Standard error of the mean.
    pub standard_error: Option<f64>,
}

/// Options of an evaluation of SAEs over texts.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct EvaluateOptions {
    /// Also with k/4, k/2, 2k and 4k latents, with one threshold in k's place, and with refined magnitudes.
    #[ts(optional)]
    pub recovery: Option<bool>,
    /// Also the loss of probes on single latents for labels that the text gives, and sparse probing with 1, 2 and 5 latents.
    #[ts(optional)]
    pub probes: Option<bool>,
    /// Also the sparsity of what ablating active latents changes in the logits.
    #[ts(optional)]
    pub ablation: Option<bool>,
    /// Ablations of each SAE; 64 by default.
    #[ts(optional)]
    pub ablations: Option<usize>,
    /// Tokens to read, of each text an equal share; 100,000 by default.
    #[ts(optional)]
    pub tokens: Option<usize>,
    /// The most tokens of a document, so that more of them have a part; all by default.
    #[ts(optional)]
    pub document_tokens: Option<usize>,
    /// Tokens of a window, a BOS included; the model's context by default, at most 256.
    #[ts(optional)]
    pub context: Option<usize>,
    /// As of every prompt.
    #[ts(optional, type = "boolean | 'auto' | 'yes' | 'no'")]
    pub bos: Option<String>,
    /// The field of a record of JSON lines that holds its text; `"text"` by default.
    #[ts(optional)]
    pub text_field: Option<String>,
    /// The seed of random choices; 0 by default.
    #[ts(optional)]
    pub seed: Option<u64>,
}

/// How far an evaluation is.
#[derive(Debug, Clone, PartialEq, Serialize, TS)]
#[serde(
    tag = "stage",
    rename_all = "camelCase",
    rename_all_fields = "camelCase"
)]
pub enum EvaluateProgress {
    /// Bytes of the model's or an SAE's weights; the package tells it.
    Load {
        /// So many.
        bytes: u64,
        /// Of so many.
        total_bytes: u64,
    },
    /// Texts that are read.
    Read {
        /// Bytes of the file under way.
        bytes: u64,
        /// Of so many.
        total_bytes: u64,
        /// Tokens so far, of all files.
        tokens: usize,
    },
    /// A part of an SAE's evaluation.
    Part {
        /// The SAE and the part.
        what: String,
        /// So many are done.
        done: usize,
        /// Of so many.
        all: usize,
        /// Of these: `"windows"`, `"latents"`, `"ablations"`.
        unit: String,
    },
    /// What there is so far: parts of the last SAE may be missing.
    Found {
        /// It.
        evaluated: Box<Evaluated>,
    },
}

/// The result of an evaluation.
#[derive(Debug, Clone, PartialEq, Serialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct Evaluated {
    /// All numbers.
    pub evaluations: CorpusEvaluations,
    /// The same as tables for people, with what each number means.
    pub tables: Vec<ResultTable>,
    /// The model, the texts and the device, as one line.
    pub head: String,
    /// The numbers as the program's `evaluate --out FILE.json` writes them.
    pub json: String,
    /// SAEs that could not be evaluated.
    pub failures: Vec<EvaluationFailure>,
}

/// An SAE that could not be evaluated.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct EvaluationFailure {
    /// Its id.
    pub id: String,
    /// Why.
    pub message: String,
}

/// A table of results.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct ResultTable {
    /// Its title.
    pub title: String,
    /// Rows of cells; the first has the columns' names.
    pub rows: Vec<Vec<String>>,
    /// So many first columns are texts, the others are numbers.
    pub left: usize,
    /// What the numbers mean, and what is to be known of them.
    pub notes: Vec<String>,
}

/// A grid of trainings from one pass of the model, and the scaling law that fits them.
#[derive(Debug, Clone, PartialEq, Serialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct TrainingSweep {
    /// The model's name.
    pub model: String,
    /// The hook whose activations were trained on.
    pub hook: String,
    /// Tokens that each was trained on.
    pub tokens: u64,
    /// The seed of all.
    pub seed: u64,
    /// One for each n and k.
    pub points: Vec<SweptTraining>,
    /// The law; `null` where it cannot be fitted.
    pub law: Option<FittedLaw>,
    /// Why there is no law.
    pub law_missing: Option<String>,
    /// What Gao et al. (2024) found for autoencoders of GPT-4, for reference alone: losses of other models are not comparable.
    pub paper_gpt4: ScalingLaw,
    /// True if it was stopped before its end; there is no law then.
    pub stopped: bool,
}

/// One training of a grid.
#[derive(Debug, Clone, PartialEq, Serialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct SweptTraining {
    /// n.
    pub latents: usize,
    /// k.
    pub k: usize,
    /// Its folder, in that of the sweep.
    pub folder: String,
    /// Mean FVU of the batches of the last tenth of the steps, each measured before it was trained on; the last batch's of one that was stopped before.
    pub loss: Option<f64>,
    /// Mean number of active latents per token in the same batches.
    pub l0: Option<f64>,
    /// Share of dead latents at the end.
    pub dead: Option<f64>,
    /// The law's loss.
    pub law: Option<f64>,
    /// ln of `loss` less ln of `law`: about the relative difference.
    pub residual: Option<f64>,
}

/// A fitted scaling law.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct FittedLaw {
    /// Its coefficients.
    #[serde(flatten)]
    pub law: ScalingLaw,
    /// Root of the residuals' mean square.
    pub rms: f64,
    /// The largest share of exp(ζ + η ln k) in the law's loss at any point; where it is tiny, ζ and η mean nothing.
    pub floor_share: f64,
}

/// L(n, k) = exp(α + β_k ln k + β_n ln n + γ ln k ln n) + exp(ζ + η ln k).
#[derive(Debug, Clone, Copy, PartialEq, Serialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct ScalingLaw {
    /// α.
    pub alpha: f64,
    /// β_k.
    pub beta_k: f64,
    /// β_n.
    pub beta_n: f64,
    /// γ.
    pub gamma: f64,
    /// ζ.
    pub zeta: f64,
    /// η.
    pub eta: f64,
}
