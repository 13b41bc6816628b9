//! The servers that a platform really runs, behind the router: nginx, Janus, coturn and sshd, each with the profile that
//! asks for it.

use crate::harness::STUN_PROFILE;
use crate::namespaces::{ACD, ACD4, ACD6, CLIENT4, CLIENT6, Lab, Place, RTC, RTC4, RTC6};
use crate::servers::{coturn, janus, nginx, sshd, sshd_with};

const MEDIA: &str = "udp 19099-20099";
const AUDIO: &str = "udp 10000-20000";

#[test]
fn a_real_platform_passes_for_a_user() {
    let Some(lab) = Lab::with(&["nginx", "janus"]) else { return };
    let _servers = [nginx(&lab), janus(&lab)];
    let run = lab.reach(&["--profile", "user", "--target", RTC]);
    let report = run.exits(0).report();
    assert_eq!(report.verdict(), "pass", "{report}");
    for address in [RTC4, RTC6] {
        report.passes(address, &["tcp 80", "tcp 443", "tcp 8989", "tcp 8089", MEDIA], &[]);
        let redirect = report.at(address, "tcp 80");
        assert_eq!(redirect.seen("http_status"), 301, "{redirect}");
        assert!(redirect.seen("redirect").to_string().contains("https://"), "{redirect}");
        let page = report.at(address, "tcp 443");
        assert_eq!(page.seen("http_status"), 200, "{page}");
        let chain = page.seen("cert_chain").as_array().expect("a chain");
        let subjects: Vec<_> = chain.iter().map(|c| c["subject"].to_string()).collect();
        assert!(subjects[0].contains("Lab Server") && subjects[1].contains("Lab Issuing"), "{page}");
        assert_eq!(report.at(address, "tcp 8989").seen("subprotocol"), "janus-protocol");
        // No call is running, so every port that was asked is refused by the host itself: the path is open.
        let media = report.at(address, MEDIA);
        assert_eq!((media.ports("silent").len(), media.ports("prohibited").len()), (0, 0), "{media}");
        assert_eq!(media.ports("refused").len() as u64, media.seen("probed").as_u64().unwrap(), "{media}");
        assert!(media.seen("coverage_pct").as_f64().is_some_and(|p| p > 0.0 && p < 100.0), "{media}");
    }
}

#[test]
fn a_sampled_pass_is_unknown_under_strict() {
    let Some(lab) = Lab::with(&["nginx", "janus"]) else { return };
    let _servers = [nginx(&lab), janus(&lab)];
    let run = lab.reach(&["--profile", "user", "--target", "rtc=198.51.100.10", "--strict"]);
    run.exits(3).report().at(RTC4, MEDIA).is("unknown");
}

#[test]
fn a_sub_range_dropped_before_a_real_server_is_found_by_the_sample() {
    let Some(lab) = Lab::with(&["nginx", "janus"]) else { return };
    let _servers = [nginx(&lab), janus(&lab)];
    lab.forward("udp dport 19300-19899 drop");
    let run = lab.reach(&["--profile", "user", "--target", RTC]);
    let report = run.exits(1).report();
    for address in [RTC4, RTC6] {
        let media = report.at(address, MEDIA).is("fail");
        let (silent, refused) = (media.ports("silent"), media.ports("refused"));
        assert!(!silent.is_empty() && silent.iter().all(|p| (19300..=19899).contains(p)), "{media}");
        assert!(!refused.is_empty() && refused.iter().all(|p| !(19300..=19899).contains(p)), "{media}");
        assert!(silent.iter().any(|p| media.reason().contains(&p.to_string())), "the reason names none: {media}");
        report.at(address, "tcp 443").is("pass");
    }
}

#[test]
fn a_real_platform_without_its_gateway_fails_on_that() {
    let Some(lab) = Lab::with(&["nginx"]) else { return };
    let _servers = [nginx(&lab)];
    let run = lab.reach(&["--profile", "user", "--target", RTC, "--skip", "rtp"]);
    let report = run.exits(1).report();
    for address in [RTC4, RTC6] {
        report.at(address, "tcp 443").is("pass");
        for port in ["tcp 8989", "tcp 8089"] {
            assert_eq!(report.at(address, port).is("fail").failure(), ("connect", "refused"));
        }
    }
}

#[test]
fn the_servers_own_ports_with_ssh_and_the_admin_panel() {
    let Some(lab) = Lab::with(&["nginx", "janus", "sshd"]) else { return };
    let _servers = [nginx(&lab), janus(&lab), sshd(&lab)];
    let run = lab.reach(&[
        "--profile",
        "rtc-server",
        "--target",
        RTC,
        "--option",
        "ssh=true",
        "--option",
        "admin-panel=true",
    ]);
    let report = run.report();
    for address in [RTC4, RTC6] {
        for port in ["tcp 443", "tcp 8989", "tcp 8089", "tcp 7889", "tcp 22", MEDIA] {
            report.at(address, port).is("pass");
        }
        let ssh = report.at(address, "tcp 22");
        assert!(ssh.seen("banner").as_str().is_some_and(|b| b.starts_with("SSH-2.0-OpenSSH")), "{ssh}");
        let offer = ssh.seen("ssh_offer");
        let has = |list: &str, name: &str| offer[list].as_array().is_some_and(|l| l.contains(&name.into()));
        assert!(has("kex", "curve25519-sha256") && has("host_keys", "ssh-ed25519"), "{ssh}");
        assert!(has("ciphers", "aes128-ctr") && has("macs", "hmac-sha2-256"), "{ssh}");
        // Nobody speaks SIP there, and the host itself says so.
        let sip = report.at(address, "udp 5099");
        assert_ne!(sip.status(), "pass", "{sip}");
    }
}

