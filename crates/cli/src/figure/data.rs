//! The content of a figure.

use std::ops::Range;
use std::path::Path;

use display::format;
use display::quoted;
use display::ranking::{Active, Rows, Specificity, choose, peak, strongest};
use explorer::{Feature, Info, NextToken, SaeTrace, Token, Trace};
use serde::Serialize;

use super::error::FigureError;

/// Features of the selected token that are listed.
const LISTED: usize = 10;

/// The content of a figure.
pub struct Data<'a> {
    /// The text.
    pub prompt: &'a str,
    /// The run of the model and the feature set.
    pub trace: &'a Trace,
    /// The feature set's part of it.
    pub sae: &'a SaeTrace,
    /// Name of the model for people.
    pub model: &'a str,
    /// Id of the model.
    pub model_id: &'a str,
    /// The selected token.
    pub token: usize,
    /// The feature that tints the tokens, by its weights; nothing where none is active.
    pub feature: Option<&'a Feature>,
    /// Its activation at each token; empty where there is none.
    pub along: Vec<f32>,
    /// The largest activation of the prompt's own tokens.
    pub peak: f32,
    /// The strongest features of the selected token, and the feature if it is active there.
    pub listed: Vec<Listed>,
    /// Number of features that are active at the selected token.
    pub active: usize,
    /// Address of the same on a site.
    pub link: Option<String>,
}

/// A feature of the selected token.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Listed {
    /// The latent.
    pub latent: u32,
    /// Its activation there.
    pub activation: f32,
    /// Number of the prompt's own tokens on which it is active.
    pub tokens: usize,
    /// Its specificity there.
    pub specificity: f64,
}

/// A prompt's own tokens: all but a BOS that was put before it.
fn own(trace: &Trace) -> Range<usize> {
    let count = trace.tokens.len();
    usize::from(trace.bos_prepended && count > 1)..count
}

fn rows(sae: &SaeTrace) -> Rows<'_> {
    Rows {
        slots: sae.k,
        n_latents: sae.n_latents,
        latents: &sae.latents,
        activations: &sae.activations,
    }
}

/// The token and the feature of a figure, where the options leave them open as the page chooses them. A feature that is given
/// is kept, active or not.
pub fn selection(
    trace: &Trace,
    token: Option<usize>,
    feature: Option<u32>,
) -> Result<(usize, Option<u32>), FigureError> {
    let count = trace.tokens.len();
    if let Some(token) = token
        && token >= count
    {
        return Err(FigureError::NoToken {
            token,
            count: format::count(count, "token"),
            bos: trace.bos_prepended,
        });
    }
    let Some(sae) = trace.saes.first() else {
        return Ok((count.saturating_sub(1), feature));
    };
    let (rows, own) = (rows(sae), own(trace));
    Ok(match (token, feature) {
        (None, Some(feature)) => {
            let along = rows.along(count, feature);
            let strongest = strongest(&along, own.start, 1).first().copied();
            (strongest.unwrap_or(count.saturating_sub(1)), Some(feature))
        }
        (token, feature) => choose(rows, own, token, feature),
    })
}

impl<'a> Data<'a> {
    /// The content of a trace with one feature set.
    pub fn new(
        prompt: &'a str,
        trace: &'a Trace,
        info: &'a Info,
        token: usize,
        feature: Option<&'a Feature>,
        link: Option<String>,
    ) -> Result<Self, FigureError> {
        let sae = trace.saes.first().ok_or_else(|| FigureError::NoSet {
            given: String::new(),
            named: Vec::new(),
        })?;
        let (rows, own) = (rows(sae), own(trace));
        let along = feature.map_or_else(Vec::new, |feature| {
            rows.along(trace.tokens.len(), feature.latent)
        });
        let specificity = Specificity::of(rows, own.clone());
        let active: Vec<Active> = rows.at(token).filter(Active::counts).collect();
        let shown = |(at, active): &(usize, &Active)| {
            let is_chosen = feature.is_some_and(|feature| feature.latent == active.latent);
            *at < LISTED || is_chosen
        };
        let listed = active.iter().enumerate().filter(shown);
        let listed = listed.map(|(_, &active)| Listed {
            latent: active.latent,
            activation: active.activation,
            tokens: specificity.tokens(active.latent),
            specificity: specificity.measure(active),
        });
        let model = info.model.as_ref();
        let data = Self {
            prompt,
            trace,
            sae,
            model: model.map_or("", |model| model.name.as_str()),
            model_id: model.map_or("", |model| model.id.as_str()),
            token,
            feature,
            peak: peak(&along, own.start),
            along,
            listed: listed.collect(),
            active: active.len(),
            link,
        };
        data.check_numbers()?;
        Ok(data)
    }

