//! Plans and devices: determinism, what a run costs, and what is refused.

use kernels::{
    Add, Counters, Device, DeviceOptions, Error, LimitsChoice, Matrix, Plan, Recorder,
    WeightFormat, Workspace, add,
};

use crate::common::{Devices, floats, gpu};
use crate::tour::{K, ROWS, VOCABULARY, WIDTH, tour};

fn words(plan: &Plan) -> Result<Vec<u32>, Error> {
    let mut words = Vec::new();
    pollster::block_on(plan.run_into(&mut words))?;
    Ok(words)
}

fn tour_words(device: &Device) -> Vec<u32> {
    tour(device)
        .and_then(|plan| words(&plan))
        .unwrap_or_else(|error| panic!("{:?}: {error}", device.kind()))
}

#[test]
fn runs_and_plans_are_equal_to_the_bit() {
    for device in Devices::new().each() {
        let plan = tour(device).unwrap_or_else(|error| panic!("{error}"));
        let first = words(&plan).unwrap_or_else(|error| panic!("{error}"));
        assert!(
            floats(&first)
                .iter()
                .skip(ROWS * K)
                .all(|value| value.is_finite())
        );
        for _ in 0..2 {
            assert_eq!(
                words(&plan).ok().as_ref(),
                Some(&first),
                "{:?}",
                device.kind()
            );
        }
        assert_eq!(tour_words(device), first, "{:?}", device.kind());
    }
}

#[test]
fn the_default_limits_are_enough() {
    let options = DeviceOptions {
        limits: LimitsChoice::Default,
        ..DeviceOptions::default()
    };
    let devices = Devices::with(options);
    for gpu in &devices.gpus {
        assert_eq!(gpu.max_binding_bytes(), 128 << 20);
    }
    for device in devices.each() {
        assert_eq!(
            tour_words(device).len(),
            ROWS * (2 * K + 2 * WIDTH + 4 + 1) + VOCABULARY
        );
    }
}

#[test]
fn running_a_plan_again_makes_nothing() {
    for device in Devices::new().each() {
        let plan = tour(device).unwrap_or_else(|error| panic!("{error}"));
        // The first run makes the memory of its read-back.
        words(&plan).unwrap_or_else(|error| panic!("{error}"));
        let bytes = device.bytes();
        let before = device.counters();
        for _ in 0..3 {
            words(&plan).unwrap_or_else(|error| panic!("{error}"));
        }
        let after = device.counters();
        let on_gpu = u64::from(device.kind() == kernels::BackendKind::Gpu);
        assert_eq!(
            after,
            Counters {
                dispatches: before.dispatches + 3 * plan.dispatches() as u64,
                passes: before.passes + 3 * on_gpu,
                submits: before.submits + 3,
                read_backs: before.read_backs + 3,
                ..before
            }
        );
        assert_eq!(device.bytes(), bytes);
        // A second plan of the same kernels compiles nothing.
        tour(device).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(device.counters().pipelines, before.pipelines);
    }
}

#[test]
fn dropped_buffers_are_given_back() {
    for device in Devices::new().each() {
        let before = device.bytes();
        let buffer = device.buffer("kept a while", 1000);
        assert_eq!(device.bytes(), before + 4000);
        drop(buffer);
        assert_eq!(device.bytes(), before);
    }
}

#[test]
fn a_plan_gives_its_memory_back_to_the_pool() {
    for device in Devices::new().each() {
        // What a device keeps for itself is made by the first plan.
        drop(tour(device).unwrap_or_else(|error| panic!("{error}")));
        device.trim();
        let before = device.bytes();
        let plan = tour(device).unwrap_or_else(|error| panic!("{error}"));
        // Of the buffers only the plan knows: every one is counted, and none is used by others while it can be run.
        let read = 4 * words(&plan).unwrap_or_else(|error| panic!("{error}")).len() as u64;
        assert!(device.bytes() - before > read, "{read} bytes were read");
        let other = tour(device).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(words(&plan).ok(), words(&other).ok());
        let (held, made) = (device.bytes(), device.counters().buffers);
        drop((plan, other));
        // The inputs, which have memory of their own, are gone; the scratch waits.
        let waiting = device.bytes() - before;
        assert!(device.bytes() < held && waiting == device.pooled_bytes() && waiting > 0);
        // A plan of the same size makes nothing but its inputs.
        let plan = tour(device).unwrap_or_else(|error| panic!("{error}"));
        assert!(device.counters().buffers - made < 20);
        drop(plan);
        device.trim();
        assert_eq!(device.bytes(), before, "{:?}", device.kind());
        assert_eq!(device.pooled_bytes(), 0);
    }
}

