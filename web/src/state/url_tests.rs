//! Tests of addresses.

use proptest::prelude::*;

use wire::figure::{Part, Theme, View as Figure};

use super::atlas::AtlasFeature;
use super::lists::{Ranking, View};
use super::route::Route;
use super::tray::FeatureId;
use super::url::Place;
use super::views::{PromptView, Shown};
use crate::views::layers::Mode;

#[test]
fn an_address_about_a_prompt_is_the_same_that_others_write() {
    let written = wire::address::PromptAddress {
        model: "owner/name@v1:path",
        sae: "owner/saes:layer_8.pt@blocks.8.hook_resid_post",
        token: 3,
        feature: Some(903),
        bos: Some(true),
        prompt: "<b>&\"שלום\" + 😀\n%41",
    };
    let place = Place::from_hash(&written.to_hash());
    let expected = Place {
        route: Route::Prompt,
        model: Some(written.model.to_owned()),
        sae: Some(written.sae.to_owned()),
        token: Some(3),
        feature: Some(903),
        bos: Some(true),
        prompt: Some(written.prompt.to_owned()),
        ..Place::default()
    };
    assert_eq!(place, expected);
    // The page's own adds only what is left to it.
    let own = expected.to_hash().replace("&view=token&rank=max", "");
    assert_eq!(own, written.to_hash());
}

#[test]
fn a_figure_is_its_own_address_and_what_leads_out_of_it_is_the_page() {
    let place = Place::from_hash("#/embed/next-token?sae=a&token=3&theme=dark&prompt=x");
    assert_eq!(place.figure, Some(Figure::NextToken));
    assert_eq!(place.theme, Some(Theme::Dark));
    assert_eq!(place.route, Route::Prompt);
    assert!(place.to_hash().starts_with("#/embed/next-token?"));
    let page = place.clone().on(place.route);
    assert!(
        page.to_hash().starts_with("#/prompt?"),
        "{}",
        page.to_hash()
    );
    assert_eq!(page.as_figure(Figure::NextToken), place);
    assert_eq!(Place::from_hash("#/embed/graph?theme=green").theme, None);
    let hidden = Place::from_hash("#/embed/feature?hide=facts%2C+text,other");
    assert_eq!(hidden.hidden, Part::ALL);
    assert_eq!(Place::from_hash(&hidden.to_hash()), hidden);
    assert_eq!(hidden.on(Route::Prompt).hidden, []);
}

fn shown() -> impl Strategy<Value = Shown> {
    let layer = any::<Option<u32>>();
    (0usize..4, layer, any::<Option<u32>>(), 0usize..3).prop_map(|(view, layer, head, mode)| {
        let view = PromptView::ALL[view];
        let mode = Mode::ALL[mode];
        Shown {
            view,
            layer,
            head,
            mode,
        }
        .sound()
    })
}

fn features() -> impl Strategy<Value = FeatureId> {
    (".+", any::<u32>()).prop_map(|(sae, latent)| FeatureId { sae, latent })
}

fn pins() -> impl Strategy<Value = Vec<FeatureId>> {
    prop::collection::vec(features(), 0..3).prop_map(|mut pins| {
        pins.dedup();
        pins
    })
}

fn edits() -> impl Strategy<Value = wire::Edit> {
    let operation = (0usize..3, -1e6f32..1e6).prop_map(|(kind, value)| match kind {
        0 => wire::Operation::Set(value),
        1 => wire::Operation::Add(value),
        _ => wire::Operation::Scale(value),
    });
    let positions = prop_oneof![
        Just(None),
        any::<u16>().prop_map(|from| Some(wire::Positions::starting_at(u32::from(from)))),
        prop::collection::btree_set(0u32..2000, 1..20)
            .prop_map(|positions| Some(positions.into_iter().collect())),
    ];
    let when = prop::option::of((features(), -1e6f32..1e6));
    (features(), operation, positions, when, any::<bool>()).prop_map(
        |(FeatureId { sae, latent }, operation, positions, when, on)| wire::Edit {
            positions,
            when: when.map(|(FeatureId { sae, latent }, above)| wire::Condition {
                sae,
                latent,
                above,
            }),
            on,
            ..wire::Edit::new(&sae, latent, operation)
        },
    )
}

