//! Machines as they are met, against the rows of the built-in profiles.

use std::net::{IpAddr, Ipv4Addr};

use super::*;
use crate::model::machine::{Disk, Distribution, Holder, Link, LinkKind, Memory, PortsOf, Processors, Synchronisation};
use crate::model::{Facts, PortRange, PortSet, Service, Step, Transport};
use crate::plan::{Expect, HostRequest};
use crate::profile::built_in;

fn plan(profile: &str, request: HostRequest) -> HostPlan {
    let request = HostRequest { name: "box".to_owned(), today: "2026-11-21".parse().ok(), ..request };
    HostPlan::new(&built_in(profile).unwrap(), &request).unwrap()
}

fn sized(channels: u32) -> HostPlan {
    plan("rtc-server", HostRequest { channels: Some(channels), ..HostRequest::default() })
}

fn server() -> HostPlan {
    plan("rtc-server", HostRequest::default())
}

#[track_caller]
fn judged(told: Judged, status: Status, words: &[&str]) -> Judged {
    assert_eq!(told.status, status, "{}", told.reason);
    for word in words {
        assert!(told.reason.contains(word), "no {word:?} in {:?}", told.reason);
    }
    told
}

fn debian(version: Option<&str>) -> Distribution {
    let name = format!("Debian GNU/Linux {}", version.unwrap_or("trixie/sid"));
    Distribution { id: "debian".to_owned(), version: version.map(str::to_owned), name, ..Distribution::default() }
}

fn ubuntu(version: &str, words: &str) -> Distribution {
    Distribution {
        id: "ubuntu".to_owned(),
        version: Some(version.to_owned()),
        version_words: Some(words.to_owned()),
        name: format!("Ubuntu {words}"),
        based_on: vec!["debian".to_owned()],
    }
}

#[test]
fn releases_of_debian_are_held_against_the_row() {
    let told = |version| platform::distribution(&server(), &debian(version));
    for inside in ["9", "10", "11", "11.7"] {
        judged(told(Some(inside)), Status::Pass, &["9-11"]);
    }
    judged(told(Some("12")), Status::Warn, &["newer", "ends at 11", "ask the vendor"]);
    judged(told(Some("13")), Status::Warn, &["newer"]);
    judged(told(None), Status::Warn, &["no release number"]);
    judged(told(Some("8")), Status::Fail, &["older", "install Debian 11"]);
    judged(told(Some("bullseye")), Status::Unknown, &["no number"]);
}

#[test]
fn a_row_that_names_debian_is_met_by_no_other() {
    judged(
        platform::distribution(&server(), &ubuntu("22.04", "22.04 LTS")),
        Status::Fail,
        &["descends from Debian, but is none", "install Debian 11"],
    );
    let alpine = Distribution { id: "alpine".to_owned(), name: "Alpine Linux".to_owned(), ..Distribution::default() };
    judged(platform::distribution(&server(), &alpine), Status::Fail, &["is no Debian"]);
    let client = plan("user", HostRequest::default());
    judged(platform::distribution(&client, &alpine), Status::Pass, &["no document asks"]);
}

#[test]
fn the_latest_lts_is_told_by_the_day() {
    let media = HostRequest { roles: vec!["media".into()], ..HostRequest::default() };
    let told = |is: &Distribution| platform::distribution(&plan("valt", media.clone()), is);
    judged(told(&ubuntu("26.04", "26.04 LTS")), Status::Pass, &["latest LTS"]);
    judged(told(&ubuntu("22.04", "22.04.4 LTS")), Status::Warn, &["not the latest", "26.04"]);
    judged(told(&ubuntu("25.10", "25.10")), Status::Warn, &["no long-term support"]);
    judged(told(&debian(Some("12"))), Status::Fail, &["is no Ubuntu", "26.04 LTS"]);
    let client = plan("valt", HostRequest::default());
    judged(platform::distribution(&client, &debian(Some("12"))), Status::Pass, &["no document"]);
}

#[test]
fn the_architecture_is_the_documents() {
    judged(platform::architecture(&server(), "x86_64"), Status::Pass, &[]);
    judged(platform::architecture(&server(), "aarch64"), Status::Fail, &["x86_64"]);
    judged(platform::architecture(&plan("user", HostRequest::default()), "aarch64"), Status::Pass, &[]);
}

