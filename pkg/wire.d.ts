// Generated from crates/wire by `cargo run -p wire --example typings`; a test compares it.

/** Options of loading an SAE. */
export interface SaeOptions {
  /** Hook of the SAE, such as `blocks.3.hook_resid_post`. An OpenAI `.pt` does not say, so it needs this. */
  hook?: string;
  /** Format of the weights on the device; `"auto"` (default): f16 where that is exact. */
  weightFormat?: 'auto' | 'f32' | 'f16';
  /** True if the mean over the width is subtracted from its input; default: what its files or the catalogue say. */
  centre?: boolean;
  /** True if it was trained with a BOS before each context, where its files do not say; default: what the catalogue says. */
  prependBos?: boolean;
  /** The factor of an SAE that was trained on activations scaled to an average length, where its files do not say it. */
  normScalingFactor?: number;
  /**
   * Leave the weights where they are, and read them through a buffer of 256 MiB for every call: for a TopK SAE in OpenAI's
   * layout that is too large for the device. `'auto'`: where it does not fit whole, as far as is known. Default: false.
   */
  stream?: boolean | 'auto';
}

/** Options of everything that runs a prompt. */
export interface PromptOptions {
  /**
   * Choice of a BOS token before a text; `"auto"` (default) decides once from everything that is loaded: with a BOS where
   * any SAE was trained with one, else as the model is used. `true` and `false` are the same as `"yes"` and `"no"`.
   */
  bos?: boolean | 'auto' | 'yes' | 'no';
}

/** Options of a trace. */
export interface TraceOptions {
  /** As of every prompt. */
  bos?: boolean | 'auto' | 'yes' | 'no';
  /** Ids of the SAEs to encode with; default: all that are loaded. */
  saes?: Array<string>;
  /** Number of next tokens per position; default 10. */
  topLogits?: number;
}

/** Options of a run with edits. */
export interface EditOptions {
  /** As of every prompt. */
  bos?: boolean | 'auto' | 'yes' | 'no';
  /** Number of next tokens per position; default 10. */
  topLogits?: number;
  /** True to get the edited logits of every position as well. */
  logits?: boolean;
  /** Ids of tokens whose probabilities after the last token are wanted. */
  track?: Array<number>;
}

/** Options of ranking features by what their ablation changes. */
export interface EffectsOptions {
  /** Id of the SAE, or the name of the hook where only one is loaded. */
  sae: string;
  /** Positions at which to ablate, as text: `"5,7..9,12.."`; default: all that count. */
  positions?: string;
  /** Two tokens' ids, whose logits after the last token are compared. */
  target?: number;
  /** The other of the two. */
  distractor?: number;
  /** Default: `"logitDifference"` with a target, else `"kl"`. */
  rankBy?: 'loss' | 'kl' | 'logitDifference';
  /** Number of tokens listed that move up the most, and as many that move down; default 10. */
  top?: number;
  /** Share of each mean KL, from 0 to 1, by which it may be off, proven; on the CPU that is faster. Default 0: all is measured. */
  within?: number;
  /** As of every prompt. */
  bos?: boolean | 'auto' | 'yes' | 'no';
}

/** Options of patching the residual stream. */
export interface StreamPatchOptions {
  /** Two tokens' ids, whose logits after the last token are compared; default: the likeliest after the source and after the prompt. */
  target?: number;
  /** The other of the two. */
  distractor?: number;
  /** As of every prompt, for both. */
  bos?: boolean | 'auto' | 'yes' | 'no';
}

/** Values to take from a prompt's pass. */
export interface TapOptions {
  /**
   * TransformerLens's names: hook points (`blocks.3.hook_resid_post`, `blocks.3.mlp.hook_post`, …), attention patterns
   * (`blocks.3.attn.hook_pattern`), and LayerNorm scales (`blocks.3.ln1.hook_scale`, `ln_final.hook_scale`).
   */
  names?: Array<string>;
  /** How many of the likeliest next tokens to list per block and position; 0 (default): no logit lens. */
  logitLens?: number;
  /** As of every prompt. */
  bos?: boolean | 'auto' | 'yes' | 'no';
}

/** Settings of a continuation. */
export interface GenerateOptions {
  /** The most tokens to add. */
  maxTokens: number;
  /** 0 (default) takes the likeliest token each time; otherwise logits are divided by it. */
  temperature?: number;
  /** Same seed, same settings: same text. Default 0. */
  seed?: number;
  /** Draw among this many likeliest tokens; 0 (default): all. */
  topK?: number;
  /** Draw among the likeliest tokens that together reach this probability; 1 (default): all. */
  topP?: number;
  /** Divides positive logits of tokens that stand in the text, and multiplies others; 1 (default): no change. */
  repetitionPenalty?: number;
  /** Ids of SAEs, or names of their hooks, whose features `onFeatures` receives. */
  features?: Array<string>;
  /** As of every prompt. */
  bos?: boolean | 'auto' | 'yes' | 'no';
}

/** A change of one latent. The SAE's error term is kept. */
export interface Edit {
  /** Id of the SAE, or the name of the hook where only one is loaded. */
  sae: string;
  /** The latent. */
  latent: number;
  /** `"set"` by default. Edits change what a latent is in the clean run; two edits of one latent at one position are refused. */
  operation?: "set" | "add" | "scale";
  /** The activation to set (0 ablates), the number to add to it, or the factor to scale it by. */
  value: number;
  /** Token positions; default: all that count for the SAE. */
  positions?: Array<EditPositions>;
  /** The edit applies at a position only where this holds there. */
  when?: EditCondition;
  /** False for an edit that is not applied. */
  on?: boolean;
}

/** A position, or a range that ends before `to`, or nowhere: generated tokens are in it. */
export type EditPositions = number | { from: number, to?: number, };

/** A latent's activation above a bound, at the position that the edit would change; its hook is not behind the edit's. */
export interface EditCondition {
  /** As of the edit. */
  sae: string;
  /** The latent. */
  latent: number;
  /** The bound. */
  above: number;
}

/** The source of a loaded model or SAE: all that others need to load the same. The package knows it, not the engine. */
export interface Origin {
  /** `owner/name`; `null` for an address outside a repository. */
  repository: string | null;
  /** The requested revision, such as `"main"`; `null` for an address. */
  revision: string | null;
  /**
   * The commit that it stood for, 40 hexadecimal digits: as the `revision` of a repository's source it gives the same files,
   * whatever the branch is at by then. `null` where the host does not state it.
   */
  commit: string | null;
  /** The folder or file in the repository, `""` for all of it; for an address its path. */
  path: string;
  /** An address that loads the same: of the folder or file at its commit, without a query. */
  url: string;
  /** SHA-256 of the weights, hexadecimal, where they are one file whose hash the host or the catalogue states. */
  sha256?: string;
}