fn places() -> impl Strategy<Value = Place> {
    let tray = (
        pins(),
        prop::collection::vec(edits(), 0..3),
        super::asked::tests::asked(),
        crate::circuits::controls::tests::controls(),
    );
    (
        tray,
        any::<Option<String>>(),
        any::<Option<String>>(),
        any::<Vec<String>>(),
        any::<Option<usize>>(),
        any::<Option<u32>>(),
        any::<bool>(),
        0usize..4,
        any::<Option<String>>(),
        (
            any::<Option<bool>>(),
            0usize..Route::ALL.len(),
            shown(),
            prop::option::of((".+", any::<u32>())),
            (
                prop::option::of(0usize..Figure::ALL.len()),
                prop::option::of(0usize..Theme::ALL.len()),
                prop::option::of(".+"),
                crate::browse::query::tests::queries(),
                prop::option::of("[a-z0-9][a-z0-9._-]*"),
            ),
        ),
    )
        .prop_map(
            |(
                (pins, edits, asked, graph),
                model,
                sae,
                beside,
                token,
                feature,
                whole,
                ranking,
                prompt,
                (bos, route, shown, page, (figure, theme, listed, browse, atlas)),
            )| {
                let place = Place {
                    figure: None,
                    hidden: Vec::new(),
                    theme: theme.map(|theme| Theme::ALL[theme]),
                    pins,
                    edits,
                    asked,
                    graph,
                    route: Route::ALL[route],
                    listed: listed
                        .filter(|_| Route::ALL[route] == Route::Features && page.is_none()),
                    browse,
                    atlas,
                    page: page
                        .filter(|_| Route::ALL[route] == Route::Features)
                        .map(|(set, latent)| AtlasFeature { set, latent }),
                    bos,
                    shown,
                    model,
                    sae,
                    token,
                    feature,
                    view: if whole { View::Prompt } else { View::Token },
                    ranking: Ranking::ALL[ranking],
                    prompt,
                    beside,
                };
                match figure {
                    Some(figure) => place.as_figure(Figure::ALL[figure]),
                    None => place,
                }
            },
        )
}

proptest! {
    #[test]
    fn an_address_gives_its_place_back(place in places()) {
        let hash = place.to_hash();
        prop_assert!(hash.is_ascii());
        prop_assert_eq!(Place::from_hash(&hash), place);
    }

    #[test]
    fn any_text_is_read(hash in any::<String>()) {
        let place = Place::from_hash(&hash);
        prop_assert_eq!(Place::from_hash(&place.to_hash()), place);
    }
}

#[test]
fn reads_what_people_type() {
    let place = Place::from_hash(
        "#prompt=a+king%20and%zz%&token=-1&feature=12&view=prompt&rank=mean&x=y&z&bos=maybe",
    );
    assert_eq!(place.bos, None);
    assert_eq!(Place::from_hash("#bos=no").bos, Some(false));
    assert_eq!(place.prompt.as_deref(), Some("a king and%zz%"));
    assert_eq!((place.token, place.feature), (None, Some(12)));
    assert_eq!((place.view, place.ranking), (View::Prompt, Ranking::Mean));
    assert_eq!(Place::from_hash(""), Place::default());
    assert_eq!(place.route, Route::Prompt);
    assert_eq!(Place::from_hash("#/").route, Route::Start);
    assert_eq!(Place::from_hash("#/library").route, Route::Library);
    // A page that there is not yet, or no longer: the start, with what else the address says.
    let place = Place::from_hash("#/nowhere?token=3");
    assert_eq!((place.route, place.token), (Route::Start, Some(3)));
}

#[test]
fn pins_and_edits_can_be_read_and_typed() {
    let hash = "#/prompt?view=token&rank=max&pin=openai.layer_3/903&pin=a@8/2&edit=openai.layer_3:903=-1.5@5,7..10&edit=!a:2=%2B6x";
    let place = Place::from_hash(hash);
    assert_eq!((place.pins.len(), place.edits.len()), (2, 2));
    assert_eq!(place.to_hash(), hash);
    // As earlier links have it, and from the time when steering had edits of its own.
    let earlier = "#/steer?edit=openai.layer_3/903=-1.5@5,7-9&steer=openai.layer_3:7=%2B2x";
    let edits = wire::Edits(Place::from_hash(earlier).edits).to_string();
    assert_eq!(
        edits,
        "openai.layer_3:903=-1.5@5,7..10; openai.layer_3:7=+2x"
    );
    // A feature is pinned once; what is no feature or no edit is passed over.
    let place = Place::from_hash("#pin=a/1&pin=a/1&pin=a&edit=a/1=x@3");
    assert_eq!((place.pins.len(), place.edits.len()), (1, 0));
}

#[test]
fn a_link_leads_past_the_introduction() {
    let place = Place::from_hash("#/?model=demo&token=3");
    assert_eq!(place.route, Route::Start);
    assert!(place.to_link().starts_with("#/prompt?model=demo&token=3"));
    let library = place.on(Route::Library);
    assert_eq!(library.to_link(), library.to_hash());
}
