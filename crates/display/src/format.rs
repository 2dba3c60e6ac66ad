//! Formatting of numbers: a true minus sign, a fixed number of decimals, units with a space.
//!
//! In the browser its own printer writes them: Rust's, with its tables, would be a twentieth of the page.

/// A finite number with a fixed number of decimals.
#[cfg(not(target_arch = "wasm32"))]
pub fn plain(value: f64, decimals: usize) -> String {
    format!("{value:.decimals$}")
}

/// A finite number with a fixed number of decimals.
#[cfg(target_arch = "wasm32")]
pub fn plain(value: f64, decimals: usize) -> String {
    // It fails for more than a hundred decimals only.
    js_sys::Number::from(value)
        .to_fixed(u8::try_from(decimals).unwrap_or(u8::MAX))
        .map_or_else(|_| String::new(), String::from)
}

/// The shortest digits that read back as the same number, as JSON has them.
#[cfg(not(target_arch = "wasm32"))]
pub fn exact(value: f64) -> String {
    value.to_string()
}

/// The shortest digits that read back as the same number, as JSON has them.
#[cfg(target_arch = "wasm32")]
pub fn exact(value: f64) -> String {
    js_sys::Number::from(value)
        .to_string_with_radix(10)
        .map_or_else(|_| String::new(), String::from)
}

/// A finite number that [`exact`] wrote.
#[cfg(not(target_arch = "wasm32"))]
pub fn read(text: &str) -> Option<f64> {
    text.parse().ok().filter(|number: &f64| number.is_finite())
}

/// A finite number that [`exact`] wrote.
#[cfg(target_arch = "wasm32")]
pub fn read(text: &str) -> Option<f64> {
    number(text)
}

/// A finite number as a person types it, with either minus sign.
#[cfg(not(target_arch = "wasm32"))]
pub fn number(text: &str) -> Option<f64> {
    read(&text.trim().replace('−', "-"))
}

/// A finite number as a person types it, with either minus sign. The browser reads it: the table that Rust's own reader
/// carries would be a twentieth of this page.
#[cfg(target_arch = "wasm32")]
pub fn number(text: &str) -> Option<f64> {
    let text = text.trim().replace('−', "-");
    if text.is_empty() {
        return None;
    }
    let number = wasm_bindgen::JsValue::from(text).unchecked_into_f64();
    number.is_finite().then_some(number)
}

/// As [`exact`], for a number of single precision.
#[cfg(not(target_arch = "wasm32"))]
pub fn exact_single(value: f32) -> String {
    value.to_string()
}

/// As [`exact`], for a number of single precision.
#[cfg(target_arch = "wasm32")]
pub fn exact_single(value: f32) -> String {
    let number = js_sys::Number::from(f64::from(value));
    // Nine digits distinguish every number of single precision from its neighbours.
    (6..=9)
        .filter_map(|digits| number.to_precision(digits).ok())
        .map(|text| wasm_bindgen::JsValue::from(text).unchecked_into_f64())
        .find(|&read| read as f32 == value)
        .map_or_else(String::new, exact)
}

/// A number with a fixed number of decimals and a true minus sign. What is not a number says so.
pub fn fixed(value: f64, decimals: usize) -> String {
    if value.is_nan() {
        return "not a number".to_owned();
    }
    if value.is_infinite() {
        return if value > 0.0 { "∞" } else { "−∞" }.to_owned();
    }
    let digits = plain(value.abs(), decimals);
    // What rounds to zero has no sign.
    let zero = digits.bytes().all(|byte| byte == b'0' || byte == b'.');
    if value < 0.0 && !zero {
        format!("−{digits}")
    } else {
        digits
    }
}

/// As [`fixed`], with a plus sign for what is above zero.
pub fn signed(value: f64, decimals: usize) -> String {
    let digits = fixed(value, decimals);
    let positive = digits.bytes().any(|byte| (b'1'..=b'9').contains(&byte));
    if value > 0.0 && (positive || value.is_infinite()) {
        format!("+{digits}")
    } else {
        digits
    }
}

/// A divergence or the like with four decimals; one that would look like none with two digits and its power of ten.
pub fn small(value: f64) -> String {
    if value == 0.0 || value.abs() >= 0.001 || !value.is_finite() {
        return fixed(value, 4);
    }
    let (mut digits, mut power) = (value.abs(), 0);
    while digits < 1.0 {
        digits *= 10.0;
        power += 1;
    }
    // Rounding may add a digit.
    if digits >= 9.95 {
        (digits, power) = (digits / 10.0, power - 1);
    }
    format!("{}e−{power}", fixed(digits.copysign(value), 1))
}

