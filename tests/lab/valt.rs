//! VALT from each of its vantages: real nginx and sshd, and a stand-in for Wowza.

use crate::harness::Check;
use crate::namespaces::Lab;
use crate::servers::{nginx, sshd};
use crate::wowza::{answer, page, valt};

/// What the stand-in needs.
const VALT: [&str; 3] =
    ["nginx", "/usr/lib/nginx/modules/ngx_stream_module.so", "/usr/lib/nginx/modules/ngx_rtmp_module.so"];
const APPLICATION: &str = "application=198.51.100.10";
const MEDIA: &str = "media=198.51.100.10";

/// Runs the profile from `from` with `targets` and options, without updates.
#[track_caller]
fn from(lab: &Lab, from: &str, targets: &[&str], options: &[&str]) -> crate::harness::Run {
    let mut args = vec!["--profile", "valt", "--from", from, "--option", "updates=false"];
    targets.iter().for_each(|target| args.extend(["--target", target]));
    options.iter().for_each(|option| args.extend(["--option", option]));
    lab.reach(&args)
}

fn product(check: &Check<'_>) -> String {
    check.seen("service")["name"].as_str().unwrap_or_default().to_owned()
}

#[test]
fn clients_reach_pages_and_streams_with_ssl_and_without() {
    let Some(lab) = Lab::with(&VALT) else { return };
    let _servers = valt(&lab);
    for (ssl, rules) in [
        ("ssl=true", ["application.https", "application.wss", "media.wss", "application.downloads", "media.downloads"]),
        ("ssl=false", ["application.http", "application.ws", "media.ws", "application.downloads", "media.downloads"]),
    ] {
        let run = from(&lab, "client", &[APPLICATION, MEDIA], &[ssl]);
        let report = run.exits(0).report();
        assert_eq!((report.verdict(), report.all().len()), ("pass", rules.len()), "{report}");
        for rule in rules {
            report.of(rule)[0].is("pass");
        }
        // The whole client profile on a clean path, and much more is a machine that is busy with something else.
        assert!(run.took.as_secs() < 10, "{ssl} took {:?}", run.took);
        eprintln!("valt, client, {ssl}: {:?}", run.took);
    }
}

#[test]
fn administrators_reach_ssh_and_wowzas_manager() {
    let Some(lab) = Lab::with(&[&VALT[..], &["sshd"]].concat()) else { return };
    let _servers = [valt(&lab), sshd(&lab)];
    let run = from(&lab, "admin", &[APPLICATION, MEDIA], &[]);
    let report = run.exits(0).report();
    assert_eq!(report.all().len(), 4, "{report}");
    for rule in ["application.ssh", "media.ssh"] {
        report.of(rule)[0].is("pass");
    }
    for rule in ["application.wowza-admin", "media.wowza-admin"] {
        let check = report.of(rule)[0].is("pass").says(&["Wowza Streaming Engine Manager"]);
        assert_eq!(check.seen("redirects")["followed"].as_array().map(Vec::len), Some(2), "{check}");
    }
}

#[test]
fn beam_devices_meet_rtmp_on_the_ports_where_clients_meet_websockets() {
    let Some(lab) = Lab::with(&VALT) else { return };
    let _servers = valt(&lab);
    for (ssl, rules) in [("ssl=true", ["beam.https", "beam.rtmps"]), ("ssl=false", ["beam.http", "beam.rtmp"])] {
        let run = from(&lab, "beam", &[MEDIA], &[ssl]);
        let report = run.exits(0).report();
        assert_eq!(report.all().len(), 2, "{report}");
        for rule in rules {
            report.of(rule)[0].is("pass");
        }
    }
}

