//! Waiting for a device.

use futures_channel::oneshot;

use crate::answer::Answer;
use crate::device::Device;
use crate::error::Error;
use crate::gpu::Gpu;
use crate::state::Backend;

impl Device {
    /// Waits for the result that a callback of this device receives: after a submission, or after all of them.
    ///
    /// # Errors
    /// The device's own error; else [`Error::DeviceLost`] with the callback's reason.
    pub(crate) async fn answered(
        &self,
        gpu: &Gpu,
        answer: Answer,
        submission: Option<wgpu::SubmissionIndex>,
    ) -> Result<(), Error> {
        #[cfg(target_arch = "wasm32")]
        let _ = submission;
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
        let gone = |_| Err("its callback was dropped".to_owned());
        if let Err(reason) = answer.await.unwrap_or_else(gone) {
            gpu.faults.check(self.bytes())?;
            return Err(Error::DeviceLost { reason });
        }
        Ok(())
    }

    /// Notes that `bytes` more were written, and waits while the upload batch before the last has not arrived.
    ///
    /// # Errors
    /// [`Error::DeviceLost`], [`Error::OutOfMemory`], [`Error::Validation`].
    pub(crate) async fn sent(&self, bytes: usize) -> Result<(), Error> {
        let Backend::Gpu(gpu) = &self.inner.state.backend else {
            return Ok(());
        };
        if !self.inner.backlog.ends_batch(bytes) {
            return Ok(());
        }
        // What was written goes with the next submission.
        gpu.queue.submit([]);
        let (sender, arrived) = oneshot::channel();
        gpu.queue.on_submitted_work_done(move || {
            // The device may have been dropped.
            let _ = sender.send(Ok(()));
        });
        let before = self.inner.backlog.replace(arrived);
        if let Some(before) = before {
            self.answered(gpu, before, None).await?;
        }
        // A lost device answers as well; the check tells.
        self.check()
    }
}
