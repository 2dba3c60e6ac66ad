//! What reading an autoencoder from its file promises beside its results: it takes no more memory than it says, and it
//! stops at once when it is told to.

use std::cell::{Cell, RefCell};
use std::future::ready;
use std::rc::Rc;

use crate::common::model_session;
use explorer::{BackendChoice, LimitsChoice, SaeOptions, Session, TraceOptions};
use formats::sae::{Architecture, Gate, Normalization, Sae, SaeConfig, SaeFile, openai};
use formats::source::{ByteSource, MemoryBytes, Reading};
use pollster::block_on;

const TEXT: &str = "Once upon a time there was a king";
const D_IN: usize = 256;
/// 33.5 MB for each matrix.
const LATENTS: usize = 32_768;
const K: usize = 8;
/// 1024 latents.
const PART_BYTES: usize = 1 << 20;

/// A file that counts how it is read.
struct Watched {
    file: MemoryBytes,
    reads: Cell<usize>,
    /// Bytes that were asked for and have not come.
    asked: Cell<usize>,
    most_asked: Cell<usize>,
    read: Cell<usize>,
}

impl ByteSource for Watched {
    fn name(&self) -> &str {
        self.file.name()
    }

    fn len(&self) -> u64 {
        self.file.len()
    }

    fn read(&self, offset: u64, length: usize) -> Reading<'_> {
        self.reads.set(self.reads.get() + 1);
        self.asked.set(self.asked.get() + length);
        self.most_asked
            .set(self.most_asked.get().max(self.asked.get()));
        Box::pin(async move {
            let bytes = self.file.read(offset, length).await;
            self.asked.set(self.asked.get() - length);
            self.read.set(self.read.get() + length);
            bytes
        })
    }
}

/// A TopK autoencoder as OpenAI's `.pt`: the encoder by latents, the decoder by inputs.
fn watched_file() -> (Rc<Watched>, Rc<SaeFile>) {
    let weights = |seed: usize| -> Vec<f32> {
        let weight = |i: usize| ((i * 7919 + seed) % 1009) as f32 / 1009.0 - 0.5;
        (0..LATENTS * D_IN).map(weight).collect()
    };
    let bytes = openai::write_pt(&Sae {
        config: SaeConfig::new(
            Architecture::TopK { k: K },
            (D_IN, LATENTS),
            Normalization::LayerNorm,
        ),
        w_enc: weights(1),
        b_enc: vec![0.0; LATENTS],
        gate: Gate::None,
        w_dec: weights(2),
        b_dec: vec![0.0; D_IN],
        firing_frequency: None,
    });
    let watched = Rc::new(Watched {
        file: MemoryBytes::new("large.pt", bytes.unwrap()),
        reads: Cell::default(),
        asked: Cell::default(),
        most_asked: Cell::default(),
        read: Cell::default(),
    });
    let file = block_on(openai::open_pt(watched.clone())).unwrap();
    (watched, Rc::new(file))
}

fn load(session: &mut Session, file: &Rc<SaeFile>) {
    let options = SaeOptions {
        hook: Some("blocks.3.hook_resid_post".to_owned()),
        ..SaeOptions::default()
    };
    let loading = session.load_streamed_sae("large", file.clone(), &options, Some(PART_BYTES));
    block_on(loading).unwrap();
}

/// Calls `step` between the steps of every call.
fn at_every_step(session: &mut Session, step: impl Fn() + 'static) {
    session.set_pause(Rc::new(move || {
        step();
        Box::pin(ready(()))
    }));
}

/// The most that the device held during a trace, in bytes above what it holds at rest.
fn peak(session: &mut Session, options: &TraceOptions) -> u64 {
    session.trim();
    let rest = session.device().bytes();
    let most = Rc::new(Cell::new(rest));
    let (device, seen) = (session.device().clone(), most.clone());
    at_every_step(session, move || seen.set(seen.get().max(device.bytes())));
    block_on(session.trace(TEXT, options)).unwrap();
    session.trim();
    assert_eq!(
        session.device().bytes(),
        rest,
        "what was taken is given back"
    );
    most.get() - rest
}

