//! Layers × tokens: one feature of each SAE at each token.

use crate::data::{Neighbour, SaeTrace, Trace};
use crate::display::layer_of;
use crate::ranking::{self, Active, along, at_token};

/// Choice of the feature that a cell shows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// The most specific one of the token, see [`ranking::Specificity`].
    #[default]
    Specific,
    /// The one with the largest activation by magnitude.
    Strongest,
    /// In each row the counterpart of the selected feature: its nearest latent by decoder cosine.
    Matches,
}

impl Mode {
    /// All of them, in the order of their buttons.
    pub const ALL: [Self; 3] = [Self::Specific, Self::Strongest, Self::Matches];

    /// Its name in the address.
    pub fn name(self) -> &'static str {
        match self {
            Self::Specific => "specific",
            Self::Strongest => "strongest",
            Self::Matches => "matches",
        }
    }

    /// Its name on its button.
    pub fn title(self) -> &'static str {
        match self {
            Self::Specific => "Most specific",
            Self::Strongest => "Strongest",
            Self::Matches => "Counterparts",
        }
    }
}

/// The counterpart of a feature in an SAE.
#[derive(Clone, Debug, PartialEq)]
pub struct Counterpart {
    /// Id of the SAE.
    pub sae: String,
    /// Its nearest latent by decoder cosine, or why there is none.
    pub nearest: Result<Neighbour, String>,
}

/// The feature that a cell shows.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Shown {
    /// The latent.
    pub latent: u32,
    /// Its activation at the cell's token, in the SAE's own units; 0 where it is not active.
    pub activation: f32,
    /// Number of the prompt's tokens on which it is active, the BOS left out.
    pub tokens: usize,
}

/// An SAE along the prompt.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// Id of the SAE.
    pub id: String,
    /// Its hook point.
    pub hook: String,
    /// One entry per token; nothing at the BOS, and where there is no feature to show.
    pub cells: Vec<Option<Shown>>,
    /// The largest magnitude of the cells, for their tint.
    pub largest: f32,
    /// The counterpart that the row is of, where it is of one; or why there is none.
    pub counterpart: Option<Result<Neighbour, String>>,
}

/// A row for each SAE, in the order of the model: the most specific feature at each token, or the strongest one.
pub fn rows(trace: &Trace, strongest: bool) -> Vec<Row> {
    in_order(trace, |sae| {
        let specificity = ranking::specificity(trace, sae);
        let best = |token| match strongest {
            false => specificity
                .best_at(ranking::rows(sae), token)
                .map(|best| best.0),
            true => strongest_at(sae, token),
        };
        let cell = |token| {
            let Active { latent, activation } = best(token)?;
            let tokens = specificity.tokens(latent);
            Some(Shown {
                latent,
                activation,
                tokens,
            })
        };
        row(trace, sae, None, cell)
    })
}

/// A row for each SAE, in the order of the model: a feature's counterpart there, along the prompt.
pub fn counterparts(trace: &Trace, found: &[Counterpart]) -> Vec<Row> {
    in_order(trace, |sae| {
        let counterpart = found.iter().find(|one| one.sae == sae.id);
        let counterpart = counterpart.map(|one| one.nearest.clone());
        let Some(Ok(Neighbour { latent, .. })) = counterpart else {
            return row(trace, sae, counterpart, |_| None);
        };
        let activations = along(sae, trace.tokens.len(), latent);
        let own = activations.iter().skip(trace.first_own());
        let tokens = own.filter(|&&value| value != 0.0).count();
        row(trace, sae, counterpart, |token| {
            Some(Shown {
                latent,
                activation: activations.get(token).copied()?,
                tokens,
            })
        })
    })
}

/// Of equals the first: the engine lists the lower latent first.
fn strongest_at(sae: &SaeTrace, token: usize) -> Option<Active> {
    at_token(sae, token)
        .filter(Active::counts)
        .reduce(|best, next| {
            if next.activation.abs() > best.activation.abs() {
                next
            } else {
                best
            }
        })
}

fn in_order(trace: &Trace, row: impl Fn(&SaeTrace) -> Row) -> Vec<Row> {
    let mut rows: Vec<_> = trace.saes.iter().map(row).collect();
    rows.sort_by_key(|row| place(&row.hook));
    rows
}

fn row(
    trace: &Trace,
    sae: &SaeTrace,
    counterpart: Option<Result<Neighbour, String>>,
    cell: impl Fn(usize) -> Option<Shown>,
) -> Row {
    let first = trace.first_own();
    let cells: Vec<_> = (0..trace.tokens.len())
        .map(|token| if token < first { None } else { cell(token) })
        .collect();
    let magnitudes = cells.iter().flatten().map(|cell| cell.activation.abs());
    Row {
        id: sae.id.clone(),
        hook: sae.hook.clone(),
        largest: magnitudes.fold(0.0, f32::max),
        cells,
        counterpart,
    }
}

