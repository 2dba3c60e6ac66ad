//! The session: a facade that keeps a device and what is loaded, and hands questions to their analyses.

use std::ops::ControlFlow;
use std::rc::Rc;

use formats::gpt2::Gpt2Files;
use formats::sae::SaeFile;
use formats::tokenizer::Tokenizer;
use gpt2::HookPoint;
use kernels::{Counters, Device, DeviceOptions, LimitsChoice};

use crate::analysis::activations;
use crate::analysis::edited::{self, Edit, Edited};
use crate::analysis::evaluate::{self, Evaluation};
use crate::analysis::feature::{self, Feature};
use crate::analysis::generate::{self, GenerateOptions, Generation, ReadPrompt};
use crate::analysis::question::Question;
use crate::analysis::sample_loss::{self, SampleLoss};
use crate::analysis::statistics::{self, TextStatistics};
use crate::analysis::taps::{self, TapOptions, Taps};
use crate::analysis::trace::{self, Trace, TraceOptions};
use crate::error::Error;
use crate::matrix::Matrix;
use crate::pace::{Cancel, OnProgress, Pace, Pause};
use crate::run::clean::LastPass;
use crate::run::executor::Executor;
use crate::store::info::{ModelInfo, SaeInfo};
use crate::store::load_model::load_model;
use crate::store::load_sae::{load_neurons, load_sae, load_streamed_sae};
use crate::store::options::{SaeOptions, WeightChoice};
use crate::store::shelf::Store;
use crate::tokens::{Bos, BosDecision, Input, Token, Tokenization};

/// Where to compute.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum BackendChoice {
    /// The GPU where there is one, else the CPU.
    #[default]
    Auto,
    /// The GPU, or an error.
    Gpu,
    /// The CPU.
    Cpu,
}

/// The state of a session.
#[derive(Debug, Clone, PartialEq)]
pub struct Info {
    /// `gpu` or `cpu`.
    pub backend: &'static str,
    /// The adapter's name.
    pub adapter: String,
    /// Why the CPU is used although a GPU was wished for.
    pub fallback_reason: Option<String>,
    /// The model.
    pub model: Option<ModelInfo>,
    /// The autoencoders.
    pub saes: Vec<SaeInfo>,
    /// Bytes held on the device, those that wait to be used again included.
    pub device_bytes: u64,
    /// Those that wait to be used again.
    pub pooled_bytes: u64,
    /// What the device has done.
    pub counters: Counters,
}

/// A device, a model and its sparse autoencoders. Answers questions; one at a time.
pub struct Session {
    device: Device,
    fallback_reason: Option<String>,
    store: Store,
    executor: Executor,
    last: LastPass,
    read_prompt: Option<ReadPrompt>,
    cancel: Cancel,
    pause: Option<Pause>,
    on_progress: Option<OnProgress>,
}

impl Session {
    /// A session on a device of the wished kind.
    ///
    /// # Errors
    /// [`Error::Device`] where a GPU was demanded and none can be had.
    pub async fn new(backend: BackendChoice, limits: LimitsChoice) -> Result<Self, Error> {
        let mut fallback_reason = None;
        let device = match backend {
            BackendChoice::Cpu => Device::cpu(),
            BackendChoice::Gpu | BackendChoice::Auto => {
                let options = DeviceOptions {
                    limits,
                    ..DeviceOptions::default()
                };
                match Device::gpu(options).await {
                    Ok(device) => device,
                    Err(error) if backend == BackendChoice::Auto => {
                        fallback_reason = Some(error.to_string());
                        Device::cpu()
                    }
                    Err(error) => return Err(error.into()),
                }
            }
        };
        Ok(Self {
            fallback_reason,
            ..Self::on(device)
        })
    }

