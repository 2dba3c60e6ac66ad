//! Bookkeeping of a scan: the values of one batch are added to the tallies while the model runs the next one.

use atlas::Tally;
use atlas::tally::{Values, Window};
use explorer::{ScanBatch, ScanValues};
#[cfg(not(target_arch = "wasm32"))]
use rayon::iter::{
    IndexedParallelIterator as _, IntoParallelRefMutIterator as _, ParallelIterator as _,
};
use scan_folder::{Progress, Scan};

use crate::division::Origin;
use crate::error::Error;

/// Tallies that are being added to beside the model. In a browser there is one thread, and adding ends before the model goes on.
#[derive(Default)]
pub(crate) struct Bookkeeping {
    under_way: Option<UnderWay>,
    /// Memory of the batch before, used again.
    spare: Copied,
    /// Seconds that threads spent on it.
    pub(crate) seconds: f64,
}

#[cfg(not(target_arch = "wasm32"))]
type UnderWay = std::sync::mpsc::Receiver<Added>;
#[cfg(target_arch = "wasm32")]
type UnderWay = Added;

/// Tallies that a batch was added to.
struct Added {
    tallies: Vec<Tally>,
    batch: Copied,
    result: Result<(), atlas::Error>,
    seconds: f64,
}

impl Bookkeeping {
    /// Begins to add a batch, which is copied, to the scan's tallies. The scan is without them until [`Self::end`].
    pub(crate) fn begin(&mut self, scan: &mut Scan, batch: &ScanBatch<'_, Origin>) {
        let mut copied = std::mem::take(&mut self.spare);
        copied.fill(batch, scan.tallies.len());
        let tallies = std::mem::take(&mut scan.tallies);
        #[cfg(not(target_arch = "wasm32"))]
        {
            let (sender, receiver) = std::sync::mpsc::sync_channel(1);
            // Nobody waits for it where the scan has failed meanwhile.
            rayon::spawn(move || drop(sender.send(added(tallies, copied))));
            self.under_way = Some(receiver);
        }
        #[cfg(target_arch = "wasm32")]
        {
            self.under_way = Some(added(tallies, copied));
        }
    }

    /// Waits until the batch is added, and gives the scan its tallies back; false if there was none.
    ///
    /// # Errors
    /// As [`Tally::add`]; the window that it refuses, and those behind it, are not counted.
    pub(crate) fn end(&mut self, scan: &mut Scan) -> Result<bool, Error> {
        let Some(under_way) = self.under_way.take() else {
            return Ok(false);
        };
        #[cfg(not(target_arch = "wasm32"))]
        let under_way = under_way.recv().map_err(|_| Error::Bookkeeping)?;
        let Added {
            tallies,
            batch,
            result,
            seconds,
        } = under_way;
        scan.tallies = tallies;
        self.seconds += seconds;
        if let (Ok(()), Some(after)) = (&result, batch.after) {
            scan.info.progress = after;
        }
        self.spare = batch;
        result?;
        Ok(true)
    }
}

fn added(mut tallies: Vec<Tally>, batch: Copied) -> Added {
    let of_set = |(tally, values): (&mut Tally, &SetValues)| -> Result<f64, atlas::Error> {
        let begun = Stopwatch::begin();
        for window in &batch.windows {
            window.add(tally, values)?;
        }
        Ok(begun.seconds())
    };
    // Sets have nothing to do with each other.
    #[cfg(not(target_arch = "wasm32"))]
    let seconds = tallies
        .par_iter_mut()
        .zip(&batch.sets)
        .map(of_set)
        .try_reduce(|| 0.0, |one, other| Ok(one + other));
    #[cfg(target_arch = "wasm32")]
    let seconds = tallies.iter_mut().zip(&batch.sets).map(of_set).sum();
    let (result, seconds) = match seconds {
        Ok(seconds) => (Ok(()), seconds),
        Err(error) => (Err(error), 0.0),
    };
    Added {
        tallies,
        batch,
        result,
        seconds,
    }
}

