//! The feature set of a figure.

use explorer::Session;
use wire::address::NEURONS;

use super::args::Figure;
use super::error::FigureError;
use super::linked::{Unlinkable, linked};
use crate::error::Error;
use crate::load::{self, OpenSae};
use crate::place::Places;

/// The word that stands for the built-in demo.
pub const DEMO: &str = "demo";

/// The feature set of a figure.
pub struct Set {
    /// Its id.
    pub id: String,
    /// Its id in the page's addresses; the reason where a link cannot name it.
    pub linked: Result<String, Unlinkable>,
}

/// A feature set that the options name, before it is on the device.
enum Named {
    /// An autoencoder.
    Sae(Box<OpenSae>),
    /// The neurons of a hook point.
    Neurons(String),
}

/// Puts the one feature set on the device that a figure is of. The others that the options name stay in their files, so that
/// they have no say in whether a BOS goes before the prompt.
pub async fn load_set(
    session: &mut Session,
    places: &Places<'_>,
    arguments: &Figure,
) -> Result<Set, Error> {
    let mut sets: Vec<(Set, Named)> = Vec::new();
    let mut ids = Vec::new();
    let (given, neurons) = (&arguments.sets.sae, &arguments.sets.neurons);
    let is_demo = arguments.common.model == DEMO;
    let demo = [DEMO.to_owned()];
    let given = match given.is_empty() && neurons.is_empty() && is_demo {
        true => &demo[..],
        false => given,
    };
    for given in given {
        for sae in load::open_saes(places, given, &mut ids).await? {
            let linked = linked_sae(places, given, &sae.id, is_demo)?;
            let id = sae.id.clone();
            sets.push((Set { id, linked }, Named::Sae(Box::new(sae))));
        }
    }
    for hook in neurons {
        let id = format!("neurons.{hook}");
        ids.push(id.clone());
        let linked = Ok(format!("{NEURONS}{hook}"));
        sets.push((Set { id, linked }, Named::Neurons(hook.clone())));
    }
    // The page begins with the demo's middle one.
    let of_demo = neurons.is_empty() && matches!(given, [one] if one == DEMO);
    let middle = ids.get(ids.len() / 2).filter(|_| of_demo);
    let chosen = match (&arguments.set, middle) {
        (None, Some(middle)) => middle,
        (named, _) => load::chosen_set(named.as_deref(), &ids)?,
    };
    let found = sets.into_iter().find(|(set, _)| set.id == *chosen);
    let (set, named) = found.ok_or_else(|| FigureError::NoSet {
        given: chosen.to_owned(),
        named: ids.clone(),
    })?;
    match named {
        Named::Sae(sae) => load::put_sae(session, *sae, false).await?,
        Named::Neurons(hook) => drop(session.load_neurons(&set.id, &hook)?),
    }
    Ok(set)
}

/// The id in the page's addresses of an autoencoder that was given so.
fn linked_sae(
    places: &Places<'_>,
    given: &str,
    id: &str,
    is_demo: bool,
) -> Result<Result<String, Unlinkable>, Error> {
    if given == DEMO {
        let why = "the demo's autoencoders belong to the model `demo`";
        return Ok(match is_demo {
            true => Ok(id.to_owned()),
            false => Err(Unlinkable(given.to_owned(), why)),
        });
    }
    let (place, hook) = places.at_hook(given)?;
    let hook = hook.map_or_else(String::new, |hook| format!("@{hook}"));
    Ok(linked(given, &place).map(|name| name + &hook))
}
