//! `atlas list`: the features of a set.

use std::collections::HashMap;
use std::io::{self, Write as _};

use atlas::record::FeatureRow;
use atlas::{AtlasInfo, Quantity, SetInfo};
use atlas_folder::Folder;
use serde::Serialize;

use super::args::{List, Sort};
use super::error::AtlasError;
use super::show::number;
use super::words::{Words, chosen, harmless};
use crate::error::Error;
use crate::table::{Side, align};

/// A feature, as `--json` prints it. Numbers that are not known are null.
#[derive(Serialize)]
struct Json<'a> {
    latent: u32,
    label: &'a str,
    fired: Option<u64>,
    density: Option<f64>,
    max: Option<f32>,
    mean: Option<f32>,
    mean_square: Option<f32>,
    skew: Option<f32>,
    kurtosis: Option<f32>,
    /// Times that it fires on the token that was requested.
    #[serde(skip_serializing_if = "Option::is_none")]
    on_token: Option<u64>,
}

/// A row of the list.
struct Row {
    row: FeatureRow,
    density: Option<f64>,
    on_token: Option<u64>,
}

/// Prints a list.
pub fn list(arguments: &List) -> Result<(), Error> {
    let folder = Folder::open(&arguments.dir).map_err(AtlasError::from)?;
    let set = chosen(&folder, &arguments.set)?;
    let info = folder.info();
    let words = Words(folder.vocabulary().map_err(AtlasError::from)?);
    let mut rows = rows(&folder, set)?;
    if let Some(text) = &arguments.token {
        rows = on_token(&folder, set, &words, rows, text)?;
    }
    if arguments.token.is_none() || arguments.sort != Sort::Latent {
        sort(info, &mut rows, arguments.sort)?;
    }
    let total = rows.len();
    if arguments.limit > 0 {
        rows.truncate(arguments.limit);
    }
    let mut out = io::stdout().lock();
    if arguments.json {
        let rows: Vec<Json<'_>> = rows.iter().map(|row| json(info, row)).collect();
        return crate::print_json(&mut out, &rows);
    }
    out.write_all(render(info, &words, &rows).as_bytes())?;
    if rows.len() < total {
        writeln!(out, "{} more; --limit 0 lists all", total - rows.len())?;
    }
    Ok(())
}

/// All features of the set that the atlas knows.
fn rows(folder: &Folder, set: &SetInfo) -> Result<Vec<Row>, AtlasError> {
    let info = folder.info();
    let table = folder.table(set)?.ok_or_else(|| AtlasError::Without {
        set: set.id.clone(),
        what: "table of its features",
    })?;
    let is_imported = info.imported.is_some();
    let mut rows: Vec<Row> = table
        .into_iter()
        .filter(|row| info.has(&set.id, row.latent))
        .map(|row| Row {
            density: (!is_imported && set.tokens > 0).then(|| row.fired as f64 / set.tokens as f64),
            on_token: None,
            row,
        })
        .collect();
    // An imported atlas may know shares without counts: they are in the records.
    if is_imported && info.knows(Quantity::Density) {
        let mut records = folder
            .shards(set)
            .filter_map(Result::ok)
            .flatten()
            .peekable();
        for row in &mut rows {
            while records
                .next_if(|record| record.latent < row.row.latent)
                .is_some()
            {}
            let record = records.next_if(|record| record.latent == row.row.latent);
            row.density = record.map(|record| record.moments.density);
        }
    }
    Ok(rows)
}

/// Those that fire on a token, most often first.
fn on_token(
    folder: &Folder,
    set: &SetInfo,
    words: &Words,
    rows: Vec<Row>,
    text: &str,
) -> Result<Vec<Row>, AtlasError> {
    let Some(vocabulary) = &words.0 else {
        return Err(AtlasError::NoVocabulary {
            dir: folder.path().to_owned(),
            hint: ", so no token can be looked up by its text",
        });
    };
    let index = folder
        .token_index(set)?
        .ok_or_else(|| AtlasError::Without {
            set: set.id.clone(),
            what: "index of tokens",
        })?;
    let Some(token) = vocabulary.iter().position(|token| token == text.as_bytes()) else {
        let spaced = format!(" {}", text.trim());
        let near = [spaced.as_str(), text.trim()];
        let near = near
            .iter()
            .find(|near| vocabulary.iter().any(|token| token == near.as_bytes()));
        return Err(AtlasError::NoToken {
            text: text.to_owned(),
            near: near.map_or_else(String::new, |near| format!("; there is {near:?}")),
        });
    };
    let fires = index.get(token).map(Vec::as_slice).unwrap_or_default();
    let mut by_latent: HashMap<u32, Row> =
        rows.into_iter().map(|row| (row.row.latent, row)).collect();
    let found = fires.iter().filter_map(|(latent, fired)| {
        let row = by_latent.remove(latent)?;
        Some(Row {
            on_token: Some(*fired),
            ..row
        })
    });
    Ok(found.collect())
}

