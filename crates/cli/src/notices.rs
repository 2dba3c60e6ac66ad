//! Notices about what was loaded, on the standard error, so that they are seen beside any output.

use std::io::{self, Write as _};

use explorer::{SampleLoss, Session};

use crate::error::Error;

/// Prints sentences about something, each in a line of its own that begins with `note:`.
pub fn say(name: &str, sentences: &[String]) -> Result<(), Error> {
    let mut err = io::stderr().lock();
    for sentence in sentences {
        writeln!(err, "{}", printable(&format!("note: {name}: {sentence}")))?;
    }
    Ok(())
}

/// Prints what is to be noticed about the autoencoders that are loaded, except those in `said`.
pub fn about_saes(session: &Session, said: usize) -> Result<(), Error> {
    let info = session.info();
    for sae in info.saes.iter().skip(said) {
        say(&sae.id, &sae.notices)?;
    }
    Ok(())
}

/// Prints what is to be noticed about the model: its files' settings, and its loss on the sample text.
pub async fn about_model(session: &Session, name: &str) -> Result<(), Error> {
    if let Some(model) = session.info().model {
        say(name, &model.notices)?;
    }
    let sentences = match session.sample_loss().await {
        Ok(None) => Vec::new(),
        Ok(Some(sample)) => {
            let caution = sample
                .caution
                .as_ref()
                .map(|caution| format!("caution: {caution}"));
            [loss(&sample)].into_iter().chain(caution).collect()
        }
        // The request itself will meet the same error.
        Err(error) => vec![format!(
            "caution: the loss on the sample text cannot be computed: {error}"
        )],
    };
    say(name, &sentences)
}

/// A loss on the sample text, in words.
fn loss(sample: &SampleLoss) -> String {
    format!(
        "loss on the sample text: {:.2} nats per token over {} predictions; usual for a trained model is {}, chance is {:.2}",
        sample.loss, sample.predictions, sample.usual, sample.chance
    )
}

/// Text from a file as it may be printed on a terminal: control characters spelled out.
pub fn printable(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_control() {
            out.extend(c.escape_default());
        } else {
            out.push(c);
        }
    }
    out
}
