//! Numbers of the model and of SAEs on the sample text.

use wasm_bindgen_futures::spawn_local;

use crate::browser;
use crate::controller::{Controller, TURN};
use crate::data::{SaeTrace, Trace};
use crate::engine::{Engine, Fault, read};
use crate::js_value::object;
use crate::state::Sample;
use crate::state::load::LoadAction;

impl Controller {
    /// Takes the model's loss on the sample text.
    pub fn measure_model(&self, model: String) {
        let Some(engine) = self.engine() else { return };
        let this = self.clone();
        self.dispatch_load(LoadAction::MeasuringModel);
        spawn_local(async move {
            let found = match engine.call("sampleLoss", &[]).await {
                Ok(value) if value.is_null() => Ok(None),
                Ok(value) => read(value).map(Some).map_err(|fault| fault.message),
                Err(fault) => Err(fault.message),
            };
            this.dispatch_load(LoadAction::MeasuredModel(model, found));
        });
    }

    /// Takes SAEs' numbers on the sample text.
    pub fn measure(&self, ids: Vec<String>) {
        let Some(engine) = self.engine() else { return };
        let Some(text) = browser::global("SAMPLE_TEXT").and_then(|text| text.as_string()) else {
            return;
        };
        let this = self.clone();
        for id in &ids {
            self.dispatch_load(LoadAction::Measuring(id.clone()));
        }
        spawn_local(async move {
            while this.set_measuring(true) {
                browser::wait(TURN).await;
            }
            for id in ids {
                let result = this.measure_one(&engine, &text, &id).await;
                this.dispatch_load(LoadAction::Measured(
                    id,
                    result.map_err(|fault| fault.message),
                ));
            }
            this.set_measuring(false);
        });
    }

    async fn measure_one(&self, engine: &Engine, text: &str, id: &str) -> Result<Sample, Fault> {
        loop {
            // A second trace cancels the first: the person's goes before.
            while self.is_tracing() {
                browser::wait(TURN).await;
            }
            let saes = js_sys::Array::of1(&id.into());
            let options = object([("saes", saes.into()), ("topLogits", 1.into())]);
            match engine.call("trace", &[text.into(), options]).await {
                Err(fault) if fault.code == "cancelled" && self.is_tracing() => {}
                answer => {
                    let trace: Trace = read(answer?)?;
                    let bos = trace.bos_prepended;
                    let SaeTrace {
                        metrics, cautions, ..
                    } = trace.saes.into_iter().next().unwrap_or_default();
                    return Ok(Sample {
                        metrics,
                        cautions,
                        bos,
                    });
                }
            }
        }
    }
}
