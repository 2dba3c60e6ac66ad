import type * as wire from './wire.js';
import type {
  Edit,
  Edited,
  Effect,
  Effects,
  Evaluated,
  EvaluateProgress,
  Feature,
  Generation,
  Info,
  Matrix,
  ModelInfo,
  Neighbour,
  SaeInfo,
  SampleLoss,
  ScanProgress,
  Scanned,
  ScannedFile,
  Trained,
  TrainProgress,
  TrainRecord,
  TrainingInfo,
  StreamPatching,
  Taps,
  Token,
  TokenFeatures,
  Tokenization,
  Trace,
} from './wire.js';

export * from './wire.js';

/**
 * GPT-2 and its sparse autoencoders (SAEs) in a Web Worker, on the visitor's GPU through WebGPU or on the CPU.
 *
 * Every method but train() returns a Promise. A failed call rejects with a {@link SaeExplorerError}.
 */
export class SaeExplorer extends EventTarget {
  private constructor();

  /**
   * `change`: another model or other SAEs are loaded than before, whoever called for it; `event.detail` is a {@link Change}. It
   * comes before the call that made the change resolves. A load that fails leaves what was loaded.
   */
  addEventListener(type: 'change', listener: (event: CustomEvent<Change>) => void, options?: boolean | AddEventListenerOptions): void;
  addEventListener(type: string, listener: EventListenerOrEventListenerObject | null, options?: boolean | AddEventListenerOptions): void;

  /** What is loaded, without asking the worker; after a lost device or a dead worker, what is loaded again when a call needs it. */
  readonly loaded: Loaded;

  /**
   * Starts a worker that the next `create()` takes, so that the engine, and with `model` a model, arrive while the page's own code
   * does. What fails in it is tried again, and reported, by `create()` and `loadModel()`. Resolves with true if others may share the
   * worker: see `share`.
   */
  static prepare(options?: PrepareOptions): Promise<boolean>;

  /**
   * Starts a worker and its engine.
   * Rejects with `no-webgpu` where `backend` is `"gpu"` and there is no WebGPU adapter.
   */
  static create(options?: CreateOptions): Promise<SaeExplorer>;

  /**
   * Loads a GPT-2 model in Hugging Face's layout, instead of the one loaded before. SAEs belong to a model: the ones
   * loaded for the previous model are dropped.
   *
   * @param source `"demo"` for the demo bundle; an entry of the catalogue; a Hugging Face repository; the URL of a folder
   *   with `config.json`, `model.safetensors` (or `model.safetensors.index.json` and its parts) and `tokenizer.json` (or
   *   `vocab.json` and `merges.txt`); or the files themselves.
   */
  loadModel(source: 'demo' | string | URL | CatalogueSource | RepoSource | FilesSource | ModelParts, options?: LoadModelOptions): Promise<ModelInfo>;

  /** Loads one of the demo bundle's SAEs. */
  loadSae(source: 'demo', options: LoadDemoSaeOptions & { only: string }): Promise<SaeInfo>;
  /**
   * Loads the demo bundle's SAEs, one after the other. One that fails costs itself alone: a notice `sae-not-loaded` names it, and
   * the others are the result. Where none could be loaded, the call fails as the first of them did.
   */
  loadSae(source: 'demo', options?: LoadDemoSaeOptions & { only?: undefined }): Promise<SaeInfo[]>;
  /**
   * Loads one SAE: an OpenAI `.pt` file, or a SAELens folder (`cfg.json` and `sae_weights.safetensors`). Files are told
   * apart by their content.
   *
   * @param source an entry of the catalogue, with a layer where it has several; a file or folder of a Hugging Face
   *   repository; the URL of the file or folder; the file; or the folder's files.
   */
  loadSae(source: string | URL | CatalogueSource | RepoSource | FilesSource | FilePart | Iterable<FilePart> | SaeLensParts, options?: LoadSaeOptions): Promise<SaeInfo>;

