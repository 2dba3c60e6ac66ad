//! Times of kernels, one by one.

use kernels::{BackendKind, Copy, Device, Error, KernelTime, Recorder, copy};

use crate::common::{Devices, run};
use crate::tour::tour;

fn profile(device: &Device) -> Result<Option<Vec<KernelTime>>, Error> {
    pollster::block_on(tour(device)?.profile())
}

#[test]
fn each_kernel_of_a_plan_has_a_time() {
    for device in Devices::new().each() {
        let kind = device.kind();
        let times = profile(device).unwrap_or_else(|error| panic!("{kind:?}: {error}"));
        assert_eq!(times.is_some(), device.has_timestamps(), "{kind:?}");
        assert!(times.is_some() || kind == BackendKind::Gpu);
        let Some(times) = times else { continue };
        let plan = tour(device).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(times.len(), plan.dispatches());
        assert_eq!(times[0].kernel, "embedding");
        assert!(times.iter().any(|time| time.kernel == "topk"));
        assert!(
            times
                .iter()
                .all(|time| time.nanoseconds >= 0.0 && time.bytes > 0)
        );
        // Ten seconds would be another unit.
        let sum: f64 = times.iter().map(|time| time.nanoseconds).sum();
        assert!(sum > 0.0 && sum < 1e10, "{kind:?}: {sum} ns");
    }
}

#[test]
fn a_profiled_plan_writes_what_it_writes() {
    for device in Devices::new().each() {
        let work = || -> Result<Vec<u32>, Error> {
            let input = device.buffer_with("input", &[7_u32; 100])?;
            let output = device.buffer("output", 100)?;
            let mut recorder = Recorder::new(device);
            let args = Copy {
                input: &input,
                input_offset: 0,
                output: &output,
                output_offset: 0,
                words: 100,
            };
            copy(&mut recorder, &args)?;
            let times = pollster::block_on(recorder.finish().profile())?;
            if let Some(times) = times {
                assert_eq!((times[0].kernel, times[0].bytes), ("copy", 800));
                return Ok(run(Recorder::new(device), &[&output])?.remove(0));
            }
            Ok(vec![7; 100])
        };
        let words = work().unwrap_or_else(|error| panic!("{:?}: {error}", device.kind()));
        assert_eq!(words, [7; 100], "{:?}", device.kind());
    }
}