    /// The kind of a feature of the set, for people.
    pub fn noun(&self) -> &'static str {
        match self.sae.architecture.as_str() {
            "neurons" => "Neuron",
            _ => "Feature",
        }
    }

    /// The first token that is the prompt's own.
    pub fn first_own(&self) -> usize {
        own(self.trace).start
    }

    /// A token in a sentence, or the name of a BOS that was put before the prompt.
    pub fn token_name(&self, token: usize) -> String {
        match self.trace.tokens.get(token) {
            _ if token < self.first_own() => "the BOS".to_owned(),
            Some(found) => quoted(&found.text),
            None => String::new(),
        }
    }

    /// Loss of a token in nats; the first has none.
    pub fn loss_of(&self, token: usize) -> Option<f32> {
        self.trace.token_losses.get(token.checked_sub(1)?).copied()
    }

    /// Refuses what is not a number: on a figure it would look like a value.
    fn check_numbers(&self) -> Result<(), FigureError> {
        let (trace, next) = (self.trace, &self.trace.next);
        finite("an activation", self.sae.activations.iter().copied())?;
        finite("a loss", trace.token_losses.iter().copied())?;
        finite(
            "a next token's probability",
            next.iter().map(|one| one.prob),
        )?;
        finite("a next token's logit", next.iter().map(|one| one.logit))?;
        let Some(feature) = self.feature else {
            return Ok(());
        };
        let effect = &feature.logit_effect;
        let effects = effect.top.iter().chain(&effect.bottom);
        finite("an effect on a logit", effects.map(|one| one.value))
    }
}

/// Refuses values of which one is not a finite number.
fn finite(what: &'static str, mut values: impl Iterator<Item = f32>) -> Result<(), FigureError> {
    match values.all(f32::is_finite) {
        true => Ok(()),
        false => Err(FigureError::NotANumber { what }),
    }
}

/// A figure's numbers, as `--json` prints them.
#[derive(Serialize)]
pub struct JsonFigure<'a> {
    /// The file that was written.
    out: Option<&'a Path>,
    model: &'a str,
    sae: &'a str,
    hook: &'a str,
    tokens: &'a [Token],
    bos_prepended: bool,
    /// Position of the selected token.
    token: usize,
    /// The feature that tints the tokens, by its weights.
    feature: Option<&'a Feature>,
    /// Its activation at each token.
    activations: &'a [f32],
    /// Entry i is the loss of token i + 1.
    token_losses: &'a [f32],
    /// The strongest features of the selected token.
    features: &'a [Listed],
    /// The likeliest tokens after the last.
    next: &'a [NextToken],
    link: Option<&'a str>,
    backend: &'a str,
    adapter: &'a str,
}

impl<'a> JsonFigure<'a> {
    /// The JSON of a figure that was written.
    pub fn new(data: &'a Data<'a>, out: Option<&'a Path>) -> Self {
        Self {
            out,
            model: data.model_id,
            sae: &data.sae.id,
            hook: &data.sae.hook,
            tokens: &data.trace.tokens,
            bos_prepended: data.trace.bos_prepended,
            token: data.token,
            feature: data.feature,
            activations: &data.along,
            token_losses: &data.trace.token_losses,
            features: &data.listed,
            next: &data.trace.next,
            link: data.link.as_deref(),
            backend: &data.trace.backend,
            adapter: &data.trace.adapter,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_a_number_is_no_figure() {
        assert!(finite("a loss", [0.0, -1.5, f32::MAX].into_iter()).is_ok());
        assert!(finite("a loss", std::iter::empty()).is_ok());
        for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
            let refused = finite("a loss", [1.0, bad].into_iter()).unwrap_err();
            assert_eq!(
                refused.to_string(),
                "a loss is not a number; nothing was written"
            );
            assert_eq!(refused.code(), "not-a-number");
        }
    }
}