/** A loaded model. */
export interface ModelInfo {
  /** Its id. */
  id: string;
  /** Its name for people. */
  name: string;
  /** Blocks. */
  nLayers: number;
  /** Width of the residual stream. */
  dModel: number;
  /** Width of the MLPs. */
  dMlp: number;
  /** Attention heads per block. */
  nHeads: number;
  /** The longest prompt, in tokens, with the BOS. */
  nCtx: number;
  /** Tokens of the vocabulary. */
  vocab: number;
  /** Id of the beginning-of-sequence token. */
  bos: number | null;
  /** Ids of the tokens that end a text, and with it a generation. */
  eos: Array<number>;
  /** Sentences on what its files leave open and what was assumed: which of their settings were not used, and why. */
  notices: Array<string>;
  /** Format of the weights on the device; `"mixed"` where the file mixes F16 with other types. */
  weights: 'f32' | 'f16' | 'mixed';
  /** Its source; `null` for the demo and for files. The engine leaves it out, and the package adds it. */
  origin: Origin | null;
}

/** A loaded SAE, or other feature set. */
export interface SaeInfo {
  /** Its id. */
  id: string;
  /** Its hook point. */
  hook: string;
  /** `"topk"`, `"standard"` (ReLU), `"jumprelu"` or `"gated"`; `"neurons"` for an activation's own dimensions. */
  architecture: string;
  /** Number of latents. */
  nLatents: number;
  /** Latents a token may have; for architectures without such a bound, `null`. */
  k: number | null;
  /** Width of the activation it reads. */
  dIn: number;
  /**
   * `"none"`, `"layer_norm"`, `"constant_norm_rescale"` or `"expected_average_only_in"`, as its file says; `"centred"` where
   * each position's mean is taken off, and nothing else is done.
   */
  normalization: string;
  /** Format of the weights on the device; `"streamed"` where they stay in the file, `"none"` for neurons. */
  weights: 'f32' | 'f16' | 'streamed' | 'none';
  /**
   * For `expected_average_only_in`: the factor of the activations; `null` where it is not known, and for the others. Without it
   * the weights are used as if it were folded into them.
   */
  normScalingFactor: number | null;
  /** True if it was trained with a BOS before each context; `null` where neither its files nor the catalogue say. */
  prependBos: boolean | null;
  /** Length of the contexts that it was trained on, tokens. */
  contextSize: number | null;
  /** The model that it was trained on, as its files call it. */
  modelName: string | null;
  /** True if that seems to be another one than the loaded: by the shape for the sizes of GPT-2, else by the name. */
  otherModel: boolean;
  /**
   * Sentences on what its files leave open, what was assumed, another name of its hook, and what looks wrong without being
   * certain.
   */
  notices: Array<string>;
  /** Its source; `null` for the demo, for files and for neurons. The engine leaves it out, and the package adds it. */
  origin: Origin | null;
}

/** The settings in an SAE's file. */
export interface SaeConfig {
  /** As of a loaded SAE. */
  architecture: string;
  /** Width of the activation it reads. */
  dIn: number;
  /** Number of latents. */
  nLatents: number;
  /** k of a TopK SAE. */
  k: number | null;
  /** As of a loaded SAE. */
  normalization: string;
  /** Its hook point, as the file calls it. */
  hook: string | null;
  /** The model that it was trained on. */
  modelName: string | null;
  /** True if it was trained with a BOS before each context. */
  prependBos: boolean | null;
  /** Length of the contexts that it was trained on, tokens. */
  contextSize: number | null;
}

/** Counts of a device's work. */
export interface Counters {
  /** Kernels dispatched. */
  dispatches: number;
  /** Compute passes begun. */
  passes: number;
  /** Command buffers submitted. */
  submits: number;
  /** Read-backs mapped. */
  readBacks: number;
  /** Buffers made. */
  buffers: number;
  /** Bind groups made. */
  bindGroups: number;
  /** Pipelines compiled. */
  pipelines: number;
}

/** The loaded model and SAEs, the engine's device and its memory. */
export interface Info {
  /** `gpu` or `cpu`. */
  backend: 'gpu' | 'cpu';
  /** Name of the GPU adapter, or of the CPU path. */
  adapter: string;
  /** Why the CPU is used although a GPU was wished for. */
  fallbackReason: string | null;
  /** The model. */
  model: ModelInfo | null;
  /** The SAEs and other feature sets, in the order of loading. */
  saes: Array<SaeInfo>;
  /** Memory held on the device, bytes: what is loaded, and what questions left to be used again. */
  deviceBytes: number;
  /** Memory that waits to be used again, bytes; part of `deviceBytes`. */
  pooledBytes: number;
  /** Memory of what is loaded alone, bytes: `deviceBytes` right after the last load. */
  loadedBytes: number;
  /** Counted since the engine started. */
  counters: Counters;
  /** Size of the worker's wasm memory, bytes. The package adds it. */
  wasmBytes: number;
  /** Duration of the last trace, milliseconds. The package adds it. */
  lastTraceMilliseconds: number | null;
}

/** A token of a text. */
export interface Token {
  /** Its number in the vocabulary. */
  id: number;
  /** The decoded bytes. A token that is a part of a UTF-8 sequence shows its bytes, as `<0xF0>`. */
  text: string;
}

/** A candidate for the next token. */
export interface NextToken {
  /** Its number in the vocabulary. */
  id: number;
  /** As of a token. */
  text: string;
  /** Its logit. */
  logit: number;
  /** Its probability, over the whole vocabulary. */
  prob: number;
}

/** A token that a change of the pass moves, after the last token: changed minus clean. */
export interface TokenChange {
  /** Its number in the vocabulary. */
  id: number;
  /** As of a token. */
  text: string;
  /** Change of its logit. */
  logit: number;
  /** Change of its probability. */
  prob: number;
}

/** A token and what a feature does to its logit. */
export interface TokenValue {
  /** Its number in the vocabulary. */
  id: number;
  /** As of a token. */
  text: string;
  /** Change of its logit for one unit of activation, centred over the vocabulary, by the direct path alone. */
  value: number;
}

/** A text as tokens. */
export interface Tokenization {
  /** The tokens, a BOS included. */
  tokens: Array<Token>;
  /** True if the first token is a BOS that was put there. */
  bosPrepended: boolean;
  /** Why the first token is a BOS or is not: a sentence. */
  bosReason: string;
  /** Positions of the model's context. */
  nCtx: number;
}

/** A matrix as it is sent. */
export interface Matrix {
  /** `[rows, columns]`. */
  shape: [number, number];
  /** Row-major. */
  data: Float32Array;
}

/**
 * Reconstruction metrics of an SAE. Means are over the positions that count: all but a BOS at 0 and those that the SAE's file
 * excludes (special tokens, positions outside of its slice of the context). Positions that do not count are not replaced by
 * the reconstruction either. `null` where no position counts, or where a metric is not defined.
 */
