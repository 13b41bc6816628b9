//! The scenarios' network: client, home router, the provider's router and servers in a row, with proxies and resolvers beside
//! the home router; each a network namespace, both families everywhere.
//!
//! ```text
//! client 192.0.2.2 ── .1 home 203.0.113.2 ── .1 provider 198.51.100.1 ── .10 .20 .30 .31 .53 .80 servers
//!                          └ 10.9.0.1 ── .2 .53 .54 proxy
//! ```
//!
//! In IPv6 the lines are 2001:db8:1::, 2001:db8:3::, 2001:db8:2:: and 2001:db8:9::, with the same last numbers.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use crate::case::{Case, Fault, Line, place};
use crate::emulator;
use crate::namespaces::{Lab, Place, finished, ip};

/// What the lab's authority vouches for beside the lab's usual hosts.
const NAMES: [&str; 7] = [
    "rtc.lab.test",
    "inside.lab.test",
    "control.lab.test",
    "control.other.test",
    "198.51.100.80",
    "2001:db8:2::80",
    "portal.lab.test",
];

/// The line's two ends, home first.
const LINE: [(Place, &str, [&str; 2]); 2] = [
    (Place::Home, "up0", ["203.0.113.2/24", "2001:db8:3::2/64"]),
    (Place::Router, "cl0", ["203.0.113.1/24", "2001:db8:3::1/64"]),
];

/// The lab, and the emulator where there is one.
pub struct Chain {
    // Ends before the namespaces do.
    _emulator: Option<Emulated>,
    pub lab: Lab,
}

struct Emulated(Child);

impl Drop for Emulated {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Chain {
    /// Builds the network of `case`, with nothing wrong in it but its line.
    pub fn build(case: &Case) -> Self {
        let lab = Lab::empty(&NAMES);
        Place::ALL.into_iter().for_each(|p| lab.add_place(p));
        lab.wire(Place::Client, Place::Home, "in0");
        lab.wire(Place::Proxy, Place::Home, "px0");
        lab.wire(Place::Server, Place::Router, "sv0");
        lab.interface(Place::Home, "in0", &["192.0.2.1/24", "2001:db8:1::1/64"], &[]);
        lab.interface(Place::Home, "px0", &["10.9.0.1/24", "2001:db8:9::1/64"], &[]);
        lab.interface(Place::Router, "sv0", &["198.51.100.1/24", "2001:db8:2::1/64"], &[]);
        let emulator = case.line.as_ref().map(|line| emulated(&lab, line));
        if emulator.is_none() {
            lab.wire(Place::Home, Place::Router, "cl0");
            LINE.iter().for_each(|(place, name, addresses)| lab.interface(*place, name, addresses, &[]));
        }
        lab.interface(Place::Home, "up0", &[], &["203.0.113.1", "2001:db8:3::1"]);
        for (net, over) in [("192.0.2.0/24", "203.0.113.2"), ("10.9.0.0/24", "203.0.113.2")] {
            ip(&["-n", &lab.namespace(Place::Router), "route", "add", net, "via", over]);
        }
        for net in ["2001:db8:1::/64", "2001:db8:9::/64"] {
            ip(&["-n", &lab.namespace(Place::Router), "route", "add", net, "via", "2001:db8:3::2"]);
        }
        hosts(&lab, Place::Client, "192.0.2", "2001:db8:1:", &[2]);
        hosts(&lab, Place::Proxy, "10.9.0", "2001:db8:9:", &[2, 53, 54]);
        hosts(&lab, Place::Server, "198.51.100", "2001:db8:2:", &[10, 20, 30, 31, 53, 80]);
        Self { _emulator: emulator, lab }
    }

