//! The package's typings are those of the types.

use std::fs;
use std::path::Path;

#[test]
fn the_typings_of_the_package_are_those_of_the_types() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../pkg/wire.d.ts");
    let found = fs::read_to_string(path).unwrap_or_default();
    assert!(
        found == wire::typings::text(),
        "pkg/wire.d.ts is not of these types: cargo run -p wire --example typings"
    );
}

#[test]
fn a_field_has_its_javascript_name_type_and_definition() {
    let text = wire::typings::text();
    for declared in [
        "export interface Trace {\n",
        "  bosPrepended: boolean;\n",
        "  tokenLosses: Float32Array;\n",
        "  latents: Int32Array;\n",
        "  loss: number | null;\n",
        "  logitDifferences: Float64Array[];\n",
        "  logits?: Matrix;\n",
        "  deviceBytes: number;\n",
        "  /** Mean number of non-zero latents per token. */\n",
    ] {
        assert!(text.contains(declared), "{declared}");
    }
    for unsent in ["dump", "bigint"] {
        assert!(!text.contains(unsent), "{unsent}");
    }
}