    /// A session on a device that is there already.
    pub fn on(device: Device) -> Self {
        Self {
            executor: Executor::new(&device),
            device,
            fallback_reason: None,
            store: Store::default(),
            last: LastPass::default(),
            read_prompt: None,
            cancel: Cancel::default(),
            pause: None,
            on_progress: None,
        }
    }

    /// The flag that stops what is under way.
    pub fn cancel(&self) -> Cancel {
        self.cancel.clone()
    }

    /// Sets what a call awaits between its steps, so that others can run.
    pub fn set_pause(&mut self, pause: Pause) {
        self.pause = Some(pause);
    }

    /// Sets what is told the progress of calls that take long.
    pub fn set_on_progress(&mut self, on_progress: OnProgress) {
        self.on_progress = Some(on_progress);
    }

    /// The device.
    pub fn device(&self) -> &Device {
        &self.device
    }

    /// The state of the session.
    pub fn info(&self) -> Info {
        let sets = self.store.sets().iter();
        Info {
            backend: self.executor.backend_name(),
            adapter: self.device.adapter_name(),
            fallback_reason: self.fallback_reason.clone(),
            model: self.store.model().ok().map(|model| model.info.clone()),
            saes: sets.map(|set| set.info.clone()).collect(),
            device_bytes: self.device.bytes(),
            pooled_bytes: self.device.pooled_bytes(),
            counters: self.device.counters(),
        }
    }

    fn pace(&self) -> Pace {
        let (pause, on_progress) = (self.pause.clone(), self.on_progress.clone());
        Pace::new(&self.device, pause, on_progress, &self.cancel)
    }

