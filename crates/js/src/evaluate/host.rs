//! The JavaScript beside an evaluation: it reads texts, opens SAEs, hears how far it is, and says whether it goes on.

use std::cell::Cell;

use js_sys::{Function, Reflect};
use wasm_bindgen::prelude::*;
use wire::options::SaeOptions;
use wire::{CorpusEvaluation, EvaluateProgress};

use crate::error::answer;
use crate::options;

/// Milliseconds between two reports of a part.
const EVERY: f64 = 50.0;

#[wasm_bindgen]
extern "C" {
    /// See `pkg/evaluator.js`.
    pub type Evaluator;

    /// `(file, offset, length) => Uint8Array`.
    #[wasm_bindgen(method, getter, js_name = read)]
    pub fn reader(this: &Evaluator) -> Function;

    #[wasm_bindgen(method, getter)]
    fn stopped(this: &Evaluator) -> bool;

    #[wasm_bindgen(method)]
    fn progress(this: &Evaluator, progress: &JsValue);

    #[wasm_bindgen(method, catch)]
    async fn turn(this: &Evaluator) -> Result<JsValue, JsValue>;

    /// Opens the SAE of a number: `{pt?, cfg?, weights?, options}`.
    #[wasm_bindgen(method, catch)]
    async fn open(this: &Evaluator, index: u32) -> Result<JsValue, JsValue>;

    /// Lets go of the SAE that is open.
    #[wasm_bindgen(method, catch)]
    async fn close(this: &Evaluator) -> Result<JsValue, JsValue>;

    #[wasm_bindgen(js_namespace = performance)]
    fn now() -> f64;
}

/// The files of an SAE.
pub struct Opened {
    /// A `.pt`, or undefined.
    pub pt: JsValue,
    /// Settings beside it, or those of a folder.
    pub cfg: Option<Vec<u8>>,
    /// The weights of a folder.
    pub weights: JsValue,
    /// Options to load it with.
    pub options: SaeOptions,
}

/// An [`Evaluator`] as evaluations know it.
pub struct Host<'a, F> {
    /// It.
    pub evaluator: &'a Evaluator,
    /// What is done with an SAE's numbers so far.
    pub on_found: F,
    /// Time of the last report.
    told: Cell<f64>,
}

impl<'a, F> Host<'a, F> {
    /// A host; `on_found` hears an SAE's numbers so far.
    pub fn new(evaluator: &'a Evaluator, on_found: F) -> Self {
        Self {
            evaluator,
            on_found,
            told: Cell::new(0.0),
        }
    }

    fn is_due(&self) -> bool {
        let time = now();
        let due = time - self.told.get() >= EVERY;
        if due {
            self.told.set(time);
        }
        due
    }
}

impl Evaluator {
    /// Tells how far it is.
    pub fn tell(&self, progress: &EvaluateProgress) {
        if let Ok(progress) = answer(progress) {
            self.progress(&progress);
        }
    }

    /// True once it shall end with what is there.
    pub fn stopped_now(&self) -> bool {
        self.stopped()
    }

    /// Opens an SAE.
    pub async fn opened(&self, index: usize) -> Result<Opened, JsValue> {
        let found = self.open(index as u32).await?;
        let field = |name: &str| Reflect::get(&found, &name.into());
        let cfg = field("cfg")?.dyn_into::<js_sys::Uint8Array>().ok();
        Ok(Opened {
            pt: field("pt")?,
            cfg: cfg.map(|cfg| cfg.to_vec()),
            weights: field("weights")?,
            options: options::read("options", field("options")?)?,
        })
    }

    /// Lets go of the open SAE.
    pub async fn closed(&self) -> Result<(), JsValue> {
        self.close().await.map(|_| ())
    }
}

impl<F: Fn(&CorpusEvaluation)> evaluate_run::Host for Host<'_, F> {
    fn is_stopped(&self) -> bool {
        self.evaluator.stopped()
    }

    fn reading(&self, bytes: u64, total_bytes: u64, tokens: usize) {
        if self.is_due() {
            self.evaluator.tell(&EvaluateProgress::Read {
                bytes,
                total_bytes,
                tokens,
            });
        }
    }

    fn part(&self, what: &str, done: usize, all: usize, unit: &'static str) {
        if self.is_due() || done == all {
            self.evaluator.tell(&EvaluateProgress::Part {
                what: what.to_owned(),
                done,
                all,
                unit: unit.to_owned(),
            });
        }
    }

    fn found(&self, found: &CorpusEvaluation) {
        (self.on_found)(found);
    }

    async fn turn(&self) {
        // A turn that fails is a short one.
        let _ = self.evaluator.turn().await;
    }
}
