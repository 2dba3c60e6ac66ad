//! A folder of bad files.

use std::fs;
use std::path::PathBuf;

use serde_json::Value;

use super::bare;

/// A folder of bad files.
pub struct Bad(pub PathBuf);

impl Bad {
    /// Writes a file, and sees `inspect` name one problem of this code in these words.
    pub fn file(&self, name: &str, bytes: &[u8], code: &str, words: &[&str]) {
        fs::write(self.0.join(name), bytes).unwrap();
        self.inspect(name, code, &[&[name], words].concat());
    }

    /// Sees `inspect` name one problem of this code in these words.
    pub fn inspect(&self, name: &str, code: &str, words: &[&str]) {
        let path = self.0.join(name).display().to_string();
        let output = bare(&["inspect", &path, "--json"]);
        assert_eq!((output.status.code(), output.stderr.len()), (Some(1), 0));
        let report: Value = serde_json::from_slice(&output.stdout).unwrap();
        let problems = report["problems"].as_array().unwrap();
        assert_eq!(problems.len(), 1, "{report}");
        assert_eq!(problems[0]["code"], code, "{report}");
        let message = problems[0]["message"].as_str().unwrap();
        for word in words {
            assert!(message.contains(word), "`{message}` should say {word}");
        }
    }
}
