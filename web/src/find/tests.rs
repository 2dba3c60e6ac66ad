use proptest::prelude::*;

use super::*;
use crate::data::{Example, SaeInfo};
use crate::offers::{Catalogue, CatalogueModel, CatalogueSae, Offer};

fn sae(id: &str, hook: &str, n_latents: usize) -> SaeInfo {
    SaeInfo {
        id: id.to_owned(),
        hook: hook.to_owned(),
        architecture: "topk".to_owned(),
        n_latents,
        ..SaeInfo::default()
    }
}

fn saes() -> Vec<SaeInfo> {
    vec![
        sae("openai.layer_1", "blocks.1.hook_resid_post", 4096),
        sae("openai.layer_3", "blocks.3.hook_resid_post", 4096),
        sae(
            "neurons:blocks.3.mlp.hook_post",
            "blocks.3.mlp.hook_post",
            1024,
        ),
    ]
}

fn examples() -> Vec<Example> {
    vec![
        Example {
            name: "Fairy tale".to_owned(),
            text: "Once upon a time".to_owned(),
        },
        Example {
            name: "Code".to_owned(),
            text: "def main():".to_owned(),
        },
    ]
}

fn catalogue() -> Catalogue {
    let offer = |id: &str, name: &str| Offer {
        id: id.to_owned(),
        name: name.to_owned(),
        ..Offer::default()
    };
    Catalogue {
        models: vec![CatalogueModel {
            offer: offer("gpt2", "GPT-2 small"),
            ..CatalogueModel::default()
        }],
        saes: vec![CatalogueSae {
            offer: offer("res-jb", "res-jb, before the block"),
            model: "gpt2".to_owned(),
            ..CatalogueSae::default()
        }],
        ..Catalogue::default()
    }
}

/// Looks in everything, with `openai.layer_3` selected.
fn look(query: &str, recent: &[Hit]) -> Found {
    let (saes, examples, catalogue) = (saes(), examples(), catalogue());
    let features = Features {
        saes: &saes,
        selected: Some("openai.layer_3"),
    };
    let commands = Commands {
        has_trace: true,
        loss_shown: false,
    };
    let catalogue = CatalogueSaes(Some(&catalogue));
    let (saes, examples) = (LoadedSaes(&saes), Examples(&examples));
    find(
        query,
        &[&features, &saes, &commands, &examples, &catalogue],
        recent,
    )
}

fn first(query: &str) -> Target {
    let found = look(query, &[]);
    assert_eq!(found.problem, None, "{query}");
    found.hits.into_iter().next().expect("a hit").target
}

fn feature(sae: &str, latent: u32) -> Target {
    Target::Feature {
        sae: sae.to_owned(),
        latent,
    }
}

#[test]
fn a_number_is_a_feature_of_the_selected_sae_or_of_the_one_named() {
    assert_eq!(first("903"), feature("openai.layer_3", 903));
    assert_eq!(first("L1/903"), feature("openai.layer_1", 903));
    assert_eq!(first("openai.layer_1/0"), feature("openai.layer_1", 0));
    assert_eq!(first("layer_1/7"), feature("openai.layer_1", 7));
    let both = look("layer 3 903", &[]).hits;
    let targets: Vec<_> = both.into_iter().map(|hit| hit.target).collect();
    assert_eq!(
        targets,
        [
            feature("openai.layer_3", 903),
            feature("neurons:blocks.3.mlp.hook_post", 903)
        ]
    );
    // Of two SAEs at a layer only the one that has so many features.
    assert_eq!(look("L3/2000", &[]).hits.len(), 1);
}