fn sort(info: &AtlasInfo, rows: &mut [Row], by: Sort) -> Result<(), AtlasError> {
    let needed = match by {
        Sort::Density => Some((Quantity::Density, "the density")),
        Sort::Max => Some((Quantity::Max, "the largest activation")),
        Sort::Mean => Some((Quantity::Mean, "the mean")),
        Sort::MeanSquare => Some((Quantity::MeanSquare, "the mean square")),
        Sort::Latent | Sort::Label | Sort::Skew | Sort::Kurtosis => None,
    };
    if let Some((quantity, what)) = needed
        && !info.knows(quantity)
    {
        let format = info
            .imported
            .as_ref()
            .map_or_else(String::new, |imported| imported.format.clone());
        return Err(AtlasError::Unknown { what, format });
    }
    let number = |row: &Row| -> Option<f64> {
        match by {
            Sort::Density => row.density,
            Sort::Max => Some(row.row.max.into()),
            Sort::Mean => Some(row.row.mean.into()),
            Sort::MeanSquare => Some(row.row.mean_square.into()),
            Sort::Skew => row.row.skew.map(f64::from),
            Sort::Kurtosis => row.row.kurtosis.map(f64::from),
            Sort::Latent | Sort::Label => None,
        }
    };
    let label = |row: &Row| (row.row.label.is_empty(), row.row.label.clone());
    rows.sort_by(|one, other| {
        let order = match by {
            Sort::Label => label(one).cmp(&label(other)),
            // Missing ones last.
            _ => match (number(one), number(other)) {
                (Some(one), Some(other)) => other.total_cmp(&one),
                (one, other) => other.is_some().cmp(&one.is_some()),
            },
        };
        order.then_with(|| one.row.latent.cmp(&other.row.latent))
    });
    Ok(())
}

fn json<'a>(info: &AtlasInfo, row: &'a Row) -> Json<'a> {
    let of = &row.row;
    Json {
        latent: of.latent,
        label: &of.label,
        fired: info.knows(Quantity::Fired).then_some(of.fired),
        density: row.density,
        max: info.knows(Quantity::Max).then_some(of.max),
        mean: info.knows(Quantity::Mean).then_some(of.mean),
        mean_square: info.knows(Quantity::MeanSquare).then_some(of.mean_square),
        skew: of.skew,
        kurtosis: of.kurtosis,
        on_token: row.on_token,
    }
}

fn render(info: &AtlasInfo, words: &Words, rows: &[Row]) -> String {
    let has_token = rows.iter().any(|row| row.on_token.is_some());
    let on_token = if has_token { "on the token" } else { "" };
    let titles = [
        "latent",
        "density %",
        "largest",
        "mean",
        on_token,
        "most on",
        "label",
    ];
    let mut table = vec![titles.map(str::to_owned)];
    let dash = || "–".to_owned();
    let known = |quantity, value: f32| {
        if info.knows(quantity) {
            number(value.into())
        } else {
            dash()
        }
    };
    for row in rows {
        table.push([
            row.row.latent.to_string(),
            row.density
                .map_or_else(dash, |density| number(100.0 * density)),
            known(Quantity::Max, row.row.max),
            known(Quantity::Mean, row.row.mean),
            row.on_token
                .map_or_else(String::new, |count| count.to_string()),
            row.row.token.map_or_else(dash, |token| words.token(token)),
            harmless(&row.row.label),
        ]);
    }
    let mut out = String::new();
    let sides = [
        Side::Right,
        Side::Right,
        Side::Right,
        Side::Right,
        Side::Right,
        Side::Left,
        Side::Left,
    ];
    align(&mut out, &table, &sides);
    out
}