#[test]
fn the_file_goes_through_a_bounded_buffer() {
    for backend in [BackendChoice::Cpu, BackendChoice::Gpu] {
        let Some(mut session) = model_session(backend, LimitsChoice::Adapter) else {
            continue;
        };
        let (watched, file) = watched_file();
        let before = session.device().bytes();
        load(&mut session, &file);
        assert_eq!(session.device().bytes(), before, "nothing is on the device");
        let none = TraceOptions {
            saes: Some(Vec::new()),
            ..TraceOptions::default()
        };
        let model_alone = peak(&mut session, &none);
        watched.read.set(0);
        let with_sae = peak(&mut session, &TraceOptions::default());
        // Read to its end: the encoder once, the decoder once, and the rows of what was selected.
        let matrix = 4 * LATENTS * D_IN;
        assert!(watched.read.get() >= 2 * matrix);
        assert!(watched.read.get() < 2 * matrix + matrix / 8);
        let most = watched.most_asked.get();
        assert!(most <= 4 << 20, "{most} bytes asked for at once");
        // The part, the part's pre-activations for every row, and the latents of at most K a row, both matrices.
        let rows = session.tokenize(TEXT, explorer::Bos::Auto).unwrap();
        let rows = rows.tokens.len() as u64;
        let part = PART_BYTES as u64 + 4 * rows * (PART_BYTES / (4 * D_IN)) as u64;
        let selected = 2 * 4 * D_IN as u64 * (rows + 1) * K as u64;
        let little = 1 << 20;
        assert!(
            with_sae <= model_alone + part + selected + little,
            "{with_sae} bytes of device memory; the model alone takes {model_alone}, a part {part}"
        );
        assert!(with_sae < matrix as u64 / 4);
    }
}

#[test]
fn it_stops_where_it_is_told_to_and_the_session_goes_on() {
    let mut session = model_session(BackendChoice::Cpu, LimitsChoice::Adapter).unwrap();
    let (watched, file) = watched_file();
    load(&mut session, &file);
    let trace = |session: &Session| block_on(session.trace(TEXT, &TraceOptions::default()));
    let latents = trace(&session).unwrap().saes[0].latents.clone();
    // Where in the file it stops: in the encoder, where it is read for rows of what was selected, and in the decoder,
    // which is read as a whole because its latents do not lie together.
    let matrix = 4 * LATENTS * D_IN;
    for after in [1, matrix / 2, matrix + 1, 2 * matrix - 1] {
        watched.read.set(0);
        let told = Rc::new(RefCell::new(None));
        let (cancel, seen, source) = (session.cancel(), told.clone(), watched.clone());
        at_every_step(&mut session, move || {
            if source.read.get() >= after {
                cancel.cancel();
                seen.borrow_mut().get_or_insert(source.reads.get());
            }
        });
        let error = trace(&session).unwrap_err();
        assert_eq!(error.code(), "cancelled");
        let at = told.borrow_mut().take();
        assert_eq!(at, Some(watched.reads.get()), "read on after being stopped");
        at_every_step(&mut session, || {});
        assert_eq!(trace(&session).unwrap().saes[0].latents, latents);
    }
}

#[test]
fn a_feature_of_it_stops_as_well() {
    let mut session = model_session(BackendChoice::Cpu, LimitsChoice::Adapter).unwrap();
    let (watched, file) = watched_file();
    load(&mut session, &file);
    watched.read.set(0);
    let (cancel, source) = (session.cancel(), watched.clone());
    at_every_step(&mut session, move || {
        if source.read.get() > 0 {
            cancel.cancel();
        }
    });
    let error = block_on(session.feature("large", 3)).unwrap_err();
    assert_eq!(error.code(), "cancelled");
    assert!(watched.read.get() < 4 * LATENTS * D_IN);
    at_every_step(&mut session, || {});
    assert!(block_on(session.feature("large", 3)).is_ok());
}
