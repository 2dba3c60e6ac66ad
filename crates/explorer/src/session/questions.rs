//! The session's methods that answer questions: each hands on to its analysis.

use std::ops::ControlFlow;

use gpt2::HookPoint;

use super::Session;
use wire::{
    Edit, Edited, Effect, Effects, Evaluation, Feature, Generation, Matrix, Neighbour, SampleLoss,
    StreamPatching, Taps, Token, Tokenization, Trace,
};

use crate::analysis::activations;
use crate::analysis::directions::{self, DirectionsOptions, SetDirections};
use crate::analysis::edited;
use crate::analysis::effects::{self, EffectsOptions};
use crate::analysis::evaluate;
use crate::analysis::evaluate_windows::{self, EvaluatedWindow};
use crate::analysis::feature;
use crate::analysis::generate::{self, GenerateOptions};
use crate::analysis::matches;
use crate::analysis::sample_loss;
use crate::analysis::scan::{self, ScanOptions, ScanSeconds, ScanWindow};
use crate::analysis::scan_batch::ScanBatch;
use crate::analysis::statistics::{self, TextStatistics};
use crate::analysis::stream_patching::{self, StreamPatchOptions};
use crate::analysis::taps::{self, TapOptions};
use crate::analysis::trace::{self, TraceOptions};
use crate::analysis::watched::Written;
use crate::error::Error;
use crate::tokens::{Bos, BosDecision, Input};

impl Session {
    /// True if a BOS goes before a text that does not begin with one, for everything that is loaded.
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
    /// edits of one latent at one position twice, and a condition behind its edit in the pass; [`Error::Unsupported`] for a
    /// streamed autoencoder behind another edited hook point.
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