#[test]
fn cores_below_the_lower_end_fail_and_within_pass() {
    let has = |logical| Processors { logical, ..Processors::default() };
    for (channels, least) in [(30, 1), (60, 2), (120, 4), (240, 6), (1, 1), (31, 2), (61, 4), (121, 6)] {
        judged(size::cores(&sized(channels), &has(least)), Status::Pass, &[]);
        if least > 1 {
            let told = judged(size::cores(&sized(channels), &has(least - 1)), Status::Fail, &["at least"]);
            let [limit] = told.limits.as_slice() else { panic!("{:?}", told.limits) };
            assert_eq!((limit.metric.as_str(), limit.op.as_str(), limit.limit), ("cores", ">=", f64::from(least)));
            assert_eq!((limit.observed, limit.status), (Some(f64::from(least - 1)), Status::Fail));
        }
    }
    judged(size::cores(&sized(241), &has(64)), Status::Unknown, &["ends at 240", "2 servers", "--channels 121"]);
    judged(size::cores(&sized(u32::MAX), &has(64)), Status::Unknown, &["servers"]);
}

#[test]
fn threads_quotas_and_guests_are_told() {
    let threads = Processors { logical: 4, physical: Some(2), ..Processors::default() };
    judged(size::cores(&sized(120), &threads), Status::Warn, &["hardware threads"]);
    judged(size::cores(&sized(60), &threads), Status::Pass, &[]);
    judged(size::cores(&sized(120), &Processors { is_guest: true, ..threads }), Status::Pass, &[]);
    let quota = Processors { logical: 8, quota: Some(1.5), ..Processors::default() };
    judged(size::cores(&sized(60), &quota), Status::Fail, &["1 core of 8", "container"]);
    judged(size::cores(&server(), &threads), Status::Pass, &["for 120 channels", "--channels"]);
    judged(size::cores(&plan("user", HostRequest::default()), &threads), Status::Pass, &["4 cores"]);
}

#[test]
fn memory_is_a_little_below_its_nominal_size_and_still_is_that_size() {
    let has = |gib: f64| Memory { total_bytes: (gib * GIB) as u64, ..Memory::default() };
    for (channels, gb) in [(30, 4.0), (60, 8.0), (120, 16.0), (240, 32.0)] {
        for told in [1.0, 0.97, 0.93, 0.91, 2.0] {
            judged(size::memory(&sized(channels), &has(gb * told)), Status::Pass, &[]);
        }
        // The next smaller size that is sold.
        for told in [0.75, 0.5, 0.88] {
            judged(size::memory(&sized(channels), &has(gb * told)), Status::Fail, &["a tenth"]);
        }
    }
    let limited = Memory { limit_bytes: Some(1 << 30), ..has(64.0) };
    let told = judged(size::memory(&sized(30), &limited), Status::Fail, &["1.0 GiB of 64.0 GiB", "container"]);
    assert_eq!((told.limits[0].metric.as_str(), told.limits[0].unit.as_str()), ("memory_bytes", "bytes"));
    // The document's figure less a tenth is a bound of our own: its numbers agree with each other, and it says whose it is.
    let told = judged(size::memory(&sized(30), &has(3.7)), Status::Pass, &["asks for 4 GB", "a tenth"]);
    assert_eq!(told.limits[0].source, crate::model::default_source());
    assert!(told.limits[0].observed.unwrap() >= told.limits[0].limit);
    judged(size::memory(&server(), &has(2.0)), Status::Pass, &["less than the document asks for 30"]);
}

#[test]
fn room_and_clock_inform() {
    let disk = Disk { path: "/var".to_owned(), total_bytes: 100_000_000_000, free_bytes: 15_000_000_000 };
    // 15 GB at 150 MB an hour, by ten calls.
    judged(state::disk(&sized(10), &disk), Status::Pass, &["15.0 GB of 100.0 GB", "10 h in mode medium", "10 calls"]);
    let full = Disk { free_bytes: 0, ..disk };
    judged(state::disk(&server(), &full), Status::Pass, &["0 h"]);
    let clock = Synchronisation { is_synchronised: true, max_error_ms: 12.4, estimated_error_ms: 0.1 };
    judged(state::clock(&clock), Status::Pass, &["12 ms"]);
    judged(state::clock(&Synchronisation { is_synchronised: false, ..clock }), Status::Warn, &["chrony"]);
}