#[test]
fn servers_reach_each_others_wowza() {
    let Some(lab) = Lab::with(&[&VALT[..], &["sshd"]].concat()) else { return };
    let _servers = [valt(&lab), sshd(&lab)];
    for (ssl, port) in [("ssl=true", "app-to-media.https"), ("ssl=false", "app-to-media.http")] {
        let run = from(&lab, "application-server", &[MEDIA], &[ssl]);
        let report = run.exits(0).report();
        for rule in [port, "app-to-media.wowza-8086"] {
            let check =
                report.of(rule)[0].is("pass").says(&["as Wowza Streaming Engine 4.8.20 (by its Server header)"]);
            assert_eq!(product(&check), "Wowza Streaming Engine 4.8.20", "{check}");
        }
        report.of("app-to-media.wowza-8087")[0].is("pass").says(&["401", "Wowza's REST API"]);
        report.of("app-to-media.wowza-8000")[0].is("pass");
        report.of("app-to-media.ssh")[0].is("pass");
        let run = from(&lab, "media-server", &[APPLICATION, "camera=198.51.100.10"], &[ssl]);
        let report = run.report();
        for rule in ["media-to-app.wowza-8086", "media-to-app.wowza-8087", "media-to-app.ssh", "camera.http"] {
            report.of(rule)[0].is("pass");
        }
    }
}

#[test]
fn another_service_on_wowzas_ports_never_passes() {
    let Some(lab) = Lab::with(&[&VALT[..], &["sshd"]].concat()) else { return };
    let _servers = [nginx(&lab), sshd(&lab)];
    let target = ["--profile", "valt", "--from", "application-server", "--target", MEDIA, "--only", "media"];
    let at = |rule: &str, port: u16| {
        let moved = format!("{rule}={port}");
        let run = lab.reach(&[&target[..], &["--port", &moved]].concat());
        let report = run.report();
        let check = report.of(rule)[0];
        (check.status().to_owned(), check.reason().to_owned(), check.seen("met").clone())
    };
    for rule in ["app-to-media.https", "app-to-media.wowza-8086", "app-to-media.wowza-8087"] {
        let (status, reason, met) = at(rule, 22);
        assert_eq!((status.as_str(), met), ("fail", "SSH".into()), "{rule}: {reason}");
        assert!(reason.contains("speaks SSH"), "{reason}");
    }
    // A page of nginx over TLS, where Wowza's is expected.
    for rule in ["app-to-media.https", "app-to-media.wowza-8086"] {
        let (status, reason, _) = at(rule, 443);
        assert_eq!(status, "warn", "{rule}: {reason}");
        assert!(reason.contains("nginx") && reason.contains("nothing of Wowza"), "{reason}");
    }
    let (status, reason, met) = at("app-to-media.wowza-8087", 443);
    assert_eq!((status.as_str(), met), ("fail", "TLS".into()), "{reason}");
}

#[test]
fn a_mirror_stands_in_for_a_fixed_host_and_a_captive_portal_never_does() {
    let Some(lab) = Lab::with(&["nginx"]) else { return };
    let _server = nginx(&lab);
    page(&lab, 8080, |stream| {
        answer(stream, "200 OK", "Server: Apache/2.4.58 (Ubuntu)\r\n", "<title>Index of /ubuntu</title>")
    });
    page(&lab, 8081, |stream| answer(stream, "302 Found", "Location: http://login.example/?from=x\r\n", ""));
    page(&lab, 8082, |stream| {
        answer(stream, "200 OK", "Server: lighttpd\r\n", "<title>Welcome, please log in</title>")
    });
    page(&lab, 8083, |stream| answer(stream, "511 Network Authentication Required", "", ""));
    for (port, status, words) in [
        ("8080", "pass", "as a directory of files"),
        ("8081", "warn", "captive portal or proxy may answer"),
        ("8082", "warn", "captive portal or proxy may answer"),
        ("8083", "fail", "captive portal"),
        ("80", "warn", "another port"),
    ] {
        let moved = format!("updates.ubuntu-archive={port}");
        let target = ["--target", "updates=198.51.100.10", "--only", "updates.ubuntu-archive", "--port", &moved];
        let run = lab.reach(&[&["--profile", "valt", "--from", "application-server"], &target[..]].concat());
        let report = run.report();
        let checks = report.of("updates.ubuntu-archive");
        let tested = checks.iter().find(|c| c.status() != "skip").expect("a check");
        tested.is(status).says(&[words]);
    }
}
