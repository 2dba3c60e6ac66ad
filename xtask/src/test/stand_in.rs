//! The check `demo-stand-in`: replacing the demo is one command, shown on a demo of the same shapes with random weights.
//!
//! Beside the checkout's sources everything that a demo consists of is copied into a folder of its own. There `cargo xtask demo`
//! puts the stand-in in the demo's place, and tests run on that copy instead of the checkout:
//!
//! - the site's SAEs are the `.pt` files bit for bit and trace alike, the model reads as its configuration says, tokens are those of
//!   the reference (crates `formats` and `demo`);
//! - the recorded trace is the live one, on the CPU and on a GPU device (crate `demo`);
//! - where python3 has NumPy and torch, edits and values inside a pass are those that they compute for the stand-in from the
//!   formulas, on every device (crate `explorer`);
//! - package and page in a browser, on the site as it was last built with the stand-in's files in it.
//!
//! It does not show the tests that compare with the fixtures' logits and latents, which PyTorch computed where the demo was trained:
//! for random weights there are none. Nor does it show the command-line program, into which the demo is compiled: its own tests do,
//! for the demo that there is.

use anyhow::{Result, ensure};

use super::steps;
use crate::paths::Paths;
use crate::{demo, packages, process, site};

/// Names the folder in which tests look for the demo and its reference values, instead of the checkout that they belong to.
const CHECKOUT: &str = "SAE_EXPLORER_CHECKOUT";

/// What a demo consists of, and the tests and programs that read it.
const PARTS: [&str; 4] = ["web/demo", "tests/fixtures", "tests/reference", "tests/e2e"];

/// Modules of tests that compare with what a program in Python computes for whatever demo there is, and the file that it writes.
/// Reconstruction metrics are not among them: where an SAE is random, latents of a token are often so close that f32 chooses another
/// one than float64, and then the reconstruction, which is no good anyway, is another one.
const COMPUTED: [(&str, &str); 2] = [
    ("edit_batches::", "tests/fixtures/demo-edits.json"),
    ("taps::", "tests/fixtures/demo-taps.json"),
];

/// Runs the check in a folder below cargo's.
pub fn run(paths: &Paths) -> Result<()> {
    ensure!(
        paths.dist.join("index.html").is_file(),
        "there is no site in {}: run `cargo xtask build` first",
        paths.dist.display()
    );
    let place = paths.target.join("tmp/demo-stand-in");
    site::remove(&place)?;
    let root = place.join("checkout");
    for part in PARTS {
        site::copy(&paths.root.join(part), &root.join(part))?;
    }
    let folder = place.join("folder");
    random_model::write_stand_in(&paths.root, &folder)?;
    let left = demo::make(paths, Some(&folder), &root)?;

    let mut shown = vec![
        vec!["--package", "demo", "--test", "recorded"],
        vec!["--package", "formats", "--test", "formats", "demo::"],
    ];
    for (module, file) in COMPUTED {
        if left.iter().any(|reference| reference.writes == file) {
            println!("  not shown: the tests {module}, because python3 lacks what computes {file}");
        } else {
            shown.push(vec!["--package", "explorer", "--test", "explorer", module]);
        }
    }
    for arguments in shown {
        let mut command = process::cargo(paths);
        command
            .arg("test")
            .args(arguments)
            .env(CHECKOUT, &root)
            .env("SAE_EXPLORER_REQUIRE_GPU", "1");
        packages::vulkan(paths, &mut command)?;
        process::run(&mut command)?;
    }

    let copy = Paths {
        dist: root.join("dist"),
        output: root.join("tests/output"),
        target: paths.target.clone(),
        root,
    };
    site::copy(&paths.dist, &copy.dist)?;
    site::remove(&copy.dist.join("demo"))?;
    site::copy_demo(&copy, &copy.dist)?;
    steps::browser_file(&copy, "browser/demo.test.js")?;
    // It takes 200 MB, and is of use only to find out what failed.
    site::remove(&place)
}
