//! How many processors this machine gives its programs: those that are online, what a container may use of them, and how
//! many cores they really are.

use std::collections::BTreeSet;

use super::{Root, Unreadable};
use crate::model::machine::Processors;

/// `/proc/cpuinfo` has one to two kilobytes a processor.
const MOST: u64 = 8 * 1024 * 1024;

/// No machine has more.
const MOST_PROCESSORS: u32 = 65_536;

/// What the kernel says of this machine's processors.
///
/// # Errors
/// Neither `/sys` nor `/proc` tells how many there are.
pub fn processors(root: &Root) -> Result<Processors, Unreadable> {
    let cpuinfo = root.read("proc/cpuinfo", MOST);
    let told = cpuinfo.as_ref().map(|t| cpuinfo_of(&t.text)).unwrap_or_default();
    let online = root.value("sys/devices/system/cpu/online").and_then(|text| count(&text));
    let online = online.or(Some(told.processors).filter(|n| *n > 0));
    let status = root.value("proc/self/status").unwrap_or_default();
    let allowed = status.lines().find_map(|l| l.strip_prefix("Cpus_allowed_list:")).and_then(count);
    match (online, cpuinfo) {
        (Some(online), _) => Ok(Processors {
            logical: allowed.unwrap_or(online).min(online),
            physical: told.cores,
            quota: quota(root),
            is_guest: told.is_guest,
        }),
        (None, Err(why)) => Err(why),
        (None, Ok(_)) => Err(Unreadable("/proc/cpuinfo names no processor".to_owned())),
    }
}

/// How many numbers a list such as `0-3,8` has; `None` for what is no such list, or names none.
pub fn count(list: &str) -> Option<u32> {
    let mut all = 0u32;
    for part in list.trim().split(',') {
        let (first, last) = part.trim().split_once('-').unwrap_or((part.trim(), part.trim()));
        let (first, last) = (first.parse::<u32>().ok()?, last.parse::<u32>().ok()?);
        all = all.checked_add(last.checked_sub(first)?.checked_add(1)?)?;
    }
    (1..=MOST_PROCESSORS).contains(&all).then_some(all)
}

#[derive(Default)]
struct CpuInfo {
    processors: u32,
    cores: Option<u32>,
    is_guest: bool,
}

/// Counts processors, and cores by their package and number in it; a processor that names no core leaves that open.
fn cpuinfo_of(text: &str) -> CpuInfo {
    let mut info = CpuInfo::default();
    let (mut cores, mut package) = (BTreeSet::new(), 0u32);
    for (key, value) in text.lines().filter_map(|l| l.split_once(':')).map(|(k, v)| (k.trim(), v.trim())) {
        match key {
            "processor" => info.processors = info.processors.saturating_add(1),
            "physical id" => package = value.parse().unwrap_or(0),
            "core id" => drop(value.parse::<u32>().map(|core| cores.insert((package, core)))),
            "flags" => info.is_guest |= value.split(' ').any(|f| f == "hypervisor"),
            _ => {}
        }
    }
    info.cores = u32::try_from(cores.len()).ok().filter(|n| (1..=info.processors).contains(n));
    info
}

/// What the control group at the root, which is a container's own, may use.
fn quota(root: &Root) -> Option<f64> {
    let one = |path: &str| root.value(path)?.parse::<f64>().ok();
    let both = root.value("sys/fs/cgroup/cpu.max").and_then(|text| {
        let (quota, period) = text.split_once(' ')?;
        Some((quota.parse::<f64>().ok()?, period.parse::<f64>().ok()?))
    });
    let older = || Some((one("sys/fs/cgroup/cpu/cpu.cfs_quota_us")?, one("sys/fs/cgroup/cpu/cpu.cfs_period_us")?));
    let (quota, period) = both.or_else(older)?;
    Some(quota / period).filter(|q| q.is_finite() && *q > 0.0)
}

#[cfg(test)]
mod tests {
    use super::super::tree;
    use super::*;

    fn cpuinfo(threads: u32, cores: u32) -> String {
        let one = |n: u32| {
            format!("processor\t: {n}\nphysical id\t: 0\ncore id\t\t: {}\nflags\t\t: fpu hypervisor\n\n", n % cores)
        };
        (0..threads).map(one).collect()
    }

    #[test]
    fn threads_and_cores_are_told_apart() {
        let (_dir, root) = tree::of(&[("proc/cpuinfo", &cpuinfo(8, 4)), ("sys/devices/system/cpu/online", "0-7\n")]);
        let read = processors(&root).unwrap();
        assert_eq!((read.logical, read.physical, read.usable(), read.is_guest), (8, Some(4), 8, true));
    }

    #[test]
    fn a_containers_quota_and_set_of_processors_count() {
        let eight = cpuinfo(8, 8);
        let base = [("proc/cpuinfo", eight.as_str()), ("sys/devices/system/cpu/online", "0-7")];
        for (file, text, usable) in [
            ("sys/fs/cgroup/cpu.max", "250000 100000\n", 2),
            ("sys/fs/cgroup/cpu.max", "50000 100000\n", 1),
            ("sys/fs/cgroup/cpu.max", "max 100000\n", 8),
            ("sys/fs/cgroup/cpu.max", "100000 0\n", 8),
            ("proc/self/status", "Name:\tx\nCpus_allowed_list:\t0-1,4\n", 3),
        ] {
            let (_dir, root) = tree::of(&[base[0], base[1], (file, text)]);
            assert_eq!(processors(&root).unwrap().usable(), usable, "{file} {text}");
        }
        let older = [("sys/fs/cgroup/cpu/cpu.cfs_quota_us", "-1"), ("sys/fs/cgroup/cpu/cpu.cfs_period_us", "100000")];
        let (_dir, root) = tree::of(&[base[0], base[1], older[0], older[1]]);
        assert_eq!(processors(&root).unwrap().usable(), 8);
    }

    #[test]
    fn lists_are_counted_and_nonsense_is_none() {
        for (list, n) in
            [("0", Some(1)), ("0-3,8", Some(5)), ("", None), ("3-1", None), ("a", None), ("0-4294967295", None)]
        {
            assert_eq!(count(list), n, "{list:?}");
        }
    }

    #[test]
    fn nothing_to_read_is_said() {
        let (_dir, root) = tree::of(&[]);
        assert!(processors(&root).unwrap_err().0.contains("/proc/cpuinfo"));
        let (_dir, root) = tree::of(&[("proc/cpuinfo", "nonsense")]);
        assert!(processors(&root).unwrap_err().0.contains("no processor"));
    }
}
