//! Debian and npm packages that a bare machine lacks, installed only when missing.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;
use std::{env, fs};

use anyhow::{Context, Result, bail};

use crate::paths::Paths;
use crate::process;

const INSTALL_LIMIT: Duration = Duration::from_secs(15 * 60);
const CHROMIUM_NAMES: [&str; 4] = [
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
];
const CHROME_ON_MACOS: &str = "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome";
const ICD_FOLDERS: [&str; 3] = [
    "/usr/share/vulkan/icd.d",
    "/usr/local/share/vulkan/icd.d",
    "/etc/vulkan/icd.d",
];

/// The browser for the end-to-end tests: `CHROMIUM`, one on the search path, or one freshly installed.
pub fn chromium() -> Result<PathBuf> {
    if let Some(path) = env::var_os("CHROMIUM") {
        let path = PathBuf::from(path);
        if !path.is_file() {
            bail!("CHROMIUM names {}, which is not a file", path.display());
        }
        return Ok(path);
    }
    let installed = || {
        CHROMIUM_NAMES
            .iter()
            .find_map(|name| process::find(name))
            .or_else(|| Some(PathBuf::from(CHROME_ON_MACOS)).filter(|path| path.is_file()))
    };
    if let Some(path) = installed() {
        return Ok(path);
    }
    install_debian(&["chromium"])
        .context("no Chromium was found: install Chromium or Chrome, or name one in CHROMIUM")?;
    installed().context("Chromium was installed but is not on the search path")
}

/// Node and npm, version 18 or later.
pub fn node() -> Result<()> {
    if process::find("node").is_none() || (!cfg!(windows) && process::find("npm").is_none()) {
        install_debian(&["nodejs", "npm"])
            .context("Node.js was not found: install Node.js 18 or later with npm")?;
    }
    let version = process::output(Command::new("node").arg("--version"))
        .context("`node --version` does not answer")?;
    let major = version
        .trim()
        .trim_start_matches('v')
        .split('.')
        .next()
        .and_then(|number| number.parse::<u32>().ok());
    match major {
        Some(18..) => Ok(()),
        _ => bail!(
            "Node.js 18 or later is needed, and this is {}",
            version.trim()
        ),
    }
}

/// Sees to it that a command finds a Vulkan driver: installs the software one where there is none, and names it to the
/// command where there are several but no GPU.
pub fn vulkan(paths: &Paths, command: &mut Command) -> Result<()> {
    if !cfg!(target_os = "linux") {
        return Ok(());
    }
    if env::var_os("XDG_RUNTIME_DIR").is_none() {
        // Mesa's drivers complain once a device about the missing session of a desktop; any folder quiets them.
        command.env("XDG_RUNTIME_DIR", &paths.target);
    }
    if env::var_os("VK_ICD_FILENAMES").is_some() {
        return Ok(());
    }
    if drivers().is_empty() {
        install_debian(&["libvulkan1", "mesa-vulkan-drivers"])
            .context("no Vulkan driver was found: install your GPU's, or Mesa's software one")?;
    }
    let found = drivers();
    // A machine with a GPU chooses for itself; without one, hardware drivers only cost time and warnings.
    let hardware = Path::new("/dev/dri").exists() || Path::new("/dev/nvidia0").exists();
    let software = found.iter().find(|path| {
        path.file_name()
            .is_some_and(|name| name.to_string_lossy().starts_with("lvp_icd"))
    });
    if let (false, 2.., Some(driver)) = (hardware, found.len(), software) {
        command.env("VK_ICD_FILENAMES", driver);
    }
    Ok(())
}

fn drivers() -> Vec<PathBuf> {
    ICD_FOLDERS
        .iter()
        .filter_map(|folder| fs::read_dir(folder).ok())
        .flatten()
        .filter_map(|entry| entry.ok().map(|entry| entry.path()))
        .filter(|path| path.extension().is_some_and(|ending| ending == "json"))
        .collect()
}

/// Installs Debian packages as root or with a password-less sudo; elsewhere fails with what to type.
pub fn install_debian(packages: &[&str]) -> Result<()> {
    let list = packages.join(" ");
    if process::find("apt-get").is_none() {
        bail!("this is not a Debian system, so {list} must come from its own package manager");
    }
    let root = process::output(Command::new("id").arg("-u")).is_some_and(|id| id.trim() == "0");
    let sudo = !root && process::output(Command::new("sudo").args(["-n", "true"])).is_some();
    if !root && !sudo {
        bail!("run `sudo apt-get install {list}` once");
    }
    let apt = |arguments: &[&str]| {
        let mut command = Command::new(if sudo { "sudo" } else { "apt-get" });
        if sudo {
            command.args(["-n", "DEBIAN_FRONTEND=noninteractive", "apt-get"]);
        }
        command
            .args([
                "-qq",
                "-o",
                "Dpkg::Use-Pty=0",
                "-o",
                "DPkg::Lock::Timeout=120",
            ])
            .args(arguments)
            .env("DEBIAN_FRONTEND", "noninteractive");
        process::run_within(&mut command, INSTALL_LIMIT)
    };
    eprintln!("installing {list}");
    let install: Vec<&str> = ["install", "--no-install-recommends"]
        .into_iter()
        .chain(packages.iter().copied())
        .collect();
    // The package lists of a bare machine may be absent or old: fetch them only when the first try says so.
    apt(&install).or_else(|_| {
        apt(&["update"])?;
        apt(&install)
    })
}

/// Installs the npm packages that a folder's `package.json` names, when they are not there yet.
pub fn npm(folder: &Path) -> Result<()> {
    node()?;
    let lock = folder.join("package-lock.json");
    let installed = folder.join("node_modules/.package-lock.json");
    let newer = |path: &Path| fs::metadata(path).and_then(|data| data.modified()).ok();
    let wanted = newer(&lock).or_else(|| newer(&folder.join("package.json")));
    if newer(&installed) >= wanted && wanted.is_some() {
        return Ok(());
    }
    let mut command = process::npm(folder);
    command
        .arg(if lock.is_file() { "ci" } else { "install" })
        .args(["--no-audit", "--no-fund"])
        // The browser is the system's own.
        .env("PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD", "1");
    process::run_within(&mut command, INSTALL_LIMIT)
}
