//! The distribution (os-release(5)), the architecture (uname(2)), the machine's name, and whether it is a container or a
//! virtual machine.

use super::{Root, Unreadable};
use crate::model::machine::Distribution;
use crate::net::classify::clean;

/// os-release has about a dozen lines.
const MOST: u64 = 16 * 1024;

/// A value that people read.
const LONGEST: usize = 80;

/// What this machine's distribution says of itself.
///
/// # Errors
/// There is no os-release, or no `ID` in it.
pub fn distribution(root: &Root) -> Result<Distribution, Unreadable> {
    let first = root.read("etc/os-release", MOST);
    // os-release(5): the one below /usr counts where /etc has none.
    let text = first.or_else(|missing| root.read("usr/lib/os-release", MOST).map_err(|_| missing))?;
    let read = os_release(&text.text);
    if read.id.is_empty() {
        return Err(Unreadable("/etc/os-release names no distribution (there is no ID in it)".to_owned()));
    }
    Ok(read)
}

/// Reads os-release: `NAME=value` a line, quoted as in a shell; what is no such line is passed over.
pub fn os_release(text: &str) -> Distribution {
    let value = |key: &str| {
        let of = |line: &str| line.trim().strip_prefix(key)?.strip_prefix('=').map(unquoted);
        // As in a shell, the last assignment counts.
        text.lines().rev().find_map(of).filter(|v| !v.is_empty())
    };
    let id = value("ID").unwrap_or_default().to_ascii_lowercase();
    let name = value("PRETTY_NAME").or_else(|| value("NAME")).unwrap_or_else(|| id.clone());
    Distribution {
        version: value("VERSION_ID"),
        version_words: value("VERSION"),
        name,
        based_on: value("ID_LIKE").map(|v| v.split(' ').map(str::to_ascii_lowercase).collect()).unwrap_or_default(),
        id,
    }
}

fn unquoted(value: &str) -> String {
    let value = value.trim();
    let quoted = ['"', '\''].iter().find_map(|q| value.strip_prefix(*q)?.strip_suffix(*q));
    clean(&quoted.unwrap_or(value).replace('\\', ""), LONGEST)
}

/// The machine's name of its architecture, as uname(2) has it: `x86_64`, `aarch64`.
///
/// # Errors
/// The system does not tell.
pub fn architecture() -> Result<String, Unreadable> {
    let told = nix::sys::utsname::uname().map_err(|e| Unreadable(format!("uname: {}", e.desc())))?;
    Ok(clean(&told.machine().to_string_lossy(), 32))
}

/// The kernel's name and release, as uname(2) has them: `Linux 6.1.0-18-amd64`.
///
/// # Errors
/// The system does not tell.
pub fn kernel() -> Result<String, Unreadable> {
    let told = nix::sys::utsname::uname().map_err(|e| Unreadable(format!("uname: {}", e.desc())))?;
    Ok(clean(&format!("{} {}", told.sysname().to_string_lossy(), told.release().to_string_lossy()), 80))
}

/// The machine's own name; `localhost` where it has none.
pub fn host_name(root: &Root) -> String {
    let told = root.value("proc/sys/kernel/hostname").map(|name| clean(&name, 64));
    let fits = |name: &String| !name.is_empty() && name != "(none)" && !name.contains(['/', ' ']);
    told.filter(fits).unwrap_or_else(|| "localhost".to_owned())
}

/// The namespaces that the kernel starts with (Linux, `include/linux/proc_ns.h`).
const FIRST: [(&str, &str); 3] =
    [("pid", "pid:[4026531836]"), ("cgroup", "cgroup:[4026531835]"), ("uts", "uts:[4026531838]")];

/// What kind of container this is, where it is one. A machine that was made of a container's image still has the marks of
/// one, and is none: it is in the kernel's first namespaces.
pub fn container(root: &Root) -> Option<String> {
    if FIRST.iter().all(|(name, first)| root.link(&format!("proc/self/ns/{name}")).as_deref() == Some(first)) {
        return None;
    }
    let marks = [(".dockerenv", "docker"), ("run/.containerenv", "podman")];
    if let Some((_, name)) = marks.iter().find(|(path, _)| root.has(path)) {
        return Some((*name).to_owned());
    }
    // What systemd and its like leave for those who ask without privileges.
    let told = root.value("run/systemd/container").filter(|v| !v.is_empty()).map(|v| clean(&v, 32));
    let cgroups = || {
        let text = root.value("proc/1/cgroup")?;
        let kinds = ["docker", "kubepods", "lxc", "containerd", "libpod"];
        kinds.iter().find(|kind| text.contains(**kind)).map(|kind| (*kind).to_owned())
    };
    told.or_else(cgroups)
}