/// Adds the two inputs, which are `[8]`.
fn sum_plan(device: &Device) -> Result<(Plan, kernels::Buffer), Error> {
    let x = device.buffer("x", 8)?;
    let y = device.buffer_with("y", &[2.0_f32; 8])?;
    let mut recorder = Recorder::new(device);
    let output = recorder.scratch("output", 8)?;
    let args = Add {
        left: &x,
        right: &y,
        output: &output,
        words: 8,
    };
    add(&mut recorder, &args)?;
    recorder.read_back(&output, 8)?;
    Ok((recorder.finish(), x))
}

#[test]
fn runs_that_were_submitted_one_after_the_other_read_back_their_own() {
    for device in Devices::new().each() {
        let (plan, x) = sum_plan(device).unwrap_or_else(|error| panic!("{error}"));
        let mut tickets = Vec::new();
        for run in 0_u8..5 {
            x.write(0, &[f32::from(run).to_bits(); 8])
                .unwrap_or_else(|error| panic!("{error}"));
            tickets.push(plan.submit().unwrap_or_else(|error| panic!("{error}")));
        }
        // One that nobody waits for takes nothing with it; the others may be waited for in any order.
        drop(tickets.remove(2));
        for (run, ticket) in [0.0_f32, 1.0, 3.0, 4.0].into_iter().zip(tickets).rev() {
            let mut words = Vec::new();
            pollster::block_on(ticket.read_into(&mut words))
                .unwrap_or_else(|error| panic!("{error}"));
            assert_eq!(floats(&words), [run + 2.0; 8], "{:?}", device.kind());
        }
    }
}

#[test]
fn a_device_lost_between_submit_and_read_back_is_an_error() {
    let Some(device) = gpu(DeviceOptions::default()) else {
        return;
    };
    let (plan, _x) = sum_plan(&device).unwrap_or_else(|error| panic!("{error}"));
    let ticket = plan.submit().unwrap_or_else(|error| panic!("{error}"));
    device.destroy();
    match pollster::block_on(ticket.readings()) {
        Err(Error::DeviceLost { .. }) => {}
        Err(other) => panic!("{other}"),
        Ok(_) => panic!("readings of a lost device"),
    }
    assert!(matches!(plan.submit(), Err(Error::DeviceLost { .. })));
}

#[test]
fn scratch_is_poisoned_where_the_options_say_so() {
    let devices = Devices::new();
    for device in devices.each() {
        let mut recorder = Recorder::new(device);
        let scratch = recorder
            .scratch("scratch", 100)
            .unwrap_or_else(|error| panic!("{error}"));
        let owned = device
            .buffer("zeroed", 100)
            .unwrap_or_else(|error| panic!("{error}"));
        for buffer in [&scratch, &owned] {
            recorder
                .read_back(buffer, 100)
                .unwrap_or_else(|error| panic!("{error}"));
        }
        let words = words(&recorder.finish()).unwrap_or_else(|error| panic!("{error}"));
        let values = floats(&words);
        let (scratch, owned) = values.split_at(100);
        assert!(scratch.iter().all(|value| value.is_nan()), "{scratch:?}");
        assert!(owned.iter().all(|value| *value == 0.0), "{owned:?}");
    }
    // No kernel reads what nobody wrote.
    assert_eq!(tour_words(&devices.cpu), tour_words(&Device::cpu()));
}

#[test]
fn a_buffer_dropped_before_its_plan_runs_is_still_there() {
    for device in Devices::new().each() {
        let sum = (|| {
            let x = device.buffer_with("x", &[1.5_f32; 8])?;
            let y = device.buffer_with("y", &[2.0_f32; 8])?;
            let output = device.buffer("output", 8)?;
            let mut recorder = Recorder::new(device);
            let args = Add {
                left: &x,
                right: &y,
                output: &output,
                words: 8,
            };
            add(&mut recorder, &args)?;
            recorder.read_back(&output, 8)?;
            let plan = recorder.finish();
            drop((x, y, output));
            words(&plan)
        })();
        let sum = sum.unwrap_or_else(|error: Error| panic!("{error}"));
        assert_eq!(floats(&sum), [3.5; 8], "{:?}", device.kind());
    }
}

#[test]
fn a_buffer_both_read_and_written_is_refused() {
    for device in Devices::new().each() {
        let result = (|| {
            let x = device.buffer("x", 8)?;
            let y = device.buffer("y", 8)?;
            add(
                &mut Recorder::new(device),
                &Add {
                    left: &x,
                    right: &y,
                    output: &x.clone(),
                    words: 8,
                },
            )
        })();
        assert_eq!(
            result.map_err(|error| error.to_string()),
            Err("add: x is both written and bound elsewhere".to_owned())
        );
    }
}

#[test]
fn a_buffer_too_large_names_the_limit() {
    for device in Devices::new().each() {
        let words = device.max_binding_bytes() as usize / 4 + 1;
        let error = device.buffer("everything", words).err();
        assert!(
            matches!(
                &error,
                Some(Error::BufferTooLarge { label, needed, limit })
                    if label == "everything" && *needed == words as u64 * 4 && *limit == device.max_binding_bytes()
            ),
            "{error:?}"
        );
    }
}