  /**
   * Makes the dimensions of the activation at a hook a feature set of their own, beside the SAEs: the MLP's neurons
   * (`blocks.{L}.mlp.hook_post`), the heads' outputs (`blocks.{L}.attn.hook_z`) or the residual stream's basis.
   */
  loadNeurons(hook: string, options?: { id?: string } & LookOptions): Promise<SaeInfo>;

  /** Takes an SAE or other feature set off the device. */
  unloadSae(id: string, options?: LookOptions): Promise<void>;

  /** The catalogue of the site, with the fit of each entry on this device. Only `catalogue.json` is fetched for that. */
  catalogue(options?: LookOptions): Promise<Catalogue>;

  /**
   * The models and SAEs in files, recognised by their content, and the problems with the rest. Nothing is loaded.
   *
   * @param files of an `<input type="file">`, with `webkitdirectory` or not, or of {@link droppedFiles}.
   */
  recognise(files: Iterable<File | DroppedFile>, options?: LookOptions): Promise<Offers>;

  /**
   * The same for a link: a Hugging Face repository, folder or file, `owner/name`, `owner/name:path`, or any http(s)
   * address of a folder or file. Only small descriptions are fetched.
   */
  fromLink(link: string, options?: LookOptions): Promise<Offers>;

  /**
   * The SHA-256 of a loaded SAE's numbers, by which an atlas knows it (`sha256` of a set in `atlas.json`): equal for equal weights in
   * whatever file and layout. The file is read once more, in a worker of its own.
   */
  identify(sae: string, options?: LookOptions): Promise<string>;

  /**
   * SHA-256 of the weights among the files of one model or SAE, read in pieces: of a `.pt`, of `sae_weights.safetensors`, of
   * `model.safetensors`; of several shards, one after the other in the order of their index.
   *
   * @param source such files, or the `source` of an offer of {@link SaeExplorer.recognise}.
   */
  sha256(source: { files: Iterable<File | DroppedFile> } | Iterable<File | DroppedFile>, options?: LookOptions): Promise<FilesHash>;

  /**
   * Takes repositories from a mirror, whose files lie at `{base}/{owner}/{name}/resolve/{revision}/{path}`; `null`
   * (default): from the mirror that the catalogue names, or else from Hugging Face.
   */
  setMirror(base: string | null): Promise<void>;

  /** Memory that models and SAEs may use, for the catalogue's `fits`; `null` (default): an estimate. */
  setMemoryBudget(bytes: number | null): Promise<void>;

  /**
   * Runs the model over a prompt and encodes the residual stream with each SAE. A second trace cancels the first, which
   * rejects with `cancelled`.
   */
  trace(prompt: Prompt, options?: TraceOptions): Promise<Trace>;

  /** Output direction of one latent: its effect on the logits, and the most similar latents. */
  feature(sae: string, latent: number, options?: LookOptions): Promise<Feature>;

  /**
   * The ten latents of the SAE `other` whose decoder directions have the largest cosine with that of a latent of `sae`, the
   * nearest first. Both must be at one hook point, or anywhere in the residual stream; `other` must not stay in its file.
   */
  matches(sae: string, latent: number, other: string): Promise<Neighbour[]>;

  /** The logits of every position, `[tokens, vocab]`. */
  logits(prompt: Prompt, options?: PromptOptions): Promise<Matrix>;

  /** `blocks.{layer}.hook_resid_post` of every position, `[tokens, dModel]`. */
  residual(prompt: Prompt, layer: number, options?: PromptOptions): Promise<Matrix>;

  /** The SAE's reconstruction of its hook's activation at every position, `[tokens, dModel]`. */
  reconstruction(prompt: Prompt, sae: string, options?: PromptOptions): Promise<Matrix>;