#[cfg(test)]
mod tests {
    use super::super::tree;
    use super::*;

    const BOOKWORM: &str = "PRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"\nNAME=\"Debian GNU/Linux\"\nVERSION_ID=\"12\"\nVERSION=\"12 (bookworm)\"\nVERSION_CODENAME=bookworm\nID=debian\n";
    const NOBLE: &str = "PRETTY_NAME=\"Ubuntu 24.04.1 LTS\"\nNAME=\"Ubuntu\"\nVERSION_ID=\"24.04\"\nVERSION=\"24.04.1 LTS (Noble Numbat)\"\nID=ubuntu\nID_LIKE=debian\n";

    #[test]
    fn distributions_are_read() {
        let debian = os_release(BOOKWORM);
        assert_eq!((debian.id.as_str(), debian.version.as_deref()), ("debian", Some("12")));
        assert_eq!(debian.name, "Debian GNU/Linux 12 (bookworm)");
        let ubuntu = os_release(NOBLE);
        assert_eq!((ubuntu.id.as_str(), ubuntu.version.as_deref()), ("ubuntu", Some("24.04")));
        assert_eq!(ubuntu.based_on, ["debian"]);
        assert!(ubuntu.version_words.unwrap().contains("LTS"));
        let sid = os_release("PRETTY_NAME='Debian GNU/Linux trixie/sid'\nID=debian\n");
        assert_eq!((sid.version, sid.name.as_str()), (None, "Debian GNU/Linux trixie/sid"));
    }

    #[test]
    fn garbage_is_passed_over_and_cannot_command_a_terminal() {
        assert_eq!(os_release("\0\u{1b}]0;x\u{7}\n=\nID\nID=\n# ID=arch"), Distribution::default());
        let odd = os_release("ID=\"debian\u{1b}[2J\"\nVERSION_ID=\"");
        assert!(!odd.id.contains('\u{1b}') && odd.version.as_deref() == Some("\""), "{odd:?}");
        let (_dir, root) = tree::of(&[("etc/os-release", "nothing of use\n")]);
        assert!(distribution(&root).unwrap_err().0.contains("no ID"));
    }

    #[test]
    fn a_huge_file_is_read_no_farther_than_it_makes_sense() {
        let huge = format!("ID=debian\nVERSION_ID=11\nPRETTY_NAME=\"{}\"\n", "x".repeat(3_000_000));
        let (_dir, root) = tree::of(&[("etc/os-release", &huge)]);
        let read = distribution(&root).unwrap();
        assert_eq!(read.version.as_deref(), Some("11"));
        assert!(read.name.chars().count() <= LONGEST + 1);
    }

    #[test]
    fn the_file_below_usr_counts_where_etc_has_none() {
        let (_dir, root) = tree::of(&[("usr/lib/os-release", NOBLE)]);
        assert_eq!(distribution(&root).unwrap().id, "ubuntu");
        let (_dir, root) = tree::of(&[]);
        assert!(distribution(&root).unwrap_err().0.contains("/etc/os-release cannot be read"));
    }

    #[test]
    fn containers_are_known_by_what_they_leave() {
        for (file, text, kind) in [
            (".dockerenv", "", Some("docker")),
            ("run/.containerenv", "", Some("podman")),
            ("run/systemd/container", "systemd-nspawn\n", Some("systemd-nspawn")),
            ("proc/1/cgroup", "12:pids:/kubepods/besteffort/pod1\n", Some("kubepods")),
            ("proc/1/cgroup", "0::/init.scope\n", None),
        ] {
            let (_dir, root) = tree::of(&[(file, text)]);
            assert_eq!(container(&root).as_deref(), kind, "{file}");
        }
    }

    #[test]
    fn a_machine_made_of_a_containers_image_is_none() {
        let first = FIRST.map(|(name, first)| (format!("proc/self/ns/{name}"), format!("-> {first}")));
        let mut files: Vec<(&str, &str)> = first.iter().map(|(f, t)| (f.as_str(), t.as_str())).collect();
        files.push((".dockerenv", ""));
        let (_dir, root) = tree::of(&files);
        assert_eq!(container(&root), None);
        let (_dir, root) = tree::of(&files[1..]);
        assert_eq!(container(&root).as_deref(), Some("docker"));
    }

    #[test]
    fn the_machines_name_is_fit_for_an_id() {
        for (text, name) in [("web1\n", "web1"), ("(none)\n", "localhost"), ("a/b", "localhost"), ("", "localhost")] {
            let (_dir, root) = tree::of(&[("proc/sys/kernel/hostname", text)]);
            assert_eq!(host_name(&root), name);
        }
    }

    #[test]
    fn this_machine_has_an_architecture() {
        assert_eq!(architecture().unwrap(), std::env::consts::ARCH);
    }
}
