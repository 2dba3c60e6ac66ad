//! The recorded trace: what the page shows before the model is there. It gives way to the live trace of the same prompt.

use super::url::Place;
use super::{Remote, State};
use crate::data::Recorded;
use crate::shared::Shared;

impl State {
    /// Shows the recorded trace, unless something live is there or the address is about something else.
    pub(super) fn show_recorded(&mut self, recorded: Recorded) {
        let live = self.trace.is_some() || self.model.is_some();
        if live || !answers(&recorded, &self.place) {
            return;
        }
        let mut trace = recorded.trace.clone();
        trace.prompt.clone_from(&recorded.prompt.text);
        self.place.prompt = Some(recorded.prompt.text.clone());
        self.place.sae = Some(recorded.sae.id.clone());
        self.trace = Some(Shared::new(trace));
        self.recorded = Some(Shared::new(recorded));
        self.choose();
        self.describe_recorded();
        self.recorded_selection = Some((self.place.token, self.place.feature));
    }

    /// Takes the selected feature's description from the recording, where that has it.
    pub(super) fn describe_recorded(&mut self) {
        let (Some(recorded), Some(latent)) = (&self.recorded, self.place.feature) else {
            return;
        };
        let found = recorded.features.iter().find(|one| one.latent == latent);
        self.feature = found.map_or(Remote::Idle, |one| Remote::Here(Shared::new(one.clone())));
    }
}

/// True if an address asks for nothing else than what was recorded.
fn answers(recorded: &Recorded, place: &Place) -> bool {
    fn agrees(asked: Option<&String>, here: &str) -> bool {
        asked.is_none_or(|asked| asked == here)
    }
    agrees(place.model.as_ref(), &recorded.model.id)
        && agrees(place.sae.as_ref(), &recorded.sae.id)
        && agrees(place.prompt.as_ref(), &recorded.prompt.text)
        && place.beside.is_empty()
        && place.bos.is_none()
}

#[cfg(test)]
mod tests {
    use super::super::browse::BrowseAction;
    use super::super::route::Route;
    use super::super::*;
    use crate::browse::Query;
    use crate::data::{Feature, Token};

    fn model() -> ModelInfo {
        ModelInfo {
            id: "demo".to_owned(),
            ..ModelInfo::default()
        }
    }

    fn sae(id: &str) -> SaeInfo {
        SaeInfo {
            id: id.to_owned(),
            ..SaeInfo::default()
        }
    }

    fn recorded() -> Recorded {
        Recorded {
            prompt: Example {
                name: "first".to_owned(),
                text: "one".to_owned(),
            },
            model: model(),
            sae: sae("b"),
            trace: trace("b"),
            features: vec![Feature {
                latent: 4,
                decoder_norm: 2.0,
                ..Feature::default()
            }],
        }
    }

    fn trace(sae: &str) -> Trace {
        Trace {
            prompt: "one".to_owned(),
            tokens: vec![Token::default(); 2],
            saes: vec![SaeTrace {
                id: sae.to_owned(),
                n_latents: 10,
                k: 1,
                latents: vec![3, 4],
                activations: vec![1.0, 2.0],
                ..SaeTrace::default()
            }],
            ..Trace::default()
        }
    }

    fn shown(hash: &str) -> State {
        State::new(Place::from_hash(hash)).after(Action::Recorded(Box::new(recorded())))
    }

    #[test]
    fn is_shown_at_once_and_gives_way_to_the_live_trace() {
        let state = shown("");
        assert!(state.recorded.is_some() && state.trace.is_some());
        assert_eq!(state.word(), "loading");
        assert!(matches!(&state.feature, Remote::Here(feature) if feature.decoder_norm == 2.0));
        // What is chosen meanwhile stays chosen.
        let state = state.after(Action::SelectToken(0, History::Push));
        let state = state.after(Action::EngineReady(model(), vec![sae("b")]));
        assert!(
            state.trace.is_some(),
            "nothing goes before the live one comes"
        );
        assert!(state.is_tracing());
        assert_eq!(state.word(), "loading");
        let state = state
            .after(Action::Arrived(Place::from_hash("")))
            .after(Action::Traced(trace("b")));
        assert!(state.recorded.is_none());
        assert_eq!((state.word(), state.place.token), ("ready", Some(0)));
    }