    /// What the client takes for names and resolvers.
    pub fn names(&self, hosts: &[String], resolvers: &[String]) {
        let dir = PathBuf::from("/etc/netns").join(self.lab.namespace(Place::Client));
        fs::create_dir_all(&dir).unwrap();
        fs::write(dir.join("hosts"), format!("127.0.0.1 localhost\n{}\n", hosts.join("\n"))).unwrap();
        let line = |r: &String| if r.starts_with("options") { format!("{r}\n") } else { format!("nameserver {r}\n") };
        fs::write(dir.join("resolv.conf"), resolvers.iter().map(line).collect::<String>()).unwrap();
    }

    /// Waits until packets pass everywhere in both families: the kernel may take a second to see that a line is up.
    pub fn settle(&self) {
        let ends = ["198.51.100.10:9", "[2001:db8:2::10]:9", "10.9.0.2:9", "[2001:db8:9::2]:9"];
        let ends = ends.map(|e| e.parse::<std::net::SocketAddr>().expect("an address"));
        // Nobody listens there, so the far end itself refuses.
        let is_there = |end: &std::net::SocketAddr| {
            std::net::TcpStream::connect_timeout(end, Duration::from_secs(5))
                .is_err_and(|e| e.kind() == std::io::ErrorKind::ConnectionRefused)
        };
        let silent = self.lab.within(Place::Client, move || ends.into_iter().find(|end| !is_there(end)));
        assert_eq!(silent, None, "the lab's network does not work");
    }

    /// Does what the scenario says is wrong.
    pub fn faults(&self, faults: &BTreeMap<String, Fault>) {
        for (name, fault) in faults {
            let place = place(name).expect("checked when it was read");
            fault.sysctl.iter().for_each(|(key, value)| self.lab.sysctl(place, key, value));
            if let Some(table) = table(fault) {
                self.lab.table(place, "inet fault", &table);
            }
            for line in &fault.run {
                let mut command = self.lab.command(place, "sh");
                finished(command.args(["-ec", line]));
            }
        }
    }
}

fn hosts(lab: &Lab, place: Place, v4: &str, v6: &str, last: &[u8]) {
    let addresses: Vec<String> = last.iter().flat_map(|n| [format!("{v4}.{n}/24"), format!("{v6}:{n}/64")]).collect();
    let addresses: Vec<&str> = addresses.iter().map(String::as_str).collect();
    lab.interface(place, "up0", &addresses, &[&format!("{v4}.1"), &format!("{v6}:1")]);
}

/// The fault's chains, if it has any.
fn table(fault: &Fault) -> Option<String> {
    let chains = [
        (&fault.forward, "forward", "filter", 0),
        (&fault.input, "input", "filter", 0),
        (&fault.output, "output", "filter", 0),
        (&fault.prerouting, "prerouting", "nat", -100),
        (&fault.postrouting, "postrouting", "nat", 100),
    ];
    let chain = |(rules, hook, kind, priority): &(&Vec<String>, &str, &str, i32)| {
        let head = format!("chain {hook} {{\ntype {kind} hook {hook} priority {priority}; policy accept;\n");
        (!rules.is_empty()).then(|| format!("{head}{}\n}}\n", rules.join("\n")))
    };
    let chains: String = chains.iter().filter_map(chain).collect();
    (!chains.is_empty() || !fault.table.is_empty()).then(|| format!("{}\n{chains}", fault.table.join("\n")))
}

/// The line between the routers is two TUN devices with the emulator between them.
fn emulated(lab: &Lab, line: &Line) -> Emulated {
    let end = |(place, name, addresses): &(Place, &str, [&str; 2])| {
        format!("tun:{}:{name}:{}", lab.namespace(*place), addresses[0])
    };
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "KILL"]).arg(emulator::program());
    command.args(["--a", &end(&LINE[0]), "--b", &end(&LINE[1]), "--ab", &line.up, "--ba", &line.down]);
    command.args(["--duration", "120", "--summary", "/dev/null"]).stdin(Stdio::null()).stdout(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut ready = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut ready).unwrap();
    assert_eq!(ready, "ready\n", "the emulator did not start");
    for (place, name, addresses) in &LINE {
        lab.interface(*place, name, &addresses[1..], &[]);
    }
    Emulated(child)
}
