//! Which programs keep this machine's clock, by the names of its processes, and what the kernel reads time from.

use super::Root;
use crate::net::classify::clean;

const MOST_PROCESSES: usize = 65_536;

/// Time services by the name of their process (at most 15 characters), and what to call them.
const SERVICES: [(&str, &str); 10] = [
    ("systemd-timesyn", "systemd-timesyncd"),
    ("chronyd", "chrony"),
    ("ntpd", "ntpd"),
    ("openntpd", "openntpd"),
    ("ntpd-rs", "ntpd-rs"),
    ("ptp4l", "ptp4l"),
    ("phc2sys", "phc2sys"),
    ("vmtoolsd", "VMware Tools"),
    ("VBoxService", "VirtualBox Guest Additions"),
    ("hv_utils", "Hyper-V time synchronisation"),
];

/// The time services that run where this program runs: from inside a container those of the machine below are not seen.
pub fn services(root: &Root) -> Vec<String> {
    let pids = root.names("proc", MOST_PROCESSES);
    let pids = pids.iter().filter(|name| name.bytes().all(|b| b.is_ascii_digit()));
    let names = pids.filter_map(|pid| root.value(&format!("proc/{pid}/comm")));
    let mut found: Vec<String> = names
        .filter_map(|name| SERVICES.iter().find(|(process, _)| *process == name).map(|(_, told)| (*told).to_owned()))
        .collect();
    found.sort();
    found.dedup();
    found
}

/// `tsc`, `kvm-clock`; `None` where the kernel does not tell.
pub fn source(root: &Root) -> Option<String> {
    let told = root.value("sys/devices/system/clocksource/clocksource0/current_clocksource")?;
    Some(clean(&told, 32)).filter(|name| !name.is_empty())
}

#[cfg(test)]
mod tests {
    use super::super::tree;
    use super::*;

    #[test]
    fn services_are_known_by_their_processes() {
        let (_dir, root) = tree::of(&[
            ("proc/1/comm", "systemd\n"),
            ("proc/77/comm", "chronyd\n"),
            ("proc/78/comm", "chronyd\n"),
            ("proc/self/comm", "ntpd\n"),
            ("proc/9/comm", "systemd-timesyn\n"),
            ("sys/devices/system/clocksource/clocksource0/current_clocksource", "kvm-clock\n"),
        ]);
        assert_eq!(services(&root), ["chrony", "systemd-timesyncd"]);
        assert_eq!(source(&root).as_deref(), Some("kvm-clock"));
        let (_dir, root) = tree::of(&[]);
        assert_eq!((services(&root).len(), source(&root)), (0, None));
    }
}
