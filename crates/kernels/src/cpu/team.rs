//! Threads that help the thread which runs kernels.
//!
//! A run is a hundred kernels of some 100 µs, and a sleeping thread takes 50 µs to wake. So helpers stay awake for a moment
//! after they had something to do, and the thread that asks for help never waits for one that has not begun: what nobody else
//! took, it does itself.

use std::any::Any;
use std::cell::{RefCell, UnsafeCell};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

/// Time that a helper stays awake after its last job.
const AWAKE: Duration = Duration::from_micros(500);

/// Looks for a job between which a helper does not leave its core to others.
const SPINS: u32 = 200;

/// In [`Shared::state`]: helpers may still begin with the job.
const OPEN: u64 = 1 << 63;

/// In [`Shared::state`]: one more job. Below it is the number of helpers at work.
const NEXT_JOB: u64 = 1 << 16;

/// Helpers that are at the job.
fn at_work(state: u64) -> u64 {
    state & (NEXT_JOB - 1)
}

type Job<'a> = dyn Fn() + Sync + 'a;

thread_local! {
    static TEAM: RefCell<Option<Rc<Team>>> = const { RefCell::new(None) };
}

/// Calls `job` from this thread, and from up to so many others that begin before this one's call returns. It returns when all
/// calls have. A job divides its work itself: a call that finds nothing left returns at once.
pub(crate) fn share(helpers: usize, job: &Job<'_>) {
    let team = TEAM.take().filter(|team| team.helpers >= helpers);
    let team = team.unwrap_or_else(|| Rc::new(Team::new(helpers)));
    // A job within a job has a team of its own.
    team.share(helpers, job);
    TEAM.set(Some(team));
}

/// The helpers of one thread. They end when it is dropped.
struct Team {
    shared: Arc<Shared>,
    helpers: usize,
}

struct Shared {
    /// [`OPEN`], the number of the job, and how many helpers are at it.
    state: AtomicU64,
    /// Helpers that the job may have.
    most: AtomicU32,
    /// Valid while the state is open or a helper is at work.
    job: UnsafeCell<Option<*const Job<'static>>>,
    /// What a helper's call of the job panicked with.
    panic: Mutex<Option<Box<dyn Any + Send>>>,
    asleep: Mutex<()>,
    /// Number of sleeping helpers; changed under the lock.
    sleeping: AtomicUsize,
    wake: Condvar,
    ended: AtomicBool,
}

// SAFETY: `job` is written by the owner alone, while the state is closed and no helper is at work, and read by helpers only
// after they have entered an open state; the atomics order these. What it points to is `Sync`.
unsafe impl Sync for Shared {}
// SAFETY: as above.
unsafe impl Send for Shared {}

impl Team {
    fn new(helpers: usize) -> Self {
        let shared = Arc::new(Shared {
            state: AtomicU64::new(0),
            most: AtomicU32::new(0),
            job: UnsafeCell::new(None),
            panic: Mutex::default(),
            asleep: Mutex::default(),
            sleeping: AtomicUsize::new(0),
            wake: Condvar::new(),
            ended: AtomicBool::new(false),
        });
        let started = (0..helpers).map_while(|_| {
            let shared = shared.clone();
            let name = "kernels".to_owned();
            // Where the system gives no more threads, there are fewer helpers.
            let thread = thread::Builder::new().name(name);
            thread.spawn(move || shared.help()).ok()
        });
        started.for_each(drop);
        Self { shared, helpers }
    }

    fn share(&self, helpers: usize, job: &Job<'_>) {
        let shared = &*self.shared;
        // SAFETY: the lifetime is dropped, but `Closing` waits for all helpers that entered before this function ends.
        let erased = unsafe { std::mem::transmute::<*const Job<'_>, *const Job<'static>>(job) };
        // SAFETY: the state is closed and no helper is at work: nobody else looks at it.
        unsafe { *shared.job.get() = Some(erased) };
        shared.most.store(helpers as u32, Ordering::Relaxed);
        let number = shared.state.load(Ordering::Relaxed) & !OPEN;
        shared.state.store(
            number.wrapping_add(NEXT_JOB) & !OPEN | OPEN,
            Ordering::SeqCst,
        );
        if shared.sleeping.load(Ordering::SeqCst) > 0 {
            let _guard = shared.asleep.lock().unwrap_or_else(PoisonError::into_inner);
            shared.wake.notify_all();
        }
        let closing = Closing(shared);
        job();
        drop(closing);
        let panic = shared
            .panic
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        if let Some(panic) = panic {
            resume_unwind(panic);
        }
    }
}

/// Closes a job when it is dropped, also by a panic, and waits for the helpers that are at it.
struct Closing<'a>(&'a Shared);

impl Drop for Closing<'_> {
    fn drop(&mut self) {
        self.0.state.fetch_and(!OPEN, Ordering::SeqCst);
        let mut spins = 0;
        while at_work(self.0.state.load(Ordering::Acquire)) > 0 {
            rest(&mut spins);
        }
    }
}

impl Drop for Team {
    fn drop(&mut self) {
        self.shared.ended.store(true, Ordering::SeqCst);
        let _guard = self
            .shared
            .asleep
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        self.shared.wake.notify_all();
    }
}