    fn question(&self) -> Question<'_> {
        Question {
            store: &self.store,
            executor: &self.executor,
            last: &self.last,
            pace: self.pace(),
        }
    }

    /// Lets go of everything that was made from what is loaded.
    fn forget(&mut self) {
        self.last.forget();
        self.read_prompt = None;
        self.executor.forget();
    }

    /// Gives back the memory of plans, kept passes and caches; what is loaded stays, and the next question makes them again.
    pub fn trim(&mut self) {
        self.forget();
    }

    /// Loads a model in the place of the one there was; its autoencoders go with it. A model that does not load leaves
    /// everything as it was.
    ///
    /// With [`WeightChoice::Auto`] weights stored as F16 stay f16 on the device, which loses nothing; others become f32, and
    /// so do all where the device prefers it.
    ///
    /// # Errors
    /// [`Error::File`], [`Error::Model`], [`Error::TokenizerMismatch`], [`Error::Device`].
    pub async fn load_model(
        &mut self,
        id: &str,
        name: &str,
        files: Gpt2Files,
        tokenizer: Tokenizer,
        weights: WeightChoice,
    ) -> Result<ModelInfo, Error> {
        // Weights need the room.
        self.forget();
        let loaded = load_model(&self.pace(), (id, name), &files, tokenizer, weights).await?;
        let info = loaded.info.clone();
        self.store.keep_model(loaded);
        Ok(info)
    }

    /// Says whether a BOS goes before a prompt where no autoencoder says so.
    ///
    /// # Errors
    /// [`Error::NoModel`].
    pub fn set_prepend_bos(&mut self, prepend_bos: bool) -> Result<(), Error> {
        let model = self.store.model()?;
        model.vocabulary.prepend_bos.set(prepend_bos);
        Ok(())
    }

    /// Loads an autoencoder beside the others; one with the same id is replaced. Its matrices come piece by piece and are
    /// never in memory as a whole.
    ///
    /// With [`WeightChoice::Auto`] weights that f16 represents exactly are packed on the device, unless it prefers f32;
    /// others stay f32.
    ///
    /// # Errors
    /// [`Error::NoModel`], [`Error::HookMismatch`], [`Error::WidthMismatch`], [`Error::Unsupported`], [`Error::File`],
    /// [`Error::Sae`], [`Error::Cancelled`], [`Error::Device`].
    pub async fn load_sae(
        &mut self,
        id: &str,
        file: &SaeFile,
        options: &SaeOptions,
    ) -> Result<SaeInfo, Error> {
        self.forget();
        let loaded = load_sae(&self.store, &self.pace(), id, file, options).await?;
        let info = loaded.info.clone();
        self.store.keep_set(loaded);
        Ok(info)
    }

    /// Loads a TopK autoencoder that is too large for the device: its weights stay in the file, and every call reads it
    /// once through a buffer of 256 MiB (or of `part_bytes`). Results are those of the whole autoencoder; nearest features
    /// are not looked for.
    ///
    /// # Errors
    /// As [`Session::load_sae`]; [`Error::Unsupported`] for other architectures, and where the encoder is stored input by
    /// input, as SAELens does.
    pub async fn load_streamed_sae(
        &mut self,
        id: &str,
        file: Rc<SaeFile>,
        options: &SaeOptions,
        part_bytes: Option<usize>,
    ) -> Result<SaeInfo, Error> {
        let loaded = load_streamed_sae(&self.store, id, file, options, part_bytes).await?;
        let info = loaded.info.clone();
        self.store.keep_set(loaded);
        Ok(info)
    }

    /// Makes the dimensions of the activation at a hook a feature set beside the autoencoders: the MLP's neurons
    /// (`mlp.hook_post`), the heads' dimensions (`attn.hook_z`), the basis of the residual stream. A feature's activation is
    /// the dimension's value, below 0 as well.
    ///
    /// # Errors
    /// [`Error::NoModel`], [`Error::HookMismatch`] for a hook that the model does not have.
    pub fn load_neurons(&mut self, id: &str, hook: &str) -> Result<SaeInfo, Error> {
        let loaded = load_neurons(&self.store, id, hook)?;
        let info = loaded.info.clone();
        self.store.keep_set(loaded);
        Ok(info)
    }

    /// Takes an autoencoder or other feature set off the device.
    ///
    /// # Errors
    /// [`Error::UnknownSae`].
    pub fn unload_sae(&mut self, id: &str) -> Result<(), Error> {
        self.store.remove_set(id)?;
        // Its plans hold the weights.
        self.forget();
        Ok(())
    }

    /// Whether a BOS goes before a text that does not begin with one, for everything that is loaded.
    ///
    /// # Errors
    /// [`Error::NoModel`].
    pub fn bos_decision(&self, bos: Bos) -> Result<BosDecision, Error> {
        self.store.bos_decision(bos)
    }

    /// A text as tokens, of any length.
    ///
    /// # Errors
    /// [`Error::NoModel`], [`Error::BadOption`].
    pub fn tokenize<'a>(
        &self,
        input: impl Into<Input<'a>>,
        bos: Bos,
    ) -> Result<Tokenization, Error> {
        self.store.tokenize(input.into(), bos)
    }

    /// Runs the model and its autoencoders on a prompt.
    ///
    /// # Errors
    /// [`Error::EmptyPrompt`], [`Error::PromptTooLong`], [`Error::NoModel`], [`Error::UnknownSae`],
    /// [`Error::BadOption`], [`Error::NotANumber`], [`Error::Cancelled`], [`Error::Device`].
    pub async fn trace<'a>(
        &self,
        prompt: impl Into<Input<'a>>,
        options: &TraceOptions,
    ) -> Result<Trace, Error> {
        trace::trace(&self.question(), prompt.into(), options).await
    }

    /// As [`Session::trace`] for several prompts, as many at once as make a batch of rows.
    ///
    /// # Errors
    /// As [`Session::trace`], for any of the prompts.
    pub async fn trace_batch(
        &self,
        prompts: &[Input<'_>],
        options: &TraceOptions,
    ) -> Result<Vec<Trace>, Error> {
        trace::trace_batch(&self.question(), prompts, options).await
    }

    /// Runs a prompt with features edited: x ← x + decode(z_edited) − decode(z). Where nothing changes, the result is exactly
    /// the clean run's.
    ///
    /// # Errors
    /// As [`Session::trace`]; [`Error::BadOption`] for a latent or position that is not there, a value that is not finite,
    /// and edits of one latent at one position twice; [`Error::Unsupported`] for a streamed autoencoder behind another
    /// edited hook point.
    pub async fn edited<'a>(
        &self,
        prompt: impl Into<Input<'a>>,
        edits: &[Edit],
        options: &TraceOptions,
    ) -> Result<Edited, Error> {
        let lists = [edits.to_vec()];
        let edited = self.edit_batch(prompt, &lists, options).await?;
        edited.into_iter().next().ok_or(Error::EmptyPrompt)
    }

    /// As [`Session::edited`] for several lists of edits of one prompt, as many at once as make a batch of rows. On a GPU the
    /// order of a list's sums depends on where in the batch it lies: a list that changes nothing is the clean run but for
    /// rounding there, and a divergence below 1e-11 may be nothing else.
    ///
    /// # Errors
    /// As [`Session::edited`].
    pub async fn edit_batch<'a>(
        &self,
        prompt: impl Into<Input<'a>>,
        lists: &[Vec<Edit>],
        options: &TraceOptions,
    ) -> Result<Vec<Edited>, Error> {
        edited::edit_batch(&self.question(), prompt.into(), lists, options).await
    }

    /// Runs one autoencoder over a text. One that is longer than the context is read in windows one after the other, each
    /// for itself and with a BOS if one goes first; what counts in each is what counts in a prompt.
    ///
    /// # Errors
    /// As [`Session::trace`], without [`Error::PromptTooLong`].
    pub async fn evaluate<'a>(
        &self,
        text: impl Into<Input<'a>>,
        sae: &str,
        bos: Bos,
    ) -> Result<Evaluation, Error> {
        evaluate::evaluate(&self.question(), text.into(), sae, bos).await
    }

    /// A feature's direct logit effect, decoder norm and nearest features.
    ///
    /// # Errors
    /// [`Error::UnknownSae`], [`Error::BadOption`] for a latent that is not there, [`Error::Device`].
    pub async fn feature(&self, sae: &str, latent: u32) -> Result<Feature, Error> {
        feature::feature(&self.question(), sae, latent).await
    }

    /// The loaded model's loss on [`crate::SAMPLE_TEXT`], with a BOS if the model has one; None where its context is too
    /// short to predict anything.
    ///
    /// # Errors
    /// As [`Session::trace`], without those of a prompt.
    pub async fn sample_loss(&self) -> Result<Option<SampleLoss>, Error> {
        sample_loss::sample_loss(&self.question()).await
    }

    /// The logits after every token, `[tokens, vocabulary]`.
    ///
    /// # Errors
    /// As [`Session::trace`].
    pub async fn logits<'a>(
        &self,
        prompt: impl Into<Input<'a>>,
        bos: Bos,
    ) -> Result<Matrix, Error> {
        activations::logits(&self.question(), prompt.into(), bos).await
    }

    /// `blocks.{layer}.hook_resid_post`, `[tokens, d_model]`.
    ///
    /// # Errors
    /// As [`Session::trace`]; [`Error::BadOption`] for a layer that is not there.
    pub async fn residual<'a>(
        &self,
        prompt: impl Into<Input<'a>>,
        layer: usize,
        bos: Bos,
    ) -> Result<Matrix, Error> {
        self.activation(prompt, HookPoint::ResidPost(layer), bos)
            .await
    }

    /// The activation at any hook point, `[tokens, width]`.
    ///
    /// # Errors
    /// As [`Session::trace`]; [`Error::BadOption`] for a layer that is not there.
    pub async fn activation<'a>(
        &self,
        prompt: impl Into<Input<'a>>,
        point: HookPoint,
        bos: Bos,
    ) -> Result<Matrix, Error> {
        let mut matrices = self.activations(prompt, &[point], bos).await?;
        matrices.pop().ok_or(Error::EmptyPrompt)
    }

    /// The activations at several hook points from one pass, `[tokens, width]` each.
    ///
    /// # Errors
    /// As [`Session::activation`]; [`Error::BadOption`] for no hook point at all.
    pub async fn activations<'a>(
        &self,
        prompt: impl Into<Input<'a>>,
        points: &[HookPoint],
        bos: Bos,
    ) -> Result<Vec<Matrix>, Error> {
        activations::activations(&self.question(), prompt.into(), points, bos).await
    }

    /// An autoencoder's reconstruction of its activation, `[tokens, d_in]`.
    ///
    /// # Errors
    /// As [`Session::trace`].
    pub async fn reconstruction<'a>(
        &self,
        prompt: impl Into<Input<'a>>,
        sae: &str,
        bos: Bos,
    ) -> Result<Matrix, Error> {
        activations::reconstruction(&self.question(), prompt.into(), sae, bos).await
    }

    /// Values taken from one pass over a prompt: activations at several hook points, attention patterns, LayerNorm scales,
    /// and logit lenses.
    ///
    /// # Errors
    /// As [`Session::trace`]; [`Error::BadOption`] for a name that is none of this model's, and where nothing is wanted.
    pub async fn taps<'a>(
        &self,
        prompt: impl Into<Input<'a>>,
        options: &TapOptions,
    ) -> Result<Taps, Error> {
        taps::taps(&self.question(), prompt.into(), options).await
    }

    /// Statistics of every latent of an autoencoder over a text of any length: counts, sums, and the `top` tokens (1 to 32)
    /// where each is strongest.
    ///
    /// # Errors
    /// As [`Session::trace`], without [`Error::PromptTooLong`]; [`Error::BadOption`] for `top`; [`Error::Unsupported`] for
    /// neurons and streamed autoencoders, and where a token has more active latents than a selection lists.
    pub async fn latent_statistics<'a>(
        &self,
        text: impl Into<Input<'a>>,
        sae: &str,
        top: usize,
        bos: Bos,
    ) -> Result<TextStatistics, Error> {
        statistics::statistics(&self.question(), text.into(), sae, (top, bos)).await
    }

    /// Continues a prompt. `on_token` is told every new token and may end it. A cancelled generation returns what there is.
    ///
    /// # Errors
    /// [`Error::EmptyPrompt`], [`Error::PromptTooLong`], [`Error::NoModel`], [`Error::BadOption`],
    /// [`Error::NotANumber`], [`Error::Device`].
    pub async fn generate(
        &mut self,
        prompt: impl Into<Input<'_>>,
        options: &GenerateOptions,
        mut on_token: impl FnMut(&Token) -> ControlFlow<()>,
    ) -> Result<Generation, Error> {
        let told = |_, token: &Token| on_token(token);
        let seeds = [options.seed];
        let generations = self.generate_several(prompt, options, &seeds, told).await?;
        generations.into_iter().next().ok_or(Error::EmptyPrompt)
    }

    /// As [`Session::generate`], once per seed; the prompt is read once. `on_token` is told the number of the continuation as
    /// well. A cancellation ends with the continuation that was under way.
    ///
    /// # Errors
    /// As [`Session::generate`].
    pub async fn generate_several(
        &mut self,
        prompt: impl Into<Input<'_>>,
        options: &GenerateOptions,
        seeds: &[u64],
        on_token: impl FnMut(usize, &Token) -> ControlFlow<()>,
    ) -> Result<Vec<Generation>, Error> {
        // After an error the prompt is read again.
        let kept = self.read_prompt.take();
        let question = self.question();
        let wanted = (options, seeds);
        let generated = generate::generate(&question, kept, prompt.into(), wanted, on_token);
        let (generations, read) = generated.await?;
        self.read_prompt = read;
        Ok(generations)
    }
}
