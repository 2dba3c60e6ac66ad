//! Layers × tokens: the strongest specific feature of each SAE at each token.

use crate::data::{SaeTrace, Trace};
use crate::display::layer_of;
use crate::ranking::{Active, at_token};

/// A feature is specific if it is active on at most this share of the prompt's tokens, the BOS left out. What is active on more of
/// them says little about any one.
const SPECIFIC: f64 = 0.5;

/// The feature that a cell shows.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Strongest {
    /// The latent.
    pub latent: u32,
    /// Its activation at the cell's token, in the SAE's own units.
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
    /// One entry per token; nothing at the BOS, and where no feature that is counted is active.
    pub cells: Vec<Option<Strongest>>,
    /// Features that are active in this prompt but not specific.
    pub unspecific: usize,
    /// The largest magnitude of the cells, for their tint.
    pub largest: f32,
}

/// Number of the prompt's own tokens that a specific feature is active on at most; at least 1, so that a short prompt has some.
pub fn at_most(trace: &Trace) -> usize {
    let own = trace.tokens.len().saturating_sub(trace.first_own());
    ((own as f64 * SPECIFIC) as usize).max(1)
}

/// A row for each SAE, in the order of the model. With `all` features that are not specific count as well.
pub fn rows(trace: &Trace, all: bool) -> Vec<Row> {
    let mut rows: Vec<_> = trace.saes.iter().map(|sae| row(trace, sae, all)).collect();
    rows.sort_by_key(|row| place(&row.hook));
    rows
}

fn row(trace: &Trace, sae: &SaeTrace, all: bool) -> Row {
    let (tokens, first) = (trace.tokens.len(), trace.first_own());
    let latents = sae
        .latents
        .iter()
        .filter_map(|&latent| u32::try_from(latent).ok());
    let mut counts = vec![0_usize; latents.max().map_or(0, |latent| latent as usize + 1)];
    for token in first..tokens {
        for active in at_token(sae, token).filter(is_active) {
            counts[active.latent as usize] += 1;
        }
    }
    let limit = if all { tokens } else { at_most(trace) };
    let cell = |token| {
        let specific = at_token(sae, token)
            .filter(|active| is_active(active) && counts[active.latent as usize] <= limit);
        // Of equals the first: the engine lists the lower latent first.
        let strongest = specific.reduce(|best, next| {
            if next.activation.abs() > best.activation.abs() {
                next
            } else {
                best
            }
        })?;
        Some(Strongest {
            latent: strongest.latent,
            activation: strongest.activation,
            tokens: counts[strongest.latent as usize],
        })
    };
    let cells: Vec<_> = (0..tokens)
        .map(|token| if token < first { None } else { cell(token) })
        .collect();
    let magnitudes = cells.iter().flatten().map(|cell| cell.activation.abs());
    Row {
        id: sae.id.clone(),
        hook: sae.hook.clone(),
        largest: magnitudes.fold(0.0, f32::max),
        unspecific: counts
            .iter()
            .filter(|&&count| count > at_most(trace))
            .count(),
        cells,
    }
}

/// True for what has a value other than 0.
fn is_active(active: &Active) -> bool {
    active.activation != 0.0 && !active.activation.is_nan()
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
    fn shows_the_strongest_feature_that_is_not_active_nearly_everywhere() {
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
            (latents, rows[0].unspecific, rows[0].largest)
        };
        assert_eq!(
            latents(false),
            (vec![None, Some(5), Some(6), None, Some(6)], 1, 4.0)
        );
        assert_eq!(
            latents(true),
            (vec![None, Some(1), Some(1), Some(1), Some(6)], 1, 8.0)
        );
        assert_eq!(
            rows(&trace, false)[0].cells[1].map(|cell| cell.tokens),
            Some(2)
        );
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