    #[test]
    fn what_a_person_does_while_the_demo_comes_stays_done() {
        let address = "#/features/layer-3?on=king&token=1";
        let query = |state: &State| state.place.browse.clone();
        let loaded = |state: State| {
            let state = state.after(Action::EngineReady(model(), vec![sae("b")]));
            state.after(Action::Arrived(Place::from_hash(address)))
        };
        let begun = shown(address);
        assert!(query(&begun).search.is_some());
        assert_eq!(query(&loaded(begun.clone())), query(&begun));
        assert_eq!(loaded(begun.clone()).place.token, Some(1));

        let cleared = begun.clone().after(Action::Browse(BrowseAction::Ask(
            Query::default(),
            History::Push,
        )));
        assert_eq!(query(&loaded(cleared)), Query::default());

        let elsewhere = begun
            .clone()
            .after(Action::Go(Route::Prompt))
            .after(Action::Type("two".to_owned()))
            .after(Action::SelectToken(0, History::Push));
        let place = loaded(elsewhere).place;
        assert_eq!(place.route, Route::Prompt);
        assert_eq!(place.prompt.as_deref(), Some("two"));
        assert_eq!(place.token, Some(0));

        // Back, and then the demo is there: what the address says by then.
        let back = begun.after(Action::Restore(Place::from_hash(
            "#/features/layer-1?up=Lord",
        )));
        assert_eq!(back.place.listed.as_deref(), Some("layer-1"));
        let place = loaded(back).place;
        assert_eq!(
            place,
            Place {
                prompt: place.prompt.clone(),
                token: place.token,
                sae: place.sae.clone(),
                feature: place.feature,
                model: place.model.clone(),
                ..Place::from_hash("#/features/layer-1?up=Lord")
            }
        );
    }

    #[test]
    fn a_feature_that_an_address_names_wrongly_is_told_when_the_model_is_there() {
        let address = "#/prompt?model=demo&sae=b&feature=99";
        let described = SaeInfo {
            n_latents: 10,
            ..sae("b")
        };
        let state = shown(address)
            .after(Action::EngineReady(model(), vec![described]))
            .after(Action::Arrived(Place::from_hash(address)))
            .after(Action::Traced(trace("b")));
        let note = state.note.expect("a note");
        assert!(note.text.contains("99"), "{}", note.text);
        assert!(!note.passing);
    }

    #[test]
    fn is_not_shown_for_a_link_about_something_else() {
        for hash in [
            "#/prompt?model=gpt2",
            "#/prompt?sae=other",
            "#/prompt?prompt=two",
            "#/prompt?bos=no",
        ] {
            assert!(shown(hash).trace.is_none(), "{hash}");
        }
        assert!(
            shown("#/prompt?model=demo&sae=b&prompt=one&token=1")
                .trace
                .is_some()
        );
    }

    #[test]
    fn a_live_trace_is_never_replaced_by_it() {
        let state = State::new(Place::default())
            .after(Action::EngineReady(model(), Vec::new()))
            .after(Action::Recorded(Box::new(recorded())));
        assert!(state.recorded.is_none() && state.trace.is_none());
    }

    #[test]
    fn without_its_sae_another_one_is_shown() {
        let state = shown("").after(Action::EngineReady(model(), vec![sae("c")]));
        assert!(state.recorded.is_none() && state.trace.is_none());
        assert_eq!(state.place.sae.as_deref(), Some("c"));
        assert_eq!(state.place.feature, None);
    }

    #[test]
    fn another_prompt_is_typed_over_it() {
        let state = shown("").after(Action::Type("two".to_owned()));
        assert!(state.recorded.is_some(), "it is still what is on screen");
        assert!(!state.is_current());
    }
}
