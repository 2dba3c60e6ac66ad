//! Any text as a list of edits, and any bytes as the same in JSON: what is taken comes back from its writer.
#![no_main]

use libfuzzer_sys::fuzz_target;
use wire::Edits;

fuzz_target!(|data: &[u8]| {
    if let Ok(text) = std::str::from_utf8(data) {
        match text.parse::<Edits>() {
            Ok(edits) => {
                let written = edits.to_string();
                assert_eq!(written.parse::<Edits>().as_ref(), Ok(&edits), "{written}");
                let json = serde_json::to_string(&edits).expect("edits are JSON");
                let again: Edits = serde_json::from_str(&json).expect("what was written is read");
                assert_eq!(again.0.len(), edits.0.len());
            }
            Err(error) => {
                assert!(text.is_char_boundary(error.at));
                assert!(error.to_string().len() < 2000);
            }
        }
    }
    if let Ok(edits) = serde_json::from_slice::<Edits>(data) {
        assert_eq!(edits.to_string().parse::<Edits>(), Ok(edits));
    }
});