export interface SaeMetrics {
  /** Mean number of non-zero latents per token. */
  l0: number | null;
  /**
   * Fraction of variance unexplained, Σ‖x − x̂‖² / Σ‖x − x̄‖² with x̄ the mean over the sample, in the space that the SAE was
   * trained in; `null` where the positions do not vary by more than rounding.
   */
  fvu: number | null;
  /** Mean over tokens of ‖x − x̂‖² / ‖x‖², raw space; tokens with x = 0 are left out. */
  relativeError: number | null;
  /** Mean over tokens of the cosine of x and x̂, raw space; tokens where either is 0 are left out. */
  cosine: number | null;
  /**
   * Loss with the reconstruction instead of the hook's activation, nats; `null` where no token is predicted from a replaced
   * position on.
   */
  splicedLoss: number | null;
  /**
   * Spliced loss minus clean loss, nats, over all predictions of the prompt, the one made at a BOS included, although nothing
   * is replaced there; SAELens leaves that one out: over T tokens with a BOS its value is (T − 1)/(T − 2) times this. `null`
   * where nothing is predicted from a replaced position on.
   */
  deltaCe: number | null;
  /** KL(clean ‖ spliced) of the next-token distribution, nats. */
  kl: number | null;
  /** How many positions count. */
  positions: number;
}

/** One SAE's part of a trace. */
export interface SaeTrace {
  /** Its id. */
  id: string;
  /** Its hook point. */
  hook: string;
  /** As of a loaded SAE. */
  architecture: string;
  /** Number of latents. */
  nLatents: number;
  /** As of a loaded SAE. */
  dIn: number;
  /** As of a loaded SAE. */
  normalization: string;
  /** As of a loaded SAE. */
  weights: 'f32' | 'f16' | 'streamed' | 'none';
  /** As of a loaded SAE. */
  normScalingFactor: number | null;
  /** As of a loaded SAE. */
  prependBos: boolean | null;
  /** As of a loaded SAE. */
  contextSize: number | null;
  /** As of a loaded SAE. */
  modelName: string | null;
  /** As of a loaded SAE. */
  otherModel: boolean;
  /** As of a loaded SAE. */
  notices: Array<string>;
  /** Row length of `latents` and `activations`: the most latents that any token has, and never more than k of TopK. */
  k: number;
  /** `[T, k]`, row-major, strongest first; −1 where a token has fewer than k active latents. */
  latents: Int32Array;
  /** `[T, k]`, row-major; 0 where `latents` is −1. */
  activations: Float32Array;
  /** Its reconstruction metrics. */
  metrics: SaeMetrics;
  /** Positions that count in none of the metrics and are not replaced, ascending: a BOS, and what the SAE's files exclude. */
  skipped: Uint32Array;
  /** Sentences on what does not fit: another model, a longer context, a BOS, a reconstruction that fails. */
  cautions: Array<string>;
}

/** A prompt run through the model and its SAEs. */
export interface Trace {
  /** T tokens, the BOS included where one was prepended. */
  tokens: Array<Token>;
  /** True if the first token is a BOS that was put there. */
  bosPrepended: boolean;
  /** Why the first token is a BOS or is not: a sentence. */
  bosReason: string;
  /** Mean next-token cross-entropy, nats: the mean of `tokenLosses`, with and without a BOS; `null` where no token has a loss. */
  loss: number | null;
  /** Length T − 1, nats; entry i is the loss of token i + 1. */
  tokenLosses: Float32Array;
  /** The likeliest tokens after the last position. */
  next: Array<NextToken>;
  /** The same after each of the T positions. */
  nextByPosition: Array<Array<NextToken>>;
  /** One for each SAE. */
  saes: Array<SaeTrace>;
  /** `gpu` or `cpu`. */
  backend: 'gpu' | 'cpu';
  /** Name of the GPU adapter, or of the CPU path. */
  adapter: string;
  /** Duration of the call. The package measures it; 0, and left out, where nobody did. */
  milliseconds: number;
}

/** A model's loss on the sample text, or on as much of it as the context holds. */
export interface SampleLoss {
  /** Mean next-token cross-entropy, nats per token. */
  loss: number;
  /** Number of predictions in the mean. */
  predictions: number;
  /** The loss of a model that holds all tokens for equally likely: ln(vocabulary). */
  chance: number;
  /** The range of a trained model, nats per token, in words: `"3 to 4"`. */
  usual: string;
  /** Possible problem in words; `null` where there is none. */
  caution: string | null;
}

/** A prompt with features edited. */
export interface Edited {
  /** As in a trace, with the edit. */
  loss: number | null;
  /** As in a trace, with the edit. */
  tokenLosses: Float32Array;
  /** As in a trace, with the edit. */
  next: Array<NextToken>;
  /** As in a trace, with the edit. */
  nextByPosition: Array<Array<NextToken>>;
  /**
   * KL(clean ‖ edited) of the next-token distribution, nats: its mean over the positions that count for all edited SAEs; `null`
   * where none does.
   */
  kl: number | null;
  /** The same after each token, T values. */
  klByPosition: Float32Array;
  /** The tracked tokens after the last one, in the order of `track`. */
  tracked: Array<NextToken>;
  /** `[T, vocab]`, present if requested. */
  logits?: Matrix;
}

/** The difference that ablating one feature makes, the error term kept: ablated minus clean. */
export interface Effect {
  /** The latent. */
  latent: number;
  /** Its largest activation at the chosen positions; of a neuron the one of the largest magnitude. */
  activation: number;
  /** Where that is. */
  position: number;
  /** Number of chosen positions at which it is active. */
  active: number;
  /** Of the mean loss, nats; `null` where nothing is predicted. */
  loss: number | null;
  /** Mean of KL(clean ‖ ablated) over the positions that count, nats; `null` where none does. */
  kl: number | null;
  /**
   * The most that `loss` and `kl` are off, proven, nats: with `within` the logits of some tokens are bounded and not computed. 0
   * where all are measured.
   */
  within: number;
  /** Of the target's logit minus the distractor's after the last token; `null` where they are not named. */
  logitDifference: number | null;
  /**
   * What the direct path alone would give for that: minus the activation at the last token times the decoder direction,
   * through the final LayerNorm with the clean run's scale, times the difference of the two rows of W_U. 0 for a feature
   * that is not active there. `null` where a feature does not write to the residual stream itself (heads, neurons of an MLP),
   * and for an SAE that stays in its file.
   */
  direct: number | null;
  /** Length T − 1; entry i is of the loss of token i + 1, nats. */
  tokenLosses: Float32Array;
  /** KL(clean ‖ ablated) after each token, T values, nats. */
  klByPosition: Float32Array;
  /**
   * The most that the loss of the token after it and KL after it are off, for each token, T values, nats; empty where all are
   * measured.
   */
  errors: Float32Array;
  /** The tokens whose logits after the last token rise the most, the first the most. */
  up: Array<TokenChange>;
  /** Those whose logits fall the most. */
  down: Array<TokenChange>;
}

/** The effects of every active feature of a prompt. */
export interface Effects {
  /** The SAE's id. */
  sae: string;
  /** The tokens, a BOS included. */
  tokens: Array<Token>;
  /** Mean loss of the clean run, nats. */
  loss: number | null;
  /** The target; `null` where none is named. */
  target: Token | null;
  /** The distractor; `null` where none is named. */
  distractor: Token | null;
  /** The target's logit minus the distractor's after the last token of the clean run. */
  logitDifference: number | null;
  /** One entry per feature that is active at a chosen position, the largest effect first; empty where none is. */
  effects: Array<Effect>;
}

