//! What can be seen of this machine's own packet filter without asking it, which needs a privilege: which parts of it are
//! in use, and who manages it. Reads no rule.

use super::Root;
use crate::model::doctor::Firewall;
use crate::net::classify::clean;

const MOST: u64 = 256 * 1024;

/// Modules that hold rules.
const MODULES: [&str; 6] = ["nf_tables", "ip_tables", "ip6_tables", "iptable_filter", "ip6table_filter", "ebtables"];

/// Files that show that a manager is at work.
const RUNNING: [(&str, &str); 3] =
    [("firewalld", "run/firewalld"), ("firewalld", "run/firewalld.pid"), ("shorewall", "var/lib/shorewall/state")];

/// What is seen of it.
pub fn firewall(root: &Root) -> Firewall {
    let modules = root.read("proc/modules", MOST).map(|t| used(&t.text)).unwrap_or_default();
    let tables = ["proc/net/ip_tables_names", "proc/net/ip6_tables_names"];
    // Only root may read them; where they are not there, nothing of iptables is loaded.
    let read: Result<Vec<_>, _> = tables.iter().map(|path| root.read_if_there(path, MOST)).collect();
    let tables = read.ok().map(|all| {
        let words = all.into_iter().flatten().flat_map(|t| t.text.lines().map(|l| clean(l, 32)).collect::<Vec<_>>());
        let mut words: Vec<String> = words.filter(|w| !w.is_empty()).take(16).collect();
        words.sort();
        words.dedup();
        words
    });
    let mut managers: Vec<String> =
        RUNNING.iter().filter(|(_, path)| root.has(path)).map(|(name, _)| (*name).to_owned()).collect();
    managers.dedup();
    let ufw = root.value("etc/ufw/ufw.conf").unwrap_or_default();
    if ufw.lines().any(|line| line.trim().eq_ignore_ascii_case("ENABLED=yes")) {
        managers.push("ufw".to_owned());
    }
    Firewall { modules, tables, managers }
}

/// Modules of a packet filter that something uses: `name size uses …` a line.
fn used(text: &str) -> Vec<String> {
    let name = |line: &str| {
        let mut words = line.split_ascii_whitespace();
        let (name, uses) = (words.next()?, words.nth(1)?);
        (MODULES.contains(&name) && uses != "0").then(|| name.to_owned())
    };
    text.lines().filter_map(name).collect()
}

#[cfg(test)]
mod tests {
    use super::super::tree;
    use super::*;

    #[test]
    fn what_is_loaded_and_who_manages_it_is_told() {
        let (_dir, root) = tree::of(&[
            ("proc/modules", "nf_tables 286720 42 - Live 0x0\nip_tables 32768 0 - Live 0x0\next4 1 1 - Live 0x0\nbad"),
            ("proc/net/ip_tables_names", "nat\nfilter\n"),
            ("proc/net/ip6_tables_names", "filter\n"),
            ("etc/ufw/ufw.conf", "# x\nENABLED=yes\n"),
            ("run/firewalld/x", ""),
        ]);
        let seen = firewall(&root);
        assert_eq!(seen.modules, ["nf_tables"]);
        assert_eq!(seen.tables.unwrap(), ["filter", "nat"]);
        assert_eq!(seen.managers, ["firewalld", "ufw"]);
    }

    #[test]
    fn what_may_not_be_seen_is_not_nothing() {
        let (_dir, root) = tree::of(&[("proc/net/ip_tables_names/none", "")]);
        assert_eq!(firewall(&root).tables, None);
        let (_dir, root) = tree::of(&[]);
        assert_eq!(firewall(&root), Firewall { tables: Some(Vec::new()), ..Firewall::default() });
    }
}
