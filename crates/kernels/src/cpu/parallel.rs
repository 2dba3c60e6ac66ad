//! Distribution of the CPU device's work over threads: natively over those of a team (`team.rs`), in wasm over none.
//!
//! Each output element is computed by one thread in one order, so results do not depend on the number of threads.

/// Nanoseconds of work that make it worth while to ask one more thread, which is awake as a rule.
const NANOSECONDS_PER_THREAD: usize = 20_000;

/// Threads that there are: as many as `rayon` has, whose `RAYON_NUM_THREADS` people know.
pub(crate) fn available() -> usize {
    #[cfg(not(target_arch = "wasm32"))]
    let available = rayon::current_num_threads();
    #[cfg(target_arch = "wasm32")]
    let available = 1;
    available
}

/// Threads that share a work of so many nanoseconds on one thread, the calling one included.
pub(crate) fn threads(nanoseconds: usize) -> usize {
    (nanoseconds / NANOSECONDS_PER_THREAD).clamp(1, available())
}

/// Calls `work` once for every item, from as many threads as suit a work of `nanoseconds` in all. Each thread makes itself
/// a `scratch`, and takes the next item whenever it is done with one.
pub fn for_each<I, S>(
    nanoseconds: usize,
    items: I,
    scratch: impl Fn() -> S + Sync,
    work: impl Fn(&mut S, I::Item) + Sync,
) where
    I: Iterator + Send,
    I::Item: Send,
{
    #[cfg(not(target_arch = "wasm32"))]
    {
        let helpers = threads(nanoseconds) - 1;
        if helpers > 0 {
            return share(helpers, items, &scratch, &work);
        }
    }
    #[cfg(target_arch = "wasm32")]
    let _ = nanoseconds;
    let mut scratch = scratch();
    items.for_each(|item| work(&mut scratch, item));
}

/// The calling thread works as well, so that little waits for the pool to wake up.
#[cfg(not(target_arch = "wasm32"))]
fn share<I, S>(
    helpers: usize,
    items: I,
    scratch: &(impl Fn() -> S + Sync),
    work: &(impl Fn(&mut S, I::Item) + Sync),
) where
    I: Iterator + Send,
    I::Item: Send,
{
    use std::sync::{Mutex, PoisonError};
    let items = Mutex::new(items);
    let next = || items.lock().unwrap_or_else(PoisonError::into_inner).next();
    crate::cpu::team::share(helpers, &|| {
        let mut item = next();
        if item.is_none() {
            return;
        }
        let mut scratch = scratch();
        while let Some(taken) = item {
            work(&mut scratch, taken);
            item = next();
        }
    });
}

/// Rows that a thread takes at a time: a fourth of its share, so that a slow one does not make the others wait.
pub(crate) fn rows_at_once(rows: usize, nanoseconds: usize) -> usize {
    match threads(nanoseconds) {
        1 => rows.max(1),
        threads => rows.div_ceil(4 * threads).max(1),
    }
}

/// Calls `work` with the number and the values of every row of `output`, which has `width` values in a row.
pub(crate) fn for_each_row(
    nanoseconds: usize,
    output: &mut [f32],
    width: usize,
    work: impl Fn(usize, &mut [f32]) + Sync,
) {
    if width == 0 {
        return;
    }
    let at_once = rows_at_once(output.len() / width, nanoseconds);
    let parts = output.chunks_mut(at_once * width).enumerate();
    for_each(
        nanoseconds,
        parts,
        || (),
        |(), (part, rows)| {
            for (place, row) in rows.chunks_exact_mut(width).enumerate() {
                work(part * at_once + place, row);
            }
        },
    );
}
