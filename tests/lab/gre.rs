//! GRE: the kernel of the lab has none, so that its own refusal is real; the endpoint that answers is a stand-in which does
//! what a real one does with a packet of its tunnel: it takes out what is inside and forwards it.

use std::io::Read;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use socket2::{Domain, Protocol, Socket, Type};

use crate::harness::{self, Check, Report};
use crate::ike::CLOUD;
use crate::namespaces::{CLIENT4, CLIENT6, Lab, Place, RTC4, RTC6};

const ARGS: [&str; 10] =
    ["--profile", "valt", "--from", "media-server", "--target", CLOUD, "--option", "cloud=true", "--only", "gre"];

/// A stand-in for a GRE endpoint; it ends when dropped.
pub struct StandIn(Arc<AtomicBool>);

impl Drop for StandIn {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Starts the stand-in on all addresses of the server.
pub fn stand_in_endpoint(lab: &Lab) -> StandIn {
    let stop = Arc::new(AtomicBool::new(false));
    for (domain, ethertype) in [(Domain::IPV4, [8, 0]), (Domain::IPV6, [0x86, 0xDD])] {
        let stop = stop.clone();
        lab.within(Place::Server, move || {
            let heard = Socket::new(domain, Type::RAW, Some(Protocol::from(47))).unwrap();
            heard.set_read_timeout(Some(Duration::from_millis(100))).unwrap();
            // Of protocol 255: what is sent has its IP header already.
            let forwards = Socket::new(domain, Type::RAW, Some(Protocol::from(255))).unwrap();
            std::thread::spawn(move || {
                let mut buf = [0; 2048];
                while !stop.load(Ordering::Relaxed) {
                    let Ok(length) = (&heard).read(&mut buf) else { continue };
                    let outer = if domain == Domain::IPV4 { usize::from(buf[0] & 15) * 4 } else { 0 };
                    let packet = &buf[outer..length];
                    if packet.len() > 24 && packet[..2] == [0, 0] && packet[2..4] == ethertype {
                        forward(&forwards, domain, &packet[4..]);
                    }
                }
            });
        });
    }
    StandIn(stop)
}

/// A stand-in for an endpoint that sends the client packets of its own tunnel, whatever comes; it ends when dropped.
fn stand_in_talker(lab: &Lab) -> StandIn {
    let stop = Arc::new(AtomicBool::new(false));
    for (domain, from, to) in [(Domain::IPV4, RTC4, CLIENT4), (Domain::IPV6, RTC6, CLIENT6)] {
        let stop = stop.clone();
        let [from, to] = [from, to].map(|address| SocketAddr::new(address.parse().unwrap(), 0));
        lab.within(Place::Server, move || {
            let socket = Socket::new(domain, Type::RAW, Some(Protocol::from(47))).unwrap();
            socket.bind(&from.into()).unwrap();
            socket.set_read_timeout(Some(Duration::from_millis(100))).unwrap();
            std::thread::spawn(move || {
                while !stop.load(Ordering::Relaxed) {
                    // A plain packet of an Ethernet tunnel. It may be sent before the way is up.
                    let _ = socket.send_to(&[0, 0, 0x65, 0x58, 1, 2, 3, 4], &to.into());
                    // Whatever comes, or nothing in that time: it is sent again.
                    let _ = (&socket).read(&mut [0; 64]);
                }
            });
        });
    }
    StandIn(stop)
}

/// Sends an IP packet where its header says.
fn forward(socket: &Socket, domain: Domain, packet: &[u8]) {
    let to: SocketAddr = if domain == Domain::IPV4 {
        let address: [u8; 4] = packet[16..20].try_into().unwrap();
        (address, 0).into()
    } else {
        let address: [u8; 16] = packet[24..40].try_into().unwrap();
        (address, 0).into()
    };
    socket.send_to(packet, &to.into()).unwrap();
}

#[track_caller]
fn asked(lab: &Lab) -> Report {
    lab.reach(&ARGS).report()
}

/// A rule of GRE has no port to be found by.
#[track_caller]
fn of<'a>(report: &'a Report, address: &str) -> Check<'a> {
    let found = report.probed(address, "gre");
    assert_eq!(found.len(), 1, "one check of GRE on {address}: {report}");
    found[0]
}