/** What each patch of the residual stream brings. Rows are hook points, columns are positions. */
export interface StreamPatching {
  /** The tokens of the prompt, a BOS included. */
  tokens: Array<Token>;
  /** Those of the source, equally many. */
  sourceTokens: Array<Token>;
  /** The token whose logit counts. */
  target: Token;
  /** The token that it is compared with. */
  distractor: Token;
  /** The target's logit minus the distractor's after the last token of the prompt. */
  clean: number;
  /** The same of the source. */
  source: number;
  /** Names of the hook points: the stream into each block, and out of the last one. */
  hooks: Array<string>;
  /** Per hook point, T values: the target's logit minus the distractor's where the prompt's stream is the source's there. */
  logitDifferences: Float64Array[];
  /** Per hook point, T values: KL(clean ‖ patched) of the distribution after the last token, nats. */
  kl: Float64Array[];
}

/** A value taken from a pass. */
export interface Tapped {
  /** Its name, TransformerLens's. */
  name: string;
  /**
   * `[tokens, width]` of an activation; `[tokens, heads, tokens]` (query, head, key) of an attention pattern, 0 for keys behind
   * the query; `[tokens]` of a LayerNorm's scale √(mean((x − mean)²) + ε).
   */
  shape: Array<number>;
  /** The last dimension runs fastest. */
  data: Float32Array;
}

/**
 * The logit lens of a block (nostalgebraist, "interpreting GPT: the logit lens", 2020): the next tokens that the residual
 * stream out of it gives through the final LayerNorm and the unembedding. That of the last block is the model's own.
 */
export interface Lens {
  /** The block; `null` for the embedding, tokens and positions, before the first block. */
  layer: number | null;
  /** Mean next-token cross-entropy, nats; `null` where nothing is predicted. */
  loss: number | null;
  /** `[tokens − 1]`: entry i is the loss of token i + 1, nats. */
  tokenLosses: Float32Array;
  /** The likeliest next tokens after every token. */
  nextByPosition: Array<Array<NextToken>>;
}

/** Values of a prompt's pass. */
export interface Taps {
  /** The tokens, a BOS included. */
  tokens: Array<Token>;
  /** The named values, in the order of `names`. */
  values: Array<Tapped>;
  /** The logit lens of the embedding and then of every block, where requested. */
  logitLens: Array<Lens>;
}

/** The reason why a generation ended. */
export type Stop = "max-tokens" | "context-full" | "end-of-text" | "cancelled";

/** A continuation. */
export interface Generation {
  /** The new tokens. */
  ids: Array<number>;
  /** Their text. */
  text: string;
  /** True if `signal` ended it. */
  cancelled: boolean;
  /** Why it ended. */
  stop: Stop;
}

/** The active features of one token of a text that is being written. */
export interface TokenFeatures {
  /** Its position in the text, the prompt and a BOS included. */
  position: number;
  /** The token. */
  token: Token;
  /** Of each watched set whose features count at this position; one that was not trained on such a position is left out. */
  sets: Array<SetFeatures>;
}

/**
 * Latents of one set that are active (above 0) at a token, the largest first, then the lower index. They are those of the
 * activation that arrives at the set's hook point: edits of layers before are in it, edits at the hook point itself are not.
 */
export interface SetFeatures {
  /** Id of the set. */
  sae: string;
  /** Latents. */
  latents: Uint32Array;
  /** Their activations. */
  activations: Float32Array;
}

/**
 * `W_U · ((d − mean(d)) ⊙ ln_f.weight)`, centred over the vocabulary: the direct path only. The final LayerNorm takes the
 * mean off whatever is written to the residual stream. d is what one unit of the latent writes there: `W_dec[latent]`,
 * through W_O of the layer at `attn.hook_z`, through W_out at `mlp.hook_post`. At `ln_final.hook_normalized`, behind
 * that subtraction, it is `W_U · (W_dec[latent] ⊙ ln_f.weight)`, and at `ln_final.hook_out` `W_U · W_dec[latent]`.
 */
export interface LogitEffect {
  /** The ten tokens pushed up the most, the most first. */
  top: Array<TokenValue>;
  /** The ten tokens pushed down the most, the most first. */
  bottom: Array<TokenValue>;
}

/** A feature whose decoder direction is near to another's. */
export interface Neighbour {
  /** The latent. */
  latent: number;
  /** Cosine of the two decoder directions. */
  cosine: number;
}

/** The description of a feature, apart from any prompt. */
export interface Feature {
  /** The latent. */
  latent: number;
  /** Euclidean length of the latent's decoder row; 1 for a neuron, whose direction is its dimension. */
  decoderNorm: number;
  /**
   * Euclidean length of what one unit of it writes to the residual stream: through W_O at `attn.hook_z`, W_out at
   * `mlp.hook_post`; the decoder norm elsewhere.
   */
  outputNorm: number;
  /** Its entry of b_enc. */
  encoderBias: number;
  /** Its direct effect on the logits. */
  logitEffect: LogitEffect;
  /** The ten latents whose decoder rows have the largest cosine with this one's, the nearest first. */
  nearest: Array<Neighbour>;
}

/** How far a scan is: first the weights are loaded once more, and read for their hashes, then the texts, then features are described. */
export type ScanProgress = { "stage": "load", 
/**
 * So many.
 */
bytes: number, 
/**
 * Of so many.
 */
totalBytes: number, } | { "stage": "scan", 
/**
 * Tokens, without BOS.
 */
tokens: number, 
/**
 * Documents.
 */
documents: number, 
/**
 * Bytes of the files.
 */
bytes: number, 
/**
 * Of so many.
 */
totalBytes: number, } | { "stage": "describe", 
/**
 * From 0 to 1.
 */
share: number, };

/** What a scan found. */
export interface Scanned {
  /** Name of the texts. */
  name: string;
  /** The atlas; its index, `atlas.json`, comes last. */
  files: Array<ScannedFile>;
  /** Tokens that went through the model, without BOS. */
  tokens: number;
  /** Windows in which they were read. */
  windows: number;
  /** Documents that were read. */
  documents: number;
  /** True if `signal` ended it before the end of the texts. */
  stopped: boolean;
}

/** A file of an atlas or of an autoencoder. */
export interface ScannedFile {
  /** Path in its folder. */
  path: string;
  /** Its content. */
  bytes: Uint8Array;
}

