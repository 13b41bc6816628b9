//! What the system says of this process, for its own metrics, and its limit of descriptors.

use std::time::Duration;

use nix::sys::resource::{Resource, UsageWho, getrlimit, getrusage, setrlimit};

use crate::exporter::tally::Process;

/// As many descriptors as fifty probes of large profiles may hold, and more than any needs.
const DESCRIPTORS: u64 = 65_536;

/// Now; `started` is since 1970.
pub fn now(started: Duration) -> Process {
    let usage = getrusage(UsageWho::RUSAGE_SELF).ok();
    let seconds = |t: nix::sys::time::TimeVal| t.tv_sec() as f64 + t.tv_usec() as f64 / 1e6;
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let field = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?;
        line.split_whitespace().next()?.parse::<u64>().ok()
    };
    Process {
        cpu_seconds: usage.map(|u| seconds(u.user_time()) + seconds(u.system_time())),
        // The directory that is read is open meanwhile.
        open_fds: std::fs::read_dir("/proc/self/fd").ok().map(|dir| (dir.count() as u64).saturating_sub(1)),
        max_fds: getrlimit(Resource::RLIMIT_NOFILE).ok().map(|(soft, _)| soft),
        resident_bytes: field("VmRSS").map(|kib| kib * 1024),
        virtual_bytes: field("VmSize").map(|kib| kib * 1024),
        threads: field("Threads"),
        start_seconds: Some(started.as_secs_f64()),
    }
}

/// Raises the soft limit as far as it is allowed and useful; a probe that lacks one says so by itself.
pub fn raise_descriptors() {
    if let Ok((soft, hard)) = getrlimit(Resource::RLIMIT_NOFILE) {
        let wanted = hard.min(DESCRIPTORS);
        if soft < wanted {
            let _ = setrlimit(Resource::RLIMIT_NOFILE, wanted, hard);
        }
    }
}
