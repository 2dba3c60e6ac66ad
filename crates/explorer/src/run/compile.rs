//! Compiling a run: from its description to a plan with all its buffers.

use std::ops::Range;
use std::rc::Rc;

use gpt2::{Cache, CacheUse, HookPoint, Hooks, Norm, Observation, Pass, RowTable, Start};
use kernels::{Buffer, Plan, Recorder};

use crate::error::Error;
use crate::features::listed::NanReads;
use crate::run::head::{self, BaseLogits, Head, KeptLogits, record_head};
use crate::run::input::Inputs;
use crate::run::output::HeadReads;
use crate::run::scratch::gathered;
use crate::run::spec::{CacheMode, HeadRows, RunSpec, StartAt, Tap};
use crate::run::stage::{Coders, Origin, Stage};
use crate::run::taps::TapReads;
use crate::store::feature_set::SetId;
use crate::store::model::LoadedModel;

/// A run that is ready to be submitted, any number of times, each with other inputs.
pub(crate) struct Compiled {
    pub(crate) plan: Plan,
    /// The plan's kernels, in parts that are short enough to be submitted one by one.
    pub(crate) parts: Vec<Range<usize>>,
    pub(crate) rows: usize,
    pub(crate) inputs: Inputs,
    /// In the order of the spec's taps.
    pub(crate) taps: Vec<TapReads>,
    pub(crate) head: Option<HeadReads>,
    /// NaN counts to check before results are believed.
    pub(crate) nans: Vec<(SetId, NanReads)>,
    /// Residual streams into each block and out of the last one, where the spec keeps them.
    pub(crate) resid: Vec<Buffer>,
    pub(crate) kept_logits: Option<KeptLogits>,
    /// The cache that it uses, and how.
    cache: (CacheMode, Option<Rc<Cache>>),
    /// The run whose activations this one reads.
    _base: Option<Rc<Compiled>>,
}

impl Compiled {
    /// The reads of a tap.
    ///
    /// # Errors
    /// [`Error::NoSuchIndex`].
    pub(crate) fn tap(&self, index: usize) -> Result<&TapReads, Error> {
        self.taps.get(index).ok_or(Error::NoSuchIndex {
            what: "the tap",
            index,
            count: self.taps.len(),
        })
    }

    /// The cache as the row table is checked against it.
    pub(crate) fn cache_use(&self) -> CacheUse<'_> {
        cache_use(self.cache.0, self.cache.1.as_ref())
    }
}

fn cache_use(mode: CacheMode, cache: Option<&Rc<Cache>>) -> CacheUse<'_> {
    match (mode, cache) {
        (CacheMode::Append { .. }, Some(cache)) => CacheUse::Append(cache),
        (CacheMode::Read, Some(cache)) => CacheUse::Read(cache),
        (CacheMode::None, _) | (_, None) => CacheUse::None,
    }
}

/// Everything that a spec refers to.
pub(crate) struct Parts<'a> {
    pub(crate) model: &'a LoadedModel,
    pub(crate) coders: &'a Coders<'a>,
    pub(crate) base: Option<&'a Rc<Compiled>>,
    pub(crate) cache: Option<&'a Rc<Cache>>,
}

/// Records a run of `rows` rows; `operations` are those of the longest part.
///
/// # Errors
/// [`Error::Device`], [`Error::Model`], [`Error::BadOption`].
pub(crate) fn compile(
    mut recorder: Recorder,
    spec: &RunSpec,
    rows: usize,
    parts: &Parts<'_>,
    operations: u64,
) -> Result<Compiled, Error> {
    let model = &parts.model.model;
    let config = model.config();
    let table = match spec.cache {
        CacheMode::Append { one_row: true } => RowTable::one_row_each(model, rows)?,
        CacheMode::Append { one_row: false } | CacheMode::Read | CacheMode::None => {
            RowTable::new(model, rows)?
        }
    };
    let chunks = match &spec.head {
        None => Vec::new(),
        Some(head) => {
            let wanted = head::wanted_rows(head, rows);
            head::chunks(&recorder, config.vocab_size, wanted)
        }
    };
    let inputs = Inputs::new(recorder.device(), spec, table, &chunks)?;
    let mut stage = Stage::new(spec, model, parts.coders, &inputs, rows);
    let resid = record_blocks(&mut recorder, &mut stage, parts)?;
    let (head, kept_logits) = record_end(&mut recorder, &mut stage, parts, &chunks, &resid)?;
    let Stage { taps, nans, .. } = stage;
    let taps = taps.into_iter().enumerate().map(|(index, reads)| {
        reads.ok_or(Error::NoSuchIndex {
            what: "the hook point of tap",
            index,
            count: spec.taps.len(),
        })
    });
    let taps: Vec<TapReads> = taps.collect::<Result<_, _>>()?;
    let plan = recorder.finish();
    Ok(Compiled {
        parts: plan.parts(operations),
        plan,
        rows,
        resid: kept_streams(spec, &taps)?,
        inputs,
        taps,
        head,
        nans,
        kept_logits,
        cache: (spec.cache, parts.cache.cloned()),
        _base: parts.base.cloned(),
    })
}