/** Options of a training. Names and meanings of settings are those of docs/train.md. */
export interface TrainOptions {
  /** The hook whose activations the autoencoder is trained on, as `"blocks.3.hook_resid_post"`. */
  hook?: string;
  /** Number of latents. */
  latents?: number;
  /** Active latents per token. */
  k?: number;
  /** Rule by which latents are active; `"topk"` by default. */
  activation?: 'topk' | 'batch_topk' | 'jump_relu' | 'relu';
  /** Matryoshka: numbers of first latents, increasing, whose reconstructions are parts of the loss; none by default. */
  matryoshka?: Array<number>;
  /** Tokens to train on; the texts once by default. */
  tokens?: number;
  /** Tokens per step; 1024 by default. */
  batch?: number;
  /** Peak learning rate; 2e-4·√(16384 / latents) by default. */
  lr?: number;
  /** Seed of the start and of the order of data; 0 by default. */
  seed?: number;
  /** The processor of the steps; `"cpu"` by default, which is one core of it. A `"gpu"` trains TopK, with Multi-TopK or Matryoshka. */
  processor?: 'cpu' | 'gpu';
  /** Further settings by their names in docs/train.md, such as `{dead_tokens: 100000}`. */
  settings?: Record<string, unknown>;
  /** Tokens of a window, a BOS included; the model's context by default, at most 256. */
  context?: number;
  /** As of every prompt. */
  bos?: boolean | 'auto' | 'yes' | 'no';
  /** True to train on the first position of a window as well where no BOS stands there; it is unlike all others. */
  keepFirst?: boolean;
  /** The field of a record of JSON lines that holds its text; `"text"` by default. */
  textField?: string;
  /** Read no more of the texts than so many tokens, which are in memory; 20 millions by default. */
  corpusTokens?: number;
  /** Name of the training; by default that of the first file. */
  name?: string;
  /** Keep a checkpoint whenever so many seconds have passed; 60 by default. */
  checkpointSeconds?: number;
}

/** What was measured of the steps since the last such report. */
export interface TrainRecord {
  /** Steps that are done. */
  step: number;
  /** Tokens that were trained on. */
  tokens: number;
  /** Learning rate of the last step. */
  lr: number;
  /** Fraction of variance unexplained: Σ ‖x̂ − x‖² / Σ ‖x − x̄‖² over the tokens, x̄ each batch's mean, in the space of training. */
  fvu: number;
  /** Mean objective without AuxK: squared errors over the variance of the sample at the start. */
  loss: number;
  /** Mean of AuxK's loss without its weight; `null` while no latent is dead. */
  auxLoss: number | null;
  /** Mean number of active latents per token. */
  l0: number;
  /** Share of latents that are dead, from 0 to 1. */
  dead: number;
  /** Tokens per second, with the activations. */
  tokensPerSecond: number;
  /** Tokens per second of the steps alone. */
  stepTokensPerSecond: number;
}

/** What a training takes, by its texts and its first steps. */
export interface TrainEstimate {
  /** Tokens of the texts, without BOS. */
  corpusTokens: number;
  /** Tokens to train on. */
  tokens: number;
  /** Steps. */
  steps: number;
  /** Width of the activations. */
  width: number;
  /** Bytes of memory for the training: weights, moments, a block of activations, a checkpoint. */
  memoryBytes: number;
  /** Bytes of the texts' tokens. */
  corpusBytes: number;
  /** Bytes of the model, which is loaded once more for it. */
  modelBytes: number;
  /** Bytes of a checkpoint in the browser's storage, of which there are two. */
  checkpointBytes: number;
  /** Seconds that all of it takes. */
  seconds: number;
  /** Tokens per second, with the activations. */
  tokensPerSecond: number;
  /** ‖μ‖/‖σ‖: length of the activations' mean over their spread, √(Σ variances). */
  meanOverSpread: number;
  /** The same as the encoder reads them, after normalisation. */
  normalisedMeanOverSpread: number;
  /** A sentence about that, where the mean is long. */
  advice: string | null;
  /** The device that computes the activations. */
  device: string;
  /** The device that the steps run on. */
  processor: string;
}

/** How far a training is. */
export type TrainProgress = { "stage": "load", 
/**
 * So many.
 */
bytes: number, 
/**
 * Of so many.
 */
totalBytes: number, } | { "stage": "read", 
/**
 * Bytes of the files.
 */
bytes: number, 
/**
 * Of so many.
 */
totalBytes: number, 
/**
 * Tokens so far.
 */
tokens: number, } | { "stage": "look" } | { "stage": "estimate" } & TrainEstimate | { "stage": "resumed", 
/**
 * Steps that are done, of so many.
 */
step: number, 
/**
 * All.
 */
steps: number, 
/**
 * What was measured until then.
 */
records: Array<TrainRecord>, 
/**
 * A sentence where the rest is not the same to the bit as without an interruption.
 */
note: string | null, } | { "stage": "step", 
/**
 * What was measured.
 */
record: TrainRecord, 
/**
 * Steps in all.
 */
steps: number, } | { "stage": "paused", 
/**
 * Steps that are done.
 */
step: number, } | { "stage": "saved", 
/**
 * Steps that it has.
 */
step: number, } | { "stage": "unsaved", 
/**
 * Why.
 */
why: string, };

/** A training in this browser's storage. */
export interface TrainingInfo {
  /** Its id. */
  id: string;
  /** Its name. */
  name: string;
  /** Name of the model. */
  model: string;
  /** Name of the hook. */
  hook: string;
  /** Number of latents. */
  latents: number;
  /** Active latents per token. */
  k: number;
  /** Rule by which latents are active. */
  activation: string;
  /** Steps that are done. */
  step: number;
  /** Steps in all. */
  steps: number;
  /** Tokens that were trained on. */
  tokens: number;
  /** FVU of the last report; `null` before the first. */
  fvu: number | null;
  /** Time of the checkpoint, milliseconds since 1970. */
  savedAt: number;
  /** Bytes of the checkpoint. */
  bytes: number;
}

/** The result of a training. */
export interface Trained {
  /** It, as it is in the browser's storage. */
  info: TrainingInfo;
  /** True if all steps are done; otherwise `stop()` ended it. */
  complete: boolean;
  /** True if it is in the browser's storage. */
  stored: boolean;
  /** The autoencoder in SAELens's layout, with its settings and its log. */
  files: Array<ScannedFile>;
}

/** A prompt worth a look. */
export interface Example {
  /** Name on its button. */
  name: string;
  /** The prompt. */
  text: string;
}

/** The trace of the demo's first example, as the engine answered when the demo was put together. */
export interface Recorded {
  /** The example. */
  prompt: Example;
  /** The model. */
  model: ModelInfo;
  /** The SAE of the trace. */
  sae: SaeInfo;
  /** The trace. */
  trace: Trace;
  /** Descriptions of the features that the page selects first. */
  features: Array<Feature>;
}

