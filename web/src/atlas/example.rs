//! Examples of an atlas as they are shown: texts of tokens, activations along them, and the prompt that they make.

use std::ops::Range;

use ::atlas::record::Example;

use crate::browse::tokens;

/// Bytes that a character may go on with after the window's first byte.
const LONGEST_REST: usize = 3;

/// The text of a token, written as the engine writes it: a byte that is only a part of a character as `<0xF0>`. Without a
/// vocabulary it is the token's number.
pub fn text_of(vocabulary: Option<&Vec<Vec<u8>>>, token: u32) -> String {
    let Some(bytes) = vocabulary.and_then(|tokens| tokens.get(token as usize)) else {
        return format!("#{token}");
    };
    tokens::text_of(bytes)
}

/// The activation at each token of an example; 0 where it does not fire.
pub fn along(example: &Example) -> Vec<f32> {
    let mut along = vec![0.0; example.tokens.len()];
    let values = example.positions.iter().zip(&example.activations.0);
    for (&position, &value) in values {
        if let Some(slot) = along.get_mut(usize::from(position)) {
            *slot = value;
        }
    }
    along
}

/// The largest activation of an example, which is at its peak.
pub fn peak(example: &Example) -> f32 {
    let at = example.positions.iter().position(|&at| at == example.peak);
    at.and_then(|at| example.activations.0.get(at))
        .copied()
        .unwrap_or(0.0)
}

/// The tokens around a peak whose texts have no more than so many characters before it and behind it.
pub fn cut(texts: &[String], peak: usize, before: usize, after: usize) -> Range<usize> {
    let peak = peak.min(texts.len().saturating_sub(1));
    fn fit<'a>(texts: impl Iterator<Item = &'a String>, most: usize) -> usize {
        let mut used = 0;
        let fits = texts.take_while(|text| {
            used += text.chars().count();
            used <= most
        });
        fits.count()
    }
    let (first, rest) = texts.split_at(peak);
    let before = fit(first.iter().rev(), before);
    let after = fit(rest.iter().skip(1), after);
    peak - before..(peak + after + 1).min(texts.len())
}

/// A text that the tokens of an example make.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Prompt {
    /// The text.
    pub text: String,
    /// Index of the peak among its tokens, if the text is cut into the same ones.
    pub peak: usize,
}

/// The prompt that an example makes. A character whose beginning or end lies outside of the window is left out. Nothing where
/// the texts of the tokens are not known.
pub fn prompt_of(vocabulary: &[Vec<u8>], example: &Example) -> Option<Prompt> {
    let mut bytes = Vec::new();
    let mut ends = Vec::with_capacity(example.tokens.len());
    for &token in &example.tokens {
        bytes.extend_from_slice(vocabulary.get(token as usize)?);
        ends.push(bytes.len());
    }
    let is_rest = |byte: &&u8| (0x80..0xc0).contains(*byte);
    let dropped = bytes.iter().take(LONGEST_REST).take_while(is_rest).count();
    let text = bytes.get(dropped..)?;
    let text = match std::str::from_utf8(text) {
        Ok(text) => text.to_owned(),
        // The last character is not whole.
        Err(error) if error.error_len().is_none() => {
            String::from_utf8_lossy(text.get(..error.valid_up_to())?).into_owned()
        }
        Err(_) => String::from_utf8_lossy(text).into_owned(),
    };
    let outside = ends.iter().filter(|&&end| end <= dropped).count();
    Some(Prompt {
        text,
        peak: usize::from(example.peak).saturating_sub(outside),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use ::atlas::record::Activations;

    fn example(tokens: &[u32], peak: u16) -> Example {
        Example {
            tokens: tokens.to_vec(),
            peak,
            positions: vec![0, peak],
            activations: Activations(vec![0.5, 2.0]),
            ..Example::default()
        }
    }

    fn vocabulary() -> Vec<Vec<u8>> {
        let smile = "🙂".as_bytes();
        [b"a".as_slice(), b" king", &smile[..2], &smile[2..], b"\xff"]
            .map(<[u8]>::to_vec)
            .to_vec()
    }

    #[test]
    fn tokens_are_written_as_the_engine_writes_them() {
        let texts = vocabulary();
        let text = |token| text_of(Some(&texts), token);
        assert_eq!(text(1), " king");
        assert_eq!(text(2), "<0xF0><0x9F>");
        assert_eq!(text(9), "#9", "no token of the vocabulary");
        assert_eq!(text_of(None, 1), "#1");
    }

    #[test]
    fn activations_stand_at_their_tokens() {
        let example = example(&[0, 0, 1, 0], 2);
        assert_eq!(along(&example), [0.5, 0.0, 2.0, 0.0]);
        assert_eq!(peak(&example), 2.0);
        // A record that contradicts itself is shown as far as it makes sense.
        let odd = Example {
            positions: vec![70],
            peak: 9,
            ..example
        };
        assert_eq!(along(&odd), [0.0; 4]);
        assert_eq!(peak(&odd), 0.0);
    }

    #[test]
    fn a_context_is_cut_by_the_length_of_its_texts() {
        let texts = ["Once", " upon", " a", " king", " 🙂🙂", " who"].map(str::to_owned);
        assert_eq!(cut(&texts, 3, 7, 3), 1..5);
        assert_eq!(cut(&texts, 3, 6, 2), 2..4);
        assert_eq!(cut(&texts, 0, 9, 99), 0..6);
        assert_eq!(
            cut(&texts, 70, 0, 0),
            5..6,
            "a record that contradicts itself"
        );
        assert_eq!(cut(&[], 3, 9, 9), 0..0);
    }

    #[test]
    fn a_prompt_has_whole_characters_and_its_peak() {
        let vocabulary = vocabulary();
        let prompt = |tokens: &[u32], peak| {
            let prompt = prompt_of(&vocabulary, &example(tokens, peak)).unwrap();
            (prompt.text, prompt.peak)
        };
        assert_eq!(prompt(&[0, 1, 2, 3], 1), ("a king🙂".to_owned(), 1));
        assert_eq!(prompt(&[3, 0, 1], 2), ("a king".to_owned(), 1));
        assert_eq!(prompt(&[0, 1, 2], 1), ("a king".to_owned(), 1));
        assert_eq!(prompt(&[0, 4, 1], 2), ("a\u{fffd} king".to_owned(), 2));
        assert_eq!(prompt_of(&vocabulary, &example(&[0, 99], 0)), None);
    }
}