  /**
   * Runs the model with latents edited, of one SAE or several. The SAEs' error terms are kept: x + decode(edited) − decode(clean)
   * at each edited hook point. A text is in the grammar of docs/edits.md: `layer_3:903=+2x@5..; layer_1:4=0`.
   */
  edited(prompt: Prompt, edit: Edit | Edits, options?: EditOptions): Promise<Edited>;

  /** The same once per list of edits, as many at once as make a batch: a hundred ablations of one prompt. */
  editBatch(prompt: Prompt, edits: Edits[], options?: EditOptions): Promise<Edited[]>;

  /**
   * Ablates every feature of an SAE that is active at the chosen positions, one at a time and many in a batch, and ranks them by what
   * that changes. `onEffects` receives them as they are measured; aborting `signal` rejects with `cancelled`.
   */
  effects(prompt: Prompt, options: EffectsOptions): Promise<Effects>;

  /**
   * Carries the residual stream of `source`, a prompt of equally many tokens, into a prompt, at each layer and position by itself: what
   * that brings of the source's answer (activation patching; Meng et al. 2022).
   */
  patchStream(prompt: Prompt, source: Prompt, options?: StreamPatchOptions): Promise<StreamPatching>;

  /** Values taken from one pass over a prompt: activations at hook points, attention patterns, LayerNorm scales, logit lenses. */
  taps(prompt: Prompt, options: TapOptions): Promise<Taps>;

  /**
   * Continues a prompt. A pure function of the prompt, the seed and the settings.
   * Aborting `signal` ends it early: it then resolves with what there is and `cancelled: true`.
   */
  generate(prompt: Prompt, options: GenerateOptions): Promise<Generation>;

  /**
   * Runs texts through the model and feature sets, and collects what each feature does on them: its strongest contexts, its
   * histogram and moments, the tokens and documents it fires on, the features it fires with; and what the weights say of it. The
   * result is an atlas, as files that any static host can serve (docs/atlas.md). It runs in a worker of its own, which loads what is
   * scanned once more: other calls go on meanwhile.
   *
   * Aborting `signal` while texts are read ends the reading: it then resolves with what there is and `stopped: true`. Afterwards,
   * or before the first window, it rejects with `cancelled`.
   *
   * @param files `.txt` (documents separated by lines of `<|endoftext|>`) and `.jsonl`, plain or as `.gz`
   */
  scan(files: Iterable<File | DroppedFile>, options?: ScanOptions): Promise<Scanned>;

  /**
   * Trains a sparse autoencoder on the model's activations over texts (docs/train.md). It runs in a worker of its own, which loads the
   * model once more: other calls go on meanwhile. Activations come from the engine's device, steps run on the CPU.
   *
   * Checkpoints are kept in the browser's own files for this page, where it has such: `resume` goes on from one, to the same
   * autoencoder as if nothing had been.
   *
   * @param files as for {@link scan}; of no account with `resume`
   */
  train(files: Iterable<File | DroppedFile>, options: TrainOptions): Training;

  /**
   * Evaluates SAEs over texts, one after the other, as the program's `evaluate --corpus` does (docs/evaluate.md), in a worker of its own with the
   * module of {@link train}. By default those that are loaded; `saes` names others, trainings in this browser among them. Where `signal` ends it,
   * the result is what there is by then, with `stopped`; before anything was measured it rejects with `cancelled`.
   *
   * @param files as for {@link scan}
   */
  evaluate(files: Iterable<File | DroppedFile>, options?: EvaluateOptions): Promise<Evaluated>;

  /** The trainings in this browser, the newest first. */
  trainings(): Promise<TrainingInfo[]>;

  /** What was measured of a training in this browser, as its log has it. */
  trainingLog(id: string): Promise<TrainRecord[]>;

  /** The autoencoder of a training in this browser as the files of a SAELens folder, as {@link Trained} has them. */
  trainedFiles(id: string): Promise<ScannedFile[]>;

  /** Removes a training from this browser. */
  removeTraining(id: string): Promise<void>;

