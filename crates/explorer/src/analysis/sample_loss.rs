//! The model's loss on the sample text, which shows weights that every check of shapes lets pass.

use wire::SampleLoss;

use crate::analysis::question::Question;
use crate::analysis::trace::{TraceOptions, trace};
use crate::error::Error;
use crate::tokens::Bos;

/// The text on which a loaded autoencoder's numbers are shown where nobody gave another: plain prose of 126 tokens of
/// GPT-2, so that with a BOS it fits the 128 tokens that many published autoencoders were trained on.
pub const SAMPLE_TEXT: &str = include_str!("../sample_text.txt");

/// Above this share of chance a loss is conspicuous. Someone who knows only how frequent each token is in English reaches
/// about 0.7 of ln(vocabulary) with GPT-2's tokens (7.6 of 10.8 nats); a model that learned anything from the context lies
/// below, as trained GPT-2s do by far: 0.25 to 0.45. Transposed weights come out near chance or above it.
const CONSPICUOUS: f64 = 0.7;

/// A loss on [`SAMPLE_TEXT`] beside what is usual.
fn judged(loss: f64, predictions: usize, vocab: usize) -> SampleLoss {
    let chance = (vocab as f64).ln();
    // NaN is conspicuous as well.
    let usual = loss <= CONSPICUOUS * chance;
    SampleLoss {
        loss,
        predictions,
        chance,
        // GPT-2's own tokens, padded or not; what is usual depends on how long tokens are.
        usual: if (10.8..10.84).contains(&chance) {
            "3 to 4".to_owned()
        } else {
            format!("less than {:.2}", CONSPICUOUS * chance)
        },
        caution: (!usual).then(|| format!(
            "the loss on plain English prose is {loss:.2} nats per token, where a trained model has less than {:.2} and chance is {chance:.2}: the model is untrained or made for other text, or its weights are damaged or not laid out as config.json says (a square matrix that is transposed fits every check of shapes)",
            CONSPICUOUS * chance
        )),
    }
}

/// The loaded model's loss on [`SAMPLE_TEXT`], with a BOS if the model has one; None where its context is too short to
/// predict anything.
///
/// # Errors
/// As [`crate::Session::trace`], without those of a prompt.
pub(crate) async fn sample_loss(question: &Question<'_>) -> Result<Option<SampleLoss>, Error> {
    let model = question.model()?;
    let bos = if model.info.bos.is_some() {
        Bos::Yes
    } else {
        Bos::No
    };
    let room = model.info.n_ctx - usize::from(model.info.bos.is_some());
    let text = fitting(SAMPLE_TEXT, room, |text| {
        model.vocabulary.tokenizer.encode(text).len()
    });
    if text.is_empty() {
        return Ok(None);
    }
    let options = TraceOptions {
        bos,
        saes: Some(Vec::new()),
        ..TraceOptions::default()
    };
    let trace = trace(question, text.into(), &options).await?;
    let vocab = model.info.vocab;
    Ok(trace
        .loss
        .map(|loss| judged(loss, trace.token_losses.len(), vocab)))
}

/// A beginning of a text that has no more tokens than there is room for, cut between words where words fit.
fn fitting(text: &str, room: usize, tokens: impl Fn(&str) -> usize) -> &str {
    let mut text = text;
    loop {
        let count = tokens(text);
        if count <= room {
            return text;
        }
        // A little less than its share, so that few rounds are needed.
        let wanted = text.len() * room / count;
        let mut end = wanted.min(text.len() - 1);
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        let shorter = text.get(..end).unwrap_or_default();
        text = shorter
            .rfind(' ')
            .and_then(|at| shorter.get(..at))
            .unwrap_or(shorter);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_loss_near_chance_is_cautioned_and_a_usual_one_is_not() {
        assert_eq!(judged(3.4, 126, 50_257).caution, None);
        for loss in [7.7, 10.9, 100.0, f64::NAN, f64::INFINITY] {
            let caution = judged(loss, 126, 50_257).caution.unwrap();
            assert!(
                caution.contains("10.82") && caution.contains("transposed"),
                "{caution}"
            );
        }
    }

    #[test]
    fn a_text_is_cut_to_the_room_there_is() {
        let words = |text: &str| text.split_whitespace().count();
        let bytes = |text: &str| text.len();
        assert_eq!(fitting("one two three", 5, words), "one two three");
        assert_eq!(words(fitting(SAMPLE_TEXT, 10, words)), 10);
        assert_eq!(fitting("ééé", 3, bytes), "é");
        assert_eq!(fitting("ééé", 1, bytes), "");
        assert_eq!(fitting("one two", 0, words), "");
    }
}
