//! Runs under way, and what they read back.

use std::ops::Range;
use std::rc::Rc;

use futures_channel::oneshot;

use crate::answer::Answer;
use crate::device::Device;
use crate::error::Error;
use crate::memory::GpuMemory;
use crate::state::Backend;

/// Names one read-back of a plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReadHandle(pub(crate) usize);

/// Words as the `f32` that they hold.
pub fn words_as_f32(words: &[u32]) -> &[f32] {
    bytemuck::cast_slice(words)
}

/// The results that a run read back.
pub struct Readings {
    words: Vec<u32>,
    ranges: Rc<[Range<usize>]>,
}

impl Readings {
    /// The words of one read-back.
    pub fn words(&self, handle: ReadHandle) -> &[u32] {
        &self.words[self.ranges[handle.0].clone()]
    }

    /// The words of one read-back as `f32`.
    pub fn f32(&self, handle: ReadHandle) -> &[f32] {
        words_as_f32(self.words(handle))
    }
}

/// Begins to map `words` words of a read-back.
pub(crate) fn under_way(
    mut staging: GpuMemory,
    words: usize,
    submission: wgpu::SubmissionIndex,
) -> TicketState {
    staging.set_reusable(false);
    let (sender, answer) = oneshot::channel();
    staging
        .buffer
        .map_async(wgpu::MapMode::Read, ..words as u64 * 4, move |result| {
            // The ticket may have been dropped.
            let _ = sender.send(result.map_err(|error| error.to_string()));
        });
    TicketState::UnderWay {
        staging,
        answer,
        submission,
        words,
    }
}

/// A run that was submitted. Dropped, it is not waited for, and what it would have read back is lost.
pub struct Ticket {
    device: Device,
    ranges: Rc<[Range<usize>]>,
    state: TicketState,
}

pub(crate) enum TicketState {
    Done(Vec<u32>),
    UnderWay {
        staging: GpuMemory,
        answer: Answer,
        submission: wgpu::SubmissionIndex,
        words: usize,
    },
}

impl Ticket {
    pub(crate) fn new(device: &Device, ranges: Rc<[Range<usize>]>, state: TicketState) -> Self {
        Self {
            device: device.clone(),
            ranges,
            state,
        }
    }

    /// Waits for the run and returns its read-backs.
    ///
    /// # Errors
    /// [`Error::DeviceLost`], [`Error::OutOfMemory`], [`Error::Validation`].
    pub async fn readings(self) -> Result<Readings, Error> {
        let ranges = self.ranges.clone();
        let mut words = Vec::new();
        self.read_into(&mut words).await?;
        Ok(Readings { words, ranges })
    }

    /// As [`Ticket::readings`], but writes the read-backs, one after the other, into `words`, whose memory is reused.
    ///
    /// # Errors
    /// As [`Ticket::readings`].
    pub async fn read_into(self, words: &mut Vec<u32>) -> Result<(), Error> {
        words.clear();
        match (self.state, &self.device.inner.state.backend) {
            (TicketState::Done(read), _) => *words = read,
            (
                TicketState::UnderWay {
                    mut staging,
                    answer,
                    submission,
                    words: count,
                },
                Backend::Gpu(gpu),
            ) => {
                self.device.answered(gpu, answer, Some(submission)).await?;
                // A device that was lost in the meantime may have mapped zeros.
                self.device.check()?;
                let view = staging
                    .buffer
                    .get_mapped_range(..count as u64 * 4)
                    .map_err(|error| Error::Validation(error.to_string()))?;
                words.resize(count, 0);
                bytemuck::cast_slice_mut::<u32, u8>(words).copy_from_slice(&view);
                drop(view);
                staging.buffer.unmap();
                staging.set_reusable(true);
            }
            (TicketState::UnderWay { .. }, Backend::Cpu) => {}
        }
        self.device.check()
    }
}