  /** Files as one zip file, by the module of {@link train}. */
  packTraining(files: ScannedFile[], options?: LookOptions): Promise<Uint8Array>;

  /**
   * The autoencoder of a training as a `.pt` in OpenAI's layout, which has no place for its hook. It holds TopK with `layer_norm`, and ReLU without
   * normalisation; anything else is refused with `unsupported-architecture`.
   */
  trainingAsPt(files: ScannedFile[], options?: LookOptions): Promise<Uint8Array>;

  /** Files as one zip file, for a person to keep: those of {@link Scanned}. */
  archive(files: ScannedFile[], options?: LookOptions): Promise<Uint8Array>;

  /** The files of a zip file, stored or deflated; names that lead out of it are left out. */
  unarchive(bytes: Uint8Array, options?: LookOptions): Promise<ScannedFile[]>;

  /**
   * The model's loss on {@link SAMPLE_TEXT}, beside what is usual: weights that are damaged or lie transposed pass every check
   * of shapes, and show here. `null` where the context is too short to predict anything.
   */
  sampleLoss(options?: LookOptions): Promise<SampleLoss | null>;

  /** A prompt's tokens, without running the model. */
  tokenize(prompt: Prompt, options?: PromptOptions): Promise<Tokenization>;

  /** The loaded model and SAEs, the backend and the memory in use. Without what could not be loaded again after a loss. */
  info(options?: LookOptions): Promise<Info>;

  /**
   * Files that the browser stores for this page: models and SAEs from earlier visits, also those that are loaded in part. The
   * last blocks of a load are stored after it; this waits for them.
   */
  storage(options?: LookOptions): Promise<StorageInfo>;

  /** Deletes a stored file by its `key`, or all of them. What is loaded stays loaded. */
  deleteStored(key: string | 'all', options?: LookOptions): Promise<void>;

  /** Asks the browser not to clear away what is stored when its disk fills up; whether it agreed. */
  persistStorage(): Promise<boolean>;

  /**
   * Ends the worker and frees the device, once what was downloaded is stored (five seconds at most). Calls under way reject
   * with `cancelled` at once.
   */
  dispose(): Promise<void>;
}

/** The files of a drop, those of folders with their paths in them. Call it in the handler of the drop event. */
export function droppedFiles(transfer: DataTransfer): Promise<DroppedFile[]>;

/** A text of a few sentences to take an SAE's numbers on: FVU, L0, ΔCE and KL, which show a wrong normalisation at once. */
export const SAMPLE_TEXT: string;

/** The error of every failed call. */
export class SaeExplorerError extends Error {
  constructor(code: ErrorCode, message: string, details?: Record<string, unknown>);
  /** Kind of error, for programs. */
  code: ErrorCode;
  /**
   * The values behind the message, such as `{tokens: 300, limit: 256}`. Where something could not be loaded again after a
   * lost device or a dead worker, `reloading` is the SAE's id, or `"model"`.
   */
  details: Record<string, unknown>;
}

/**
 * A text; or token ids, which are run as they are. A trace's own tokens, BOS included, make sure that a later question is
 * about the same ones, whatever has been loaded since.
 */
export type Prompt = string | Uint32Array | number[];

