//! The package's typings of the wire types: `pkg/wire.d.ts`.

use std::fmt::Write as _;

use ts_rs::{Config, TS};

use crate::json::{JsonCondition, JsonEdit, JsonSpan};
use crate::matrix::Shaped;
use crate::options::*;
use crate::*;

/// First line of the file.
const HEAD: &str =
    "// Generated from crates/wire by `cargo run -p wire --example typings`; a test compares it.\n";

/// The declarations of all types, as `pkg/wire.d.ts` has them.
pub fn text() -> String {
    let mut out = HEAD.to_owned();
    let config = Config::new().with_large_int("number");
    macro_rules! declare {
        ($($type:ty)*) => { $(declare::<$type>(&mut out, &config);)* };
    }
    // Options.
    declare!(SaeOptions PromptOptions TraceOptions EditOptions EffectsOptions StreamPatchOptions TapOptions GenerateOptions);
    declare!(JsonEdit JsonSpan JsonCondition);
    // What is loaded.
    declare!(Origin ModelInfo SaeInfo SaeConfig Counters Info);
    // Of a prompt.
    declare!(Token NextToken TokenChange TokenValue Tokenization Shaped Metrics SaeTrace Trace SampleLoss);
    declare!(Edited Effect Effects StreamPatching Tapped Lens Taps);
    declare!(Stop Generation TokenFeatures SetFeatures);
    // Of a feature.
    declare!(LogitEffect Neighbour Feature);
    declare!(ScanProgress Scanned ScannedFile);
    // Of trainings.
    declare!(TrainOptions TrainRecord TrainEstimate TrainProgress TrainingInfo Trained);
    // Of the demo.
    declare!(Example Recorded);
    // Of evaluations over texts.
    declare!(EvaluateOptions EvaluateProgress Evaluated EvaluationFailure ResultTable);
    declare!(Evaluation CorpusEvaluations EvaluatedCorpus CorpusEvaluation Density);
    declare!(Recovery RecoveryPoint JumpReluAtTest Refinement Probes ProbeTask SparseProbe AblationSparsity);
    // Of the program alone.
    declare!(Evaluations Sweep SweepPoint);
    declare!(TrainingSweep SweptTraining FittedLaw ScalingLaw);
    out
}

/// Adds a type: an object as an interface with a field a line, anything else as a name for it.
fn declare<T: TS + 'static>(out: &mut String, config: &Config) {
    out.push('\n');
    if let Some(docs) = T::docs() {
        let lines: Vec<&str> = docs.trim_end().lines().map(str::trim).collect();
        comment(out, "", &lines);
    }
    let declaration = T::decl(config);
    let object = declaration
        .strip_prefix("type ")
        .filter(|rest| !rest.contains("} | {"))
        .and_then(|rest| rest.split_once(" = {"))
        .and_then(|(name, rest)| Some((name, rest.strip_suffix("};")?)));
    let Some((name, fields)) = object else {
        let _ = writeln!(out, "export {declaration}");
        return;
    };
    let _ = writeln!(out, "export interface {name} {{");
    let mut docs = Vec::new();
    for line in fields.lines().map(str::trim) {
        // A line of a comment has a sign before it, a field a name.
        match line.strip_suffix(',') {
            _ if line.is_empty() => {}
            _ if line.starts_with(['*', '/']) => docs.push(line),
            field => {
                comment(out, "  ", &docs);
                docs.clear();
                let _ = writeln!(out, "  {};", field.unwrap_or(line));
            }
        }
    }
    out.push_str("}\n");
}

/// Adds a comment; one of a single line on one line.
fn comment(out: &mut String, indent: &str, lines: &[&str]) {
    match lines {
        [_, text, _] => {
            let _ = writeln!(out, "{indent}/** {} */", text.trim_start_matches("* "));
        }
        lines => {
            for line in lines {
                let sign = if line.starts_with('*') { " " } else { "" };
                let _ = writeln!(out, "{indent}{sign}{line}");
            }
        }
    }
}
