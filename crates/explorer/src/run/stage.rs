//! The work at the hook points of a pass: taps, edits, and the splice of a reconstruction.

use gpt2::{Gpt2, HookPoint, Hooks, Observation};
use kernels::{Buffer, Copy, Recorder, Splice, copy, splice};
use sae::{ConditionTable, EditTable};

use crate::error::Error;
use crate::features::coder::{Before, Coder};
use crate::features::listed::{FeatureReads, NanReads};
use crate::run::head::record_lens;
use crate::run::input::Inputs;
use crate::run::scratch::{Encoded, copied};
use crate::run::spec::{RunSpec, SetAt, Tap};
use crate::run::taps::{StatisticsReads, TapReads};
use crate::store::feature_set::SetId;

/// The coders of the sets that a spec names.
pub(crate) type Coders<'a> = [(SetId, &'a dyn Coder)];

/// The base's activation at the hook point where a run starts.
#[derive(Clone)]
pub(crate) struct Origin {
    pub(crate) point: HookPoint,
    /// `[base rows, width]`.
    pub(crate) activation: Buffer,
    pub(crate) rows: usize,
}

/// Collects the taps of a run while its pass is recorded.
pub(crate) struct Stage<'a> {
    pub(crate) spec: &'a RunSpec,
    pub(crate) model: &'a Gpt2,
    pub(crate) coders: &'a Coders<'a>,
    pub(crate) inputs: &'a Inputs,
    pub(crate) rows: usize,
    /// The base's activation that many rows share, where the run starts from one.
    pub(crate) origin: Option<Origin>,
    /// The reads of each tap, once it has been recorded.
    pub(crate) taps: Vec<Option<TapReads>>,
    /// The gates of the edits' conditions, `[rows, condition capacity]`, where there are any: each hook point's conditions are
    /// written when the pass comes to it, before any edit that reads them.
    gates: Option<Buffer>,
    /// NaN counts of the encodings that edits read.
    pub(crate) nans: Vec<(SetId, NanReads)>,
    /// An error that is not the model's.
    failed: Option<Error>,
}

impl<'a> Stage<'a> {
    pub(crate) fn new(
        spec: &'a RunSpec,
        model: &'a Gpt2,
        coders: &'a Coders<'a>,
        inputs: &'a Inputs,
        rows: usize,
    ) -> Self {
        Self {
            spec,
            model,
            coders,
            inputs,
            rows,
            origin: None,
            taps: spec.taps.iter().map(|_| None).collect(),
            gates: None,
            nans: Vec::new(),
            failed: None,
        }
    }

    /// The error of a hook point, in the place of the model's error.
    pub(crate) fn error(&mut self, error: gpt2::Error) -> Error {
        self.failed.take().unwrap_or_else(|| error.into())
    }

    /// A result as the model takes it; the error is kept for [`Stage::error`].
    fn kept_error<T>(&mut self, result: Result<T, Error>) -> Result<T, gpt2::Error> {
        result.map_err(|error| {
            self.failed = Some(error);
            gpt2::Error::Empty
        })
    }