/// The dash for a missing number.
pub const NONE: &str = "–";

/// As [`fixed`]; a dash where there is no number.
pub fn optional(value: Option<f64>, decimals: usize) -> String {
    value.map_or_else(|| NONE.to_owned(), |value| fixed(value, decimals))
}

/// A probability as a percentage with one decimal; what would round to zero is said to be below.
pub fn percent(probability: f64) -> String {
    if probability > 0.0 && probability < 0.0005 {
        "<0.1%".to_owned()
    } else {
        format!("{}%", fixed(probability * 100.0, 1))
    }
}

/// A share as a percentage with three digits: `12.3%`, `0.0412%`.
pub fn share_of(part: f64) -> String {
    let percent = part * 100.0;
    let decimals = match percent.abs() {
        size if size >= 10.0 => 1,
        size if size >= 1.0 => 2,
        size if size >= 0.1 => 3,
        _ => 4,
    };
    if percent > 0.0 && percent < 0.00005 {
        return "<0.0001%".to_owned();
    }
    format!("{}%", fixed(percent, decimals))
}

/// A size in decimal units: `812 bytes`, `3.4 kB`, `38 MB`, `1.52 GB`.
pub fn bytes(size: f64) -> String {
    if size < 1e3 {
        format!("{} bytes", fixed(size, 0))
    } else if size < 1e6 {
        format!("{} kB", fixed(size / 1e3, 1))
    } else if size < 1e9 {
        format!("{} MB", fixed(size / 1e6, if size < 1e7 { 1 } else { 0 }))
    } else {
        format!("{} GB", fixed(size / 1e9, if size < 1e10 { 2 } else { 0 }))
    }
}

/// A duration: `0.8 ms`, `12 ms`, `1.25 s`.
pub fn duration(milliseconds: f64) -> String {
    if milliseconds < 10.0 {
        format!("{} ms", fixed(milliseconds, 1))
    } else if milliseconds < 1000.0 {
        format!("{} ms", fixed(milliseconds, 0))
    } else {
        format!("{} s", fixed(milliseconds / 1000.0, 2))
    }
}

/// A time to wait, in seconds: `42 s`, `4 min`.
pub fn time_left(seconds: f64) -> String {
    if seconds < 100.0 {
        format!("{} s", fixed(seconds.max(1.0), 0))
    } else {
        format!("{} min", fixed((seconds / 60.0).ceil(), 0))
    }
}

/// Time since, in seconds: `just now`, `5 min ago`, `3 h ago`, `2 days ago`.
pub fn time_ago(seconds: f64) -> String {
    let whole = |value: f64| fixed(value.floor(), 0);
    if seconds < 60.0 {
        "just now".to_owned()
    } else if seconds < 3600.0 {
        format!("{} min ago", whole(seconds / 60.0))
    } else if seconds < 2.0 * 86_400.0 {
        format!("{} h ago", whole(seconds / 3600.0))
    } else {
        format!("{} days ago", whole(seconds / 86_400.0))
    }
}

/// A count with its noun: `1 token`, `19 tokens`.
pub fn count(many: usize, noun: &str) -> String {
    format!("{many} {noun}{}", if many == 1 { "" } else { "s" })
}