#[test]
fn an_endpoint_that_forwards_what_it_takes_out_brings_the_keepalive_back() {
    let Some(lab) = Lab::up() else { return };
    let _endpoint = stand_in_endpoint(&lab);
    let report = asked(&lab);
    for address in [RTC4, RTC6] {
        let check = of(&report, address).is("pass").says(&["brought a keepalive back"]);
        assert_eq!((&check.seen("gre")["answer"], check.value["probe"].as_str()), (&"keepalive".into(), Some("gre")));
        assert!(check.seen("gre")["ms"].as_f64().is_some_and(|ms| ms > 0.0 && ms < 1000.0), "{check}");
    }
}

#[test]
fn a_host_without_gre_says_so_itself() {
    let Some(lab) = Lab::up() else { return };
    let report = asked(&lab);
    for address in [RTC4, RTC6] {
        let check = of(&report, address).is("fail").says(&["the host has no GRE", "set up the GRE tunnel"]);
        assert_eq!((check.failure(), check.seen("icmp_from")), (("gre", "refused"), &address.into()), "{check}");
    }
}

#[test]
fn dropped_is_unknown_and_rejected_on_the_way_names_the_router() {
    let Some(lab) = Lab::up() else { return };
    let _endpoint = stand_in_endpoint(&lab);
    lab.forward("meta l4proto gre drop");
    let report = asked(&lab);
    for address in [RTC4, RTC6] {
        of(&report, address).is("unknown").says(&["nothing came back", "silence decides nothing"]);
    }
    lab.forward("meta l4proto gre reject with icmpx admin-prohibited");
    let report = asked(&lab);
    for (address, router) in [(RTC4, "192.0.2.1"), (RTC6, "2001:db8:1::1")] {
        let check = of(&report, address).is("fail").says(&["GRE (IP protocol 47)", router]);
        assert_eq!((check.failure(), check.seen("icmp_from")), (("gre", "prohibited"), &router.into()), "{check}");
    }
}

#[test]
fn gre_of_the_peers_own_does_not_show_that_ours_arrives() {
    let Some(lab) = Lab::up() else { return };
    let _talker = stand_in_talker(&lab);
    lab.forward(&format!("ip daddr {RTC4} meta l4proto gre drop\nip6 daddr {RTC6} meta l4proto gre drop"));
    let report = asked(&lab);
    for address in [RTC4, RTC6] {
        let check = of(&report, address).is("unknown").says(&["that this machine's reaches it was not shown"]);
        assert_eq!(check.seen("gre")["answer"], "packet", "{check}");
    }
}

#[test]
fn a_port_that_is_refused_by_the_host_itself_decides_nothing() {
    let Some(lab) = Lab::up() else { return };
    let rule = "chain in { type filter hook input priority 0; policy accept; meta l4proto gre reject with icmpx port-unreachable\n}";
    lab.table(Place::Server, "inet host", rule);
    let report = asked(&lab);
    for address in [RTC4, RTC6] {
        let check = of(&report, address).is("unknown").says(&["no tunnel for this machine"]);
        assert_eq!(check.seen("gre")["answer"], "no-tunnel", "{check}");
    }
}

#[test]
fn without_the_privilege_it_is_unknown_and_says_how_to_grant_it() {
    let Some(lab) = Lab::up() else { return };
    let mut command = lab.command(Place::Client, "setpriv");
    command.args(["--bounding-set=-net_raw", "--inh-caps=-net_raw", env!("CARGO_BIN_EXE_rtc-check")]);
    command.args(["--format", "json", "--quiet"]).args(ARGS);
    let report = harness::run(command).report();
    for address in [RTC4, RTC6] {
        let check = of(&report, address).is("unknown").says(&["setcap cap_net_raw+ep", "as root"]);
        assert_eq!(check.failure(), ("gre", "no-privilege"), "{check}");
    }
}