/// The order of hook points in a pass: the embeddings, the blocks, what comes after them.
fn place(hook: &str) -> u64 {
    match layer_of(hook) {
        Some(block) => u64::from(block) + 1,
        None if hook.starts_with("ln_final") => u64::MAX,
        None => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::Token;

    fn sae(hook: &str, rows: &[[(i32, f32); 2]]) -> SaeTrace {
        SaeTrace {
            id: hook.to_owned(),
            hook: hook.to_owned(),
            k: 2,
            n_latents: 10,
            latents: rows.iter().flatten().map(|one| one.0).collect(),
            activations: rows.iter().flatten().map(|one| one.1).collect(),
            ..SaeTrace::default()
        }
    }

    fn trace(saes: Vec<SaeTrace>, tokens: usize) -> Trace {
        Trace {
            tokens: vec![Token::default(); tokens],
            bos_prepended: true,
            saes,
            ..Trace::default()
        }
    }

    #[test]
    fn shows_the_most_specific_feature_or_the_strongest_one() {
        let one = sae(
            "blocks.3.hook_resid_post",
            &[
                [(1, 99.0), (9, 90.0)],
                [(1, 8.0), (5, 3.0)],
                [(1, 8.0), (6, 2.0)],
                [(1, 8.0), (-1, 0.0)],
                [(6, -4.0), (5, 3.0)],
            ],
        );
        let trace = trace(vec![one], 5);
        let latents = |all| {
            let rows = rows(&trace, all);
            let cells = rows[0].cells.iter();
            let latents: Vec<_> = cells.map(|cell| cell.map(|cell| cell.latent)).collect();
            (latents, rows[0].largest)
        };
        // Four own tokens. By |a|·ln(5/n): feature 1 is on three of them, 8·ln(5/3) = 4.09; 5 and 6 on two, 3·ln(5/2) = 2.75,
        // 2·ln(5/2) = 1.83 and 4·ln(5/2) = 3.67.
        assert_eq!(
            latents(false),
            (vec![None, Some(1), Some(1), Some(1), Some(6)], 8.0)
        );
        let weaker = |activation: f32| [(1, activation), (5, 3.0)];
        let one = sae(
            "hook_embed",
            &[
                weaker(9.0),
                weaker(6.0),
                weaker(6.0),
                [(1, 6.0), (-1, 0.0)],
                [(1, 6.0), (7, 1.5)],
            ],
        );
        let trace = super::tests::trace(vec![one], 5);
        // 6·ln(5/4) = 1.34, 3·ln(5/2) = 2.75, 1.5·ln(5) = 2.41.
        let shown = |strongest| {
            let rows = rows(&trace, strongest);
            let cells = rows[0]
                .cells
                .iter()
                .map(|cell| cell.map(|cell| (cell.latent, cell.tokens)));
            cells.collect::<Vec<_>>()
        };
        assert_eq!(
            shown(false),
            [None, Some((5, 2)), Some((5, 2)), Some((1, 4)), Some((7, 1))]
        );
        assert_eq!(
            shown(true),
            [None, Some((1, 4)), Some((1, 4)), Some((1, 4)), Some((1, 4))]
        );
    }

    #[test]
    fn a_counterpart_is_shown_along_the_prompt_or_why_there_is_none() {
        let one = sae(
            "blocks.3.hook_resid_post",
            &[
                [(4, 9.0), (9, 90.0)],
                [(4, 2.0), (5, 3.0)],
                [(6, -1.0), (5, 3.0)],
            ],
        );
        let other = sae("blocks.1.hook_resid_post", &[[(1, 9.0), (2, 1.0)]; 3]);
        let found = [
            Counterpart {
                sae: one.id.clone(),
                nearest: Ok(Neighbour {
                    latent: 4,
                    cosine: 0.75,
                }),
            },
            Counterpart {
                sae: other.id.clone(),
                nearest: Err("another width".to_owned()),
            },
        ];
        let rows = counterparts(&trace(vec![one, other], 3), &found);
        assert_eq!(rows[0].counterpart, Some(Err("another width".to_owned())));
        assert!(rows[0].cells.iter().all(Option::is_none));
        let shown = |latent, activation| {
            Some(Shown {
                latent,
                activation,
                tokens: 1,
            })
        };
        // At the BOS nothing; where it is not active, 0.
        assert_eq!(rows[1].cells, [None, shown(4, 2.0), shown(4, 0.0)]);
        assert_eq!(rows[1].largest, 2.0);
    }

    #[test]
    fn a_single_token_has_its_feature() {
        let trace = trace(
            vec![sae(
                "hook_embed",
                &[[(0, 1.0), (1, 0.5)], [(3, 2.0), (4, 1.0)]],
            )],
            2,
        );
        assert_eq!(
            rows(&trace, false)[0].cells[1].map(|cell| cell.latent),
            Some(3)
        );
    }

    #[test]
    fn what_is_not_a_number_is_passed_over() {
        let trace = trace(
            vec![sae(
                "hook_embed",
                &[[(0, 1.0), (-1, 0.0)], [(3, f32::NAN), (4, 0.25)]],
            )],
            2,
        );
        let rows = rows(&trace, false);
        assert_eq!(rows[0].cells[1].map(|cell| cell.latent), Some(4));
        assert_eq!(rows[0].largest, 0.25);
    }

    #[test]
    fn rows_stand_in_the_order_of_the_model() {
        let hooks = [
            "ln_final.hook_normalized",
            "blocks.10.hook_resid_post",
            "blocks.2.mlp.hook_post",
            "hook_embed",
        ];
        let trace = trace(hooks.map(|hook| sae(hook, &[])).to_vec(), 3);
        let rows = rows(&trace, false);
        let order: Vec<_> = rows.iter().map(|row| row.hook.as_str()).collect();
        assert_eq!(order, [hooks[3], hooks[2], hooks[1], hooks[0]]);
        assert!(rows.iter().all(|row| row.cells.iter().all(Option::is_none)));
        assert_eq!(layer_of("blocks.x.hook_resid_post"), None);
    }
}