/// A whole number with its digits in groups of three: `32,768`.
pub fn grouped(number: impl Into<u64>) -> String {
    let digits = number.into().to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Says that an SAE has no feature of this number.
pub fn no_feature(number: &str, latents: usize) -> String {
    format!("There is no feature {number}: this SAE has {latents}, counted from 0.")
}

/// A message as a sentence of its own: with a capital at its start and a full stop at its end.
pub fn sentence(message: &str) -> String {
    let message = message.trim();
    let mut sentence = message.to_owned();
    // A file's name keeps its letters. The tables for letters beyond ASCII would weigh several kilobytes.
    let word = message.split_whitespace().next().unwrap_or_default();
    if word.bytes().all(|byte| byte.is_ascii_alphabetic())
        && let Some(first) = sentence.get_mut(..1)
    {
        first.make_ascii_uppercase();
    }
    if !message.is_empty() && !message.ends_with(['.', '!', '?', '…']) {
        sentence.push('.');
    }
    sentence
}

/// Location of a file, for people: host and folder, without the revision in which Hugging Face keeps a repository.
pub fn folder(url: &str) -> String {
    let address = url.split_once("://").map_or(url, |(_, address)| address);
    let folder = address
        .rsplit_once('/')
        .map_or(address, |(folder, _)| folder);
    match folder.split_once("/resolve/") {
        Some((repository, inside)) => match inside.split_once('/') {
            Some((_, path)) => format!("{repository}/{path}"),
            None => repository.to_owned(),
        },
        None => folder.to_owned(),
    }
}

/// Least number of columns of a chart along a prompt, so that the bars of a short prompt do not become slabs.
pub const LEAST_COLUMNS: usize = 24;

/// A step of a tint from 0 (none) to 20 (as strong as `max`). What is above zero is never without a tint.
pub fn tint(value: f32, max: f32) -> u8 {
    if value <= 0.0 || max <= 0.0 || value.is_nan() {
        return 0;
    }
    // The cast saturates; the value lies in 1..=20.
    (value / max * 20.0).round().clamp(1.0, 20.0) as u8
}

/// The width of a bar as an SVG length: a share of the whole, in percent.
pub fn share(value: f32, max: f32) -> String {
    let part = if max > 0.0 && value > 0.0 {
        (value / max).min(1.0)
    } else {
        0.0
    };
    format!("{}%", plain(f64::from(part) * 100.0, 1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn writes_minus_signs_and_no_negative_zero() {
        assert_eq!(fixed(-0.98, 2), "−0.98");
        assert_eq!(fixed(-0.001, 2), "0.00");
        assert_eq!(signed(0.31, 2), "+0.31");
        assert_eq!(signed(0.001, 2), "0.00");
        assert_eq!(signed(-1.5, 1), "−1.5");
        assert_eq!(fixed(f64::NAN, 2), "not a number");
        assert_eq!(signed(f64::INFINITY, 2), "+∞");
        assert_eq!(optional(None, 3), "–");
    }

    #[test]
    fn small_numbers_do_not_look_like_none() {
        assert_eq!(small(0.0), "0.0000");
        assert_eq!(small(0.0738), "0.0738");
        assert_eq!(small(0.001), "0.0010");
        assert_eq!(small(4.268e-5), "4.3e−5");
        assert_eq!(small(-1.5e-7), "−1.5e−7");
        assert_eq!(small(9.97e-5), "1.0e−4");
        assert_eq!(small(f64::NAN), "not a number");
    }

    #[test]
    fn writes_units() {
        assert_eq!(percent(0.412), "41.2%");
        assert_eq!(percent(0.0001), "<0.1%");
        assert_eq!(percent(0.0), "0.0%");
        assert_eq!(bytes(812.0), "812 bytes");
        assert_eq!(bytes(38_200_000.0), "38 MB");
        assert_eq!(bytes(1_519_000_000.0), "1.52 GB");
        assert_eq!(
            [768u32, 24_576, 131_072, 1_000_000].map(grouped),
            ["768", "24,576", "131,072", "1,000,000"]
        );
        assert_eq!(time_ago(7200.0), "2 h ago");
        assert_eq!(time_left(42.0), "42 s");
        assert_eq!(time_left(200.0), "4 min");
        assert_eq!(duration(6.04), "6.0 ms");
        assert_eq!(duration(1250.0), "1.25 s");
        assert_eq!(count(1, "token"), "1 token");
        assert_eq!(count(19, "token"), "19 tokens");
        assert_eq!(
            sentence("the prompt is empty; type some text"),
            "The prompt is empty; type some text."
        );
        assert_eq!(sentence("Why?"), "Why?");
        assert_eq!(sentence("layer_3.pt is missing"), "layer_3.pt is missing.");
        assert_eq!(sentence(" "), "");
    }

    #[test]
    fn says_where_a_file_lies() {
        let host = "https://huggingface.co/openai-community/gpt2/resolve/main";
        assert_eq!(
            folder(&format!("{host}/model.safetensors")),
            "huggingface.co/openai-community/gpt2"
        );
        assert_eq!(
            folder(&format!("{host}/layers/8/cfg.json")),
            "huggingface.co/openai-community/gpt2/layers/8"
        );
        assert_eq!(
            folder("http://127.0.0.1:8000/demo/model/config.json"),
            "127.0.0.1:8000/demo/model"
        );
        assert_eq!(folder("config.json"), "config.json");
    }

    proptest! {
        #[test]
        fn tints_grow_with_the_value(a in 0f32..10.0, b in 0f32..10.0) {
            let (low, high) = if a < b { (a, b) } else { (b, a) };
            prop_assert!(tint(low, 10.0) <= tint(high, 10.0));
            prop_assert!(tint(high, 10.0) <= 20);
            prop_assert_eq!(tint(low, 10.0) == 0, low <= 0.0);
        }

        #[test]
        fn no_hyphen_stands_for_a_minus(value in any::<f64>(), decimals in 0usize..6) {
            prop_assert!(!fixed(value, decimals).contains('-'));
            prop_assert!(!signed(value, decimals).contains('-'));
        }
    }
}
