//! Prints the package's typings: `cargo run -p wire --example typings > pkg/wire.d.ts`.

use std::io::{self, Write as _};

fn main() -> io::Result<()> {
    io::stdout().write_all(wire::typings::text().as_bytes())
}
