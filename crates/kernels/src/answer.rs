//! A future that a callback of the device completes.

use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Waker};

use crate::device::Device;
use crate::error::Error;
use crate::gpu::Gpu;

/// What a callback will have been told: `Ok`, or why not.
#[derive(Clone, Default)]
pub(crate) struct Answer(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    result: Option<Result<(), String>>,
    waker: Option<Waker>,
}

impl Answer {
    pub(crate) fn set(&self, result: Result<(), String>) {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        state.result = Some(result);
        if let Some(waker) = state.waker.take() {
            waker.wake();
        }
    }
}

impl Device {
    /// Waits for what a callback of this device is told: after a submission, or after all of them.
    ///
    /// # Errors
    /// What happened to the device; else [`Error::DeviceLost`] with what the callback was told.
    pub(crate) async fn answered(
        &self,
        gpu: &Gpu,
        answer: Answer,
        submission: Option<wgpu::SubmissionIndex>,
    ) -> Result<(), Error> {
        #[cfg(target_arch = "wasm32")]
        drop(submission);
        // Natively the callback needs somebody to poll; in a browser the event loop does.
        #[cfg(not(target_arch = "wasm32"))]
        if let Err(error) = gpu.device.poll(wgpu::PollType::Wait {
            submission_index: submission,
            timeout: None,
        }) {
            self.check()?;
            let reason = error.to_string();
            return Err(Error::DeviceLost { reason });
        }
        if let Err(reason) = answer.await {
            gpu.faults.check(self.bytes())?;
            return Err(Error::DeviceLost { reason });
        }
        Ok(())
    }
}

impl Future for Answer {
    type Output = Result<(), String>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match state.result.take() {
            Some(result) => Poll::Ready(result),
            None => {
                state.waker = Some(context.waker().clone());
                Poll::Pending
            }
        }
    }
}
