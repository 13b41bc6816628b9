//! Client, router and server in a row, each a network namespace of its own, torn down when the test ends in any way.
//!
//! Client 192.0.2.2 and 2001:db8:1::2, router .1 and ::1 on both sides, server 198.51.100.10, .20, .30 and .31,
//! 2001:db8:2::10, ::20, ::30 and ::31. `nat.rs` puts another router between. Names carry this process's id; what a killed
//! run left behind is removed by the next one.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Once;
use std::sync::atomic::{AtomicU32, Ordering};

use tempfile::TempDir;

pub use crate::daemon::{Daemon, Listens};
use crate::harness::{self, Run};
use crate::pki::Pki;
use crate::possible::{PREFIX, possible, remove, remove_leftovers};

pub const RTC4: &str = "198.51.100.10";
pub const RTC6: &str = "2001:db8:2::10";
pub const ACD4: &str = "198.51.100.20";
pub const ACD6: &str = "2001:db8:2::20";
/// The relay, and the second address that it tells mappings apart with.
pub const ICE4: &str = "198.51.100.30";
pub const ICE6: &str = "2001:db8:2::30";
pub const ALT4: &str = "198.51.100.31";
pub const ALT6: &str = "2001:db8:2::31";
pub const ROUTER4: &str = "192.0.2.1";
pub const ROUTER6: &str = "2001:db8:1::1";
pub const CLIENT4: &str = "192.0.2.2";
pub const CLIENT6: &str = "2001:db8:1::2";

/// The ends of the emulated path, where a test asks for one.
pub const EMULATED_CLIENT4: &str = "203.0.113.1";
pub const EMULATED4: &str = "203.0.113.2";

/// Both families of the two hosts, as `--target` takes them.
pub const RTC: &str = "rtc=198.51.100.10,[2001:db8:2::10]";
pub const ACD: &str = "acd=198.51.100.20,[2001:db8:2::20]";
pub const ICE: &str = "ice=198.51.100.30,[2001:db8:2::30]";

/// One of the namespaces.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Place {
    Client,
    /// A second router before the first, where a test asks for one.
    Home,
    /// What stands beside the home router: proxies and resolvers.
    Proxy,
    Router,
    Server,
}

impl Place {
    pub const ALL: [Self; 5] = [Self::Client, Self::Home, Self::Proxy, Self::Router, Self::Server];
}

/// Three namespaces, a directory for files, and an authority.
pub struct Lab {
    name: String,
    dir: TempDir,
    pub pki: Pki,
}

impl Lab {
    /// Builds the lab; `None`, loudly, where this machine cannot, and a failure where `CI=true`.
    pub fn up() -> Option<Self> {
        Self::with(&[])
    }

    /// The same where `servers` are installed.
    pub fn with(servers: &[&str]) -> Option<Self> {
        if std::env::var_os("RTC_CHECK_LAB").is_some_and(|v| v == "later") {
            return None;
        }
        if let Err(why) = possible(servers) {
            assert!(std::env::var_os("CI").is_none_or(|v| v != "true"), "the lab cannot run: {why}");
            let thread = std::thread::current();
            // Written past the capture of the test runner, so that it is seen although the test counts as passed.
            let _ = writeln!(std::io::stderr(), "\nNOT RUN: {}: {why}", thread.name().unwrap_or("lab"));
            return None;
        }
        let lab = Self::empty(&[]);
        lab.build();
        Some(lab)
    }