fn held(transport: Transport, ports: &str, service: Service, holders: &[Holder], expect: Option<Expect>) -> Judged {
    held_of(&[], transport, ports, service, holders, expect)
}

/// The same where what is `missing` was not read.
fn held_of(
    missing: &[&str],
    transport: Transport,
    ports: &str,
    service: Service,
    holders: &[Holder],
    expect: Option<Expect>,
) -> Judged {
    let of = PortsOf { transport, ports: ports.parse().unwrap(), rules: vec![("rtc.x".into(), service)] };
    let mut facts = Facts::new();
    let all = holders.iter().flat_map(|h| h.ports.ranges().iter().flat_map(|r| r.iter()));
    facts.set(&metric::PORTS_HELD, all.collect::<PortSet>());
    facts.set(&metric::HELD_BY, holders);
    if !missing.is_empty() {
        facts.set(&metric::CAVEATS, missing);
    }
    ports::judge(expect, &of, &facts).unwrap()
}

fn holder(process: Option<&str>, address: [u8; 4], ports: &str) -> Holder {
    let range: PortRange = ports.parse().unwrap();
    Holder {
        process: process.map(str::to_owned),
        pid: process.map(|_| 7),
        uid: 33,
        is_kernel: false,
        addresses: vec![IpAddr::V4(Ipv4Addr::from(address))],
        ports: range.iter().collect(),
        is_open: true,
    }
}

#[test]
fn a_port_is_told_and_judged_by_what_is_expected() {
    let nginx = [holder(Some("nginx"), [0, 0, 0, 0], "443")];
    let inside = [holder(Some("nginx"), [127, 0, 0, 1], "443")];
    let hidden = [holder(None, [192, 0, 2, 7], "443")];
    let (listening, free) = (Some(Expect::Listening), Some(Expect::Free));
    let told = |holders: &[Holder], expect| held(Transport::Tcp, "443", Service::Https, holders, expect);
    judged(told(&[], None), Status::Pass, &["nothing listens on TCP 443"]);
    judged(told(&[], free), Status::Pass, &["nothing"]);
    judged(told(&[], listening), Status::Fail, &["nothing listens", "HTTPS", "NAT rule"]);
    judged(told(&nginx, None), Status::Pass, &["nginx (pid 7) listens", "on every address"]);
    judged(told(&nginx, listening), Status::Pass, &["every address"]);
    judged(told(&nginx, free), Status::Fail, &["already", "stop it or move it"]);
    judged(told(&inside, listening), Status::Fail, &["this machine alone", "127.0.0.1"]);
    judged(told(&hidden, listening), Status::Pass, &["user 33", "192.0.2.7"]);
}

#[test]
fn ssh_is_the_machines_own_before_a_platform_is_installed() {
    let sshd = [holder(Some("sshd"), [0, 0, 0, 0], "22")];
    let other = [holder(Some("gitea"), [0, 0, 0, 0], "22")];
    let told = |holders: &[Holder]| held(Transport::Tcp, "22", Service::Ssh, holders, Some(Expect::Free));
    judged(told(&sshd), Status::Pass, &["as SSH is to"]);
    judged(told(&other), Status::Fail, &["gitea"]);
    let both = [sshd[0].clone(), other[0].clone()];
    judged(told(&both), Status::Fail, &["gitea"]);
}

#[test]
fn a_process_that_may_not_be_seen_is_not_taken_for_sshd() {
    let hidden = [holder(None, [0, 0, 0, 0], "22")];
    let told = |service, holders: &[Holder]| held(Transport::Tcp, "22", service, holders, Some(Expect::Free));
    judged(told(Service::Ssh, &hidden), Status::Unknown, &["may not see", "as root"]);
    let beside = [hidden[0].clone(), holder(Some("gitea"), [192, 0, 2, 7], "22")];
    judged(told(Service::Ssh, &beside), Status::Fail, &["gitea"]);
    let beside = [hidden[0].clone(), holder(Some("sshd"), [192, 0, 2, 7], "22")];
    judged(told(Service::Ssh, &beside), Status::Unknown, &["as root"]);
    judged(told(Service::Ssh, &[Holder { is_kernel: true, ..hidden[0].clone() }]), Status::Fail, &["the kernel"]);
    judged(told(Service::Https, &hidden), Status::Fail, &["stop it or move it"]);
}

