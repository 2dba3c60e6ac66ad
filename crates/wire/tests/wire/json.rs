//! The JSON form: that of the JavaScript package's objects.

use proptest::prelude::*;
use serde_json::{from_str, json, to_string, to_value};
use wire::{Edit, Edits};

use crate::text::edit;

#[test]
fn text_and_json_say_the_same() {
    let edits: Edits = "layer_3:9=+2x@5,7..9,12..?layer_1:4>0.5; !layer_1:4=0; a:1=*2@none"
        .parse()
        .unwrap();
    let json = json!([
        {
            "sae": "layer_3", "latent": 9, "operation": "add", "value": 2.0,
            "positions": [5, { "from": 7, "to": 9 }, { "from": 12 }],
            "when": { "sae": "layer_1", "latent": 4, "above": 0.5 },
        },
        { "sae": "layer_1", "latent": 4, "operation": "set", "value": 0.0, "on": false },
        { "sae": "a", "latent": 1, "operation": "scale", "value": 2.0, "positions": [] },
    ]);
    assert_eq!(to_value(&edits).unwrap(), json);
    assert_eq!(serde_json::from_value::<Edits>(json).unwrap(), edits);
}

#[test]
fn what_is_missing_has_a_meaning_and_what_is_unknown_has_none() {
    let edit: Edit = from_str(r#"{"sae":"a","latent":1,"value":0}"#).unwrap();
    assert_eq!(edit, Edit::set("a", 1, 0.0));
    for (text, says) in [
        (r#"{"sae":"a","latent":1}"#, "missing field `value`"),
        (
            r#"{"sae":"a","latent":1,"value":0,"position":[1]}"#,
            "unknown field `position`",
        ),
        (r#"{"sae":"a","latent":-1,"value":0}"#, "-1"),
        (r#"{"sae":"a","latent":1,"value":1e7}"#, "beyond 1000000"),
        (
            r#"{"sae":"a","latent":1,"value":0,"operation":"mul"}"#,
            "unknown variant `mul`",
        ),
        (
            r#"{"sae":"a","latent":1,"value":0,"positions":["x"]}"#,
            "a position is a whole number",
        ),
        (
            r#"{"sae":"a","latent":1,"value":0,"positions":[{"from":5,"to":5}]}"#,
            "holds no position",
        ),
    ] {
        let error = from_str::<Edit>(text).unwrap_err().to_string();
        assert!(error.contains(says), "{text}: {error}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_written_is_read_back(edit in edit()) {
        let text = to_string(&edit).unwrap();
        let again: Edit = from_str(&text).unwrap();
        prop_assert_eq!(again, edit, "{}", text);
    }
}
