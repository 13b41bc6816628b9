//! A tree of files in place of a machine: what is read once, and what is said where there is nothing to read.

use std::net::{TcpListener, UdpSocket};
use std::path::PathBuf;

use super::*;
use crate::model::machine::{Disk, Holder};
use crate::model::{PortRange, PortSet, Service, Transport};
use crate::net::host::tree;

fn ports(transport: Transport, first: u16, last: u16) -> Subject {
    let rules = vec![("rtc.some".into(), Service::Https)];
    Subject::Ports(PortsOf { transport, ports: PortRange::new(first, last).unwrap(), rules })
}

#[test]
fn an_empty_tree_is_not_told_and_nothing_breaks() {
    let (_dir, root) = tree::of(&[]);
    let machine = Machine::new(root);
    for subject in [Subject::Distribution, Subject::Cores, Subject::Memory, ports(Transport::Tcp, 80, 80)] {
        let seen = machine.look(&subject, None);
        let failure = seen.failure().unwrap_or_else(|| panic!("{subject:?}: {seen:?}"));
        assert_eq!(failure.kind, FailureKind::NotTold, "{subject:?}");
        assert!(failure.detail.contains("cannot be read"), "{subject:?}: {failure:?}");
    }
    assert_eq!(machine.name(), "localhost");
}

#[test]
#[cfg(target_endian = "little")]
fn who_holds_a_range_is_told_together() {
    let line = |port: u16, inode: u32| format!("0: 00000000:{port:04X} 0:0 07 0:0 0:0 0 33 0 {inode} 1\n");
    let udp: String = (19_100..19_110).map(|port| line(port, 500)).chain([line(19_200, 0)]).collect();
    let (_dir, root) = tree::of(&[
        ("proc/net/tcp", ""),
        ("proc/net/udp", &udp),
        ("proc/9/fd/5", "-> socket:[500]"),
        ("proc/9/comm", "janus\n"),
        ("proc/9/cmdline", "janus --token=hunter2"),
        (".dockerenv", ""),
    ]);
    let seen = Machine::new(root).look(&ports(Transport::Udp, 19_099, 20_099), None);
    let holders: Vec<Holder> = seen.facts.get(&metric::HELD_BY).unwrap();
    let kernel = holders.iter().find(|h| h.is_kernel).unwrap();
    let janus = holders.iter().find(|h| h.process.as_deref() == Some("janus")).unwrap();
    assert_eq!((janus.ports.to_string(), janus.pid, janus.uid), ("19100-19109".to_owned(), Some(9), 33));
    assert_eq!(kernel.ports.to_string(), "19200");
    assert_eq!(seen.facts.get(&metric::PORTS_FREE), Some(990u32));
    assert_eq!(seen.facts.get::<String>(&metric::CONTAINER).as_deref(), Some("docker"));
    assert!(!serde_json::to_string(&seen.facts).unwrap().contains("hunter2"));
}

#[test]
#[cfg(target_os = "linux")]
fn this_machines_own_sockets_bear_this_processs_name() {
    let (tcp, udp) = (TcpListener::bind("127.0.0.1:0").unwrap(), UdpSocket::bind("127.0.0.1:0").unwrap());
    let machine = Machine::new(Root::default());
    for (transport, port) in
        [(Transport::Tcp, tcp.local_addr().unwrap().port()), (Transport::Udp, udp.local_addr().unwrap().port())]
    {
        let seen = machine.look(&ports(transport, port, port), None);
        let held: PortSet = seen.facts.get(&metric::PORTS_HELD).unwrap();
        assert!(held.contains(port), "{transport} {port}: {seen:?}");
        let holders: Vec<Holder> = seen.facts.get(&metric::HELD_BY).unwrap();
        assert!(holders.iter().any(|h| h.pid == Some(std::process::id())), "{holders:?}");
    }
}

#[test]
#[cfg(target_os = "linux")]
fn this_machine_answers_every_subject() {
    let machine = Machine::new(Root::default());
    let disk = machine.look(&Subject::Disk(PathBuf::from("/nonexistent")), None);
    assert_eq!(disk.facts.get::<Disk>(&metric::DISK).unwrap().path, "/");
    assert_eq!(machine.look(&Subject::Architecture, None).failure(), None);
    let own = machine.look(&Subject::WayOut(Destination::Host("127.0.0.1".parse().unwrap())), Some(ANYWHERE4));
    assert!(own.failure().is_none() || own.failure().unwrap().kind == FailureKind::NoRoute, "{own:?}");
    let loopback = Subject::WayOut(Destination::Host("127.0.0.1".parse().unwrap()));
    let link: crate::model::machine::Link =
        machine.look(&loopback, Some([127, 0, 0, 1].into())).facts.get(&metric::WAY_OUT).unwrap();
    assert_eq!((link.interface.as_str(), link.kind), ("lo", LinkKind::Loopback));
    let nameless = machine.look(&loopback, None);
    assert_eq!(nameless.failure().unwrap().kind, FailureKind::NotTold);
}