#[test]
fn what_was_not_read_is_neither_free_nor_silent() {
    let why = "/proc/net/tcp6 cannot be read: Permission denied";
    let https = |holders: &[Holder], expect| held_of(&[why], Transport::Tcp, "443", Service::Https, holders, expect);
    let media =
        |holders: &[Holder], expect| held_of(&[why], Transport::Udp, "19099-20099", Service::Rtp, holders, expect);
    let (listening, free) = (Some(Expect::Listening), Some(Expect::Free));
    for expect in [None, listening, free] {
        judged(https(&[], expect), Status::Unknown, &["nothing was seen on TCP 443", why]);
        judged(media(&[], expect), Status::Unknown, &["nothing was seen on UDP 19099-20099", why]);
    }
    let nginx = [holder(Some("nginx"), [0, 0, 0, 0], "443")];
    judged(https(&nginx, free), Status::Fail, &["already", why]);
    judged(https(&nginx, listening), Status::Pass, &["nginx", why]);
    // The listener for everybody may stand in the table of IPv6.
    let inside = [holder(Some("nginx"), [127, 0, 0, 1], "443")];
    judged(https(&inside, listening), Status::Unknown, &["nginx", "perhaps not all", why]);
    let sshd = [holder(Some("sshd"), [0, 0, 0, 0], "22")];
    judged(held_of(&[why], Transport::Tcp, "22", Service::Ssh, &sshd, free), Status::Unknown, &["sshd", why]);
    let janus = [holder(Some("janus"), [0, 0, 0, 0], "19100-19110")];
    judged(media(&janus, free), Status::Warn, &["only the others", why]);
    judged(media(&janus, listening), Status::Unknown, &["janus", why]);
}

#[test]
fn a_connected_socket_is_in_the_way_and_serves_nobody() {
    let one = [Holder { is_open: false, ..holder(Some("dig"), [0, 0, 0, 0], "5099") }];
    let told = |expect| held(Transport::Udp, "5099", Service::Sip, &one, Some(expect));
    judged(told(Expect::Listening), Status::Fail, &["nothing listens"]);
    judged(told(Expect::Free), Status::Fail, &["connection of its own"]);
}

#[test]
fn nothing_in_a_media_range_is_as_it_should_be() {
    let (listening, free) = (Some(Expect::Listening), Some(Expect::Free));
    let janus = [holder(Some("janus"), [0, 0, 0, 0], "19100-19110")];
    let told = |holders: &[Holder], expect| held(Transport::Udp, "19099-20099", Service::Rtp, holders, expect);
    judged(told(&[], listening), Status::Pass, &["as between calls", "1001"]);
    judged(told(&[], free), Status::Pass, &["1001 ports"]);
    judged(told(&janus, listening), Status::Pass, &["11 of 1001", "janus"]);
    judged(told(&janus, free), Status::Warn, &["only the others"]);
}

#[test]
fn a_wire_is_recommended_by_dlegate_alone() {
    let (dlegate, user) = (plan("dlegate", HostRequest::default()), plan("user", HostRequest::default()));
    let link = |kind| Link { interface: "if0".to_owned(), kind, through: vec!["if1".to_owned()], driver: None };
    for (kind, status) in [
        (LinkKind::Wired, Status::Pass),
        (LinkKind::Wifi, Status::Warn),
        (LinkKind::Mobile, Status::Warn),
        (LinkKind::Tunnel, Status::Warn),
        (LinkKind::Virtual, Status::Unknown),
        (LinkKind::Unknown, Status::Unknown),
        (LinkKind::Loopback, Status::Pass),
    ] {
        judged(link::judge(dlegate.wired(), &link(kind), &Facts::new()), status, &["if0 over if1"]);
        judged(link::judge(user.wired(), &link(kind), &Facts::new()), Status::Pass, &[]);
    }
}

fn seen(plan: &HostPlan, name: &str, observation: Observation) -> Seen {
    let index = plan.items.iter().position(|i| i.name() == name).unwrap();
    Seen { of: Planned::Machine(index), address: None, observation, started_ms: 0, duration_ms: 1 }
}

