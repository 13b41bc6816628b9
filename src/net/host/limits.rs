//! How much the system gives this process: descriptors, room for what came, and the ports that it may listen on.

use super::Root;
use crate::model::doctor::{Descriptors, LowPorts, ReceiveBuffer};

/// Bits of a set of capabilities (Linux, `include/uapi/linux/capability.h`).
const NET_BIND_SERVICE: u32 = 10;
const NET_ADMIN: u32 = 12;

/// Where ports begin that everybody may listen on, unless a system says otherwise.
const FIRST_FREE: u32 = 1024;

/// The limits of this process itself; `None` where the system does not tell.
#[cfg(unix)]
#[allow(clippy::unnecessary_cast, reason = "the types differ from machine to machine")]
pub fn descriptors() -> Option<Descriptors> {
    use nix::sys::resource::{Resource, getrlimit};
    let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE).ok()?;
    Some(Descriptors { soft: soft as u64, hard: hard as u64 })
}

/// Room for datagrams that wait to be read.
pub fn receive_buffer(root: &Root) -> Option<ReceiveBuffer> {
    let most_bytes = root.value("proc/sys/net/core/rmem_max")?.parse().ok()?;
    Some(ReceiveBuffer { most_bytes, is_exempt: may(root, NET_ADMIN) })
}

/// Ports below which only the privileged listen.
pub fn low_ports(root: &Root) -> Option<LowPorts> {
    let told = root.value("proc/sys/net/ipv4/ip_unprivileged_port_start");
    let first_free = told.and_then(|n| n.parse().ok()).filter(|n| *n <= 65_536).unwrap_or(FIRST_FREE);
    root.has("proc/self/status").then(|| LowPorts { first_free, is_exempt: may(root, NET_BIND_SERVICE) })
}

/// Whether the process runs as root.
pub fn is_root(root: &Root) -> bool {
    let status = root.value("proc/self/status").unwrap_or_default();
    let uids = status.lines().find_map(|line| line.strip_prefix("Uid:"));
    uids.and_then(|uids| uids.split_ascii_whitespace().nth(1)) == Some("0")
}

/// Whether the process has this capability now.
fn may(root: &Root, capability: u32) -> bool {
    let status = root.value("proc/self/status").unwrap_or_default();
    let set = status.lines().find_map(|line| line.strip_prefix("CapEff:"));
    let set = set.and_then(|hex| u64::from_str_radix(hex.trim(), 16).ok()).unwrap_or_default();
    set & (1 << capability) != 0
}

#[cfg(test)]
mod tests {
    use super::super::tree;
    use super::*;

    #[test]
    fn capabilities_and_limits_are_read() {
        let (_dir, root) = tree::of(&[
            ("proc/self/status", "Name:\trtc-check\nUid:\t0\t1000\t0\t0\nCapEff:\t0000000000000400\n"),
            ("proc/sys/net/core/rmem_max", "212992\n"),
            ("proc/sys/net/ipv4/ip_unprivileged_port_start", "80\n"),
        ]);
        assert_eq!(receive_buffer(&root), Some(ReceiveBuffer { most_bytes: 212_992, is_exempt: false }));
        assert_eq!(low_ports(&root), Some(LowPorts { first_free: 80, is_exempt: true }));
        assert!(!is_root(&root), "the effective user counts");
    }

    #[test]
    fn what_is_not_told_is_not_made_up() {
        let (_dir, root) = tree::of(&[("proc/sys/net/core/rmem_max", "many")]);
        assert_eq!((receive_buffer(&root), low_ports(&root), is_root(&root)), (None, None, false));
        let odd = [("proc/self/status", "CapEff:\tzz\nUid:\n"), ("proc/sys/net/ipv4/ip_unprivileged_port_start", "-1")];
        let (_dir, root) = tree::of(&odd);
        assert_eq!(low_ports(&root), Some(LowPorts { first_free: FIRST_FREE, is_exempt: false }));
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn this_process_has_limits() {
        let told = descriptors().unwrap();
        assert!(told.soft > 0 && told.soft <= told.hard, "{told:?}");
        assert_eq!(is_root(&Root::default()), nix::unistd::geteuid().is_root());
    }
}