    /// A directory and an authority, which vouches for `names` too, and no namespace yet.
    pub fn empty(names: &[&str]) -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        static SWEPT: Once = Once::new();
        SWEPT.call_once(remove_leftovers);
        let name = format!("{PREFIX}-{}-{}", std::process::id(), NUMBER.fetch_add(1, Ordering::Relaxed));
        let dir = tempfile::Builder::new().prefix(&format!("{name}-")).tempdir().unwrap();
        let hosts = ["rtc.example", "acd.example", RTC4, RTC6, ACD4, ACD6, ICE4, ICE6, EMULATED4];
        let pki = Pki::new(dir.path(), &[&hosts, names].concat());
        Self { name, dir, pki }
    }

    fn build(&self) {
        [Place::Client, Place::Router, Place::Server].into_iter().for_each(|p| self.add_place(p));
        self.wire(Place::Client, Place::Router, "cl0");
        self.wire(Place::Server, Place::Router, "sv0");
        self.interface(Place::Router, "cl0", &["192.0.2.1/24", "2001:db8:1::1/64"], &[]);
        self.interface(Place::Router, "sv0", &["198.51.100.1/24", "2001:db8:2::1/64"], &[]);
        self.interface(Place::Client, "up0", &["192.0.2.2/24", "2001:db8:1::2/64"], &["192.0.2.1", "2001:db8:1::1"]);
        let hosts = [RTC4, ACD4, ICE4, ALT4].map(|a| format!("{a}/24"));
        let hosts6 = [RTC6, ACD6, ICE6, ALT6].map(|a| format!("{a}/64"));
        let hosts: Vec<&str> = hosts.iter().chain(&hosts6).map(String::as_str).collect();
        self.interface(Place::Server, "up0", &hosts, &["198.51.100.1", "2001:db8:2::1"]);
    }

    /// Adds an empty namespace that forwards.
    pub fn add_place(&self, place: Place) {
        ip(&["netns", "add", &self.namespace(place)]);
        let sysctl = |key: &str, value: &str| self.sysctl(place, key, value);
        for scope in ["all", "default"] {
            sysctl(&format!("net/ipv6/conf/{scope}/accept_dad"), "0");
            sysctl(&format!("net/ipv6/conf/{scope}/accept_ra"), "0");
        }
        sysctl("net/ipv6/conf/all/forwarding", "1");
        sysctl("net/ipv4/ip_forward", "1");
        ip(&["-n", &self.namespace(place), "link", "set", "lo", "up"]);
    }

    /// A line from `up0` of the outer place to `name` of the inner one.
    pub fn wire(&self, outer: Place, inner: Place, name: &str) {
        let [outer, inner] = [outer, inner].map(|p| self.namespace(p));
        ip(&["link", "add", "up0", "netns", &outer, "type", "veth", "peer", "name", name, "netns", &inner]);
    }

    /// Cuts the line at `up0` of `place`.
    pub fn unplug(&self, place: Place) {
        ip(&["-n", &self.namespace(place), "link", "del", "up0"]);
    }

    /// Gives an interface its addresses, brings it up, and leads everything else over `gateways`.
    pub fn interface(&self, place: Place, interface: &str, addresses: &[&str], gateways: &[&str]) {
        let namespace = self.namespace(place);
        for address in addresses {
            let nodad: &[&str] = if address.contains(':') { &["nodad"] } else { &[] };
            let add = ["-n", &namespace, "addr", "add", address, "dev", interface];
            ip(&[&add, nodad].concat());
        }
        ip(&["-n", &namespace, "link", "set", interface, "up"]);
        for gateway in gateways {
            ip(&["-n", &namespace, "route", "add", "default", "via", gateway]);
        }
    }

    /// The namespace's name on this machine.
    pub fn namespace(&self, place: Place) -> String {
        let suffix = match place {
            Place::Client => "c",
            Place::Home => "h",
            Place::Proxy => "p",
            Place::Router => "r",
            Place::Server => "s",
        };
        format!("{}-{suffix}", self.name)
    }

    /// The test's own directory.
    pub fn dir(&self) -> &Path {
        self.dir.path()
    }

    /// Sets a kernel parameter (path below /proc/sys) in one namespace.
    #[track_caller]
    pub fn sysctl(&self, place: Place, key: &str, value: &str) {
        let mut write = self.command(place, "sh");
        write.args(["-c", r#"printf %s "$1" > "/proc/sys/$0""#, key, value]);
        finished(write);
    }

    /// `program`, to be run in one namespace with a clean environment; it dies with the test's thread.
    pub fn command(&self, place: Place, program: &str) -> Command {
        let mut command = harness::clean(Command::new("ip"));
        let path = format!("{}:/usr/sbin:/sbin", std::env::var("PATH").unwrap_or_default());
        command.env("PATH", path).current_dir(self.dir());
        command.args(["netns", "exec", &self.namespace(place), "setpriv", "--pdeathsig", "KILL", program]);
        command
    }

    /// Puts `rules`, one a line, into the forward chain of the router's nftables, replacing what was there.
    #[track_caller]
    pub fn forward(&self, rules: &str) {
        self.forward_with("", rules);
    }

    /// The same with `sets` that the rules use.
    #[track_caller]
    pub fn forward_with(&self, sets: &str, rules: &str) {
        let chain = format!("chain forward {{\ntype filter hook forward priority 0; policy accept;\n{rules}\n}}\n");
        self.table(Place::Router, "inet lab", &format!("{sets}\n{chain}"));
    }

    /// Puts a table of nftables into `place`, replacing one of that name.
    #[track_caller]
    pub fn table(&self, place: Place, name: &str, text: &str) {
        let file = self.dir().join("table.nft");
        fs::write(&file, format!("table {name}\ndelete table {name}\ntable {name} {{\n{text}\n}}\n")).unwrap();
        let mut nft = self.command(place, "nft");
        nft.arg("-f").arg(&file);
        finished(nft);
    }

    /// Does `work` on a thread that is in `place`: the sockets that it opens, and the threads that it starts, stay there.
    #[track_caller]
    pub fn within<T: Send + 'static>(&self, place: Place, work: impl FnOnce() -> T + Send + 'static) -> T {
        let namespace = fs::File::open(Path::new("/run/netns").join(self.namespace(place))).unwrap();
        let inside = move || {
            nix::sched::setns(&namespace, nix::sched::CloneFlags::CLONE_NEWNET).unwrap();
            work()
        };
        std::thread::spawn(inside).join().unwrap()
    }

    /// Shapes the line between the router and both sides to `kbps` at the IP level, for packets of `bytes`: the kernel
    /// counts the Ethernet header too.
    pub fn shaped(&self, kbps: u32, bytes: u32) {
        let rate = format!("{}kbit", kbps * (bytes + 14) / bytes);
        for interface in ["cl0", "sv0"] {
            let mut tc = self.command(Place::Router, "tc");
            tc.args(["qdisc", "add", "dev", interface, "root", "tbf", "rate", &rate]);
            finished(tc.args(["burst", "1600", "latency", "400ms"]));
        }
    }

    /// Lifts the kernel's limit on ICMP errors in `place`, so that each refused datagram is told.
    pub fn unlimited_icmp(&self, place: Place) {
        self.sysctl(place, "net/ipv4/icmp_ratemask", "0");
        self.sysctl(place, "net/ipv4/icmp_msgs_per_sec", "100000");
        self.sysctl(place, "net/ipv6/icmp/ratelimit", "0");
    }

    /// Takes `address`, and with it its routes, from `place`.
    pub fn without_address(&self, place: Place, address: &str) {
        let length = if address.contains(':') { 64 } else { 24 };
        let namespace = self.namespace(place);
        ip(&["-n", &namespace, "addr", "del", &format!("{address}/{length}"), "dev", "up0"]);
        if address.contains(':') {
            ip(&["-n", &namespace, "-6", "route", "flush", "default"]);
        }
    }

    /// Gives the client names for addresses: lines of a hosts file.
    pub fn hosts(&self, lines: &str) {
        let dir = PathBuf::from("/etc/netns").join(self.namespace(Place::Client));
        fs::create_dir_all(&dir).unwrap();
        fs::write(dir.join("hosts"), lines).unwrap();
        fs::write(dir.join("resolv.conf"), "nameserver 198.51.100.1\noptions timeout:1 attempts:1\n").unwrap();
    }

    /// Runs rtc-check in the client's namespace with `args`, the lab's root trusted, and the report as JSON on stdout.
    #[track_caller]
    pub fn check(&self, args: &[&str]) -> Run {
        self.check_with(&[], args)
    }

    /// Runs the checks of rules alone, without what is measured beside them.
    #[track_caller]
    pub fn reach(&self, args: &[&str]) -> Run {
        self.check(&[args, &["--skip", "quality,bandwidth,nat,ice,call,path,resolver"]].concat())
    }

    /// The same as [`Self::check`] with more in the environment.
    #[track_caller]
    pub fn check_with(&self, environment: &[(&str, &str)], args: &[&str]) -> Run {
        let mut command = self.command(Place::Client, env!("CARGO_BIN_EXE_rtc-check"));
        command.envs(environment.iter().copied());
        command.arg("--ca").arg(&self.pki.root).args(["--format", "json", "--quiet"]).args(args);
        harness::run(command)
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        for place in Place::ALL {
            if Path::new("/run/netns").join(self.namespace(place)).exists() {
                remove(&self.namespace(place));
            }
        }
    }
}

/// Puts a figure where it is seen although the test passes.
pub fn note(words: &str) {
    let _ = writeln!(std::io::stderr(), "\n{words}");
}

/// Runs ip(8), which must succeed.
#[track_caller]
pub fn ip(args: &[&str]) {
    let mut command = Command::new("ip");
    finished(command.args(args));
}

/// Runs a command of the set-up that must succeed; returns its stdout.
#[track_caller]
pub fn finished(mut command: impl std::borrow::BorrowMut<Command>) -> String {
    let command = command.borrow_mut();
    let output = command.output().unwrap_or_else(|e| panic!("cannot run {command:?}: {e}"));
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}