/** Options of an evaluation of SAEs over texts. */
export interface EvaluateOptions {
  /** Also with k/4, k/2, 2k and 4k latents, with one threshold in k's place, and with refined magnitudes. */
  recovery?: boolean;
  /** Also the loss of probes on single latents for labels that the text gives, and sparse probing with 1, 2 and 5 latents. */
  probes?: boolean;
  /** Also the sparsity of what ablating active latents changes in the logits. */
  ablation?: boolean;
  /** Ablations of each SAE; 64 by default. */
  ablations?: number;
  /** Tokens to read, of each text an equal share; 100,000 by default. */
  tokens?: number;
  /** The most tokens of a document, so that more of them have a part; all by default. */
  documentTokens?: number;
  /** Tokens of a window, a BOS included; the model's context by default, at most 256. */
  context?: number;
  /** As of every prompt. */
  bos?: boolean | 'auto' | 'yes' | 'no';
  /** The field of a record of JSON lines that holds its text; `"text"` by default. */
  textField?: string;
  /** The seed of random choices; 0 by default. */
  seed?: number;
}

/** How far an evaluation is. */
export type EvaluateProgress = { "stage": "load", 
/**
 * So many.
 */
bytes: number, 
/**
 * Of so many.
 */
totalBytes: number, } | { "stage": "read", 
/**
 * Bytes of the file under way.
 */
bytes: number, 
/**
 * Of so many.
 */
totalBytes: number, 
/**
 * Tokens so far, of all files.
 */
tokens: number, } | { "stage": "part", 
/**
 * The SAE and the part.
 */
what: string, 
/**
 * So many are done.
 */
done: number, 
/**
 * Of so many.
 */
all: number, 
/**
 * Of these: `"windows"`, `"latents"`, `"ablations"`.
 */
unit: string, } | { "stage": "found", 
/**
 * It.
 */
evaluated: Evaluated, };

/** The result of an evaluation. */
export interface Evaluated {
  /** All numbers. */
  evaluations: CorpusEvaluations;
  /** The same as tables for people, with what each number means. */
  tables: Array<ResultTable>;
  /** The model, the texts and the device, as one line. */
  head: string;
  /** The numbers as the program's `evaluate --out FILE.json` writes them. */
  json: string;
  /** SAEs that could not be evaluated. */
  failures: Array<EvaluationFailure>;
}

/** An SAE that could not be evaluated. */
export interface EvaluationFailure {
  /** Its id. */
  id: string;
  /** Why. */
  message: string;
}

/** A table of results. */
export interface ResultTable {
  /** Its title. */
  title: string;
  /** Rows of cells; the first has the columns' names. */
  rows: Array<Array<string>>;
  /** So many first columns are texts, the others are numbers. */
  left: number;
  /** What the numbers mean, and what is to be known of them. */
  notes: Array<string>;
}

/** Reconstruction metrics of an SAE on a text of any length. */
export interface Evaluation {
  /** Mean next-token cross-entropy of the model itself, nats, over the windows' tokens. */
  loss: number | null;
  /** Tokens that went through the model, every window's BOS included. */
  tokens: number;
  /** In how many windows of at most the model's context the text was read. */
  windows: number;
  /** Tokens of the longest window, a BOS included. */
  windowTokens: number;
  /** True if each window begins with a BOS. */
  bosPrepended: boolean;
  /** As in a trace. */
  cautions: Array<string>;
  /** Its id. */
  id: string;
  /** Its hook point. */
  hook: string;
  /** `"topk"`, `"standard"` (ReLU), `"jumprelu"` or `"gated"`; `"neurons"` for an activation's own dimensions. */
  architecture: string;
  /** Number of latents. */
  nLatents: number;
  /** Latents a token may have; for architectures without such a bound, `null`. */
  k: number | null;
  /** Width of the activation it reads. */
  dIn: number;
  /**
   * `"none"`, `"layer_norm"`, `"constant_norm_rescale"` or `"expected_average_only_in"`, as its file says; `"centred"` where
   * each position's mean is taken off, and nothing else is done.
   */
  normalization: string;
  /** Format of the weights on the device; `"streamed"` where they stay in the file, `"none"` for neurons. */
  weights: 'f32' | 'f16' | 'streamed' | 'none';
  /**
   * For `expected_average_only_in`: the factor of the activations; `null` where it is not known, and for the others. Without it
   * the weights are used as if it were folded into them.
   */
  normScalingFactor: number | null;
  /** True if it was trained with a BOS before each context; `null` where neither its files nor the catalogue say. */
  prependBos: boolean | null;
  /** Length of the contexts that it was trained on, tokens. */
  contextSize: number | null;
  /** The model that it was trained on, as its files call it. */
  modelName: string | null;
  /** True if that seems to be another one than the loaded: by the shape for the sizes of GPT-2, else by the name. */
  otherModel: boolean;
  /**
   * Sentences on what its files leave open, what was assumed, another name of its hook, and what looks wrong without being
   * certain.
   */
  notices: Array<string>;
  /** Its source; `null` for the demo, for files and for neurons. The engine leaves it out, and the package adds it. */
  origin: Origin | null;
  /** Mean number of non-zero latents per token. */
  l0: number | null;
  /**
   * Fraction of variance unexplained, Σ‖x − x̂‖² / Σ‖x − x̄‖² with x̄ the mean over the sample, in the space that the SAE was
   * trained in; `null` where the positions do not vary by more than rounding.
   */
  fvu: number | null;
  /** Mean over tokens of ‖x − x̂‖² / ‖x‖², raw space; tokens with x = 0 are left out. */
  relativeError: number | null;
  /** Mean over tokens of the cosine of x and x̂, raw space; tokens where either is 0 are left out. */
  cosine: number | null;
  /**
   * Loss with the reconstruction instead of the hook's activation, nats; `null` where no token is predicted from a replaced
   * position on.
   */
  splicedLoss: number | null;
  /**
   * Spliced loss minus clean loss, nats, over all predictions of the prompt, the one made at a BOS included, although nothing
   * is replaced there; SAELens leaves that one out: over T tokens with a BOS its value is (T − 1)/(T − 2) times this. `null`
   * where nothing is predicted from a replaced position on.
   */
  deltaCe: number | null;
  /** KL(clean ‖ spliced) of the next-token distribution, nats. */
  kl: number | null;
  /** How many positions count. */
  positions: number;
}

/** The evaluation of some SAEs over one corpus, read in windows. */
export interface CorpusEvaluations {
  /** The model's name. */
  model: string;
  /** What was read. */
  corpus: EvaluatedCorpus;
  /** One for each SAE that was begun. */
  saes: Array<CorpusEvaluation>;
  /** True if it was stopped before its end: the last SAE saw fewer tokens, and those behind it are missing. */
  stopped: boolean;
  /** `gpu` or `cpu`. */
  backend: 'gpu' | 'cpu';
  /** Name of the GPU adapter, or of the CPU path. */
  adapter: string;
}

/** The part of a corpus that an evaluation reads. */
export interface EvaluatedCorpus {
  /** Names of its files, without folders. */
  files: Array<string>;
  /** Sources of its documents, in the order in which they come. */
  sources: Array<string>;
  /** Documents of which something was read. */
  documents: number;
  /** Windows, none of which crosses the end of a document. */
  windows: number;
  /** Tokens of the windows, without BOS. */
  tokens: number;
  /** Tokens of the longest window that is made, a BOS included. */
  context: number;
}

