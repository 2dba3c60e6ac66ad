//! Bytes as text that an HTML document can hold in a `<script>`: seven bits per character, so that it takes a sixth more, where base64
//! takes a third.
//!
//! The bits stand in order, the highest first, the last character filled up with 0. A character is the ASCII one of its seven bits. Three
//! cannot stand there: NUL, which HTML replaces, CR, which it reads as LF, and `<`, with which an end tag begins. These have 128
//! added, which takes two bytes in UTF-8.

/// The bytes as text.
pub fn encode(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len() * 8 / 7 * 103 / 100 + 8);
    let (mut held, mut count) = (0_u32, 0);
    for &byte in bytes {
        held = (held << 8 | u32::from(byte)) & 0x7fff;
        count += 8;
        while count >= 7 {
            count -= 7;
            text.push(character((held >> count) as u8 & 0x7f));
        }
    }
    if count > 0 {
        text.push(character((held << (7 - count)) as u8 & 0x7f));
    }
    text
}

fn character(bits: u8) -> char {
    match bits {
        0 | b'\r' | b'<' => char::from(bits + 128),
        _ => char::from(bits),
    }
}

/// The bytes of even places, then those of odd ones.
pub fn apart(bytes: &[u8]) -> Vec<u8> {
    let even = bytes.iter().step_by(2);
    even.chain(bytes.iter().skip(1).step_by(2))
        .copied()
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As `web/single-file-page.js` reads it.
    fn decode(text: &str) -> Vec<u8> {
        let bits: String = text
            .chars()
            .map(|character| format!("{:07b}", u32::from(character) & 127))
            .collect();
        let whole = bits.as_bytes().chunks_exact(8);
        whole
            .map(|byte| byte.iter().fold(0, |value, &bit| value << 1 | (bit - b'0')))
            .collect()
    }

    #[test]
    fn what_is_read_is_what_was_written() {
        let all: Vec<u8> = (0..=255).collect();
        for length in 0..=all.len() {
            for bytes in [&all[..length], &vec![0; length], &vec![255; length]] {
                let text = encode(bytes);
                assert_eq!(decode(&text), bytes);
                assert!(!text.contains(['\0', '\r', '<']), "{text:?}");
            }
        }
    }

    #[test]
    fn a_text_takes_a_sixth_more_than_its_bytes() {
        // As compressed bytes are: every byte equally often.
        let mut state = 1_u32;
        let bytes: Vec<u8> = (0..100_000)
            .map(|_| {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                (state >> 24) as u8
            })
            .collect();
        let share = encode(&bytes).len() as f64 / bytes.len() as f64;
        assert!((1.16..1.18).contains(&share), "{share}");
    }

    #[test]
    fn bytes_apart() {
        assert_eq!(apart(&[1, 2, 3, 4, 5]), [1, 3, 5, 2, 4]);
        assert!(apart(&[]).is_empty());
    }
}