impl Shared {
    /// A helper's life.
    fn help(&self) {
        let mut last = 0;
        let mut spins = 0;
        let mut since = None;
        while !self.ended.load(Ordering::Relaxed) {
            if self.begin(&mut last) {
                // SAFETY: this helper has entered an open job, whose owner waits until it has left.
                let job = unsafe { *self.job.get() };
                // SAFETY: as above.
                let call = || job.map_or((), |job| unsafe { (*job)() });
                if let Err(panic) = catch_unwind(AssertUnwindSafe(call)) {
                    *self.panic.lock().unwrap_or_else(PoisonError::into_inner) = Some(panic);
                }
                self.state.fetch_sub(1, Ordering::Release);
                (spins, since) = (0, None);
                continue;
            }
            rest(&mut spins);
            if spins > SPINS && since.get_or_insert_with(Instant::now).elapsed() > AWAKE {
                self.sleep(last);
                (spins, since) = (0, None);
            }
        }
    }

    /// Enters a job that is open, that this helper was not at yet, and that wants more helpers.
    fn begin(&self, last: &mut u64) -> bool {
        let state = self.state.load(Ordering::Acquire);
        let number = state & !(NEXT_JOB - 1);
        if !self.is_new(state, *last)
            || at_work(state) >= u64::from(self.most.load(Ordering::Relaxed))
        {
            return false;
        }
        let entered =
            self.state
                .compare_exchange(state, state + 1, Ordering::AcqRel, Ordering::Relaxed);
        if entered.is_ok() {
            *last = number;
        }
        entered.is_ok()
    }

    fn is_new(&self, state: u64, last: u64) -> bool {
        state & OPEN != 0 && state & !(NEXT_JOB - 1) != last
    }

    /// Sleeps until there is a new job.
    fn sleep(&self, last: u64) {
        let mut guard = self.asleep.lock().unwrap_or_else(PoisonError::into_inner);
        self.sleeping.fetch_add(1, Ordering::SeqCst);
        // Looked at again behind the count: the owner either sees the count, or has opened the job before.
        while !self.is_new(self.state.load(Ordering::SeqCst), last)
            && !self.ended.load(Ordering::SeqCst)
        {
            guard = self
                .wake
                .wait(guard)
                .unwrap_or_else(PoisonError::into_inner);
        }
        self.sleeping.fetch_sub(1, Ordering::SeqCst);
    }
}

/// Waits for a moment: on the core at first, then so that others have it.
fn rest(spins: &mut u32) {
    *spins = spins.saturating_add(1);
    if *spins < SPINS {
        std::hint::spin_loop();
    } else {
        thread::yield_now();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every item is taken once, whoever takes it, job after job.
    #[test]
    fn all_work_is_done_once() {
        for round in 0..2000 {
            let next = AtomicUsize::new(0);
            let sum = AtomicUsize::new(0);
            let items = round % 50;
            share(3, &|| {
                loop {
                    let item = next.fetch_add(1, Ordering::Relaxed);
                    if item >= items {
                        return;
                    }
                    sum.fetch_add(item + 1, Ordering::Relaxed);
                }
            });
            assert_eq!(sum.into_inner(), items * (items + 1) / 2, "round {round}");
            if round % 500 == 0 {
                // Long enough for them to fall asleep.
                thread::sleep(2 * AWAKE);
            }
        }
    }

    #[test]
    fn helpers_do_take_part() {
        let callers = Mutex::new(Vec::new());
        let begun = Instant::now();
        share(2, &|| {
            callers.lock().unwrap().push(thread::current().id());
            while callers.lock().unwrap().len() < 3 && begun.elapsed().as_secs() < 20 {
                thread::yield_now();
            }
        });
        let mut callers = callers.into_inner().unwrap();
        assert_eq!(callers.len(), 3);
        callers.sort_by_key(|id| format!("{id:?}"));
        callers.dedup();
        assert_eq!(callers.len(), 3, "each is a thread of its own");
    }

    #[test]
    fn a_panic_of_a_helper_or_of_the_owner_is_the_callers() {
        for of_helper in [true, false] {
            let owner = thread::current().id();
            let begun = Instant::now();
            let panicked = AtomicBool::new(false);
            let result = catch_unwind(AssertUnwindSafe(|| {
                share(1, &|| {
                    if (thread::current().id() != owner) == of_helper {
                        panicked.store(true, Ordering::SeqCst);
                        panic!("of a job");
                    }
                    while !panicked.load(Ordering::SeqCst) && begun.elapsed().as_secs() < 20 {
                        thread::yield_now();
                    }
                })
            }));
            let panic = result.expect_err("the panic comes through");
            assert_eq!(panic.downcast_ref(), Some(&"of a job"));
        }
        // The team works on.
        let calls = AtomicUsize::new(0);
        share(1, &|| {
            calls.fetch_add(1, Ordering::SeqCst);
        });
        assert!(calls.into_inner() >= 1);
    }

    #[test]
    fn a_job_may_share_work_itself() {
        let calls = AtomicUsize::new(0);
        share(1, &|| {
            share(1, &|| {
                calls.fetch_add(1, Ordering::SeqCst);
            });
        });
        assert!((1..=4).contains(&calls.into_inner()));
    }
}