export type ErrorCode =
  /** The prompt has no token. */
  | 'empty-prompt'
  /** More tokens than the model's context; `details` has `tokens` and `limit`. Nothing is cut silently. */
  | 'prompt-too-long'
  /** A file is damaged, cut off or of another kind. */
  | 'bad-file'
  /** A file cannot be read where it is, or ends before what its header states. */
  | 'unreadable'
  /** A file or tensor that belongs to a model or SAE is not there. */
  | 'missing-file'
  /** A tensor has another shape than the configuration says. */
  | 'wrong-shape'
  /** A weight is NaN or infinite; the tensor is named. */
  | 'non-finite-weights'
  /** Not a GPT-2, or an SAE of a kind that is not supported. */
  | 'unsupported-architecture'
  /** The SAE's hook is missing, unknown, or not in this model. */
  | 'hook-mismatch'
  /** The SAE's input is not as wide as the hook it is for. */
  | 'width-mismatch'
  /** No WebGPU adapter, where one was requested. */
  | 'no-webgpu'
  /** The GPU device was lost again after it had been rebuilt once. */
  | 'device-lost'
  /** The device or the worker has not enough memory. */
  | 'out-of-memory'
  /** The worker ended during the call; the next call starts another one and loads again what it needs. */
  | 'worker-died'
  /** Stopped on request, or by a later trace. */
  | 'cancelled'
  /** A call that needs a model came before loadModel. */
  | 'no-model'
  /** No SAE with this id is loaded. */
  | 'unknown-sae'
  /**
   * An option or argument has a value that it cannot have; `details` has `option` (its name), `value` and, where the package
   * itself refuses it, `accepts` (in words) and, where there are few, `allowed` (the values).
   */
  | 'bad-option'
  /**
   * A file could not be fetched. Where its host was silent, `details` has `host`, `seconds` and `stalled`; where it stopped in
   * the middle again and again, `host`, `reason`, `stored` and `size`.
   */
  | 'network'
  /** Another site's file could not be fetched: it cannot be reached, or does not let this page read its files. */
  | 'cors'
  /**
   * An address was not contacted, because nobody has chosen its origin: something that was loaded named it, such as a list of
   * files. `details` has `url` and `origin`.
   */
  | 'not-chosen'
  /** The host answers with other parts of a file than the requested ones. */
  | 'no-range'
  /** A file became another one while it was being loaded; what was loaded of it is thrown away. */
  | 'file-changed'
  /** The computation gave NaN; `details` has what and at which `position`. */
  | 'not-a-number'
  /** A fault of the engine. */
  | 'internal';

export interface CreateOptions {
  /**
   * A name: sessions of this origin that give the same one, and the same options of this list, share one worker, one device and one copy
   * of what they load alike, also across frames and tabs. Each sees what it has loaded itself, and its calls wait for those of others but
   * are not stopped by them. What goes together with nothing that others have, such as another model, ends in a worker of the session's
   * own; so does everything where the browser has no `SharedWorker` with WebGPU. Default: a worker of one's own.
   */
  share?: string;
  /** Device of the computation; `"auto"` (default) takes the GPU where there is WebGPU and the CPU elsewhere. */
  backend?: 'auto' | 'gpu' | 'cpu';
  /** GPU limits to ask for: all the adapter has (default), or those that every WebGPU device has. */
  limits?: 'adapter' | 'default';
  /** Address of the demo bundle's manifest; default `../demo/demo.json` beside this module's folder. */
  demo?: string | URL;
  /** Address of the site's catalogue; default `../catalogue.json` beside this module's folder. */
  catalogue?: string | URL;
  /** Time for which a host may send nothing before its connection counts as broken and is tried again, seconds; default 30. */
  stallSeconds?: number;
  /** Called while the engine, a model or SAEs are loaded, also when they are loaded again after a loss. */
  onProgress?: (progress: Progress) => void;
  /** Called with notices of things that cost nothing but may interest a person, such as a lost device that was replaced. */
  onNotice?: (notice: Notice) => void;
}

export interface PrepareOptions {
  /** As for `create()`. */
  share?: string;
  /** `"demo"`: the demo's model will be loaded. */
  model?: 'demo';
  /** As for `create()`. */
  demo?: string | URL;
  /** What is at that address, where the page has requested it already, so that it is not requested twice. */
  manifest?: PromiseLike<object>;
  /** Id of the demo's SAE that will be loaded after the model: it follows the model's weights. */
  sae?: string | PromiseLike<string>;
  /** Large files are requested once this has settled: what the page itself needs first. Default: at once. */
  after?: PromiseLike<unknown>;
}

