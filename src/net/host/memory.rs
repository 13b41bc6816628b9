//! How much memory this machine, or the container that it is, has.

use super::{Root, Unreadable};
use crate::model::machine::Memory;

/// `/proc/meminfo` has about fifty lines.
const MOST: u64 = 64 * 1024;

/// What the kernel says of this machine's memory.
///
/// # Errors
/// `/proc/meminfo` cannot be read or names no total.
pub fn memory(root: &Root) -> Result<Memory, Unreadable> {
    let text = root.read("proc/meminfo", MOST)?.text;
    let total = field(&text, "MemTotal").filter(|n| *n > 0);
    let total_bytes = total.ok_or_else(|| Unreadable("/proc/meminfo names no MemTotal".to_owned()))?;
    let available_bytes = field(&text, "MemAvailable");
    let swap_bytes = field(&text, "SwapTotal");
    // At the root of the control groups only a container has a limit.
    let limits = ["sys/fs/cgroup/memory.max", "sys/fs/cgroup/memory/memory.limit_in_bytes"];
    let limit_bytes = limits.iter().find_map(|path| root.value(path)?.parse().ok()).filter(|n| *n < total_bytes);
    Ok(Memory { total_bytes, available_bytes, swap_bytes, limit_bytes })
}

/// A field of meminfo, which counts in units of 1,024 bytes.
fn field(text: &str, name: &str) -> Option<u64> {
    let of = |line: &str| line.strip_prefix(name)?.strip_prefix(':')?.trim().strip_suffix("kB")?.trim().parse().ok();
    text.lines().find_map(of).and_then(|kilobytes: u64| kilobytes.checked_mul(1024))
}

#[cfg(test)]
mod tests {
    use super::super::tree;
    use super::*;

    const FOUR: &str = "MemTotal:        4020736 kB\nMemFree:  100 kB\nMemAvailable:    3000000 kB\nSwapTotal: 0 kB\n";

    #[test]
    fn memory_is_read_and_a_containers_limit_counts() {
        let (_dir, root) = tree::of(&[("proc/meminfo", FOUR)]);
        let read = memory(&root).unwrap();
        assert_eq!((read.total_bytes, read.usable_bytes()), (4_117_233_664, 4_117_233_664));
        assert_eq!(read.swap_bytes, Some(0));
        for (file, text, usable) in [
            ("sys/fs/cgroup/memory.max", "1073741824\n", 1_073_741_824),
            ("sys/fs/cgroup/memory.max", "max\n", 4_117_233_664),
            ("sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n", 4_117_233_664),
        ] {
            let (_dir, root) = tree::of(&[("proc/meminfo", FOUR), (file, text)]);
            assert_eq!(memory(&root).unwrap().usable_bytes(), usable, "{text}");
        }
    }

    #[test]
    fn garbage_is_no_memory() {
        for text in ["", "MemTotal:", "MemTotal: x kB", "MemTotal: 0 kB", "MemTotal: 99999999999999999999 kB"] {
            let (_dir, root) = tree::of(&[("proc/meminfo", text)]);
            assert!(memory(&root).is_err(), "{text:?}");
        }
    }
}
