//! Comparison of results: by bits, or within a relative bound; what is not a number is never equal to anything.

use explorer::{Edited, Metrics, NextToken, SaeTrace, Trace};

/// Fails where a value is not a number or further off than `bound · max(|expected|, 1)`.
#[track_caller]
pub fn close(found: f64, expected: f64, bound: f64, what: &str) {
    assert!(
        (found - expected).abs() <= bound * expected.abs().max(1.0),
        "{what}: {found:e}, not {expected:e}"
    );
}

/// The same for lists.
#[track_caller]
pub fn all_close(found: &[f32], expected: &[f32], bound: f64, what: &str) {
    assert_eq!(found.len(), expected.len(), "{what}");
    for (at, (found, expected)) in found.iter().zip(expected).enumerate() {
        let what = format!("{what} at {at}");
        close(f64::from(*found), f64::from(*expected), bound, &what);
    }
}

/// Fails where a bit differs, and where both are the same NaN.
#[track_caller]
pub fn same_bits(found: &[f32], expected: &[f32], what: &str) {
    assert_eq!(found.len(), expected.len(), "{what}");
    let differs = |(found, expected): (&f32, &f32)| {
        found.to_bits() != expected.to_bits() || !expected.is_finite()
    };
    let at = found.iter().zip(expected).position(differs);
    assert_eq!(
        at.map(|at| (at, found[at], expected[at])),
        None,
        "{what}: first difference"
    );
}

#[test]
#[should_panic(expected = "first difference")]
fn equal_nans_are_a_difference() {
    same_bits(&[1.0, f32::NAN], &[1.0, f32::NAN], "lists");
}

#[test]
#[should_panic(expected = "value")]
fn a_nan_is_close_to_nothing() {
    close(f64::NAN, f64::NAN, 1.0, "value");
}

#[track_caller]
fn same_next(found: &[Vec<NextToken>], expected: &[Vec<NextToken>], bound: f64, what: &str) {
    assert_eq!(found.len(), expected.len(), "{what}");
    for (found, expected) in found.iter().zip(expected) {
        let logits = |next: &[NextToken]| next.iter().map(|next| next.logit).collect::<Vec<_>>();
        all_close(&logits(found), &logits(expected), bound, what);
        let gap = expected
            .windows(2)
            .map(|pair| pair[0].logit - pair[1].logit);
        // Of two that are as likely the other one may come first.
        if bound == 0.0 || gap.into_iter().all(|gap| f64::from(gap) > 50.0 * bound) {
            let ids = |next: &[NextToken]| next.iter().map(|next| next.id).collect::<Vec<_>>();
            assert_eq!(ids(found), ids(expected), "{what}");
        }
    }
}

#[track_caller]
fn same_metrics(found: &Metrics, expected: &Metrics, bound: f64, what: &str) {
    assert_eq!(found.positions, expected.positions, "{what}");
    let of = |m: &Metrics| {
        [
            m.l0,
            m.fvu,
            m.relative_error,
            m.cosine,
            m.spliced_loss,
            m.delta_ce,
            m.kl,
        ]
    };
    for (found, expected) in of(found).into_iter().zip(of(expected)) {
        optional(found, expected, bound, what);
    }
}

#[track_caller]
pub fn optional(found: Option<f64>, expected: Option<f64>, bound: f64, what: &str) {
    match (found, expected) {
        (Some(found), Some(expected)) => close(found, expected, bound, what),
        _ => assert_eq!(found, expected, "{what}"),
    }
}

#[track_caller]
fn same_sae(found: &SaeTrace, expected: &SaeTrace, bound: f64, what: &str) {
    let what = &format!("{what}, {}", expected.id);
    let described = |sae: &SaeTrace| SaeTrace {
        latents: Vec::new(),
        activations: Vec::new(),
        metrics: Metrics::default(),
        cautions: Vec::new(),
        ..sae.clone()
    };
    assert_eq!(described(found), described(expected), "{what}");
    assert_eq!(found.k, expected.k, "{what}");
    assert_eq!(found.latents, expected.latents, "{what}");
    all_close(&found.activations, &expected.activations, bound, what);
    same_metrics(&found.metrics, &expected.metrics, bound, what);
    assert_eq!(found.skipped, expected.skipped, "{what}");
    assert_eq!(found.cautions, expected.cautions, "{what}");
}

/// Two traces of one prompt: the same latents, and numbers within `bound · max(|expected|, 1)`; with 0, the same ones.
#[track_caller]
pub fn same_trace(found: &Trace, expected: &Trace, bound: f64, what: &str) {
    assert_eq!(found.tokens, expected.tokens, "{what}");
    assert_eq!(found.bos_prepended, expected.bos_prepended, "{what}");
    optional(found.loss, expected.loss, bound, what);
    all_close(&found.token_losses, &expected.token_losses, bound, what);
    same_next(
        &found.next_by_position,
        &expected.next_by_position,
        bound,
        what,
    );
    assert_eq!(found.saes.len(), expected.saes.len(), "{what}");
    for (found, expected) in found.saes.iter().zip(&expected.saes) {
        same_sae(found, expected, bound, what);
    }
    assert_eq!(found.dump.is_some(), expected.dump.is_some(), "{what}");
    if let (Some(found), Some(expected)) = (&found.dump, &expected.dump) {
        all_close(&found.logits.data, &expected.logits.data, bound, what);
        let streams = found.resid_post.iter().zip(&expected.resid_post);
        let reconstructions = found.reconstructions.iter().zip(&expected.reconstructions);
        for (found, expected) in streams.chain(reconstructions) {
            all_close(&found.data, &expected.data, bound, what);
        }
    }
}

/// Two edited runs of one prompt, within `bound · max(|expected|, 1)`; with 0, the same numbers.
#[track_caller]
pub fn same_edited(found: &Edited, expected: &Edited, bound: f64, what: &str) {
    optional(found.loss, expected.loss, bound, what);
    all_close(&found.token_losses, &expected.token_losses, bound, what);
    same_next(
        &found.next_by_position,
        &expected.next_by_position,
        bound,
        what,
    );
    optional(found.kl, expected.kl, bound, what);
    all_close(&found.kl_by_position, &expected.kl_by_position, bound, what);
    let pairs = [
        (&found.logits, &expected.logits),
        (&found.activation, &expected.activation),
    ];
    for (found, expected) in pairs {
        assert_eq!(found.is_some(), expected.is_some(), "{what}");
        if let (Some(found), Some(expected)) = (found, expected) {
            all_close(&found.data, &expected.data, bound, what);
        }
    }
}