export interface LookOptions {
  /** Aborting rejects the call with `cancelled` at once. */
  signal?: AbortSignal;
}

export interface Loaded {
  model: ModelInfo | null;
  /** In the order of loading. */
  saes: SaeInfo[];
}

/** What is loaded after a change, and the method that changed it. */
export interface Change extends Loaded {
  method: 'loadModel' | 'loadSae' | 'loadNeurons' | 'unloadSae' | 'dispose';
}

/** Bytes loaded so far; `total` is 0 where it is not known. */
export interface FilesHash {
  /** 64 hexadecimal digits. */
  sha256: string;
  /** Bytes that were hashed. */
  bytes: number;
  /** Names of the files with them. */
  files: string[];
}

export interface Progress {
  stage: 'engine' | 'model' | 'sae' | 'hash';
  loaded: number;
  total: number;
  /** The file under way. */
  name?: string;
  /** Origin of its last bytes. */
  source?: 'network' | 'cache' | 'file';
}

export interface Notice {
  /**
   * `quota`: there is no room to store more. `storage-denied`: the browser stores nothing. Loading goes on in both cases.
   * `wrong-content`: a file that was loaded has another SHA-256 than its host lists; its stored copy was deleted.
   * `sae-not-loaded`: one of the demo's SAEs could not be loaded, and the others are.
   */
  code: 'device-lost' | 'worker-died' | 'storage-denied' | 'quota' | 'no-webgpu' | 'wrong-content' | 'sae-not-loaded';
  message: string;
  /** With `sae-not-loaded`: the SAE's id. */
  sae?: string;
  /** With `sae-not-loaded`: the code of what went wrong. */
  reason?: ErrorCode;
}

export interface StorageInfo {
  /** The last used first. */
  entries: StoredFile[];
  /** Bytes that this page's origin uses, and may use; `null` where the browser does not say. */
  usageBytes: number | null;
  quotaBytes: number | null;
  /** True if the browser keeps the files even when its disk fills up. */
  persisted: boolean;
  /** Possibility of storing, or the reason that there is none. */
  available: boolean;
  reason: string | null;
}

export interface StoredFile {
  /** For deleteStored(). */
  key: string;
  name: string;
  url: string;
  /** Length of the whole file. */
  bytes: number;
  /** Bytes of it that are stored. A load that was interrupted is resumed from there. */
  storedBytes: number;
  complete: boolean;
  /** True if it was found to have the SHA-256 that its host lists. Checked once, a while after it was loaded. */
  verified: boolean;
  /** When it was last used, milliseconds since 1970. */
  usedAt: number;
  /** Id of the catalogue's model that it belongs to, itself or as part of an SAE for it; `"demo"` for the demo's; `null` for others. */
  model: string | null;
  /** Id of the catalogue's SAE release that it is a part of, and the layer. */
  sae: string | null;
  layer: number | null;
}

/** An entry of the catalogue. */
export interface CatalogueSource {
  /** Its id. */
  catalogue: string;
  /** Layer of an SAE release; it may be left out where there is one. */
  layer?: number;
  /** Another path in the release's repository than the one that the layer has. */
  path?: string;
  /** Another revision than the entry's, such as the commit of an {@link Origin}. The entry's `hashes` hold all the same. */
  revision?: string;
}

/** A Hugging Face repository, or a folder or file in it. */
export interface RepoSource {
  /** `owner/name`. */
  repo: string;
  /** A branch, tag or commit; default `"main"`. */
  revision?: string;
  /** Default: the repository itself. */
  path?: string;
}

/** The files of one model or one SAE. */
export interface FilesSource {
  files: Iterable<File | DroppedFile>;
}

export interface DroppedFile {
  file: File;
  /** Its path in the folder that was dropped. */
  path: string;
}

export interface Catalogue {
  /** Base address of repositories instead of Hugging Face. */
  mirror: string | null;
  models: CatalogueModel[];
  saes: CatalogueSae[];
}

