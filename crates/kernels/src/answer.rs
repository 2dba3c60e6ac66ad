//! Waiting for a callback of the device.

use futures_channel::oneshot;

use crate::device::Device;
use crate::error::Error;
use crate::gpu::Gpu;

/// The receiving end of what a callback is told: `Ok`, or why not.
pub(crate) type Answer = oneshot::Receiver<Result<(), String>>;

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
}
