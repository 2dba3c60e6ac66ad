//! What is typed on the pages that ask something about a prompt. It stands in the address, so that a link asks the same.

use std::collections::BTreeMap;

/// Names in the address, each with what stands in its field at first.
const FIELDS: [(&str, &str); 15] = [
    ("effects-at", ""),
    ("effects-target", ""),
    ("effects-against", ""),
    ("patch-what", "features"),
    ("patch-source", ""),
    ("patch-target", ""),
    ("patch-against", ""),
    ("sweep", ""),
    ("sweep-by", "set"),
    ("sweep-from", ""),
    ("sweep-to", ""),
    ("sweep-values", "13"),
    ("sweep-at", ""),
    ("sweep-tokens", ""),
    ("sweep-write", "0"),
];

/// Texts of fields by their names; of those alone that say something else than at first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Asked(BTreeMap<&'static str, String>);

impl Asked {
    /// The text of a field; empty for a name that there is not.
    pub fn get(&self, name: &str) -> &str {
        let typed = self.0.get(name).map(String::as_str);
        let first = || FIELDS.iter().find(|(field, _)| *field == name);
        typed.unwrap_or_else(|| first().map_or("", |(_, first)| first))
    }

    /// Another text; a name that there is not is passed over.
    pub fn set(&mut self, name: &str, text: String) {
        let Some((field, first)) = FIELDS.iter().find(|(field, _)| *field == name) else {
            return;
        };
        match text == *first {
            true => self.0.remove(field),
            false => self.0.insert(field, text),
        };
    }

    /// Names and texts for the address.
    pub fn parts(&self) -> impl Iterator<Item = (&'static str, &str)> {
        self.0.iter().map(|(name, text)| (*name, text.as_str()))
    }
}

#[cfg(test)]
pub(super) mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Any texts of any fields.
    pub fn asked() -> impl Strategy<Value = Asked> {
        let field = (0..FIELDS.len(), any::<String>());
        prop::collection::vec(field, 0..4).prop_map(|typed| {
            let mut asked = Asked::default();
            for (field, text) in typed {
                asked.set(FIELDS[field].0, text);
            }
            asked
        })
    }

    #[test]
    fn a_field_says_what_it_says_at_first_until_something_is_typed() {
        let mut asked = Asked::default();
        assert_eq!((asked.get("sweep-values"), asked.get("sweep")), ("13", ""));
        asked.set("sweep-values", "5".to_owned());
        asked.set("nothing", "5".to_owned());
        assert_eq!(asked.parts().collect::<Vec<_>>(), [("sweep-values", "5")]);
        asked.set("sweep-values", String::new());
        assert_eq!(asked.get("sweep-values"), "", "an emptied field is empty");
        asked.set("sweep-values", "13".to_owned());
        assert_eq!(asked.parts().count(), 0);
    }
}