/** An SAE over a corpus. */
export interface CorpusEvaluation {
  /** Loss with zeros in the activation's place at the positions that count, nats. */
  zeroLoss: number | null;
  /** (CE_zero − CE_spliced) / (CE_zero − CE_clean): 1 where the reconstruction loses nothing, 0 where it is as bad as zeros. */
  ceRecovered: number | null;
  /** Latents that were not active at any of the positions that count. */
  dead: number;
  /** `dead` as a share of all latents; `null` where no position counts. */
  deadShare: number | null;
  /** The other latents by how often they are active. */
  density: Density;
  /** Where it was asked for. */
  recovery: Recovery | null;
  /** Where it was asked for. */
  probes: Probes | null;
  /** Where it was asked for. */
  ablation: AblationSparsity | null;
  /** Mean next-token cross-entropy of the model itself, nats, over the windows' tokens. */
  loss: number | null;
  /** Tokens that went through the model, every window's BOS included. */
  tokens: number;
  /** In how many windows of at most the model's context the text was read. */
  windows: number;
  /** Tokens of the longest window, a BOS included. */
  windowTokens: number;
  /** True if each window begins with a BOS. */
  bosPrepended: boolean;
  /** As in a trace. */
  cautions: Array<string>;
  /** Its id. */
  id: string;
  /** Its hook point. */
  hook: string;
  /** `"topk"`, `"standard"` (ReLU), `"jumprelu"` or `"gated"`; `"neurons"` for an activation's own dimensions. */
  architecture: string;
  /** Number of latents. */
  nLatents: number;
  /** Latents a token may have; for architectures without such a bound, `null`. */
  k: number | null;
  /** Width of the activation it reads. */
  dIn: number;
  /**
   * `"none"`, `"layer_norm"`, `"constant_norm_rescale"` or `"expected_average_only_in"`, as its file says; `"centred"` where
   * each position's mean is taken off, and nothing else is done.
   */
  normalization: string;
  /** Format of the weights on the device; `"streamed"` where they stay in the file, `"none"` for neurons. */
  weights: 'f32' | 'f16' | 'streamed' | 'none';
  /**
   * For `expected_average_only_in`: the factor of the activations; `null` where it is not known, and for the others. Without it
   * the weights are used as if it were folded into them.
   */
  normScalingFactor: number | null;
  /** True if it was trained with a BOS before each context; `null` where neither its files nor the catalogue say. */
  prependBos: boolean | null;
  /** Length of the contexts that it was trained on, tokens. */
  contextSize: number | null;
  /** The model that it was trained on, as its files call it. */
  modelName: string | null;
  /** True if that seems to be another one than the loaded: by the shape for the sizes of GPT-2, else by the name. */
  otherModel: boolean;
  /**
   * Sentences on what its files leave open, what was assumed, another name of its hook, and what looks wrong without being
   * certain.
   */
  notices: Array<string>;
  /** Its source; `null` for the demo, for files and for neurons. The engine leaves it out, and the package adds it. */
  origin: Origin | null;
  /** Mean number of non-zero latents per token. */
  l0: number | null;
  /**
   * Fraction of variance unexplained, Σ‖x − x̂‖² / Σ‖x − x̄‖² with x̄ the mean over the sample, in the space that the SAE was
   * trained in; `null` where the positions do not vary by more than rounding.
   */
  fvu: number | null;
  /** Mean over tokens of ‖x − x̂‖² / ‖x‖², raw space; tokens with x = 0 are left out. */
  relativeError: number | null;
  /** Mean over tokens of the cosine of x and x̂, raw space; tokens where either is 0 are left out. */
  cosine: number | null;
  /**
   * Loss with the reconstruction instead of the hook's activation, nats; `null` where no token is predicted from a replaced
   * position on.
   */
  splicedLoss: number | null;
  /**
   * Spliced loss minus clean loss, nats, over all predictions of the prompt, the one made at a BOS included, although nothing
   * is replaced there; SAELens leaves that one out: over T tokens with a BOS its value is (T − 1)/(T − 2) times this. `null`
   * where nothing is predicted from a replaced position on.
   */
  deltaCe: number | null;
  /** KL(clean ‖ spliced) of the next-token distribution, nats. */
  kl: number | null;
  /** How many positions count. */
  positions: number;
}

/** A histogram of latents by log₁₀ of their density, the share of the counted positions at which a latent is not zero. */
export interface Density {
  /** log₁₀ of the bins' bounds, one more than there are bins. */
  edges: Array<number>;
  /** Latents in each bin; dead ones are in none. */
  counts: Array<number>;
}

/** What an SAE reconstructs where other latents, or others of their magnitudes, are used than in training. */
export interface Recovery {
  /** The k′ largest latents instead of the k largest, for some k′; empty where the SAE is not TopK. */
  progressive: Array<RecoveryPoint>;
  /** JumpReLU with one threshold; `null` where the SAE is not TopK. */
  jumpRelu: JumpReluAtTest | null;
  /** The magnitudes of each token's active latents replaced by the best ones that are not negative. */
  refinement: Refinement | null;
  /** What is missing, and why. */
  notes: Array<string>;
}

/** An SAE with other latents per token than in training. */
export interface RecoveryPoint {
  /** k′. */
  k: number;
  /** Mean number of non-zero latents per token. */
  l0: number | null;
  /**
   * Fraction of variance unexplained, Σ‖x − x̂‖² / Σ‖x − x̄‖² with x̄ the mean over the sample, in the space that the SAE was
   * trained in; `null` where the positions do not vary by more than rounding.
   */
  fvu: number | null;
  /** Mean over tokens of ‖x − x̂‖² / ‖x‖², raw space; tokens with x = 0 are left out. */
  relativeError: number | null;
  /** Mean over tokens of the cosine of x and x̂, raw space; tokens where either is 0 are left out. */
  cosine: number | null;
  /**
   * Loss with the reconstruction instead of the hook's activation, nats; `null` where no token is predicted from a replaced
   * position on.
   */
  splicedLoss: number | null;
  /**
   * Spliced loss minus clean loss, nats, over all predictions of the prompt, the one made at a BOS included, although nothing
   * is replaced there; SAELens leaves that one out: over T tokens with a BOS its value is (T − 1)/(T − 2) times this. `null`
   * where nothing is predicted from a replaced position on.
   */
  deltaCe: number | null;
  /** KL(clean ‖ spliced) of the next-token distribution, nats. */
  kl: number | null;
  /** How many positions count. */
  positions: number;
}

