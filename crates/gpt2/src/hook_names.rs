//! Names of hook points: TransformerLens's, old and new, and those of Hugging Face's modules.

use std::str::FromStr;

use crate::HookPoint;

/// A name that is no hook point of this model.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no hook point is called {0:?}; {suggestion}", suggestion = suggestion(.0))]
pub struct UnknownHook(pub String);

/// The end of a name in a block, and its hook point by the block's number.
type Name = (&'static str, fn(usize) -> HookPoint);

/// Names after `blocks.{L}.`: first those that the points are shown by, then others of the same activation. That they are
/// the same was measured with TransformerLens 3.9's TransformerBridge: the differences are exactly 0.
const BLOCK: [Name; 18] = [
    ("hook_resid_pre", HookPoint::ResidPre),
    ("attn.hook_z", HookPoint::Z),
    ("hook_attn_out", HookPoint::AttnOut),
    ("hook_resid_mid", HookPoint::ResidMid),
    ("mlp.hook_post", HookPoint::MlpPost),
    ("hook_mlp_out", HookPoint::MlpOut),
    ("hook_resid_post", HookPoint::ResidPost),
    ("hook_in", HookPoint::ResidPre),
    ("ln1.hook_in", HookPoint::ResidPre),
    ("hook_z", HookPoint::Z),
    ("attn.o.hook_in", HookPoint::Z),
    ("attn.hook_out", HookPoint::AttnOut),
    ("attn.o.hook_out", HookPoint::AttnOut),
    ("ln2.hook_in", HookPoint::ResidMid),
    ("mlp.out.hook_in", HookPoint::MlpPost),
    ("mlp.hook_out", HookPoint::MlpOut),
    ("mlp.out.hook_out", HookPoint::MlpOut),
    ("hook_out", HookPoint::ResidPost),
];

/// Names after `transformer.h.{L}`: the outputs of Hugging Face's modules.
const MODULE: [Name; 7] = [
    ("", HookPoint::ResidPost),
    (".attn", HookPoint::AttnOut),
    (".attn.c_proj", HookPoint::AttnOut),
    (".attn.resid_dropout", HookPoint::AttnOut),
    (".mlp", HookPoint::MlpOut),
    (".mlp.c_proj", HookPoint::MlpOut),
    (".mlp.act", HookPoint::MlpPost),
];

/// Names outside of blocks.
const OUTSIDE: [(&str, HookPoint); 10] = [
    ("hook_embed", HookPoint::Embed),
    ("hook_pos_embed", HookPoint::PosEmbed),
    ("ln_final.hook_normalized", HookPoint::LnFinalNormalized),
    ("ln_final.hook_out", HookPoint::LnFinalOut),
    ("embed.hook_out", HookPoint::Embed),
    ("pos_embed.hook_out", HookPoint::PosEmbed),
    ("transformer.wte", HookPoint::Embed),
    ("transformer.wpe", HookPoint::PosEmbed),
    ("transformer.ln_f", HookPoint::LnFinalOut),
    ("transformer.drop", HookPoint::ResidPre(0)),
];

/// Beginnings of the names in blocks, and the names that follow the block's number.
const FAMILIES: [(&str, &str, &[Name]); 4] = [
    ("blocks.", ".", &BLOCK),
    ("transformer.h.", "", &MODULE),
    ("h.", "", &MODULE),
    ("model.transformer.h.", "", &MODULE),
];

impl FromStr for HookPoint {
    type Err = UnknownHook;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        if let Some((_, point)) = OUTSIDE.iter().find(|(known, _)| *known == name) {
            return Ok(*point);
        }
        let unknown = || UnknownHook(name.to_owned());
        for (beginning, separator, names) in FAMILIES {
            let Some((layer, rest)) = split_layer(name, beginning) else {
                continue;
            };
            let rest = rest.strip_prefix(separator).ok_or_else(unknown)?;
            let found = names.iter().find(|(known, _)| *known == rest);
            return found.map(|(_, point)| point(layer)).ok_or_else(unknown);
        }
        Err(unknown())
    }
}

/// The block's number after a beginning, and what follows it.
pub(crate) fn split_layer<'a>(name: &'a str, beginning: &str) -> Option<(usize, &'a str)> {
    let rest = name.strip_prefix(beginning)?;
    let end = rest
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(rest.len());
    let (digits, rest) = rest.split_at(end);
    Some((digits.parse().ok()?, rest))
}

/// The end of the sentence about an unknown name: the nearest known one, or how names look.
fn suggestion(name: &str) -> String {
    match nearest(name) {
        Some(nearest) => format!("did you mean {nearest}?"),
        None => "they are called like blocks.3.hook_resid_post, blocks.0.mlp.hook_post, blocks.1.attn.hook_z".to_owned(),
    }
}

