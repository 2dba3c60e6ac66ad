//! Results of the engine as the page holds them, those of [`wire`], and what the package and the site give besides.

pub use wire::{
    Edited, Effect, Example, Feature, Generation, Info, Lens, LogitEffect, Metrics, ModelInfo,
    Neighbour, NextToken, Origin, Recorded, SaeInfo, SaeTrace, SampleLoss, SetFeatures, Stop,
    StreamPatching, Tapped, Token, TokenChange, TokenFeatures, TokenValue, Tokenization, Trace,
};

use crate::format::{fixed, percent};

/// A structure of the package or the site: each field with the name that it has there, or with an empty one where it holds what several
/// kinds of objects have. In the browser it is read from an object, see [`crate::js_value`].
macro_rules! from_js {
    ($(
        $(#[$about:meta])*
        $name:ident {
            $($(#[$field_about:meta])* $field:ident: $type:ty = $key:literal,)*
        }
    )*) => {$(
        $(#[$about])*
        #[derive(Clone, Debug, Default, PartialEq)]
        pub struct $name {
            $($(#[$field_about])* pub $field: $type,)*
        }
        #[cfg(target_arch = "wasm32")]
        impl crate::js_value::FromJs for $name {
            fn from_js(value: &wasm_bindgen::JsValue) -> Option<Self> {
                Some(Self { $($field: crate::js_value::field(value, $key)?,)* })
            }
        }
    )*};
}
pub(crate) use from_js;

from_js! {
    /// Bytes loaded so far; `total` is 0 where it is not known.
    Progress {
        /// `engine`, `model`, `sae`, or `hash` for the SHA-256 of files.
        stage: String = "stage",
        /// Bytes.
        loaded: f64 = "loaded",
        /// Bytes.
        total: f64 = "total",
        /// The file under way.
        name: String = "name",
        /// Origin of its bytes: `network`, `cache` or `file`.
        source: String = "source",
    }

    /// The result of an evaluation of SAEs over texts, as far as the page reads it.
    Evaluated {
        /// All numbers.
        evaluations: Evaluations = "evaluations",
        /// The same as tables.
        tables: Vec<Table> = "tables",
        /// The model, the texts and the device, as one line.
        head: String = "head",
        /// The numbers as the program writes them.
        json: String = "json",
        /// SAEs that could not be evaluated.
        failures: Vec<EvaluationFailure> = "failures",
    }

    /// The evaluations of some SAEs.
    Evaluations {
        /// One for each SAE.
        saes: Vec<EvaluatedSae> = "saes",
        /// True if not everything was evaluated.
        stopped: bool = "stopped",
    }

    /// What is drawn of an SAE that was evaluated.
    EvaluatedSae {
        /// Its id.
        id: String = "id",
        /// Number of its latents.
        n_latents: usize = "nLatents",
        /// Latents that were never active.
        dead: usize = "dead",
        /// The others by how often they are active.
        density: Density = "density",
    }

    /// A histogram of latents by log₁₀ of their density, as [`wire::Density`].
    Density {
        /// Bounds of the bins.
        edges: Vec<f64> = "edges",
        /// Latents in each.
        counts: Vec<f64> = "counts",
    }

    /// A table of results, as [`wire::ResultTable`].
    Table {
        /// Its title.
        title: String = "title",
        /// Rows of cells; the first has the columns' names.
        rows: Vec<Vec<String>> = "rows",
        /// So many first columns are texts.
        left: usize = "left",
        /// What the numbers mean.
        notes: Vec<String> = "notes",
    }

    /// An SAE that could not be evaluated.
    EvaluationFailure {
        /// Its id.
        id: String = "id",
        /// Why.
        message: String = "message",
    }

    /// The SHA-256 of a model's or SAE's weights.
    Hashed {
        /// 64 hexadecimal digits.
        sha256: String = "sha256",
    }

    /// A notice of the engine.
    Notice {
        /// Kind, such as `device-lost`.
        code: String = "code",
        /// Text for people.
        message: String = "message",
    }

    /// An SAE of the demo bundle.
    DemoSae {
        /// Id, as in the address.
        id: String = "id",
        /// Hook point.
        hook: String = "hook",
        /// Its description.
        cfg: DemoFile = "cfg",
        /// Its weights.
        weights: DemoFile = "weights",
    }

    /// A file of the demo.
    DemoFile {
        /// Address relative to the manifest.
        path: String = "path",
        /// Its length.
        bytes: f64 = "bytes",
    }

    /// The demo's model.
    DemoModel {
        /// Its configuration.
        config: DemoFile = "config",
        /// Its weights.
        weights: DemoFile = "weights",
        /// Its tokenizer.
        tokenizer: DemoFile = "tokenizer",
    }

    /// The part of the demo bundle's manifest that the page reads.
    Manifest {
        /// Example prompts, the first of which is traced at once.
        prompts: Vec<Example> = "prompts",
        /// SAEs.
        saes: Vec<DemoSae> = "saes",
        /// The index of an atlas, if there is one.
        atlas: Option<SiteFile> = "atlas",
        /// Model.
        model: DemoModel = "model",
    }

    /// A file of the demo bundle.
    SiteFile {
        /// Address relative to the manifest.
        path: String = "path",
    }
}

impl Manifest {
    /// Bytes of the model and all SAEs.
    pub fn bytes(&self) -> f64 {
        let DemoModel {
            config,
            weights,
            tokenizer,
        } = &self.model;
        let saes = self.saes.iter().flat_map(|sae| [&sae.cfg, &sae.weights]);
        let files = [config, weights, tokenizer].into_iter().chain(saes);
        files.map(|file| file.bytes).sum()
    }
}

/// The FVU from which on an SAE is more likely used wrongly than badly trained.
const DOUBTFUL_FVU: f64 = 0.5;

/// The same for ΔCE, in nats: the model finds each token's right successor less than half as likely as before.
const DOUBTFUL_DELTA_CE: f64 = 1.0;

/// Possible problem that numbers on plain prose show.
pub fn doubt(metrics: &Metrics) -> Option<String> {
    let ask = "Is the normalisation or the hook right, and is it the model that it was trained on?";
    match (metrics.fvu, metrics.delta_ce) {
        (Some(fvu), _) if fvu > DOUBTFUL_FVU => Some(format!(
            "It leaves {} of the variance unexplained. {ask}",
            percent(fvu)
        )),
        (_, Some(change)) if change > DOUBTFUL_DELTA_CE => Some(format!(
            "With its reconstruction the loss rises by {} nats. {ask}",
            fixed(change, 2)
        )),
        _ => None,
    }
}

/// That an SAE's file names another model than the loaded one.
pub fn other_model(sae: &SaeInfo) -> Option<String> {
    let name = sae.model_name.as_deref().unwrap_or_default();
    sae.other_model.then(|| {
        format!(
            "This SAE's file says that it was trained on {name}; the loaded model seems to be another one."
        )
    })
}

/// Why a continuation ended, where that is not that it has all the tokens that were asked for.
pub fn ended(stop: Stop) -> Option<&'static str> {
    match stop {
        Stop::MaxTokens => None,
        Stop::Cancelled => Some("Stopped."),
        Stop::ContextFull => Some(
            "The model's context is full: it reads no longer text. It can go on behind the second half.",
        ),
        Stop::EndOfText => Some("The model ended the text."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_that_look_wrong_are_doubted() {
        let metrics = |fvu, delta_ce| Metrics {
            fvu: Some(fvu),
            delta_ce: Some(delta_ce),
            ..Metrics::default()
        };
        assert_eq!(doubt(&metrics(0.1, 0.2)), None);
        assert_eq!(doubt(&metrics(0.1, -0.2)), None);
        assert_eq!(doubt(&Metrics::default()), None);
        let unexplained = doubt(&metrics(0.93, 0.2)).unwrap_or_default();
        assert!(unexplained.contains("93.0%"), "{unexplained}");
        let rises = doubt(&metrics(0.3, 4.0)).unwrap_or_default();
        assert!(rises.contains("4.00 nats"), "{rises}");
    }
}