#[test]
fn an_ssh_server_with_outdated_algorithms_alone_and_one_that_is_full_are_warnings() {
    let Some(lab) = Lab::with(&["sshd"]) else { return };
    let args = ["--profile", "rtc-server", "--target", RTC, "--option", "ssh=true", "--only", "ssh"];
    let old = sshd_with(&lab, "KexAlgorithms diffie-hellman-group14-sha1\nCiphers aes128-cbc\n");
    let report = lab.reach(&args).report();
    for address in [RTC4, RTC6] {
        let words = ["only outdated", "diffie-hellman-group14-sha1", "aes128-cbc"];
        report.at(address, "tcp 22").is("warn").says(&words);
    }
    drop(old);
    // One unauthenticated connection is allowed, and this one takes the place.
    let _server = sshd_with(&lab, "MaxStartups 1\n");
    let held = lab.within(Place::Client, || {
        use std::io::Read;
        let mut held = std::net::TcpStream::connect((RTC4, 22)).unwrap();
        held.read_exact(&mut [0; 8]).unwrap();
        held
    });
    let report = lab.reach(&args).report();
    let check = report.at(RTC6, "tcp 22").is("fail").says(&["MaxStartups"]);
    assert_eq!(check.failure(), ("banner", "closed"), "{check}");
    drop(held);
}

#[test]
fn an_agent_before_real_servers_gets_the_right_status_for_every_rule() {
    let Some(lab) = Lab::with(&["nginx", "janus"]) else { return };
    let _servers = [nginx(&lab), janus(&lab)];
    let run = lab.reach(&["--profile", "agent", "--target", RTC, "--target", ACD]);
    let report = run.exits(1).report();
    for address in [RTC4, RTC6] {
        report.passes(address, &["tcp 80", "tcp 443", "tcp 8989", "tcp 8089", MEDIA], &[]);
    }
    for address in [ACD4, ACD6] {
        report.passes(address, &["tcp 80", "tcp 443", "tcp 8089", AUDIO], &["tcp 8089"]);
        // Behind the port where the document puts VoIP over WebSocket stands Janus with its HTTPS API.
        let voip = report.at(address, "tcp 8089").is("fail");
        assert_eq!(voip.failure(), ("upgrade", "upgrade-refused"), "{voip}");
        assert_eq!(voip.seen("http_status"), 404, "{voip}");
    }
}

#[test]
fn two_ranges_of_one_host_share_its_icmp_budget() {
    let Some(lab) = Lab::with(&["nginx", "janus"]) else { return };
    let _servers = [nginx(&lab), janus(&lab)];
    let run = lab.reach(&["--profile", "agent", "--target", "rtc=198.51.100.10", "--target", "acd=198.51.100.10"]);
    let report = run.report();
    for range in [MEDIA, AUDIO] {
        let sampled = report.at(RTC4, range).is("pass");
        assert_eq!(sampled.ports("refused").len() as u64, sampled.seen("probed").as_u64().unwrap(), "{sampled}");
    }
}

#[test]
fn a_real_stun_server_tells_the_mapped_address_and_a_stopped_one_is_refused_or_silent() {
    let Some(lab) = Lab::with(&["turnserver"]) else { return };
    let profile = lab.dir().join("stun.toml");
    std::fs::write(&profile, STUN_PROFILE).unwrap();
    let target = format!("stun={RTC4},[{RTC6}]");
    let args = ["--profile", profile.to_str().unwrap(), "--target", &target];
    let server = coturn(&lab);
    let run = lab.reach(&args);
    let report = run.exits(0).report();
    for (address, client) in [(RTC4, CLIENT4), (RTC6, CLIENT6)] {
        let stun = report.at(address, "udp 3478").is("pass");
        assert!(stun.seen("mapped").to_string().contains(client), "no NAT, so the client's own address: {stun}");
        assert!(stun.seen("stun_rtt_ms").as_f64().is_some_and(|ms| ms > 0.0), "{stun}");
    }

    lab.forward("udp dport 3478 drop");
    let run = lab.reach(&args);
    let report = run.exits(3).report();
    report.at(RTC4, "udp 3478").is("unknown");
    report.at(RTC6, "udp 3478").is("unknown");

    lab.forward("");
    drop(server);
    let run = lab.reach(&args);
    let report = run.exits(1).report();
    for address in [RTC4, RTC6] {
        let stun = report.at(address, "udp 3478").is("fail");
        assert_eq!((stun.failure(), stun.seen("icmp_from")), (("stun", "refused"), &address.into()), "{stun}");
    }
}
