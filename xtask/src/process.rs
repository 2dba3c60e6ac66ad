//! Running and finding of other programs, with a time limit and errors in words.

use std::env;
use std::ffi::OsStr;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

/// Cargo as it runs this very program, in the root of the checkout, with the shared build folder.
pub fn cargo(paths: &crate::paths::Paths) -> Command {
    let program = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(program);
    command
        .current_dir(&paths.root)
        .env("CARGO_TARGET_DIR", &paths.target);
    command
}

/// Runs a command to its end with its output shown. Fails when it cannot start or exits with a failure.
pub fn run(command: &mut Command) -> Result<()> {
    let name = describe(command);
    let status = command
        .status()
        .with_context(|| format!("could not start `{name}`"))?;
    if !status.success() {
        bail!("`{name}` failed ({status})");
    }
    Ok(())
}

/// As [`run`], but ends the command and fails when it takes longer than `limit`. Its output goes to standard error, so
/// that standard output keeps what scripts read.
pub fn run_within(command: &mut Command, limit: Duration) -> Result<()> {
    let name = describe(command);
    command.stdin(Stdio::null()).stdout(std::io::stderr());
    let mut child = command
        .spawn()
        .with_context(|| format!("could not start `{name}`"))?;
    let Some(status) = wait(&mut child, limit)? else {
        bail!("`{name}` did not end within {} s", limit.as_secs());
    };
    if !status.success() {
        bail!("`{name}` failed ({status})");
    }
    Ok(())
}

/// The standard output of a command, or `None` where it cannot start, fails or takes longer than ten seconds.
pub fn output(command: &mut Command) -> Option<String> {
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .ok()?;
    let mut stdout = child.stdout.take()?;
    let reader = thread::spawn(move || {
        let mut text = String::new();
        stdout.read_to_string(&mut text).ok().map(|_| text)
    });
    let status = wait(&mut child, Duration::from_secs(10)).ok()??;
    let text = reader.join().ok()??;
    status.success().then_some(text)
}

/// `None` when the limit passed: the child is then ended.
fn wait(child: &mut Child, limit: Duration) -> Result<Option<std::process::ExitStatus>> {
    let start = Instant::now();
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        if start.elapsed() > limit {
            child.kill()?;
            child.wait()?;
            return Ok(None);
        }
        thread::sleep(Duration::from_millis(50));
    }
}

/// The program on the search path, or `None`.
pub fn find(name: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH")?;
    env::split_paths(&path)
        .map(|folder| folder.join(name).with_extension(env::consts::EXE_EXTENSION))
        .find(|file| file.is_file())
}

/// npm, which is a script on Windows.
pub fn npm(folder: &Path) -> Command {
    let mut command = Command::new(if cfg!(windows) { "npm.cmd" } else { "npm" });
    command.current_dir(folder);
    command
}

/// Opens an address with the desktop's browser; where there is none the printed address has to do.
pub fn open_in_browser(address: &str) {
    let mut command = if cfg!(target_os = "macos") {
        Command::new("open")
    } else if cfg!(windows) {
        let mut command = Command::new("cmd");
        command.args(["/C", "start", ""]);
        command
    } else {
        Command::new("xdg-open")
    };
    let started = command
        .arg(address)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
    if let Err(error) = started {
        eprintln!("note: no browser could be opened ({error}); the address above works in any");
    }
}

fn describe(command: &Command) -> String {
    let program = Path::new(command.get_program());
    let name = program.file_name().unwrap_or(program.as_os_str());
    std::iter::once(name)
        .chain(command.get_args())
        .map(OsStr::to_string_lossy)
        .collect::<Vec<_>>()
        .join(" ")
}
