//! GPT-2's spelling of bytes as printable characters.
//!
//! Vocabularies are text, so each of the 256 bytes is written as one character: printable ASCII and most of Latin-1
//! as themselves, the other 68 bytes, in order, as U+0100 and onwards. A space is `Ġ`, a line feed `Ċ`.

/// The characters that stand for other bytes than their own number begin here.
const SHIFTED: u32 = 0x100;

fn is_itself(byte: u8) -> bool {
    matches!(byte, 0x21..=0x7e | 0xa1..=0xac | 0xae..=0xff)
}

/// The character that stands for each byte.
pub(super) fn alphabet() -> [char; 256] {
    let mut out = ['\0'; 256];
    let mut next = SHIFTED;
    for (byte, slot) in (0..=u8::MAX).zip(&mut out) {
        if is_itself(byte) {
            *slot = char::from(byte);
        } else {
            *slot = char::from_u32(next).unwrap_or('\0');
            next += 1;
        }
    }
    out
}

/// The bytes that a token's spelling stands for. A spelling with a character outside of the alphabet stands for
/// itself in UTF-8, as added tokens may.
pub(super) fn spelled(token: &str) -> Vec<u8> {
    token
        .chars()
        .map(byte_of)
        .collect::<Option<Vec<u8>>>()
        .unwrap_or_else(|| token.as_bytes().to_vec())
}

fn byte_of(c: char) -> Option<u8> {
    let code = u32::from(c);
    match u8::try_from(code) {
        Ok(byte) => is_itself(byte).then_some(byte),
        Err(_) => (0..=u8::MAX)
            .filter(|&byte| !is_itself(byte))
            .nth((code - SHIFTED) as usize),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_has_a_character_of_its_own() {
        for (byte, c) in (0..=u8::MAX).zip(alphabet()) {
            assert_eq!(spelled(&c.to_string()), [byte]);
        }
    }

    #[test]
    fn known_spellings() {
        assert_eq!(spelled("Ġthe"), b" the");
        assert_eq!(spelled("Ċ"), b"\n");
        assert_eq!(spelled("<|endoftext|>"), b"<|endoftext|>");
        assert_eq!(spelled("日本"), "日本".as_bytes());
        // U+0143 is the last of the shifted ones (it stands for 0xad), U+0144 stands for nothing.
        assert_eq!(spelled("\u{143}"), [0xad]);
        assert_eq!(spelled("\u{144}"), "\u{144}".as_bytes());
    }
}
