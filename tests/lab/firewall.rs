//! What `rtc-check firewall` writes, loaded by nft and iptables: each flow of the request passes, and no other leaves.

use std::io::ErrorKind;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream, UdpSocket};
use std::path::{Path, PathBuf};
use std::time::Duration;

use socket2::{Domain, Protocol, Socket, Type};

use crate::harness::{self, Run};
use crate::namespaces::{ACD, ACD4, ACD6, ALT4, ALT6, ICE4, Lab, Place, RTC, RTC4, RTC6};
use crate::servers::responder;

const MEDIA: &str = "udp 19099-20099";

/// How long a handshake may take that is known to be answered at once where it leaves.
const DROPPED: Duration = Duration::from_millis(700);

/// A packet that is tried.
#[derive(Clone, Copy, Debug)]
enum Packet {
    Tcp(&'static str, u16),
    Udp(&'static str, u16),
    Gre(&'static str),
}

/// Whether the packet leaves the client. Nobody listens in the server's namespace unless a test starts something, and
/// nothing is dropped on the way, so that a handshake that leaves is answered, by a reset at least.
fn leaves(lab: &Lab, packet: Packet) -> bool {
    let at = |address: &str, port| SocketAddr::new(address.parse().unwrap(), port);
    lab.within(Place::Client, move || match packet {
        Packet::Tcp(address, port) => match TcpStream::connect_timeout(&at(address, port), DROPPED) {
            Ok(_) => true,
            Err(e) => e.kind() == ErrorKind::ConnectionRefused,
        },
        Packet::Udp(address, port) => {
            let to = at(address, port);
            let any = if to.is_ipv4() { IpAddr::from(Ipv4Addr::UNSPECIFIED) } else { Ipv6Addr::UNSPECIFIED.into() };
            permitted(UdpSocket::bind((any, 0)).unwrap().send_to(b"x", to))
        }
        Packet::Gre(address) => {
            let to = at(address, 0);
            let domain = Domain::for_address(to);
            let socket = Socket::new(domain, Type::RAW, Some(Protocol::from(47))).unwrap();
            permitted(socket.send_to(&[0, 0, 8, 0, 0x45], &to.into()))
        }
    })
}

/// The kernel tells the sender of a packet that its own filter drops.
fn permitted(sent: std::io::Result<usize>) -> bool {
    match sent {
        Ok(_) => true,
        Err(e) if e.kind() == ErrorKind::PermissionDenied => false,
        Err(e) => panic!("cannot send: {e}"),
    }
}

#[track_caller]
fn all_leave(lab: &Lab, packets: &[Packet], want: bool) {
    for packet in packets {
        assert_eq!(leaves(lab, *packet), want, "{packet:?}");
    }
}

/// Writes a request with `args` into a file.
#[track_caller]
fn written(lab: &Lab, name: &str, args: &[&str]) -> (PathBuf, Run) {
    let file = lab.dir().join(name);
    let mut command = lab.command(Place::Client, env!("CARGO_BIN_EXE_rtc-check"));
    command.arg("firewall").args(args).arg("--output").arg(&file);
    let run = harness::run(command);
    run.exits(0);
    (file, run)
}

#[track_caller]
fn done(lab: &Lab, program: &str, args: &[&str]) {
    let mut command = lab.command(Place::Client, program);
    harness::run({
        command.args(args);
        command
    })
    .exits(0);
}

#[track_caller]
fn load_nft(lab: &Lab, file: &Path) {
    done(lab, "nft", &["-f", file.to_str().unwrap()]);
}

/// What no row of `agent` asks for: another port, another address, another protocol, UDP of a TCP port.
const NOT_ASKED: [Packet; 14] = [
    Packet::Tcp(RTC4, 22),
    Packet::Tcp(RTC6, 8990),
    Packet::Tcp(RTC4, 19099),
    Packet::Tcp(ALT4, 443),
    Packet::Tcp(ALT6, 443),
    Packet::Udp(RTC4, 443),
    Packet::Udp(RTC6, 8089),
    Packet::Udp(RTC4, 19098),
    Packet::Udp(RTC6, 20100),
    Packet::Udp(ACD4, 9999),
    Packet::Udp(ALT6, 19100),
    Packet::Udp(ICE4, 53),
    Packet::Gre(RTC4),
    Packet::Gre(RTC6),
];

#[test]
fn an_agents_rules_pass_behind_its_own_nftables_and_nothing_else_leaves() {
    let Some(lab) = Lab::up() else { return };
    let _servers = [responder(&lab, "rtc", RTC4, RTC6), responder(&lab, "acd", ACD4, ACD6)];
    let agent = ["--profile", "agent", "--target", RTC, "--target", ACD];
    all_leave(&lab, &NOT_ASKED, true);
    let (file, _) = written(&lab, "agent.nft", &[&agent[..], &["--as", "nftables"]].concat());
    load_nft(&lab, &file);
    // Again, over what is there.
    load_nft(&lab, &file);
    all_leave(&lab, &NOT_ASKED, false);
    let run = lab.reach(&agent);
    let report = run.exits(0).report();
    assert_eq!(report.verdict(), "pass", "{report}");
    for address in [RTC4, RTC6] {
        report.passes(address, &["tcp 80", "tcp 443", "tcp 8989", "tcp 8089", MEDIA], &[]);
    }
    for address in [ACD4, ACD6] {
        report.passes(address, &["tcp 80", "tcp 443", "tcp 8089", "udp 10000-20000"], &[]);
    }
    done(&lab, "nft", &["delete", "table", "inet", "rtc_check"]);
    all_leave(&lab, &NOT_ASKED, true);
}

#[test]
fn a_users_rules_pass_behind_its_own_iptables_and_nothing_else_leaves() {
    let Some(lab) = Lab::with(&["iptables", "ip6tables-restore"]) else { return };
    let _server = responder(&lab, "rtc", RTC4, RTC6);
    let user = ["--profile", "user", "--target", RTC];
    let (file, _) = written(&lab, "user.sh", &[&user[..], &["--as", "iptables"]].concat());
    let file = file.to_str().unwrap();
    done(&lab, "sh", &[file]);
    done(&lab, "sh", &[file]);
    all_leave(&lab, &NOT_ASKED, false);
    let run = lab.reach(&user);
    let report = run.exits(0).report();
    for address in [RTC4, RTC6] {
        report.passes(address, &["tcp 80", "tcp 443", "tcp 8989", "tcp 8089", MEDIA], &[]);
    }
    done(&lab, "sh", &[file, "remove"]);
    all_leave(&lab, &NOT_ASKED, true);
    // Once more, where there is nothing to remove.
    done(&lab, "sh", &[file, "remove"]);
}

/// A media server of VALT Cloud, with everything that has an address here.
const VALT: [&str; 14] = [
    "--profile",
    "valt",
    "--from",
    "media-server",
    "--option",
    "cloud=true",
    "--target",
    "cloud=198.51.100.30,[2001:db8:2::30]",
    "--target",
    "camera=198.51.100.10,198.51.100.20,[2001:db8:2::10]",
    "--target",
    "application=rtc.example",
    "--skip",
    "updates,lets-encrypt",
];

#[test]
fn tunnels_lists_of_cameras_and_names_are_let_through_by_both_filters() {
    let Some(lab) = Lab::with(&["iptables", "ip6tables-restore"]) else { return };
    lab.hosts("198.51.100.31 rtc.example\n2001:db8:2::31 rtc.example\n");
    let asked = [
        Packet::Gre(ICE4),
        Packet::Udp(ICE4, 500),
        Packet::Udp("2001:db8:2::30", 4500),
        Packet::Tcp(RTC4, 554),
        Packet::Tcp(ACD4, 80),
        Packet::Tcp(RTC6, 554),
        Packet::Tcp(ALT4, 443),
        Packet::Tcp(ALT6, 8086),
    ];
    let not_asked = [
        Packet::Gre(RTC4),
        Packet::Udp(RTC4, 500),
        Packet::Udp(ICE4, 501),
        Packet::Tcp(RTC4, 443),
        Packet::Tcp(ICE4, 554),
        Packet::Tcp(ACD6, 80),
        Packet::Tcp(ALT4, 80),
    ];
    let (nft, _) = written(&lab, "valt.nft", &[&VALT[..], &["--as", "nftables"]].concat());
    load_nft(&lab, &nft);
    all_leave(&lab, &asked, true);
    all_leave(&lab, &not_asked, false);
    done(&lab, "nft", &["delete", "table", "inet", "rtc_check"]);
    let (script, _) = written(&lab, "valt.sh", &[&VALT[..], &["--as", "iptables"]].concat());
    done(&lab, "sh", &[script.to_str().unwrap()]);
    all_leave(&lab, &asked, true);
    all_leave(&lab, &not_asked, false);
}

/// On a router nobody is told that a packet is dropped, so handshakes alone show it.
const NOT_FORWARDED: [Packet; 4] =
    [Packet::Tcp(RTC4, 22), Packet::Tcp(RTC6, 19099), Packet::Tcp(ALT4, 443), Packet::Tcp(ALT6, 8989)];

#[test]
fn a_router_forwards_what_was_asked_for_and_nothing_else() {
    let Some(lab) = Lab::with(&["iptables", "ip6tables-restore"]) else { return };
    let _server = responder(&lab, "rtc", RTC4, RTC6);
    let user = ["--profile", "user", "--target", RTC];
    let forward = |form: &'static str| [&user[..], &["--hook", "forward", "--as", form]].concat();
    let on_router = |program: &str, args: &[&str]| {
        let mut command = lab.command(Place::Router, program);
        command.args(args);
        harness::run(command).exits(0);
    };
    let (nft, _) = written(&lab, "router.nft", &forward("nftables"));
    let (script, _) = written(&lab, "router.sh", &forward("iptables"));
    for (program, args) in [("nft", vec!["-f", nft.to_str().unwrap()]), ("sh", vec![script.to_str().unwrap()])] {
        all_leave(&lab, &NOT_FORWARDED, true);
        on_router(program, &args);
        all_leave(&lab, &NOT_FORWARDED, false);
        let run = lab.reach(&user);
        assert_eq!(run.exits(0).report().verdict(), "pass", "{program}");
        on_router("sh", &["-c", "nft delete table inet rtc_check 2>/dev/null || true"]);
    }
}

/// Writes the report of a run whose failures are known, and answers the request for what failed.
#[track_caller]
fn mending(lab: &Lab, user: &[&str], more: &[&str]) -> (String, Run) {
    let run = lab.reach(user);
    let report = lab.dir().join("report.json");
    std::fs::write(&report, &run.exits(1).stdout).unwrap();
    let args = [&["--from-report", report.to_str().unwrap()], more].concat();
    let (file, run) = written(lab, "request", &args);
    (std::fs::read_to_string(file).unwrap(), run)
}

#[test]
fn what_a_router_drops_is_asked_for_and_mends_it() {
    let Some(lab) = Lab::up() else { return };
    let _server = responder(&lab, "rtc", RTC4, RTC6);
    let user = ["--profile", "user", "--target", RTC];
    let dropped = "tcp dport 8989 drop\nudp dport 19500-19599 drop\nip daddr 198.51.100.10 tcp dport 80 drop";
    lab.forward(dropped);
    let (csv, _) = mending(&lab, &user, &["--as", "csv"]);
    let flow = |line: &str| line.split(',').take(4).collect::<Vec<_>>().join(" ");
    let mut flows: Vec<String> = csv.lines().skip(1).map(flow).collect();
    flows.sort();
    let want = [
        "198.51.100.10 198.51.100.10 tcp 80",
        "198.51.100.10 198.51.100.10 tcp 8989",
        "198.51.100.10 198.51.100.10 udp 19099-20099",
        "2001:db8:2::10 2001:db8:2::10 tcp 8989",
        "2001:db8:2::10 2001:db8:2::10 udp 19099-20099",
    ];
    assert_eq!(flows, want, "{csv}");
    // Before what drops, as the file says.
    let (rules, _) = mending(&lab, &user, &["--as", "nftables", "--rules-only"]);
    lab.forward(&format!("ct state established,related accept\n{rules}\n{dropped}"));
    let run = lab.reach(&user);
    assert_eq!(run.exits(0).report().verdict(), "pass");
}

#[test]
fn what_no_firewall_can_mend_is_left_out_and_told() {
    let Some(lab) = Lab::with(&["nginx"]) else { return };
    let _server = crate::servers::nginx(&lab);
    // The certificate is for other names, nobody listens on 8989 and 8089, and 80 is dropped.
    lab.hosts("198.51.100.10 other.example\n");
    lab.forward("tcp dport 80 drop");
    let user = ["--profile", "user", "--target", "rtc=other.example", "--skip", "rtp"];
    let (csv, run) = mending(&lab, &user, &["--as", "csv"]);
    assert!(csv.contains("other.example,198.51.100.10,tcp,80,"), "{csv}");
    assert!(!csv.contains("tcp,443,"), "{csv}");
    run.says(&["1 check is not in the request: the port is open and its certificate is not accepted"]);
}