/// The kept residual streams in the order of the pass.
fn kept_streams(spec: &RunSpec, taps: &[TapReads]) -> Result<Vec<Buffer>, Error> {
    let kept = spec.taps.iter().zip(taps);
    kept.filter(|(tap, _)| {
        matches!(
            tap,
            Tap::Keep(HookPoint::ResidPre(_) | HookPoint::ResidPost(_))
        )
    })
    .map(|(_, reads)| reads.kept().cloned())
    .collect()
}

/// Records the blocks from where the run starts, and returns the last residual stream.
fn record_blocks(
    recorder: &mut Recorder,
    stage: &mut Stage<'_>,
    parts: &Parts<'_>,
) -> Result<Buffer, Error> {
    let model = &parts.model.model;
    let rows = stage.rows;
    let table = &stage.inputs.rows;
    let mut started = None;
    if let StartAt::Block { layer, gather } = stage.spec.start {
        let (base, resid) = base_stream(parts, layer)?;
        let mut resid_pre = match gather {
            false => resid.clone(),
            true => gathered(recorder, resid, table.buffer(), rows, model.config().n_embd)?,
        };
        let origin = |point| {
            gather.then(|| Origin {
                point,
                activation: resid.clone(),
                rows: base.rows,
            })
        };
        // The stream into this block is the one out of the block before.
        if let Some(point) = layer.checked_sub(1).map(HookPoint::ResidPost) {
            stage.origin = origin(point);
            if let Some(replaced) = stage.at(recorder, point, &resid_pre)? {
                resid_pre = replaced;
                stage.origin = None;
            } else {
                stage.origin = origin(HookPoint::ResidPre(layer));
            }
        } else {
            stage.origin = origin(HookPoint::ResidPre(layer));
        }
        started = Some((layer, resid_pre));
    }
    let start = match &started {
        None => Start::Tokens,
        Some((layer, resid_pre)) => Start::Block {
            layer: *layer,
            resid_pre,
        },
    };
    let pass = Pass {
        rows: table,
        start,
        cache: cache_use(stage.spec.cache, parts.cache),
    };
    let recorded = model.record(recorder, &pass, stage);
    recorded.map_err(|error| stage.error(error))
}

/// The base's residual stream into a block.
fn base_stream<'a>(
    parts: &Parts<'a>,
    layer: usize,
) -> Result<(&'a Rc<Compiled>, &'a Buffer), Error> {
    let found = parts
        .base
        .and_then(|base| Some((base, base.resid.get(layer)?)));
    found.ok_or(Error::NoSuchIndex {
        what: "the kept residual stream",
        index: layer,
        count: parts.base.map_or(0, |base| base.resid.len()),
    })
}

/// Records what follows the blocks: the final LayerNorm's hook points, the logit lenses, and the logits.
fn record_end(
    recorder: &mut Recorder,
    stage: &mut Stage<'_>,
    parts: &Parts<'_>,
    chunks: &[usize],
    resid: &Buffer,
) -> Result<(Option<HeadReads>, Option<KeptLogits>), Error> {
    let model = &parts.model.model;
    let (rows, spec, inputs) = (stage.rows, stage.spec, stage.inputs);
    let wanted = stage.wants(HookPoint::LnFinalNormalized) || stage.wants(HookPoint::LnFinalOut);
    let observed = stage.observes(Observation::NormScale(Norm::Final));
    if spec.head.is_none() && !wanted && !observed {
        return Ok((None, None));
    }
    let final_norm = model.record_final_norm(recorder, resid, rows, stage);
    let mut stream = final_norm.map_err(|error| stage.error(error))?;
    let (Some(head), Some(targets)) = (&spec.head, &inputs.targets) else {
        return Ok((None, None));
    };
    // Where the logits of all rows are there at once, they are taken from these.
    let at_once = head.rows == HeadRows::All && chunks.len() == 1;
    let again = match &inputs.shown {
        Some(index) if !at_once => Some(head::record_shown(recorder, model, &stream, index)?),
        _ => None,
    };
    // Of a single row there is nothing to choose.
    if let (HeadRows::Chosen(count), Some(index), 2..) = (head.rows, &inputs.wanted, rows) {
        stream = stream.gather(recorder, index, count, model.config().n_embd)?;
    }
    let base = match parts.base {
        Some(base) if head.compare => Some(BaseLogits {
            kept: base.kept_logits.as_ref(),
            resid: base_stream(parts, model.config().n_layer)?.1,
        }),
        _ => None,
    };
    let (mut reads, kept) = record_head(
        recorder,
        &Head {
            model,
            stream: &stream,
            spec: head,
            chunks,
            targets,
            sources: &inputs.sources,
            shown: inputs.shown.as_ref().filter(|_| at_once),
            base,
        },
    )?;
    reads.shown = again.or(reads.shown);
    Ok((Some(reads), kept))
}
