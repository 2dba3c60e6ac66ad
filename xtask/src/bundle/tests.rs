//! Bundles of small modules, as text and as a program that Node would run.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use super::Bundler;
use crate::process;

struct Folder(PathBuf);

impl Folder {
    fn new(name: &str, files: &[(&str, &str)]) -> Self {
        let root = std::env::temp_dir().join(format!("xtask-bundle-{name}-{}", std::process::id()));
        for (path, text) in files {
            let path = root.join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        Self(root)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn refused(name: &str, files: &[(&str, &str)]) -> String {
    let folder = Folder::new(name, files);
    format!("{:#}", Bundler::new(&folder.0).bundle("a.js").unwrap_err())
}

#[test]
fn a_bundle_does_what_its_modules_do() {
    let folder = Folder::new(
        "does",
        &[
            (
                "a.js",
                "import start, { add as plus, Counter } from './pkg/b.js';\nimport * as all from './pkg/c.js';\nimport { outer } from './outer.js';\nexport { twice as double } from './pkg/c.js';\nexport const five = plus(2, 3);\nexport function told() { return [start(), all.twice(4), new Counter().next(), outer, new URL('./data.bin', import.meta.url).href.split('/').pop()].join(' '); }\n",
            ),
            (
                "pkg/b.js",
                "import { twice } from './c.js';\nlet started = 0;\nconst begin = () => (started += twice(1));\nexport const add = (a, b) => a + b;\nexport class Counter { #at = 6; next() { return ++this.#at; } }\nexport { begin as default };\n",
            ),
            ("pkg/c.js", "export const twice = (value) => 2 * value;\n"),
        ],
    );
    let mut bundler = Bundler::new(&folder.0);
    bundler.place("outer.js", "./outer-1.js".to_owned());
    bundler.place("data.bin", "./data-2.bin".to_owned());
    let code = bundler.bundle("a.js").unwrap();
    assert!(
        code.contains("./outer-1.js") && code.contains("./data-2.bin"),
        "{code}"
    );
    assert!(!code.contains("./pkg/"), "{code}");
    // The text is checked above; a machine that only serves the page need not have Node.
    if process::find("node").is_none() {
        return;
    }
    fs::write(folder.0.join("out.mjs"), &code).unwrap();
    fs::write(
        folder.0.join("outer-1.js"),
        "export const outer = 'outside';",
    )
    .unwrap();
    fs::write(folder.0.join("package.json"), "{\"type\":\"module\"}").unwrap();
    let run = "const { five, told, double } = await import('./out.mjs'); console.log(five, told(), double(5));";
    let mut node = Command::new("node");
    node.args(["--input-type=module", "--eval", run])
        .current_dir(&folder.0);
    assert_eq!(
        process::output(&mut node).unwrap().trim(),
        "5 2 8 7 outside data-2.bin 10"
    );
}

#[test]
fn a_bundle_of_a_page_in_one_file_needs_no_address_of_its_own() {
    let folder = Folder::new(
        "one-file",
        &[
            (
                "first.js",
                "import { note } from './note.js';\nnote('first');\n",
            ),
            (
                "note.js",
                "export const note = (text) => console.log(text);\n",
            ),
            (
                "a.js",
                "import { note } from './note.js';\nnote(new URL('./data.bin', import.meta.url).href);\nnote(new URL('../b', import.meta.url).href);\nimport('./later.js').then(({ later }) => note(later));\n",
            ),
            ("later.js", "export const later = 'later';\n"),
        ],
    );
    let mut bundler = Bundler::in_one_file(&folder.0, "https://x.invalid/assets/bundle.js");
    bundler.place("data.bin", "./data-2.bin".to_owned());
    let code = bundler.bundle_after(&["first.js"], "a.js").unwrap();
    assert!(
        !code.contains("import") && !code.contains("export"),
        "{code}"
    );
    if process::find("node").is_none() {
        return;
    }
    fs::write(folder.0.join("out.mjs"), &code).unwrap();
    let mut node = Command::new("node");
    node.arg("out.mjs").current_dir(&folder.0);
    let told = process::output(&mut node).unwrap();
    let lines: Vec<&str> = told.lines().collect();
    assert_eq!(
        lines,
        [
            "first",
            "https://x.invalid/assets/data-2.bin",
            "https://x.invalid/b",
            "later"
        ]
    );
}

#[test]
fn what_a_bundle_would_change_is_refused_by_name() {
    let changing = refused("changing", &[("a.js", "export let state = 1;\n")]);
    assert!(
        changing.contains("a.js") && changing.contains("state"),
        "{changing}"
    );
    let circle = refused(
        "circle",
        &[
            ("a.js", "import { b } from './b.js';\nexport const a = b;\n"),
            ("b.js", "import { a } from './a.js';\nexport const b = a;\n"),
        ],
    );
    assert!(circle.contains("a.js → b.js"), "{circle}");
    let missing = refused("missing", &[("a.js", "import { b } from './b.js';\n")]);
    assert!(missing.contains("b.js"), "{missing}");
    let bare = refused("bare", &[("a.js", "import { b } from 'elsewhere';\n")]);
    assert!(bare.contains("elsewhere"), "{bare}");
    let broken = refused("broken", &[("a.js", "export const = 1;\n")]);
    assert!(broken.contains("a.js"), "{broken}");
    let late = refused(
        "late",
        &[("a.js", "export const b = () => import('./b.js');\n")],
    );
    assert!(late.contains("./b.js"), "{late}");
}
