use std::path::PathBuf;

use super::*;

/// A small site and the folder of kept copies, removed at the end.
struct Built {
    root: PathBuf,
}

impl Built {
    fn new(name: &str) -> Self {
        let root =
            std::env::temp_dir().join(format!("xtask-precompressed-{name}-{}", std::process::id()));
        let long = "let a = 1;\n".repeat(1000);
        for (path, text) in [
            ("index.html", long.as_str()),
            ("sw.js", &long),
            ("manifest.webmanifest", "{}"),
            ("pkg/index.js", "export * from '../assets/a.js';"),
            ("catalogue.json", &long),
            ("demo/demo.json", &long),
            ("assets/boot-0123456789.js", &long),
            ("assets/small-0123456789.js", "a"),
            ("assets/picture-0123456789.png", &long),
        ] {
            let path = root.join("site").join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        // Bytes that no coding makes smaller.
        let mut state = 1_u32;
        let noise = (0..5000).map(|_| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            state.to_le_bytes()[3]
        });
        let noise: Vec<u8> = noise.collect();
        fs::write(root.join("site/assets/noise-0123456789.wasm"), noise).unwrap();
        Self { root }
    }

    fn site(&self) -> PathBuf {
        self.root.join("site")
    }

    fn kept(&self) -> PathBuf {
        self.root.join("kept")
    }

    fn write(&self) {
        write_into(&self.site(), &self.kept()).unwrap();
    }

    /// Names of the copies below a folder of the site.
    fn copies(&self) -> Vec<String> {
        let mut found = Vec::new();
        for folder in ["", "assets/", "demo/", "pkg/"] {
            for entry in fs::read_dir(self.site().join(folder)).unwrap() {
                let name = entry.unwrap().file_name().into_string().unwrap();
                if source_of(&name).is_some() {
                    found.push(format!("{folder}{name}"));
                }
            }
        }
        found.sort();
        found
    }
}

impl Drop for Built {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.root);
    }
}

#[test]
fn code_has_copies_and_nothing_else_has() {
    let built = Built::new("copies");
    built.write();
    let expected: Vec<String> = ["assets/boot-0123456789.js", "index.html", "sw.js"]
        .iter()
        .flat_map(|name| [format!("{name}.br"), format!("{name}.gz")])
        .collect();
    assert_eq!(built.copies(), expected);
    check(&built.site()).unwrap();
}

/// Threads are at the same content at a time, none of which is kept yet.
#[test]
fn files_of_one_content_are_compressed_side_by_side() {
    let built = Built::new("same");
    for round in 0..20 {
        let text = format!("let a = {round};\n").repeat(1000);
        for file in 0..8 {
            let name = format!("assets/same-{file}.js");
            fs::write(built.site().join(name), &text).unwrap();
        }
        built.write();
    }
    check(&built.site()).unwrap();
}

#[test]
fn a_second_build_takes_what_is_kept_and_forgets_the_rest() {
    let built = Built::new("kept");
    built.write();
    let names = || -> BTreeSet<String> {
        let entries = fs::read_dir(built.kept()).unwrap();
        entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect()
    };
    let before = names();
    assert_eq!(before.len(), 4, "two contents of two codings: {before:?}");
    // What is kept is not made again: a mark in it arrives in the site.
    let page = fs::read(built.site().join("index.html")).unwrap();
    let kept = built.kept().join(format!("{}.gz", assets::sha256(&page)));
    fs::write(&kept, b"mark").unwrap();
    built.write();
    assert_eq!(
        fs::read(built.site().join("index.html.gz")).unwrap(),
        b"mark"
    );
    assert!(check(&built.site()).is_err());
    fs::remove_file(kept).unwrap();
    fs::write(
        built.site().join("assets/noise-0123456789.wasm"),
        "b".repeat(5000),
    )
    .unwrap();
    built.write();
    check(&built.site()).unwrap();
    let after = names();
    assert_eq!(after.len(), 4);
    assert_eq!(before.intersection(&after).count(), 2);
}

#[test]
fn the_check_finds_a_copy_of_something_else() {
    let built = Built::new("check");
    assert!(check(&built.site()).is_err(), "there are none");
    built.write();
    check(&built.site()).unwrap();
    let says = |part: &str| {
        let error = format!("{:#}", check(&built.site()).unwrap_err());
        assert!(error.contains(part), "{error}");
    };
    let page = built.site().join("index.html");
    let text = fs::read(&page).unwrap();
    fs::write(&page, "another page").unwrap();
    says("is not index.html");
    fs::remove_file(&page).unwrap();
    says("has no source");
    fs::write(&page, text).unwrap();
    let copy = fs::read(built.site().join("sw.js.br")).unwrap();
    let stale = built.site().join("catalogue.json.br");
    fs::write(&stale, copy).unwrap();
    says("may be exchanged");
    fs::remove_file(stale).unwrap();
    let list = "const SITE=[\"index.html.gz\"];".repeat(100);
    fs::write(built.site().join("sw.js"), list).unwrap();
    built.write();
    says("sw.js names .gz files");
}
