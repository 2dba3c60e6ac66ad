use std::path::PathBuf;

use super::*;

/// A small site without page and service worker, removed at the end.
struct Built(PathBuf);

const PAGE: &str = "<!doctype html><html lang=\"en\" data-version=\"unbuilt\">";

impl Built {
    fn new(name: &str) -> Self {
        let root =
            std::env::temp_dir().join(format!("xtask-offline-{name}-{}", std::process::id()));
        for (path, text) in [
            ("assets/boot-0123456789.js", "a"),
            ("assets/sae-explorer-0123456789.js", "a"),
            ("catalogue.json", "{}"),
            (
                "demo/demo.json",
                r#"{"model": {"weights": {"path": "model/a.bin"}}, "saes": [{"id": "x", "cfg": {"path": "sae/cfg.json"}}]}"#,
            ),
            ("demo/model/a.bin", "w"),
            ("demo/sae/cfg.json", "{}"),
            ("demo/atlas/table.bin", "t"),
            ("demo/licenses/a.txt", "l"),
            ("demo/run/run.json", "{}"),
        ] {
            let path = root.join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        Self(root)
    }

    /// The list and the page that come of it.
    fn written(&self, worker: &str, page: &str) -> (Value, String) {
        write_into(worker, page, &self.0).unwrap();
        let script = fs::read_to_string(self.0.join("sw.js")).unwrap();
        let (list, rest) = script.split_once(";\n").unwrap();
        assert_eq!(rest, worker);
        let list = serde_json::from_str(list.strip_prefix("const SITE=").unwrap()).unwrap();
        (list, fs::read_to_string(self.0.join("index.html")).unwrap())
    }
}

impl Drop for Built {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[test]
fn the_list_has_code_and_descriptions_but_no_weights() {
    let site = Built::new("list");
    let (list, page) = site.written("work()", PAGE);
    let version = list["version"].as_str().unwrap();
    assert_eq!(page, PAGE.replace("unbuilt", version));
    let expected = serde_json::json!({
        "version": version,
        "app": [["assets/boot-0123456789.js", "0123456789"], ["", digits(page.as_bytes())]],
        "beside": ["catalogue.json", "manifest.webmanifest", "demo/demo.json", "demo/run/run.json"],
        "data": ["demo/atlas/table.bin"],
    });
    assert_eq!(list, expected);
}

#[test]
fn any_other_code_is_another_version_and_another_demo_is_not() {
    let site = Built::new("version");
    let version = |worker: &str, page: &str| site.written(worker, page).0["version"].clone();
    let first = version("work()", PAGE);
    assert_eq!(version("work()", PAGE), first);
    assert_ne!(version("rest()", PAGE), first);
    assert_ne!(version("work()", &format!("{PAGE}<p>")), first);
    fs::write(site.0.join("catalogue.json"), "[]").unwrap();
    fs::remove_dir_all(site.0.join("demo/run")).unwrap();
    assert_eq!(version("work()", PAGE), first);
    let (from, to) = ["0123456789", "0123456780"]
        .map(|hash| site.0.join(format!("assets/boot-{hash}.js")))
        .into();
    fs::rename(from, to).unwrap();
    assert_ne!(version("work()", PAGE), first);
}

#[test]
fn what_is_not_whole_is_refused() {
    let site = Built::new("refused");
    let refused = |page: &str| write_into("work()", page, &site.0).unwrap_err().to_string();
    assert!(refused("<html>").contains("data-version"));
    fs::write(site.0.join("assets/plain.js"), "a").unwrap();
    assert!(refused(PAGE).contains("assets/plain.js"));
}