#[test]
fn a_row_larger_than_a_binding_is_refused() {
    for device in Devices::binding_at_most(64).each() {
        let error = Matrix::from_rows(device, "W", (1, 40), WeightFormat::F32, &[0.0; 40]).err();
        assert!(matches!(
            error,
            Some(Error::BufferTooLarge {
                needed: 160,
                limit: 64,
                ..
            })
        ));
    }
}

#[test]
fn writes_and_reads_past_the_end_are_refused() {
    for device in Devices::new().each() {
        let buffer = device
            .buffer("four", 4)
            .unwrap_or_else(|error| panic!("{error}"));
        let written = buffer
            .write(2, &[1, 2, 3])
            .map_err(|error| error.to_string());
        assert_eq!(
            written,
            Err("write: 3 words at 2 do not fit four of 4 words".to_owned())
        );
        let read = Recorder::new(device).read_back(&buffer, 5);
        assert_eq!(
            read.map_err(|error| error.to_string()),
            Err("read-back: 5 words of four which has 4".to_owned())
        );
    }
}

#[test]
fn a_destroyed_device_says_that_it_is_lost() {
    let Some(device) = gpu(DeviceOptions::default()) else {
        return;
    };
    let plan = tour(&device).unwrap_or_else(|error| panic!("{error}"));
    assert!(words(&plan).is_ok());
    device.destroy();
    for _ in 0..2 {
        let error = words(&plan).err();
        assert!(matches!(error, Some(Error::DeviceLost { .. })), "{error:?}");
    }
    // A new device works at once.
    if let Some(device) = gpu(DeviceOptions::default()) {
        assert!(!tour_words(&device).is_empty());
    }
}

#[test]
fn plans_of_one_workspace_share_their_scratch() {
    for device in Devices::new().each() {
        let workspace = Workspace::default();
        let run = |x: f32| {
            let x = device.buffer_with("x", &[x; 8])?;
            let mut recorder = Recorder::sharing(device, &workspace);
            // Two at a time, one after the other: the first plan's memory is the second's.
            let twice = recorder.scratch("twice", 8)?;
            let thrice = recorder.scratch("thrice", 8)?;
            let kept = recorder.kept("kept", 8)?;
            for (left, right, output) in [
                (&x, &x, &twice),
                (&x, &twice, &thrice),
                (&x, &thrice, &kept),
            ] {
                let args = Add {
                    left,
                    right,
                    output,
                    words: 8,
                };
                add(&mut recorder, &args)?;
            }
            for buffer in [&twice, &thrice, &kept] {
                recorder.read_back(buffer, 8)?;
            }
            Ok::<_, Error>((recorder.finish(), kept))
        };
        let (first, kept) = run(1.0).unwrap_or_else(|error| panic!("{error}"));
        let made = device.counters().buffers;
        let (second, _) = run(10.0).unwrap_or_else(|error| panic!("{error}"));
        // Its input, what it keeps and, on the GPU, its parameters.
        assert!(device.counters().buffers - made <= 3, "{:?}", device.kind());
        for (plan, x) in [(&first, 1.0), (&second, 10.0), (&first, 1.0)] {
            let words = words(plan).unwrap_or_else(|error| panic!("{error}"));
            let expected: Vec<f32> = [2.0, 3.0, 4.0].iter().flat_map(|n| [n * x; 8]).collect();
            assert_eq!(floats(&words), expected, "{:?}", device.kind());
        }
        // What is kept outlives the other plan's run.
        words(&second).unwrap_or_else(|error| panic!("{error}"));
        let mut recorder = Recorder::new(device);
        recorder
            .read_back(&kept, 8)
            .unwrap_or_else(|error| panic!("{error}"));
        let words = words(&recorder.finish()).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(floats(&words), [4.0; 8]);
    }
}

#[test]
fn a_plan_in_parts_gives_what_it_gives_at_once() {
    for device in Devices::new().each() {
        let plan = tour(device).unwrap_or_else(|error| panic!("{error}"));
        let whole = words(&plan).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(plan.parts(u64::MAX).len(), 1);
        let parts = plan.parts(1);
        assert!(parts.len() > 2, "{parts:?}");
        let mut read = Vec::new();
        let mut next = 0;
        for part in parts {
            assert_eq!(part.start, next);
            next = part.end;
            let ticket = plan
                .submit_part(part)
                .unwrap_or_else(|error| panic!("{error}"));
            pollster::block_on(ticket.read_into(&mut read))
                .unwrap_or_else(|error| panic!("{error}"));
        }
        assert_eq!(next, plan.dispatches());
        assert_eq!(read, whole, "{:?}", device.kind());
    }
}