/** An entry of the catalogue. Its fields are those of `catalogue.json`, and what this device makes of it. */
export interface CatalogueEntry {
  id: string;
  name: string;
  repo: string;
  /** A branch, tag or commit; default `"main"`. */
  revision?: string;
  /** Hashes of files, by their paths in the repository: `"sha256-"` and 64 hexadecimal digits. Other content is refused. */
  hashes?: Record<string, string>;
  /** `"unknown"` where its publisher states none. */
  licence: string;
  /** Size of the download; of an SAE release: of one layer's. */
  bytes: number;
  /** Memory that it needs on the device: an estimate from its shapes. */
  deviceBytes: number;
  fits: Fits;
}

export interface CatalogueModel extends CatalogueEntry {
  parameters: number;
  layers: number;
  dModel: number;
  heads: number;
  vocab: number;
  context: number;
  /** Bytes of it that the browser stores. */
  storedBytes: number;
}

/** A release of SAEs: one for each of its layers. */
export interface CatalogueSae extends CatalogueEntry {
  /** Id of the model that they are for. */
  model: string;
  layers: number[];
  /** Hook that they belong to; `{L}` stands for the layer. */
  hook: string;
  /** Path in the repository; `{L}` stands for the layer. */
  path?: string;
  /** The same, layer by layer. */
  paths?: Record<string, string>;
  architecture: string;
  dIn: number;
  dSae: number;
  k: number | null;
  /** Length of the contexts that they were trained on, tokens. */
  context: number;
  /** True if they were trained with a BOS before each context. */
  bos: boolean;
  /** True if the mean over the width is subtracted from their input. */
  centre: boolean;
  /** True if they are TopK SAEs in OpenAI's `.pt` files, which can stay there (`stream`). */
  streamable?: boolean;
  /** Fit of one together with its model, in the place of what is loaded; `null` where the catalogue has no such model. */
  fitsWithModel: Fits | null;
  /** Bytes of each layer's SAE that the browser stores, in the order of `layers`. */
  storedBytes: number[];
}

export interface Fits {
  ok: boolean;
  neededBytes: number;
  availableBytes: number;
  /** True if an SAE fits only with `stream`; `neededBytes` is what that needs. */
  streamed?: boolean;
  /** Why it does not fit, or not whole; `null` where it does. */
  reason: string | null;
}

/** Models and SAEs in files or behind a link. */
export interface Offers {
  models: Offer[];
  saes: Offer[];
  problems: Problem[];
}

export interface Offer {
  name: string;
  /** Paths of its files. */
  files: string[];
  /** Description in a few words. */
  summary: string;
  /** Hook that an SAE states; `null` where it states none, and for models. */
  hook: string | null;
  /** Name of the model that an SAE says it was trained on; `null` where it says none, and for models. */
  model: string | null;
  /** Fit on this device; `null` where its files do not state what it needs. */
  fits: Fits | null;
  /** Argument for loadModel() or loadSae(). */
  source: string | RepoSource | FilesSource;
}

export interface Problem {
  /** Path of the file. */
  file: string;
  code: ErrorCode;
  message: string;
}

/** A file's content, or its URL. */
export type FilePart = ArrayBuffer | Uint8Array | Blob | string | URL;

/** The files of a model. */
export interface ModelParts {
  config: FilePart;
  /** safetensors with F32, F16 or BF16 tensors. */
  weights: FilePart;
  /** `tokenizer.json`, or GPT-2's two files. */
  tokenizer: FilePart | { vocab: FilePart; merges: FilePart };
}

export interface LoadModelOptions {
  /** Id to give it; default: the folder's name. */
  id?: string;
  /** True if `bos: "auto"` prepends a BOS where no SAE says what it was trained with; default: no. */
  prependBos?: boolean;
  /** Format of the weights on the device; `"auto"` (default): f16 where that is exact. */
  weightFormat?: 'auto' | 'f32' | 'f16';
  /** Aborting rejects the call with `cancelled`; what has arrived stays stored. */
  signal?: AbortSignal;
}