/** A TopK SAE with one threshold instead of the k largest. */
export interface JumpReluAtTest {
  /** Pre-activations above it are kept: chosen on the same tokens so that as many are as in TopK. */
  threshold: number;
  /** Mean number of non-zero latents per token. */
  l0: number | null;
  /**
   * Fraction of variance unexplained, Σ‖x − x̂‖² / Σ‖x − x̄‖² with x̄ the mean over the sample, in the space that the SAE was
   * trained in; `null` where the positions do not vary by more than rounding.
   */
  fvu: number | null;
  /** Mean over tokens of ‖x − x̂‖² / ‖x‖², raw space; tokens with x = 0 are left out. */
  relativeError: number | null;
  /** Mean over tokens of the cosine of x and x̂, raw space; tokens where either is 0 are left out. */
  cosine: number | null;
  /**
   * Loss with the reconstruction instead of the hook's activation, nats; `null` where no token is predicted from a replaced
   * position on.
   */
  splicedLoss: number | null;
  /**
   * Spliced loss minus clean loss, nats, over all predictions of the prompt, the one made at a BOS included, although nothing
   * is replaced there; SAELens leaves that one out: over T tokens with a BOS its value is (T − 1)/(T − 2) times this. `null`
   * where nothing is predicted from a replaced position on.
   */
  deltaCe: number | null;
  /** KL(clean ‖ spliced) of the next-token distribution, nats. */
  kl: number | null;
  /** How many positions count. */
  positions: number;
}

/** FVU before and after the magnitudes of active latents are made the best ones. */
export interface Refinement {
  /** Positions of the sample, evenly spread over those that count. */
  tokens: number;
  /** FVU of the sample with the encoder's magnitudes. */
  before: number | null;
  /** FVU of the sample with the magnitudes ≥ 0 that minimise each token's squared error. */
  after: number | null;
}

/** Probes on an SAE's latents for labels that the text gives. */
export interface Probes {
  /** Positions that could be chosen. */
  tokens: number;
  /** The seed of the choice. */
  seed: number;
  /** One for each task with enough tokens of both kinds. */
  tasks: Array<ProbeTask>;
  /** Mean of the tasks' probe losses, nats. */
  loss: number | null;
  /** Names of the tasks that were left out because too few tokens are of one kind. */
  leftOut: Array<string>;
}

/** Probes for one label. */
export interface ProbeTask {
  /** Its name. */
  name: string;
  /** The tokens of which it is true. */
  definition: string;
  /** Share of all positions of which it is true. The samples are balanced: half of them. */
  baseRate: number;
  /** Number of samples. */
  samples: number;
  /** Mean cross-entropy of the best latent's probe σ(w·h + b) on its pre-activation h, nats; ln 2 = 0.693 is chance. */
  loss: number;
  /** That latent. */
  latent: number;
  /** Probes on the activations of few latents, measured on held-out windows; empty where one part lacks a label. */
  sparse: Array<SparseProbe>;
  /** The accuracy of naming the more frequent label of the held-out samples always. */
  guess: number | null;
}

/** A logistic regression on the activations of few latents. */
export interface SparseProbe {
  /** Number of latents. */
  k: number;
  /** The latents, the one that tells most first. */
  latents: Array<number>;
  /** Share of the held-out samples that are labelled rightly. */
  accuracy: number;
  /** Harmonic mean of precision and recall on the held-out samples. */
  f1: number;
}

/** Sparsity of what ablating single latents changes in the logits. */
export interface AblationSparsity {
  /** Ablations that changed a logit: one active latent at one position each. */
  ablations: number;
  /** Ablations that changed nothing, and have no sparsity. */
  withoutEffect: number;
  /** T: positions whose logits are compared, the ablated one included. */
  tokens: number;
  /** V: entries of the vocabulary. */
  vocabulary: number;
  /** The seed of the choice. */
  seed: number;
  /** Mean of (‖Δ‖₁/‖Δ‖₂)²/(V·T), each token's median of Δ taken off: the share of the logits that an ablation moves. */
  mean: number | null;
  /** Standard error of the mean. */
  standardError: number | null;
}

/** The evaluation of some SAEs on one text. */
export interface Evaluations {
  /** The model's name. */
  model: string;
  /** The text. */
  text: string;
  /** One for each SAE. */
  saes: Array<Evaluation>;
  /** `gpu` or `cpu`. */
  backend: 'gpu' | 'cpu';
  /** Name of the GPU adapter, or of the CPU path. */
  adapter: string;
}

/** One feature moved over several values. */
export interface Sweep {
  /** The SAE, as it was named. */
  sae: string;
  /** The latent. */
  latent: number;
  /** What is done with its activation. */
  operation: 'set' | 'add' | 'scale';
  /** The prompt as it is. */
  clean: SweepPoint;
  /** One for each value, in the order of the values. */
  points: Array<SweepPoint>;
}

/** The prompt with a feature at one value. */
export interface SweepPoint {
  /** The value; the clean run has none. */
  value?: number;
  /** Mean loss, nats. */
  loss: number | null;
  /** Mean KL from the clean run, nats. */
  kl: number | null;
  /** The tracked tokens after the last one. */
  tracked: Array<NextToken>;
  /** The likeliest tokens there. */
  next: Array<NextToken>;
}

/** A grid of trainings from one pass of the model, and the scaling law that fits them. */
export interface TrainingSweep {
  /** The model's name. */
  model: string;
  /** The hook whose activations were trained on. */
  hook: string;
  /** Tokens that each was trained on. */
  tokens: number;
  /** The seed of all. */
  seed: number;
  /** One for each n and k. */
  points: Array<SweptTraining>;
  /** The law; `null` where it cannot be fitted. */
  law: FittedLaw | null;
  /** Why there is no law. */
  lawMissing: string | null;
  /** What Gao et al. (2024) found for autoencoders of GPT-4, for reference alone: losses of other models are not comparable. */
  paperGpt4: ScalingLaw;
  /** True if it was stopped before its end; there is no law then. */
  stopped: boolean;
}

/** One training of a grid. */
export interface SweptTraining {
  /** n. */
  latents: number;
  /** k. */
  k: number;
  /** Its folder, in that of the sweep. */
  folder: string;
  /** Mean FVU of the batches of the last tenth of the steps, each measured before it was trained on; the last batch's of one that was stopped before. */
  loss: number | null;
  /** Mean number of active latents per token in the same batches. */
  l0: number | null;
  /** Share of dead latents at the end. */
  dead: number | null;
  /** The law's loss. */
  law: number | null;
  /** ln of `loss` less ln of `law`: about the relative difference. */
  residual: number | null;
}

/** A fitted scaling law. */
export interface FittedLaw {
  /** Root of the residuals' mean square. */
  rms: number;
  /** The largest share of exp(ζ + η ln k) in the law's loss at any point; where it is tiny, ζ and η mean nothing. */
  floorShare: number;
  /** α. */
  alpha: number;
  /** β_k. */
  betaK: number;
  /** β_n. */
  betaN: number;
  /** γ. */
  gamma: number;
  /** ζ. */
  zeta: number;
  /** η. */
  eta: number;
}

/** L(n, k) = exp(α + β_k ln k + β_n ln n + γ ln k ln n) + exp(ζ + η ln k). */
export interface ScalingLaw {
  /** α. */
  alpha: number;
  /** β_k. */
  betaK: number;
  /** β_n. */
  betaN: number;
  /** γ. */
  gamma: number;
  /** ζ. */
  zeta: number;
  /** η. */
  eta: number;
}
