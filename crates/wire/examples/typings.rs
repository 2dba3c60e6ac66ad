//! Writes `pkg/wire.d.ts`, the package's typings of the wire types.

use std::path::Path;

fn main() -> std::io::Result<()> {
    let pkg = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../pkg");
    std::fs::write(pkg.join("wire.d.ts"), wire::typings::text())
}
