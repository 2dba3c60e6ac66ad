//! A device that is lost while weights go to it: the loading says so, leaves nothing half loaded, and goes well on
//! another device.

use std::cell::Cell;
use std::future::ready;
use std::rc::Rc;

use crate::common::{at_layer_3, empty_session, layer_3, load_demo, model_session};
use explorer::{BackendChoice, Error, LimitsChoice, Session, TraceOptions};
use pollster::block_on;

const TEXT: &str = "Once upon a time there was a king";

/// The device goes at a call's step number `at`, counted from 1. Gives the count of the steps.
fn lose_device_at(session: &mut Session, at: usize) -> Rc<Cell<usize>> {
    let steps = Rc::new(Cell::new(0));
    let (counted, device) = (steps.clone(), session.device().clone());
    session.set_pause(Rc::new(move || {
        counted.set(counted.get() + 1);
        if counted.get() == at {
            device.destroy();
        }
        Box::pin(ready(()))
    }));
    steps
}

/// What happened, and what to do.
fn assert_lost(error: &Error) {
    assert_eq!(error.code(), "device-lost");
    let message = error.to_string();
    for words in ["the GPU device was lost", "load the model", "smaller"] {
        assert!(message.contains(words), "{message}");
    }
}

#[test]
fn while_a_model_is_loaded() {
    let Some(mut session) = empty_session(BackendChoice::Gpu, LimitsChoice::Adapter) else {
        return;
    };
    let steps = lose_device_at(&mut session, 0);
    load_demo(&mut session).unwrap();
    let all = steps.get();
    assert!(all > 20, "{all} steps");
    for at in [1, all / 2, all] {
        let mut session = empty_session(BackendChoice::Gpu, LimitsChoice::Adapter).unwrap();
        let steps = lose_device_at(&mut session, at);
        assert_lost(&load_demo(&mut session).unwrap_err());
        assert!(session.info().model.is_none());
        // Not read on to the end of the file for a device that is not there.
        assert_eq!(steps.get(), at, "of {all}");
        assert_lost(&load_demo(&mut session).unwrap_err());
    }
    let mut another = empty_session(BackendChoice::Gpu, LimitsChoice::Adapter).unwrap();
    load_demo(&mut another).unwrap();
    assert!(block_on(another.trace(TEXT, &TraceOptions::default())).is_ok());
}

#[test]
fn while_an_autoencoder_is_loaded() {
    let Some(mut session) = model_session(BackendChoice::Gpu, LimitsChoice::Adapter) else {
        return;
    };
    lose_device_at(&mut session, 2);
    let (file, options) = (layer_3(), at_layer_3());
    let loading = session.load_sae("sae", &file, &options);
    assert_lost(&block_on(loading).unwrap_err());
    assert!(session.info().saes.is_empty());
    let mut another = model_session(BackendChoice::Gpu, LimitsChoice::Adapter).unwrap();
    block_on(another.load_sae("sae", &file, &options)).unwrap();
    let trace = block_on(another.trace(TEXT, &TraceOptions::default())).unwrap();
    assert_eq!(trace.saes.len(), 1);
}

#[test]
fn while_an_autoencoder_is_read_for_a_prompt() {
    let Some(mut session) = model_session(BackendChoice::Gpu, LimitsChoice::Adapter) else {
        return;
    };
    // Parts of 100 latents.
    let (part, options) = (Some(100 * 256 * 4), at_layer_3());
    block_on(session.load_streamed_sae("sae", layer_3(), &options, part)).unwrap();
    let steps = lose_device_at(&mut session, 10);
    let error = block_on(session.trace(TEXT, &TraceOptions::default())).unwrap_err();
    assert_lost(&error);
    assert_eq!(steps.get(), 10);
}
