//! Intermediate results of a run in scratch memory: encodings, reconstructions, copies, and gathered rows.

use kernels::{Buffer, Copy, GatherRows, Recorder, RowIndex, copy, gather_rows};

use crate::error::Error;
use crate::features::coder::{Coder, DeviceFeatures};
use crate::store::feature_set::SetId;

/// Encodings and reconstructions of an activation, each recorded once.
#[derive(Default)]
pub(super) struct Encoded {
    features: Vec<(SetId, DeviceFeatures)>,
    decoded: Vec<(SetId, Buffer)>,
}

impl Encoded {
    pub(super) fn known(&self, set: SetId) -> Option<&DeviceFeatures> {
        let mut features = self.features.iter();
        features.find(|(id, _)| *id == set).map(|(_, known)| known)
    }

    pub(super) fn of(
        &mut self,
        recorder: &mut Recorder,
        set: SetId,
        coder: &dyn Coder,
        (activation, rows): (&Buffer, usize),
    ) -> Result<&DeviceFeatures, Error> {
        let known = self.features.iter().position(|(id, _)| *id == set);
        let index = match known {
            Some(index) => index,
            None => {
                let features = coder.record_encode(recorder, activation, rows)?;
                self.features.push((set, features));
                self.features.len() - 1
            }
        };
        Ok(&self.features[index].1)
    }

    pub(super) fn decoded(
        &mut self,
        recorder: &mut Recorder,
        set: SetId,
        coder: &dyn Coder,
        activation: (&Buffer, usize),
    ) -> Result<Buffer, Error> {
        if let Some((_, decoded)) = self.decoded.iter().find(|(id, _)| *id == set) {
            return Ok(decoded.clone());
        }
        let features = self.of(recorder, set, coder, activation)?;
        let decoded = coder.record_decode(recorder, features)?;
        self.decoded.push((set, decoded.clone()));
        Ok(decoded)
    }
}

/// A copy in scratch memory.
pub(super) fn copied(
    recorder: &mut Recorder,
    input: &Buffer,
    words: usize,
) -> Result<Buffer, Error> {
    let output = recorder.scratch("copied activation", words)?;
    copy(recorder, &Copy::beginning(input, &output, words))?;
    Ok(output)
}

/// The base's rows that a run's rows name as their sources, `[rows, width]`.
pub(super) fn gathered(
    recorder: &mut Recorder,
    base: &Buffer,
    row_table: &Buffer,
    rows: usize,
    width: usize,
) -> Result<Buffer, Error> {
    let output = recorder.scratch("gathered activation", rows * width)?;
    gather_rows(
        recorder,
        &GatherRows {
            input: base,
            index: RowIndex::Source(row_table),
            rows,
            width,
            output: &output,
        },
    )?;
    Ok(output)
}
