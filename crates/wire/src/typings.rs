//! The package's typings of the wire types: `pkg/wire.d.ts`.

use std::fmt::Write as _;

use ts_rs::{Config, TS};

use crate::*;

/// Choice of a BOS as JavaScript may write it.
#[derive(TS)]
#[ts(type = "boolean | 'auto' | 'yes' | 'no'")]
pub struct BosChoice;

/// True if an SAE stays in its file; with `'auto'` the package decides.
#[derive(TS)]
#[ts(type = "boolean | 'auto'")]
pub struct StreamChoice;

/// A whole number below 2^64, above 2^53 as a BigInt.
#[derive(TS)]
#[ts(type = "number | bigint")]
pub struct Seed;

/// First lines of the file.
const HEAD: &str = "// Generated from crates/wire by `cargo run -p wire --example typings > pkg/wire.d.ts`; a test compares it.\n";

/// The declarations of all types, as `pkg/wire.d.ts` has them.
pub fn text() -> String {
    let mut out = HEAD.to_owned();
    let config = Config::new().with_large_int("number");
    macro_rules! declare {
        ($($type:ty)*) => { $(declare::<$type>(&mut out, &config);)* };
    }
    // Options.
    declare!(BackendChoice LimitsChoice WeightChoice BosChoice StreamChoice Seed);
    declare!(ModelOptions SaeOptions PromptOptions TraceOptions TapOptions GenerateOptions);
    declare!(EditOperation Edit EditOptions);
    // What is loaded.
    declare!(Origin ModelInfo SaeInfo SaeConfig Counters Info);
    // Results.
    declare!(Token NextToken TokenValue Tokenization Matrix Metrics SaeTrace Trace Evaluation Edited);
    declare!(Tapped Lens Taps LogitEffect Neighbour Feature Stop Generation SampleLoss);
    declare!(Example Recorded);
    out
}

/// Adds a type: an object as an interface with a field a line, anything else as a name for it.
fn declare<T: TS + 'static>(out: &mut String, config: &Config) {
    out.push('\n');
    if let Some(docs) = T::docs() {
        let _ = writeln!(out, "{}", docs.trim_end());
    }
    let declaration = T::decl(config);
    let object = declaration
        .strip_prefix("type ")
        .and_then(|rest| rest.split_once(" = {"))
        .and_then(|(name, rest)| Some((name, rest.strip_suffix("};")?)));
    let Some((name, fields)) = object else {
        let _ = writeln!(out, "export {declaration}");
        return;
    };
    let _ = writeln!(out, "export interface {name} {{");
    for line in fields
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty())
    {
        let _ = match line.strip_suffix(',') {
            // A line of a comment has a sign before it, a field a name.
            Some(field) if !line.starts_with('*') => writeln!(out, "  {field};"),
            _ if line.starts_with('*') => writeln!(out, "   {line}"),
            _ => writeln!(out, "  {line}"),
        };
    }
    out.push_str("}\n");
}
