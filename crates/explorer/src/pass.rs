//! Passes through the model: as it is, with activations kept, or with another activation in the place of one.

use gpt2::{CacheUse, Gpt2, HookPoint, Hooks, Pass, RowTable, Sequence, Start};
use kernels::{Buffer, Copy, MAX_K, Readings, Recorder, copy};

use crate::Error;
use crate::logits::{LogitReads, Logits, LogitsWanted, record_logits};
use crate::options::TraceOptions;
use crate::prompt::Prompt;
use crate::session::{LoadedModel, Session};

/// Keeps copies of activations.
pub(crate) struct Capture {
    points: Vec<HookPoint>,
    kept: Vec<(HookPoint, Buffer)>,
    /// Whether the pass is for these activations alone.
    alone: bool,
}

impl Capture {
    pub(crate) fn new(points: impl IntoIterator<Item = HookPoint>) -> Self {
        Self {
            points: points.into_iter().collect(),
            kept: Vec::new(),
            alone: false,
        }
    }

    /// The pass ends where this activation has been read.
    fn only(point: HookPoint) -> Self {
        Self {
            alone: true,
            ..Self::new([point])
        }
    }

    /// The copy of one activation.
    pub(crate) fn get(&self, point: HookPoint) -> Result<&Buffer, Error> {
        self.kept
            .iter()
            .find(|(kept, _)| *kept == point)
            .map(|(_, buffer)| buffer)
            .ok_or_else(|| Error::Model(gpt2::Error::Config(format!("{point} was not reached"))))
    }
}

impl Hooks for Capture {
    fn wants(&self, point: HookPoint) -> bool {
        self.points.contains(&point)
    }

    fn visit(
        &mut self,
        recorder: &mut Recorder,
        point: HookPoint,
        activation: &Buffer,
    ) -> Result<Option<Buffer>, gpt2::Error> {
        let words = activation.words();
        let kept = recorder.scratch("captured activation", words)?;
        copy(
            recorder,
            &Copy {
                input: activation,
                input_offset: 0,
                output: &kept,
                output_offset: 0,
                words,
            },
        )?;
        self.kept.push((point, kept));
        Ok(None)
    }

    fn is_done(&self) -> bool {
        self.alone && self.kept.len() == self.points.len()
    }
}

/// Puts another activation in the place of one.
struct Replace<'a> {
    point: HookPoint,
    replacement: &'a Buffer,
}

impl Hooks for Replace<'_> {
    fn wants(&self, point: HookPoint) -> bool {
        point == self.point
    }

    fn visit(
        &mut self,
        _recorder: &mut Recorder,
        _point: HookPoint,
        _activation: &Buffer,
    ) -> Result<Option<Buffer>, gpt2::Error> {
        Ok(Some(self.replacement.clone()))
    }
}

/// A prompt on the device.
pub(crate) struct Inputs {
    pub(crate) rows: RowTable,
    pub(crate) targets: Buffer,
}

impl Inputs {
    pub(crate) fn new(model: &Gpt2, prompt: &Prompt) -> Result<Self, Error> {
        let rows = RowTable::new(model, prompt.ids.len())?;
        rows.write(model, &[Sequence::new(&prompt.ids)], CacheUse::None)?;
        Ok(Self {
            rows,
            targets: model.device().buffer_with("targets", &prompt.targets())?,
        })
    }

    /// A pass over the prompt.
    fn pass<'a>(&'a self, start: Start<'a>) -> Pass<'a> {
        Pass {
            rows: &self.rows,
            start,
            cache: CacheUse::None,
        }
    }
}

/// The clean pass: what stays on the device for comparisons, and what came back.
pub(crate) struct CleanPass {
    pub(crate) inputs: Inputs,
    pub(crate) capture: Capture,
    pub(crate) logits: Logits,
    pub(crate) reads: LogitReads,
    pub(crate) readings: Readings,
}

impl Session {
    /// Runs the model alone, keeping the activations at some hook points (with `dump`, every block's output too).
    pub(crate) async fn clean_pass(
        &self,
        model: &LoadedModel,
        prompt: &Prompt,
        hooks: &[HookPoint],
        options: &TraceOptions,
    ) -> Result<CleanPass, Error> {
        if options.top_logits == 0 || options.top_logits > MAX_K {
            return Err(Error::BadOption {
                name: "top_logits",
                value: options.top_logits.to_string(),
                expected: format!("it must be from 1 to {MAX_K}"),
            });
        }
        let layers = if options.dump { model.info.n_layers } else { 0 };
        let points = hooks
            .iter()
            .copied()
            .chain((0..layers).map(HookPoint::ResidPost));
        let mut capture = Capture::new(points);
        let inputs = Inputs::new(&model.model, prompt)?;
        let mut recorder = Recorder::new(&self.device);
        let pass = inputs.pass(Start::Tokens);
        let resid = model.model.record(&mut recorder, &pass, &mut capture)?;
        let logits = record_logits(
            &mut recorder,
            &model.model,
            &inputs,
            &resid,
            &LogitsWanted {
                top: options.top_logits.min(model.info.vocab),
                clean: None,
                keep: options.dump || !hooks.is_empty(),
            },
            &mut capture,
        )?;
        let reads = logits.read_back(&mut recorder, options.dump)?;
        let readings = recorder.finish().run().await?;
        Ok(CleanPass {
            inputs,
            capture,
            logits,
            reads,
            readings,
        })
    }
}

impl CleanPass {
    /// Records the same pass with `replacement` at a hook, and its logits, compared with the clean ones. Where the hook is a
    /// block's output the pass starts there. `top` next tokens are listed per row, and the logits kept with `keep`.
    pub(crate) fn record_replaced(
        &self,
        recorder: &mut Recorder,
        model: &LoadedModel,
        hook: HookPoint,
        replacement: &Buffer,
        (top, keep): (usize, bool),
    ) -> Result<Logits, Error> {
        let (model, inputs) = (&model.model, &self.inputs);
        let block = match hook {
            HookPoint::ResidPost(layer) => Some(layer + 1),
            HookPoint::ResidPre(layer) => Some(layer),
            _ => None,
        };
        let start = block.map_or(Start::Tokens, |layer| Start::Block {
            layer,
            resid_pre: replacement,
        });
        let mut replace = Replace {
            point: hook,
            replacement,
        };
        let resid = model.record(recorder, &inputs.pass(start), &mut replace)?;
        let wanted = LogitsWanted {
            top,
            clean: Some(&self.logits),
            keep,
        };
        record_logits(recorder, model, inputs, &resid, &wanted, &mut replace)
    }
}

/// Records a pass as far as a hook point's block and returns the activation there.
pub(crate) fn record_activation(
    recorder: &mut Recorder,
    model: &LoadedModel,
    prompt: &Prompt,
    point: HookPoint,
) -> Result<Buffer, Error> {
    let model = &model.model;
    let inputs = Inputs::new(model, prompt)?;
    let mut capture = Capture::only(point);
    let resid = model.record(recorder, &inputs.pass(Start::Tokens), &mut capture)?;
    if matches!(point, HookPoint::LnFinalNormalized | HookPoint::LnFinalOut) {
        model.record_final_norm(recorder, &resid, inputs.rows.rows(), &mut capture)?;
    }
    Ok(capture.get(point)?.clone())
}
