//! Numbers of an evaluation as tables, to be copied and kept.

use yew::prelude::*;

use super::densities::densities;
use crate::components::term::described;
use crate::controller::Controller;
use crate::data::Table;
use crate::definitions::{DELTA_CE, FVU, KL, L0, RELATIVE_ERROR, Term};
use crate::shared::Shared;
use crate::state::compare::Found;

/// Words of tables that have definitions.
const TERMS: [Term; 5] = [FVU, RELATIVE_ERROR, L0, DELTA_CE, KL];

/// What there is; `running` while more comes.
pub fn results(controller: &Controller, found: &Shared<Found>, running: bool) -> Html {
    let copy = |what: &'static str, text: fn(&Found) -> String| {
        let (controller, found) = (controller.clone(), found.clone());
        move |_: MouseEvent| controller.copy(what, text(&found))
    };
    let download = {
        let controller = controller.clone();
        move |_: MouseEvent| controller.download_comparison()
    };
    html! {
        <div class="compared" data-testid="compared" data-stopped={found.stopped.to_string()} data-running={running.to_string()}>
            <p role="status">{ &found.head }{ if running { "; more is measured" } else { "" } }</p>
            { for found.failures.iter().map(|failure| html! {
                <p class="error" role="alert" data-testid="compare-failure">{ format!("{}: {}", failure.id, failure.message) }</p>
            }) }
            <div class="controls">
                <button type="button" class="quiet" data-testid="compare-tsv" onclick={copy("all tables, columns separated by tabs", tsv)}>{ "Copy as TSV" }</button>
                <button type="button" class="quiet" data-testid="compare-json" onclick={copy("the numbers as JSON", |found| found.json.clone())}>{ "Copy as JSON" }</button>
                <button type="button" class="quiet" data-testid="compare-download" title="The file that sae-explorer evaluate --out FILE.json writes" onclick={download}>{ "Download JSON" }</button>
            </div>
            { densities(&found.saes) }
            { for found.tables.iter().map(table) }
        </div>
    }
}

fn table(table: &Table) -> Html {
    let (head, rows) = table
        .rows
        .split_first()
        .map_or((&[][..], &[][..]), |(head, rows)| (&head[..], rows));
    let term = |name: &str| {
        let found = TERMS
            .into_iter()
            .find(|term| term.name == name || (*term == RELATIVE_ERROR && name == "rel. error"));
        found.map(|term| {
            described(
                term,
                if term == RELATIVE_ERROR {
                    "rel. error"
                } else {
                    term.name
                },
            )
        })
    };
    let cell = |(column, text): (usize, &String)| {
        let class = if column < table.left { "" } else { "number" };
        match column {
            0 => html! { <th scope="row">{ text }</th> },
            _ => html! { <td {class}>{ text }</td> },
        }
    };
    html! {
        <div class="compared-table" data-testid="compare-table" data-title={table.title.clone()}>
            <h3>{ &table.title }</h3>
            <div class="wide-table" tabindex="0" role="region" aria-label={table.title.clone()}>
                <table>
                    <thead><tr>{ for head.iter().enumerate().map(|(column, name)| html! {
                        <th scope="col" class={if column < table.left { "" } else { "number" }}>{ term(name).unwrap_or_else(|| html! { name }) }</th>
                    }) }</tr></thead>
                    <tbody>{ for rows.iter().map(|row| html! { <tr>{ for row.iter().enumerate().map(cell) }</tr> }) }</tbody>
                </table>
            </div>
            <ul class="meanings">{ for table.notes.iter().map(|note| html! { <li>{ note }</li> }) }</ul>
        </div>
    }
}

/// All tables, columns separated by tabs, an empty line between two tables.
fn tsv(found: &Found) -> String {
    let mut out = format!("{}\n", found.head);
    for table in &found.tables {
        out += &format!("\n{}\n", table.title);
        for row in &table.rows {
            out += &row.join("\t");
            out.push('\n');
        }
        for note in &table.notes {
            out += &format!("# {note}\n");
        }
    }
    out
}
