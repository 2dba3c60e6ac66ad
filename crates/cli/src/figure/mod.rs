//! `figure`: a prompt and one feature as a page in one file, for a notebook or an article.

mod args;
mod chips;
mod data;
pub mod error;
mod html;
mod linked;
mod live;
mod out;
mod parts;
mod set;

use std::io;

use explorer::{LimitsChoice, Session, TraceOptions};

pub use args::Figure;

use crate::error::Error;
use crate::place::Places;
use crate::{load, print_json};
use data::{Data, JsonFigure};
use error::FigureError;

/// Makes the figure and writes it.
pub async fn figure(arguments: &Figure) -> Result<(), Error> {
    let common = &arguments.common;
    let out = out::Destination::new(arguments)?;
    let prompt = load::prompt(&arguments.prompt)?;
    let places = Places::new(&common.downloads);
    let site = arguments
        .site
        .as_deref()
        .map(|site| live::Site::new(site, &places, &common.model));
    let site = site.transpose()?;
    let mut session = Session::new(common.backend.into(), LimitsChoice::Adapter).await?;
    load::model(&mut session, &places, &common.model).await?;
    let set = set::load_set(&mut session, &places, arguments).await?;
    let info = session.info();
    let sae = info.saes.iter().find(|sae| sae.id == set.id);
    let sae = sae.ok_or_else(|| FigureError::NoSet {
        given: set.id.clone(),
        named: info.saes.iter().map(|sae| sae.id.clone()).collect(),
    })?;
    if let Some(feature) = arguments.feature
        && feature as usize >= sae.n_latents
    {
        return Err(FigureError::NoFeature {
            feature,
            set: set.id,
            n_latents: sae.n_latents,
        }
        .into());
    }
    let options = TraceOptions {
        saes: Some(vec![set.id.clone()]),
        bos: common.bos.into(),
        ..TraceOptions::default()
    };
    let trace = session.trace(&prompt, &options).await?;
    let (token, feature) = data::selection(&trace, arguments.token, arguments.feature)?;
    let described = match feature {
        Some(feature) => Some(session.feature(&set.id, feature).await?),
        None => None,
    };
    let link = site.map(|site| {
        site.link(
            &set,
            &live::Shown {
                prompt: &prompt,
                token,
                feature,
                bos: common.bos,
            },
        )
    });
    let data = Data::new(
        &prompt,
        &trace,
        &info,
        token,
        described.as_ref(),
        link.transpose()?,
    )?;
    out.write(html::page(&data).as_bytes())?;
    if common.json {
        return print_json(
            &mut io::stdout().lock(),
            &JsonFigure::new(&data, out.path()),
        );
    }
    Ok(())
}
