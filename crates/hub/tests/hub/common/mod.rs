//! A host, and hubs that ask it.

pub mod server;

use std::cell::RefCell;
use std::fs;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::Duration;

use hub::{Address, Error, Event, Hub, Options};
#[allow(unused_imports, reason = "each test file uses some of these")]
pub use server::{Fault, Server};

/// A fresh folder for one test.
pub fn folder(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    if folder.exists() {
        fs::remove_dir_all(&folder).unwrap();
    }
    fs::create_dir_all(&folder).unwrap();
    folder
}

/// Options that ask this host for repositories and do not wait long.
pub fn options(server: &Server, cache: &Path) -> Options {
    Options {
        base: server.url(),
        silence: Duration::from_secs(5),
        first_wait: Duration::from_millis(5),
        ..Options::new(cache.to_owned())
    }
}

/// A hub, and what it tells.
pub fn hub(options: Options) -> (Hub, Rc<RefCell<Vec<String>>>) {
    let told = Rc::new(RefCell::new(Vec::new()));
    let tell = Rc::clone(&told);
    let hub = Hub::new(options, move |event| {
        if !matches!(event, Event::Advanced { .. }) {
            tell.borrow_mut().push(format!("{event:?}"));
        }
    });
    (hub, told)
}

/// Brings a file with a hub of its own.
pub fn bring(options: Options, address: &str) -> Result<PathBuf, Error> {
    let address = Address::parse(address, Some(&options.base)).unwrap();
    hub(options).0.file(&address.unwrap())
}

/// Bytes that do not repeat soon.
pub fn bytes(count: usize, seed: u32) -> Vec<u8> {
    let mut state = seed.wrapping_mul(2_654_435_761).max(1);
    let next = || {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        state.to_le_bytes()
    };
    std::iter::repeat_with(next).flatten().take(count).collect()
}

/// The files in the cache's folder of blobs.
pub fn blobs(cache: &Path) -> Vec<String> {
    let entries = fs::read_dir(cache.join("blobs")).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<String> = names.collect();
    names.sort();
    names
}
