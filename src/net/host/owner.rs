//! Which process has a socket, as far as this user may see it. Reads names alone: a command line may bear a password, so
//! it is never opened.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::Root;
use crate::net::classify::clean;

/// Linux has at most 4,194,304 processes; a table of this many is a full machine.
const MOST_PROCESSES: usize = 65_536;
/// Open files of one process, and of all, that are looked at.
const MOST_FILES: usize = 65_536;
const MOST_IN_ALL: usize = 2_000_000;

/// A process that has a socket.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Process {
    /// As the kernel has it: at most 15 characters.
    pub name: String,
    pub pid: u32,
}

/// The first process of each of these sockets, by its inode; those whose process this user may not see are missing.
pub fn owners(root: &Root, inodes: &BTreeSet<u64>) -> BTreeMap<u64, Process> {
    let mut found = BTreeMap::new();
    let mut left = MOST_IN_ALL;
    // Its own numbers first, so that the process that listens comes before the children that it handed the socket to.
    let mut pids: Vec<u32> = root.names("proc", MOST_PROCESSES).iter().filter_map(|n| n.parse().ok()).collect();
    pids.sort_unstable();
    for pid in pids {
        if left == 0 || inodes.iter().all(|inode| found.contains_key(inode)) {
            break;
        }
        let files = root.names(&format!("proc/{pid}/fd"), MOST_FILES.min(left));
        left -= files.len();
        let has = files.iter().filter_map(|fd| inode_of(&root.link(&format!("proc/{pid}/fd/{fd}"))?));
        for inode in has.filter(|inode| inodes.contains(inode)) {
            found.entry(inode).or_insert_with(|| Process { name: name(root, pid), pid });
        }
    }
    found
}

fn name(root: &Root, pid: u32) -> String {
    root.value(&format!("proc/{pid}/comm")).map(|n| clean(&n, 15)).unwrap_or_default()
}

/// `socket:[777]`.
fn inode_of(link: &str) -> Option<u64> {
    link.strip_prefix("socket:[")?.strip_suffix(']')?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::super::tree;
    use super::*;

    #[test]
    fn the_first_process_of_a_socket_is_named_and_no_command_line_read() {
        let (_dir, root) = tree::of(&[
            ("proc/12/fd/3", "-> socket:[777]"),
            ("proc/12/comm", "ngi\u{1b}[2Jnx\n"),
            ("proc/12/cmdline", "nginx\0--password=hunter2"),
            ("proc/7/fd/4", "-> socket:[888]"),
            ("proc/7/comm", "sshd\n"),
            ("proc/113/fd/3", "-> socket:[777]"),
            ("proc/self/fd/3", "-> socket:[999]"),
            ("proc/8/fd/0", "-> /dev/null"),
        ]);
        let found = owners(&root, &[777, 888, 999].into());
        assert_eq!(found[&777], Process { name: "ngi [2Jnx".to_owned(), pid: 12 });
        assert_eq!(found[&888].name, "sshd");
        assert!(!found.contains_key(&999));
    }
}