    fn coder(&self, at: SetAt) -> Result<&'a dyn Coder, Error> {
        let found = self.coders.iter().find(|(set, _)| *set == at.set);
        found.map(|(_, coder)| *coder).ok_or(Error::NoSuchIndex {
            what: "the coder of feature set",
            index: at.set.0 as usize,
            count: self.coders.len(),
        })
    }

    /// Records everything that happens at a hook point; the buffer that goes on, where it is another one.
    ///
    /// # Errors
    /// [`Error::Device`], [`Error::BadOption`].
    pub(crate) fn at(
        &mut self,
        recorder: &mut Recorder,
        point: HookPoint,
        arriving: &Buffer,
    ) -> Result<Option<Buffer>, Error> {
        self.take_activations(recorder, point, arriving)?;
        let mut encoded = Encoded::default();
        self.take_features(recorder, point, arriving, &mut encoded)?;
        let mut leaving = None;
        if let Some(at) = self.spec.splice.filter(|at| at.hook == point) {
            leaving = Some(self.splice(recorder, at, arriving, &mut encoded)?);
        }
        self.take_conditions(recorder, point, arriving, &mut encoded)?;
        if self.spec.edits.iter().any(|at| at.hook == point) {
            leaving = Some(self.edit(recorder, point, arriving, &mut encoded)?);
        }
        let buffer = leaving.as_ref().unwrap_or(arriving);
        for (index, tap) in self.spec.taps.iter().enumerate() {
            if *tap == Tap::Leaving(point) {
                let width = buffer.words() / self.rows;
                // Its memory is used again before the read-back.
                let taken = copied(recorder, buffer, self.rows * width)?;
                let reads = TapReads::matrix(recorder, &taken, self.rows, width)?;
                self.taps[index] = Some(reads);
            }
        }
        Ok(leaving)
    }

    fn take_activations(
        &mut self,
        recorder: &mut Recorder,
        point: HookPoint,
        arriving: &Buffer,
    ) -> Result<(), Error> {
        let width = arriving.words() / self.rows;
        let words = self.rows * width;
        for (index, tap) in self.spec.taps.iter().enumerate() {
            let reads = match tap {
                Tap::Activation(at) if *at == point => {
                    let taken = copied(recorder, arriving, words)?;
                    TapReads::matrix(recorder, &taken, self.rows, width)?
                }
                Tap::Keep(at) if *at == point => {
                    let kept = recorder.kept("kept activation", words)?;
                    copy(recorder, &Copy::beginning(arriving, &kept, words))?;
                    TapReads::Kept(kept)
                }
                Tap::LogitLens { at, top } if *at == point => {
                    let next = self
                        .inputs
                        .next
                        .as_ref()
                        .ok_or_else(|| Error::missing("the next tokens of a run"))?;
                    let rows = (arriving, self.rows);
                    TapReads::Head(record_lens(recorder, self.model, rows, next, *top)?)
                }
                _ => continue,
            };
            self.taps[index] = Some(reads);
        }
        Ok(())
    }

    fn take_features(
        &mut self,
        recorder: &mut Recorder,
        point: HookPoint,
        arriving: &Buffer,
        encoded: &mut Encoded,
    ) -> Result<(), Error> {
        let activation = (arriving, self.rows);
        for (index, tap) in self.spec.taps.iter().enumerate() {
            let reads = match *tap {
                Tap::Features(at) if at.hook == point => {
                    let features = encoded.of(recorder, at.set, self.coder(at)?, activation)?;
                    TapReads::Features(FeatureReads::new(recorder, features, self.rows)?)
                }
                Tap::Reconstruction(at) if at.hook == point => {
                    let coder = self.coder(at)?;
                    let decoded = encoded.decoded(recorder, at.set, coder, activation)?;
                    TapReads::matrix(recorder, &decoded, self.rows, coder.width())?
                }
                Tap::Statistics { at, top } if at.hook == point => {
                    let coder = self.coder(at)?;
                    let features = encoded.of(recorder, at.set, coder, activation)?;
                    let reads =
                        StatisticsReads::record(recorder, features, coder.n_latents(), top)?;
                    TapReads::Statistics(reads)
                }
                _ => continue,
            };
            self.taps[index] = Some(reads);
        }
        Ok(())
    }

    /// The reconstruction in the place of the activation, on the rows of the mask.
    fn splice(
        &self,
        recorder: &mut Recorder,
        at: SetAt,
        arriving: &Buffer,
        encoded: &mut Encoded,
    ) -> Result<Buffer, Error> {
        let coder = self.coder(at)?;
        let replacement = encoded.decoded(recorder, at.set, coder, (arriving, self.rows))?;
        let width = coder.width();
        let output = recorder.scratch("spliced activation", self.rows * width)?;
        let mask = self
            .inputs
            .mask
            .as_ref()
            .ok_or_else(|| Error::missing("the mask of rows"))?;
        splice(
            recorder,
            &Splice {
                input: arriving,
                replacement: &replacement,
                mask,
                rows: self.rows,
                width,
                output: &output,
            },
        )?;
        Ok(output)
    }

    /// The activation that the latents before edits are taken of: the base's, where all rows start from it, which is encoded once
    /// for all of them.
    fn before<'b>(
        &self,
        set: SetId,
        origin: Option<&'b Origin>,
        arriving: &'b Buffer,
        encoded: &'b Encoded,
    ) -> Before<'b> {
        match origin {
            Some(origin) => Before {
                activation: &origin.activation,
                rows: origin.rows,
                features: None,
            },
            None => Before {
                activation: arriving,
                rows: self.rows,
                features: encoded.known(set),
            },
        }
    }

    /// Writes the gates of the conditions of all sets at this hook point.
    fn take_conditions(
        &mut self,
        recorder: &mut Recorder,
        point: HookPoint,
        arriving: &Buffer,
        encoded: &mut Encoded,
    ) -> Result<(), Error> {
        let here = |at: &&SetAt| at.hook == point;
        let spec = self.spec;
        if !spec.conditions.iter().any(|at| here(&at)) {
            return Ok(());
        }
        let gates = match &self.gates {
            Some(gates) => gates.clone(),
            None => recorder.scratch("gates of edits", self.rows * spec.condition_capacity)?,
        };
        self.gates = Some(gates.clone());
        let conditions = self.inputs.conditions.as_ref();
        let conditions = conditions.ok_or_else(|| Error::missing("the table of conditions"))?;
        let origin = self.origin.clone().filter(|origin| origin.point == point);
        for at in spec.conditions.iter().filter(here) {
            let table = ConditionTable {
                rows: self.rows,
                row_table: self.inputs.rows.buffer(),
                conditions,
                set: at.set.0,
                by_source: origin.is_some(),
                gates: &gates,
            };
            let before = self.before(at.set, origin.as_ref(), arriving, encoded);
            let counts = self
                .coder(*at)?
                .record_conditions(recorder, &table, before)?;
            if let Some(counts) = counts {
                let reads = NanReads::new(recorder, &counts)?;
                self.nans.push((at.set, reads));
            }
        }
        Ok(())
    }

    /// A copy of the activation with the edits of all sets at this hook point.
    fn edit(
        &mut self,
        recorder: &mut Recorder,
        point: HookPoint,
        arriving: &Buffer,
        encoded: &mut Encoded,
    ) -> Result<Buffer, Error> {
        let edits = self
            .inputs
            .edits
            .as_ref()
            .ok_or_else(|| Error::missing("the table of edits"))?;
        let edited = copied(recorder, arriving, arriving.words())?;
        let gates = self.gates.clone();
        let origin = self.origin.clone().filter(|origin| origin.point == point);
        for at in self.spec.edits.iter().filter(|at| at.hook == point) {
            let coder = self.coder(*at)?;
            let table = EditTable {
                activation: &edited,
                rows: self.rows,
                row_table: self.inputs.rows.buffer(),
                edits,
                set: at.set.0,
                by_source: origin.is_some(),
                gates: gates
                    .as_ref()
                    .map(|gates| (gates, self.spec.condition_capacity)),
            };
            let before = self.before(at.set, origin.as_ref(), arriving, encoded);
            if let Some(counts) = coder.record_edits(recorder, &table, before)? {
                let reads = NanReads::new(recorder, &counts)?;
                self.nans.push((at.set, reads));
            }
        }
        Ok(edited)
    }
}

