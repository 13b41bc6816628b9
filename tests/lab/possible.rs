//! Whether this machine can have a lab, and the namespaces of labs that a killed run left behind.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

/// Every namespace of ours starts with this, then the process's id.
pub const PREFIX: &str = "rtclab";

/// What the lab cannot do without, beyond the servers that a test starts itself.
const PROGRAMS: [&str; 4] = ["ip", "nft", "ss", "setpriv"];

/// Why the lab cannot be built on this machine.
pub fn possible(servers: &[&str]) -> Result<(), String> {
    if !nix::unistd::geteuid().is_root() {
        return Err("needs root for network namespaces".to_owned());
    }
    PROGRAMS.iter().chain(servers).try_for_each(|program| program_exists(program))?;
    let probe = format!("{PREFIX}-{}-probe-{:?}", std::process::id(), std::thread::current().id());
    let added = Command::new("ip").args(["netns", "add", &probe]).stderr(Stdio::null()).status();
    remove(&probe);
    if added.is_ok_and(|s| s.success()) { Ok(()) } else { Err("cannot add a network namespace".to_owned()) }
}

/// An error that names the program when it is not on the search path; what has a path is a file.
fn program_exists(program: &str) -> Result<(), String> {
    let path = format!("{}:/usr/sbin:/sbin", std::env::var("PATH").unwrap_or_default());
    let found = std::env::split_paths(&path).any(|dir| dir.join(program).is_file());
    if found { Ok(()) } else { Err(format!("{program} is not installed (tests/run installs it)")) }
}

/// Removes one namespace with whatever still runs in it.
pub fn remove(namespace: &str) {
    let pids = Command::new("ip").args(["netns", "pids", namespace]).stderr(Stdio::null()).output();
    let pids = pids.map(|o| String::from_utf8_lossy(&o.stdout).into_owned()).unwrap_or_default();
    for pid in pids.lines() {
        let _ = Command::new("kill").args(["-KILL", pid]).status();
    }
    let _ = Command::new("ip").args(["netns", "del", namespace]).stderr(Stdio::null()).status();
    let _ = fs::remove_dir_all(Path::new("/etc/netns").join(namespace));
    let _ = fs::remove_dir("/etc/netns");
}

/// Removes namespaces and directories of processes of ours that no longer run.
pub fn remove_leftovers() {
    remove_of(|owner| !Path::new("/proc").join(owner).exists());
}

/// Removes namespaces and directories of the processes that `is_over` names.
pub fn remove_of(is_over: impl Fn(&str) -> bool) {
    let ours = |dir: &Path| -> Vec<String> {
        let names =
            fs::read_dir(dir).into_iter().flatten().flatten().map(|e| e.file_name().to_string_lossy().into_owned());
        let owner = |name: &str| name.strip_prefix(PREFIX)?.strip_prefix('-')?.split('-').next().map(str::to_owned);
        names.filter(|name| owner(name).is_some_and(|pid| is_over(&pid))).collect()
    };
    ours(Path::new("/run/netns")).iter().for_each(|name| remove(name));
    for name in ours(&std::env::temp_dir()) {
        let _ = fs::remove_dir_all(std::env::temp_dir().join(name));
    }
}