/// The known name with the fewest characters to change, if that is fewer than a third of them. The block's number is that
/// of the name.
fn nearest(name: &str) -> Option<String> {
    const LONGEST: usize = 80;
    if name.len() > LONGEST {
        return None;
    }
    let digits: String = name
        .chars()
        .skip_while(|c| !c.is_ascii_digit())
        .take_while(char::is_ascii_digit)
        .collect();
    let layer = if digits.is_empty() { "0" } else { &digits };
    let outside = OUTSIDE.iter().map(|(known, _)| (*known).to_owned());
    let inside = FAMILIES.iter().flat_map(|(beginning, separator, names)| {
        names
            .iter()
            .map(move |(known, _)| format!("{beginning}{layer}{separator}{known}"))
    });
    let (changes, known) = outside
        .chain(inside)
        .map(|known| (distance(name, &known), known))
        .min_by_key(|(changes, _)| *changes)?;
    (changes * 3 < name.chars().count()).then_some(known)
}

/// Characters to insert, remove or replace to make `b` of `a`: Levenshtein's distance.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut diagonal = i;
        let mut left = i + 1;
        if let Some(first) = row.first_mut() {
            *first = left;
        }
        for (y, above) in b.iter().zip(row.iter_mut().skip(1)) {
            let replaced = diagonal + usize::from(x != *y);
            diagonal = *above;
            left = replaced.min(left + 1).min(*above + 1);
            *above = left;
        }
    }
    row.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_today_are_those_of_transformer_lens_2() {
        for (other, name) in [
            ("blocks.3.hook_out", "blocks.3.hook_resid_post"),
            ("blocks.4.hook_in", "blocks.4.hook_resid_pre"),
            ("blocks.4.ln1.hook_in", "blocks.4.hook_resid_pre"),
            ("blocks.0.mlp.hook_out", "blocks.0.hook_mlp_out"),
            ("blocks.0.attn.hook_out", "blocks.0.hook_attn_out"),
            ("blocks.0.ln2.hook_in", "blocks.0.hook_resid_mid"),
            ("blocks.11.attn.o.hook_in", "blocks.11.attn.hook_z"),
            ("blocks.0.hook_z", "blocks.0.attn.hook_z"),
            ("blocks.0.mlp.out.hook_in", "blocks.0.mlp.hook_post"),
            ("embed.hook_out", "hook_embed"),
            ("transformer.h.3", "blocks.3.hook_resid_post"),
            ("h.3", "blocks.3.hook_resid_post"),
            ("transformer.h.10.attn", "blocks.10.hook_attn_out"),
            ("transformer.h.10.mlp", "blocks.10.hook_mlp_out"),
            ("transformer.h.10.mlp.act", "blocks.10.mlp.hook_post"),
            ("transformer.wte", "hook_embed"),
        ] {
            let point: HookPoint = other.parse().unwrap();
            assert_eq!(point.to_string(), name, "{other}");
        }
    }

    #[test]
    fn an_unknown_name_gets_the_nearest_known_one() {
        for (typed, meant) in [
            ("blocks.0.hook_resid_psot", "blocks.0.hook_resid_post"),
            ("blocks.11.hook_resid_per", "blocks.11.hook_resid_pre"),
            ("block.3.hook_resid_post", "blocks.3.hook_resid_post"),
            ("blocks.2.hook_mlpout", "blocks.2.hook_mlp_out"),
            ("blocks.2.attn.hook-z", "blocks.2.attn.hook_z"),
            ("transformer.h.7.atn", "transformer.h.7.attn"),
            ("ln_final.hook_normalised", "ln_final.hook_normalized"),
            ("hook_embd", "hook_embed"),
        ] {
            let message = typed.parse::<HookPoint>().unwrap_err().to_string();
            assert!(
                message.ends_with(&format!("did you mean {meant}?")),
                "{message}"
            );
        }
        for strange in ["", "x", "layers.3.output.of.something", &"é".repeat(10_000)] {
            let message = strange.parse::<HookPoint>().unwrap_err().to_string();
            assert!(
                message.contains("they are called like blocks.3"),
                "{message}"
            );
        }
    }

    #[test]
    fn distances_are_levenshteins() {
        assert_eq!(distance("kitten", "sitting"), 3);
        assert_eq!(distance("", "abc"), 3);
        assert_eq!(distance("abc", ""), 3);
        assert_eq!(distance("same", "same"), 0);
    }
}