#[test]
fn what_is_not_there_is_said() {
    let why = |query| look(query, &[]).problem.unwrap_or_default();
    assert_eq!(
        why("99999"),
        "There is no feature 99999: this SAE has 4096, counted from 0."
    );
    assert_eq!(
        why("4096"),
        "There is no feature 4096: this SAE has 4096, counted from 0."
    );
    assert_eq!(
        why("99999999999999999999"),
        "There is no feature 99999999999999999999: this SAE has 4096, counted from 0."
    );
    assert_eq!(
        why("L7/3"),
        "No SAE of layer 7 is loaded: there are those of layers 1 and 3."
    );
    assert_eq!(
        why("nothing/3"),
        "No SAE with “nothing” in its name is loaded."
    );
    let features = Features {
        saes: &[],
        selected: None,
    };
    let found = find("903", &[&features], &[]);
    assert!(found.hits.is_empty());
    assert!(
        found
            .problem
            .is_some_and(|why| why.starts_with("No SAE is loaded"))
    );
}

#[test]
fn saes_examples_and_catalogue_are_found_by_parts_of_their_names() {
    assert_eq!(first("layer 1"), Target::Sae("openai.layer_1".to_owned()));
    assert_eq!(first("l1"), Target::Sae("openai.layer_1".to_owned()));
    assert_eq!(
        first("OPENAI.LAYER_3"),
        Target::Sae("openai.layer_3".to_owned())
    );
    assert_eq!(first("res-jb"), Target::CatalogueSae("res-jb".to_owned()));
    assert_eq!(
        first("gpt-2 small"),
        Target::CatalogueSae("res-jb".to_owned())
    );
    assert_eq!(
        first("fairy"),
        Target::Example("Once upon a time".to_owned())
    );
    assert_eq!(
        first("upon time"),
        Target::Example("Once upon a time".to_owned())
    );
    assert!(look("zebra", &[]).hits.is_empty());
}

#[test]
fn every_command_is_found_by_its_name() {
    for loss_shown in [false, true] {
        let commands = Commands {
            has_trace: true,
            loss_shown,
        };
        for command in commands.all() {
            for name in [command.name().to_owned(), command.name().to_uppercase()] {
                let found = find(&name, &[&commands], &[]);
                assert_eq!(
                    found.hits.first().map(|hit| &hit.target),
                    Some(&Target::Command(command)),
                    "{name}"
                );
            }
        }
    }
}

#[test]
fn commands_about_a_trace_need_one() {
    let none = Commands {
        has_trace: false,
        loss_shown: false,
    };
    assert!(!none.has(&Target::Command(Command::CopyJson)));
    assert!(none.has(&Target::Command(Command::Keys)));
}

#[test]
fn an_empty_query_gives_recent_choices_that_are_still_there_and_commands() {
    let hit = |target: Target| Hit {
        target,
        name: String::new(),
        about: String::new(),
    };
    let kept = hit(feature("openai.layer_3", 5));
    let gone = hit(feature("removed", 5));
    let keys = hit(Target::Command(Command::Keys));
    let recent = [keys, kept, gone]
        .iter()
        .fold(Vec::new(), |recent, hit| remember(&recent, hit));
    assert_eq!(recent.len(), 3);
    let found = look("  ", &recent).hits;
    assert_eq!(found[0].target, feature("openai.layer_3", 5));
    assert_eq!(found[1].target, Target::Command(Command::Keys));
    assert_eq!(
        found
            .iter()
            .filter(|hit| hit.target == Target::Command(Command::Keys))
            .count(),
        1
    );
    assert!(
        found
            .iter()
            .any(|hit| hit.target == Target::Command(Command::CopyLink))
    );
    // A choice that is made again moves to the front.
    assert_eq!(remember(&recent, &recent[2].clone()).len(), 3);
}

proptest! {
    #[test]
    fn any_text_is_looked_for(query in "([ /#@fFlL0-9.]|layer|feature|\\PC){0,24}") {
        let found = look(&query, &[]);
        prop_assert!(found.hits.len() <= MOST);
        for hit in &found.hits {
            prop_assert!(!hit.name.is_empty());
        }
    }

    #[test]
    fn every_feature_that_there_is_is_found(latent in 0u32..4096, layer in prop::sample::select(vec![1, 3])) {
        let found = look(&format!("L{layer}/{latent}"), &[]);
        prop_assert_eq!(&found.hits[0].target, &feature(&format!("openai.layer_{layer}"), latent));
    }
}