/// Time of one thread's work; in a browser, whose scans measure nothing, 0.
struct Stopwatch(#[cfg(not(target_arch = "wasm32"))] std::time::Instant);

impl Stopwatch {
    fn begin() -> Self {
        Self(
            #[cfg(not(target_arch = "wasm32"))]
            std::time::Instant::now(),
        )
    }

    fn seconds(&self) -> f64 {
        #[cfg(not(target_arch = "wasm32"))]
        return self.0.elapsed().as_secs_f64();
        #[cfg(target_arch = "wasm32")]
        0.0
    }
}

/// A batch without the engine's memory.
#[derive(Default)]
struct Copied {
    windows: Vec<CopiedWindow>,
    /// In the order of the scan's sets.
    sets: Vec<SetValues>,
    /// How far the scan is with it.
    after: Option<Progress>,
}

/// A window of a batch: where its values lie in those of each set, and what it is.
struct CopiedWindow {
    origin: Origin,
    tokens: Vec<u32>,
    /// The number of its first token in the batch.
    first: usize,
}

/// The values of one set at all tokens of a batch.
#[derive(Default)]
struct SetValues {
    /// `[tokens]`: those that count.
    counted: Vec<bool>,
    /// Numbers per token: slots of latents, or all dimensions.
    width: usize,
    /// `[tokens, width]`; empty for dimensions.
    latents: Vec<i32>,
    /// `[tokens, width]`.
    values: Vec<f32>,
}

impl Copied {
    fn fill(&mut self, batch: &ScanBatch<'_, Origin>, sets: usize) {
        self.windows.clear();
        self.sets.resize_with(sets, SetValues::default);
        self.sets.iter_mut().for_each(SetValues::clear);
        let mut first = 0;
        for window in 0..batch.len() {
            let (Some(origin), Some(tokens)) = (batch.origin(window), batch.tokens(window)) else {
                continue;
            };
            for (set, copied) in self.sets.iter_mut().enumerate() {
                if let (Some(counted), Some(values)) =
                    (batch.counted(set, window), batch.values(set, window))
                {
                    copied.extend(counted, values);
                }
            }
            self.after = Some(origin.after);
            self.windows.push(CopiedWindow {
                origin: origin.clone(),
                tokens: tokens.to_vec(),
                first,
            });
            first += tokens.len();
        }
    }
}

impl SetValues {
    fn clear(&mut self) {
        self.counted.clear();
        self.latents.clear();
        self.values.clear();
    }

    fn extend(&mut self, counted: &[bool], values: ScanValues<'_>) {
        self.counted.extend_from_slice(counted);
        match values {
            ScanValues::Listed {
                slots,
                latents,
                activations,
            } => {
                self.width = slots;
                self.latents.extend_from_slice(latents);
                self.values.extend_from_slice(activations);
            }
            ScanValues::Dimensions(values) => {
                self.width = values.len() / counted.len().max(1);
                self.values.extend_from_slice(values);
            }
        }
    }
}

impl CopiedWindow {
    fn add(&self, tally: &mut Tally, set: &SetValues) -> Result<(), atlas::Error> {
        let Origin {
            document,
            start,
            named,
            ..
        } = &self.origin;
        if let Some((name, source)) = named {
            tally.document(*document, name, source);
        }
        let tokens = self.first..self.first + self.tokens.len();
        let places = tokens.start * set.width..tokens.end * set.width;
        let window = Window {
            document: *document,
            start: *start,
            tokens: &self.tokens,
            counted: &set.counted[tokens],
        };
        let values = &set.values[places.clone()];
        let values = match set.latents.is_empty() {
            true => Values::Dense(values),
            false => Values::Sparse {
                slots: set.width,
                latents: &set.latents[places],
                activations: values,
            },
        };
        tally.add(&window, &values)
    }
}
