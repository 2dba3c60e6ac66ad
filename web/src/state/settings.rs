//! Settings of a continuation, as they are typed.

use crate::format::number;

/// Most new tokens.
///
/// # Errors
/// The sentence to show.
pub fn max_tokens(typed: &str) -> Result<u32, &'static str> {
    whole(typed)
        .filter(|most| *most > 0)
        .ok_or("The number of tokens must be a whole number from 1 on.")
}

/// The temperature; 0 takes the likeliest token each time.
///
/// # Errors
/// The sentence to show.
pub fn temperature(typed: &str) -> Result<f64, &'static str> {
    number(typed)
        .filter(|heat| *heat >= 0.0)
        .ok_or("The temperature must be a number from 0 on.")
}

/// The seed of the draws.
///
/// # Errors
/// The sentence to show.
pub fn seed(typed: &str) -> Result<u32, &'static str> {
    whole(typed).ok_or("The seed must be a whole number from 0 on.")
}

/// Number of likeliest tokens to draw from; 0 for all.
///
/// # Errors
/// The sentence to show.
pub fn top_k(typed: &str) -> Result<u32, &'static str> {
    whole(typed).ok_or("Top-k must be a whole number from 0 on; 0 draws from all tokens.")
}

/// Probability that the likeliest tokens reach together from which one is drawn; 1 for all.
///
/// # Errors
/// The sentence to show.
pub fn top_p(typed: &str) -> Result<f64, &'static str> {
    number(typed)
        .filter(|share| *share > 0.0 && *share <= 1.0)
        .ok_or("Top-p must be a number above 0 and at most 1; 1 draws from all tokens.")
}

/// The divisor of the logits of tokens that stand in the text; 1 changes nothing.
///
/// # Errors
/// The sentence to show.
pub fn repetition_penalty(typed: &str) -> Result<f64, &'static str> {
    number(typed)
        .filter(|penalty| *penalty > 0.0)
        .ok_or("The repetition penalty must be a number above 0; 1 changes nothing.")
}

fn whole(typed: &str) -> Option<u32> {
    typed.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_makes_no_sense_says_what_would() {
        assert_eq!(max_tokens(" 40 "), Ok(40));
        for bad in ["", "0", "-1", "1.5", "many", "99999999999"] {
            assert!(max_tokens(bad).unwrap_err().contains("from 1 on"), "{bad}");
        }
        assert_eq!((temperature("0"), seed("0")), (Ok(0.0), Ok(0)));
        for bad in ["", "-0.1", "NaN", "inf", "warm"] {
            assert!(temperature(bad).is_err(), "{bad}");
        }
        assert_eq!(
            (top_k("0"), top_p("1"), repetition_penalty("1.2")),
            (Ok(0), Ok(1.0), Ok(1.2))
        );
        assert!(seed("-1").is_err() && top_k("0.5").is_err());
        assert!(top_p("0").is_err() && top_p("1.1").is_err() && repetition_penalty("0").is_err());
    }
}