impl Hooks for Stage<'_> {
    fn wants(&self, point: HookPoint) -> bool {
        let spec = self.spec;
        let at_point = |at: &SetAt| at.hook == point;
        spec.splice.iter().any(at_point)
            || spec.edits.iter().any(at_point)
            || spec.conditions.iter().any(at_point)
            || spec.taps.iter().any(|tap| match tap {
                Tap::Activation(at) | Tap::Leaving(at) | Tap::Keep(at) => *at == point,
                Tap::Features(at) | Tap::Reconstruction(at) | Tap::Statistics { at, .. } => {
                    at_point(at)
                }
                Tap::LogitLens { at, .. } => *at == point,
                Tap::AttentionPattern { .. } | Tap::NormScale(_) => false,
            })
    }

    fn visit(
        &mut self,
        recorder: &mut Recorder,
        point: HookPoint,
        activation: &Buffer,
    ) -> Result<Option<Buffer>, gpt2::Error> {
        let leaving = self.at(recorder, point, activation);
        self.kept_error(leaving)
    }

    fn observes(&self, observation: Observation) -> bool {
        let mut taps = self.spec.taps.iter();
        taps.any(|tap| tap.observation() == Some(observation))
    }

    fn pattern_keys(&self) -> usize {
        let keys = self.spec.taps.iter().map(|tap| match tap {
            Tap::AttentionPattern { keys, .. } => *keys,
            _ => 0,
        });
        keys.max().unwrap_or(0)
    }

    fn observe(
        &mut self,
        recorder: &mut Recorder,
        observation: Observation,
        value: &Buffer,
    ) -> Result<(), gpt2::Error> {
        for (index, tap) in self.spec.taps.iter().enumerate() {
            if tap.observation() == Some(observation) {
                // The buffer is the observation's own.
                let cols = value.words() / self.rows;
                let reads = TapReads::matrix(recorder, value, self.rows, cols);
                self.taps[index] = Some(self.kept_error(reads)?);
            }
        }
        Ok(())
    }

    fn is_done(&self) -> bool {
        self.spec.stop_at.is_some()
            && self.spec.head.is_none()
            && self.taps.iter().all(Option::is_some)
    }
}
