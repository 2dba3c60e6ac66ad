//! A batch of a scan: windows that ran together, and the values of several feature sets at their tokens.

use crate::error::Error;
use crate::features::listed::FeatureValues;
use crate::run::executor::RunOutput;
use crate::store::feature_set::LoadedSet;
use crate::store::model::LoadedModel;
use crate::tokens::Prompt;

/// The values of one feature set at the tokens of a window, the BOS left out.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum ScanValues<'a> {
    /// Latents as a sparse autoencoder selects them.
    Listed {
        /// Slots per token.
        slots: usize,
        /// `[tokens, slots]`, the strongest first; -1 is an empty slot.
        latents: &'a [i32],
        /// `[tokens, slots]`; 0 in an empty slot.
        activations: &'a [f32],
    },
    /// All dimensions of an activation, `[tokens, width]`.
    Dimensions(&'a [f32]),
}

/// Some windows with the values of all sets of a scan.
pub struct ScanBatch<'a, T> {
    windows: &'a [Ready<T>],
    /// First row of each window.
    first: &'a [usize],
    sets: Vec<SetBatch<'a>>,
}

struct SetBatch<'a> {
    values: ScanValues<'a>,
    /// Numbers per row: slots, or the width.
    width: usize,
    /// `[rows]`: positions that count.
    counted: &'a [bool],
}

/// A window as it runs.
pub(crate) struct Ready<T> {
    pub(crate) prompt: Prompt,
    /// 1 if a BOS was put before it.
    pub(crate) bos: usize,
    pub(crate) origin: T,
}

impl<T> ScanBatch<'_, T> {
    /// Number of windows.
    pub fn len(&self) -> usize {
        self.windows.len()
    }

    /// True if there is no window.
    pub fn is_empty(&self) -> bool {
        self.windows.is_empty()
    }

    /// What was given with a window.
    pub fn origin(&self, window: usize) -> Option<&T> {
        self.windows.get(window).map(|window| &window.origin)
    }

    /// A window's tokens without the BOS that was put before them.
    pub fn tokens(&self, window: usize) -> Option<&[u32]> {
        let window = self.windows.get(window)?;
        window.prompt.ids.get(window.bos..)
    }

    /// For each of a window's tokens, true if it counts for a set, which is named by its index in `ScanOptions::sets`.
    pub fn counted(&self, set: usize, window: usize) -> Option<&[bool]> {
        let (first, end) = self.rows(window)?;
        self.sets.get(set)?.counted.get(first..end)
    }

    /// A set's values at a window's tokens.
    pub fn values(&self, set: usize, window: usize) -> Option<ScanValues<'_>> {
        let (first, end) = self.rows(window)?;
        let set = self.sets.get(set)?;
        let range = first * set.width..end * set.width;
        Some(match set.values {
            ScanValues::Listed {
                slots,
                latents,
                activations,
            } => ScanValues::Listed {
                slots,
                latents: latents.get(range.clone())?,
                activations: activations.get(range)?,
            },
            ScanValues::Dimensions(values) => ScanValues::Dimensions(values.get(range)?),
        })
    }

    /// Rows of a window's tokens, the BOS left out.
    fn rows(&self, window: usize) -> Option<(usize, usize)> {
        let (first, window) = (self.first.get(window)?, self.windows.get(window)?);
        Some((first + window.bos, first + window.prompt.ids.len()))
    }
}

/// Memory of what was read, used again for every batch.
pub(crate) struct Read {
    /// First row of each window.
    first: Vec<usize>,
    sets: Vec<ReadSet>,
}

#[derive(Default)]
struct ReadSet {
    latents: Vec<i32>,
    activations: Vec<f32>,
    counted: Vec<bool>,
}

impl Read {
    pub(crate) fn new(sets: &[&LoadedSet]) -> Self {
        Self {
            first: Vec::new(),
            sets: sets.iter().map(|_| ReadSet::default()).collect(),
        }
    }

    /// The values of a run of some windows.
    ///
    /// # Errors
    /// [`Error::NotANumber`], [`Error::Unsupported`] where a token has more active latents than are listed.
    pub(crate) fn batch<'a, T>(
        &'a mut self,
        model: &LoadedModel,
        sets: &[&LoadedSet],
        windows: &'a [Ready<T>],
        output: &'a RunOutput,
    ) -> Result<ScanBatch<'a, T>, Error> {
        self.first.clear();
        let mut row = 0;
        for window in windows {
            self.first.push(row);
            row += window.prompt.ids.len();
        }
        let read = self.sets.iter_mut().zip(sets).enumerate();
        let sets = read.map(|(tap, (read, set))| {
            read.counted.clear();
            for window in windows {
                let counted = set.counted(&model.vocabulary, &window.prompt);
                read.counted.extend(counted);
            }
            let values = output.feature_values(tap, &set.info.id)?;
            read.values(set, values)
        });
        Ok(ScanBatch {
            sets: sets.collect::<Result<_, Error>>()?,
            windows,
            first: &self.first,
        })
    }
}

impl ReadSet {
    fn values<'a>(
        &'a mut self,
        set: &LoadedSet,
        values: FeatureValues<'a>,
    ) -> Result<SetBatch<'a>, Error> {
        let (k, latents, activations) = match values {
            FeatureValues::Dimensions { width, values } => {
                return Ok(SetBatch {
                    values: ScanValues::Dimensions(values),
                    width,
                    counted: &self.counted,
                });
            }
            FeatureValues::Listed {
                k,
                latents,
                activations,
            } => (k, latents, activations),
        };
        let coder = set.features.resident();
        if coder.is_some_and(|coder| coder.may_overflow()) {
            let last = activations
                .iter()
                .skip(k.saturating_sub(1))
                .step_by(k.max(1));
            if last.into_iter().any(|activation| *activation > 0.0) {
                return Err(Error::Unsupported {
                    what: format!(
                        "a scan with {}, of which a token has more than {} active latents,",
                        set.info.id,
                        kernels::MAX_K
                    ),
                });
            }
        }
        self.latents.clear();
        self.activations.clear();
        for (latent, activation) in latents.iter().zip(activations) {
            // As in a trace: what is not active is an empty slot.
            let empty = *latent == u32::MAX || *activation == 0.0;
            self.latents.push(if empty { -1 } else { *latent as i32 });
            self.activations.push(if empty { 0.0 } else { *activation });
        }
        Ok(SetBatch {
            values: ScanValues::Listed {
                slots: k,
                latents: &self.latents,
                activations: &self.activations,
            },
            width: k,
            counted: &self.counted,
        })
    }
}