/** The files of a SAELens folder. */
export interface SaeLensParts {
  cfg: FilePart;
  weights: FilePart;
}

export interface LoadDemoSaeOptions {
  /** Id or hook of the one to load, as `demo.json` lists them; default: all. */
  only?: string;
  /** As for models. */
  weightFormat?: 'auto' | 'f32' | 'f16';
  /** Aborting rejects the call with `cancelled`; what has arrived stays stored. */
  signal?: AbortSignal;
}

export interface LoadSaeOptions extends wire.SaeOptions, LookOptions {
  /** Id to give it; default: the file's or folder's name. */
  id?: string;
}

export interface PromptOptions extends wire.PromptOptions, LookOptions {}

export interface TraceOptions extends wire.TraceOptions, LookOptions {}

/** One text, or texts and objects. */
export type Edits = string | (Edit | string)[];

export interface EffectsOptions extends wire.EffectsOptions, LookOptions {
  /** Called with the effects that were just measured, in no order. */
  onEffects?: (effects: Effect[]) => void;
}

export interface StreamPatchOptions extends wire.StreamPatchOptions, LookOptions {}

export interface EditOptions extends wire.EditOptions, LookOptions {}

export interface TapOptions extends wire.TapOptions, LookOptions {}

export interface GenerateOptions extends wire.GenerateOptions, LookOptions {
  /** Edits of features, in the prompt and in every new token that they reach. */
  edits?: Edit | Edits;
  /** Called with each token as it comes. */
  onToken?: (token: Token) => void;
  /**
   * Called with the features of each token once the model has run it: first those of the prompt's tokens, then each new one's. They
   * are read in the passes that are made anyway, but for that of the last token.
   */
  onFeatures?: (features: TokenFeatures) => void;
}

export interface TrainOptions extends wire.TrainOptions, LookOptions {
  /** Id of a training in this browser to go on with, with its settings and texts; of the other options those of checkpoints count. */
  resume?: string;
  /** True to wait for `resume()` when it is known what the training takes, with `stage: 'estimate'`. */
  confirm?: boolean;
  onProgress?: (progress: TrainProgress) => void;
}

export interface EvaluateOptions extends wire.EvaluateOptions, LookOptions {
  /** Ids of loaded SAEs, and trainings in this browser by their ids, with the `id` that their results have; by default all that are loaded. */
  saes?: Array<string | { training: string; id?: string }>;
  onProgress?: (progress: EvaluateProgress) => void;
}

/** A training under way. */
export interface Training {
  /** Its id in the browser's storage. */
  readonly id: string;
  /**
   * Its result, also where it was stopped. It rejects with `cancelled` where it was stopped before its first step, with
   * `not-a-number` where it diverged, with `in-use` where another tab goes on with it.
   */
  readonly done: Promise<Trained>;
  /** Lets it wait after its step, with a checkpoint. */
  pause(): void;
  /** Lets it go on, or begin. */
  resume(): void;
  /** Ends it after its step, as aborting `signal` does. */
  stop(): void;
}

export interface ScanOptions extends LookOptions {
  /** Ids of loaded SAEs and other feature sets; all of them, if absent. */
  sets?: string[];
  /** Name of the texts; by default that of the first file. */
  name?: string;
  /** Tokens that the model sees at a time, a BOS included; 64 by default, or as many as the model has. */
  context?: number;
  bos?: boolean | 'auto' | 'yes' | 'no';
  /** The field of a record of JSON lines that holds its text; `"text"` by default. */
  textField?: string;
  /** End with the window that reaches this number of tokens. */
  limitTokens?: number;
  /** True for coordinates of the features on a map, which take longest. */
  map?: boolean;
  onProgress?: (progress: ScanProgress) => void;
}