    /// What every active feature of a prompt causes: each is ablated by itself, many at a time, and the differences to the clean
    /// run are ranked. `on_effects` receives them as they are measured, batch by batch, and may end it; a call that is ended
    /// or cancelled gives no result of its own. Reports progress.
    ///
    /// # Errors
    /// As [`Session::edited`]; [`Error::BadOption`] for one token to compare without the other, and for a ranking by tokens
    /// that are not named; [`Error::Cancelled`].
    pub async fn effects<'a>(
        &self,
        prompt: impl Into<Input<'a>>,
        options: &EffectsOptions,
        on_effects: impl FnMut(&[Effect]) -> ControlFlow<()>,
    ) -> Result<Effects, Error> {
        effects::effects(&self.question(), prompt.into(), options, on_effects).await
    }

    /// Carries the residual stream of another prompt of equal length into a prompt, at each layer and each position by itself, and
    /// tells what that brings of the other's answer: the logit of a target minus that of a distractor after the last token, and
    /// KL(clean ‖ patched) there. Reports progress.
    ///
    /// # Errors
    /// As [`Session::trace`]; [`Error::BadOption`] for a source of another length, and for tokens that cannot be compared;
    /// [`Error::Cancelled`].
    pub async fn patch_stream<'a>(
        &self,
        prompt: impl Into<Input<'a>>,
        source: impl Into<Input<'a>>,
        options: StreamPatchOptions,
    ) -> Result<StreamPatching, Error> {
        let prompts = (prompt.into(), source.into());
        stream_patching::patch_stream(&self.question(), prompts, options).await
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

    /// As [`Session::evaluate`] for windows of tokens, and for several autoencoders in one pass of the model: one evaluation for each, in their
    /// order. `next` gives the windows, without BOS; `visit` receives what each autoencoder made of each window, batch by batch.
    ///
    /// # Errors
    /// As [`Session::scan`]; whatever `next` and `visit` return.
    pub async fn evaluate_windows<E: From<Error>>(
        &self,
        saes: &[String],
        bos: Bos,
        next: impl FnMut() -> Result<Option<ScanWindow<()>>, E>,
        visit: impl FnMut(&EvaluatedWindow<'_>) -> Result<(), E>,
    ) -> Result<Vec<Evaluation>, E> {
        evaluate_windows::evaluate_windows(&self.question(), saes, bos, next, visit).await
    }

    /// A feature's direct logit effect, decoder norm and nearest features.
    ///
    /// # Errors
    /// [`Error::UnknownSae`], [`Error::BadOption`] for a latent that is not there, [`Error::Device`].
    pub async fn feature(&self, sae: &str, latent: u32) -> Result<Feature, Error> {
        feature::feature(&self.question(), sae, latent).await
    }

    /// The ten latents of `other` whose decoder directions have the largest cosine with that of `latent` of `sae`, the nearest
    /// first; without the latent itself. Both have to be at one hook point, or anywhere in the residual stream.
    ///
    /// # Errors
    /// [`Error::UnknownSae`]; [`Error::BadOption`] for a latent that is not there, for hook points without a common basis,
    /// and where `other` stays in its file; [`Error::File`], [`Error::Device`].
    pub async fn matches(
        &self,
        sae: &str,
        latent: u32,
        other: &str,
    ) -> Result<Vec<Neighbour>, Error> {
        matches::matches(&self.question(), sae, latent, other).await
    }

    /// What weights say about every latent of a set: its direct effect on the logits, its nearest features in the set and in
    /// other sets with a common basis, the MLP neurons and attention heads before it that are aligned with it, and
    /// coordinates on a map. Takes memory for some batches of products, 32 MiB each, beside
    /// the results; reports progress.
    ///
    /// # Errors
    /// [`Error::NoModel`], [`Error::UnknownSae`], [`Error::UndefinedWeight`] where weights are not finite, [`Error::File`],
    /// [`Error::Cancelled`], [`Error::Device`].
    pub async fn directions(
        &self,
        set: &str,
        options: &DirectionsOptions,
    ) -> Result<SetDirections, Error> {
        directions::directions(&self.question(), set, options).await
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

    /// Runs windows of tokens through the model in batches, and hands the values of several feature sets to `visit`: what a scan
    /// of a corpus collects. `next` gives the windows, without BOS, until there are none. One pass serves all sets and ends
    /// behind the last of their hook points; on a GPU the next batch is computed while one is visited.
    ///
    /// # Errors
    /// [`Error::NoModel`], [`Error::UnknownSae`], [`Error::BadOption`] for no set, a BOS that the tokenizer lacks and tokens
    /// that the model lacks; [`Error::EmptyPrompt`] and [`Error::PromptTooLong`] for a window; [`Error::Unsupported`] for a
    /// streamed autoencoder, and where a token has more active latents than a selection lists; [`Error::NotANumber`];
    /// [`Error::Cancelled`] between two batches; [`Error::Device`]; whatever `next` and `visit` return.
    pub async fn scan<T, E: From<Error>>(
        &self,
        options: &ScanOptions<'_>,
        next: impl FnMut() -> Result<Option<ScanWindow<T>>, E>,
        visit: impl FnMut(&ScanBatch<'_, T>) -> Result<(), E>,
    ) -> Result<ScanSeconds, E> {
        scan::scan(&self.question(), options, next, visit).await
    }

    /// Tokens of a document, without BOS: its own, if it spells one out, stays.
    ///
    /// # Errors
    /// [`Error::NoModel`].
    pub fn document_tokens(&self, text: &str) -> Result<Vec<u32>, Error> {
        Ok(self.store.model()?.vocabulary.tokenizer.encode(text))
    }

    /// The bytes of each token of the model's vocabulary, by id; none for an id that no token has.
    ///
    /// # Errors
    /// [`Error::NoModel`].
    pub fn vocabulary(&self) -> Result<Vec<Vec<u8>>, Error> {
        let model = self.store.model()?;
        let tokenizer = &model.vocabulary.tokenizer;
        let bytes = |id| tokenizer.token_bytes(id).unwrap_or_default().to_vec();
        Ok((0u32..).take(model.info.vocab).map(bytes).collect())
    }

    /// A token's text as it can be shown by itself: bytes that are no whole character are written `<0xF0>`.
    ///
    /// # Errors
    /// [`Error::NoModel`].
    pub fn token_text(&self, id: u32) -> Result<String, Error> {
        Ok(self.store.model()?.vocabulary.tokenizer.display(id))
    }

    /// Continues a prompt. `on_token` receives every new token and may end it. A cancelled generation returns what there is.
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
        let on_written = |written| match &written {
            Written::Token(token) => on_token(token),
            Written::Features(_) => ControlFlow::Continue(()),
        };
        self.generate_watched(prompt, options, on_written).await
    }

    /// As [`Session::generate`]; `on_written` receives the features of every token as well, of the sets that
    /// [`GenerateOptions::features`] names. They are read in the runs that are made anyway, but for that of the last token, which
    /// nobody else needs.
    ///
    /// # Errors
    /// As [`Session::generate`]; [`Error::UnknownSae`], and [`Error::Unsupported`] for a set that stays in its file.
    pub async fn generate_watched(
        &mut self,
        prompt: impl Into<Input<'_>>,
        options: &GenerateOptions,
        mut on_written: impl FnMut(Written) -> ControlFlow<()>,
    ) -> Result<Generation, Error> {
        let on_written = |_, written| on_written(written);
        let generations = self
            .generated(prompt.into(), (options, &[options.seed]), on_written)
            .await?;
        generations.into_iter().next().ok_or(Error::EmptyPrompt)
    }

    /// As [`Session::generate`], once per seed; the prompt is read once. `on_token` receives the number of the continuation as
    /// well. A cancellation ends with the continuation that was under way.
    ///
    /// # Errors
    /// As [`Session::generate`].
    pub async fn generate_several(
        &mut self,
        prompt: impl Into<Input<'_>>,
        options: &GenerateOptions,
        seeds: &[u64],
        mut on_token: impl FnMut(usize, &Token) -> ControlFlow<()>,
    ) -> Result<Vec<Generation>, Error> {
        let on_written = |number, written| match &written {
            Written::Token(token) => on_token(number, token),
            Written::Features(_) => ControlFlow::Continue(()),
        };
        self.generated(prompt.into(), (options, seeds), on_written)
            .await
    }

    async fn generated(
        &mut self,
        prompt: Input<'_>,
        wanted: (&GenerateOptions, &[u64]),
        on_written: impl FnMut(usize, Written) -> ControlFlow<()>,
    ) -> Result<Vec<Generation>, Error> {
        // After an error the prompt is read again.
        let kept = self.read_prompt.take();
        let question = self.question();
        let generated = generate::generate(&question, kept, prompt, wanted, on_written);
        let (generations, read) = generated.await?;
        self.read_prompt = read;
        Ok(generations)
    }
}