fn meta() -> Meta {
    let now = "2026-11-21T18:00:00Z".to_owned();
    let (version, id) = ("0.1.0".to_owned(), "x".to_owned());
    Meta { version, id, started: now.clone(), finished: now, duration_ms: 1, seed: 1, ended: None, strict: false }
}

fn failed(kind: FailureKind, why: &str) -> Observation {
    Observation::failed(ProbeKind::Host, Failure::new(Step::Machine, kind, why))
}

#[test]
fn what_cannot_be_read_decides_nothing_and_what_is_required_counts() {
    let plan = sized(60);
    let cores = |observation| report(&plan, &[seen(&plan, "host.cores", observation)], &meta());
    let untold = cores(failed(FailureKind::NotTold, "/proc/cpuinfo cannot be read: it is gone"));
    assert_eq!((untold.verdict, untold.checks[0].status), (Status::Unknown, Status::Unknown));
    let mut few = Observation::new(ProbeKind::Host);
    few.facts.set(&metric::CORES_DETAIL, Processors { logical: 1, ..Processors::default() });
    few.facts.set(&metric::CONTAINER, "docker");
    let report = cores(few);
    assert_eq!((report.verdict, report.summary.fail), (Status::Fail, 1));
    let check = &report.checks[0];
    assert_eq!(check.id, "host.cores/box");
    assert!(check.rule.is_none() && check.transport.is_none() && check.port.is_none() && check.ports.is_none());
    assert_eq!(check.source.as_ref().unwrap().section, "Server Requirements");
    assert_eq!(report.findings[0].id, "host.container");
}

#[test]
fn one_family_without_a_route_is_skipped_and_both_are_a_fault() {
    let plan = plan("dlegate", HostRequest::default());
    let none = |name| seen(&plan, name, failed(FailureKind::NoRoute, "this machine has no route"));
    let both = report(&plan, &[none("host.way-out-ipv4"), none("host.way-out-ipv6")], &meta());
    assert_eq!(both.summary.fail, 2);
    let mut way = Observation::new(ProbeKind::Host);
    let link = Link { interface: "eth0".to_owned(), kind: LinkKind::Wired, through: Vec::new(), driver: None };
    way.facts.set(&metric::WAY_OUT, link);
    let one = report(&plan, &[seen(&plan, "host.way-out-ipv4", way), none("host.way-out-ipv6")], &meta());
    assert_eq!((one.summary.pass, one.summary.skip, one.verdict), (1, 1, Status::Pass));
}

#[test]
fn a_way_to_another_host_is_no_way_to_this_one() {
    let targets = ["192.0.2.1".parse().unwrap(), "2001:db8::1".parse().unwrap()].to_vec();
    let plan = plan("dlegate", HostRequest { targets, ..HostRequest::default() });
    let ways: Vec<usize> =
        plan.items.iter().enumerate().filter(|(_, i)| i.name() == "host.way-out").map(|i| i.0).collect();
    let to = |which: usize, observation| Seen {
        of: Planned::Machine(ways[which]),
        ..seen(&plan, "host.clock", observation)
    };
    let no_route = || failed(FailureKind::NoRoute, "this machine has no IPv6 route to 2001:db8::1");
    let mut way = Observation::new(ProbeKind::Host);
    let link = Link { interface: "eth0".to_owned(), kind: LinkKind::Wired, through: Vec::new(), driver: None };
    way.facts.set(&metric::WAY_OUT, link);
    let told = |seen: &[Seen]| report(&plan, seen, &meta()).checks.last().unwrap().status;
    assert_eq!(told(&[to(0, way.clone()), to(1, no_route())]), Status::Fail);
    assert_eq!(told(&[to(1, way), to(1, no_route())]), Status::Skip);
    // A route is there, although not by which interface.
    let mut nameless = failed(FailureKind::NotTold, "no interface has that address");
    nameless.facts.set(&metric::LOCAL, "192.0.2.7");
    assert_eq!(told(&[to(1, nameless), to(1, no_route())]), Status::Skip);
    let late = failed(FailureKind::NotTold, "this machine did not answer in 10 s");
    assert_eq!(told(&[to(1, late), to(1, no_route())]), Status::Unknown);
}
