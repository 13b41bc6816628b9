//! `rtc-check exporter` as a process, scraped as Prometheus scrapes it: what it answers, whom it refuses to ask, how many
//! probes it carries out at once, and that a scraper that goes away ends its run. Loopback, on ports that the kernel
//! chooses.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, reason = "a test fails by panicking")]
#![allow(clippy::disallowed_methods, reason = "tests read the clock and the environment")]

#[path = "exporter/door.rs"]
mod door;
#[allow(dead_code, reason = "each test crate uses its part of the harness")]
mod harness;
#[path = "exporter/prometheus.rs"]
mod prometheus;
#[path = "exporter/site.rs"]
mod site;

use std::process::Command;

use harness::binary;
use site::{Exporter, Site, figure, get, promtool, sent};

#[test]
fn a_probe_of_a_server_that_answers_is_green_and_of_a_closed_port_red() {
    let (site, _responder) = Site::served("127.33.1.1");
    let exporter = Exporter::start(&site, &["--allow", "127.33.1.0/24"]);
    let green = exporter.probe("target.web=127.33.1.1");
    assert_eq!(green.status, 200, "{}", green.body);
    assert!(green.header("content-type").starts_with("text/plain; version=0.0.4"), "{:?}", green.headers);
    assert_eq!(figure(&green.body, "probe_success", ""), Some(1.0), "{}", green.body);
    assert!(figure(&green.body, "probe_duration_seconds", "").is_some_and(|s| s > 0.0));
    assert_eq!(
        figure(&green.body, "rtc_check_check_status", "check=\"web.http/127.33.1.1\",.*status=\"pass\""),
        Some(1.0),
        "{}",
        green.body
    );
    assert_eq!(figure(&green.body, "rtc_check_run_complete", ""), Some(1.0));
    assert!(!green.body.contains("probe=\"quality\""), "what loads the line is not measured unasked");

    // The profile's only role needs no name, and labels have no dots.
    let red = exporter.probe("target_web=127.33.1.2");
    assert_eq!(red.status, 200);
    assert_eq!(figure(&red.body, "probe_success", ""), Some(0.0), "{}", red.body);
    assert_eq!(
        figure(&red.body, "rtc_check_check_status", "target=\"127.33.1.2\".*status=\"fail\""),
        Some(1.0),
        "{}",
        red.body
    );
    assert_eq!(exporter.probe("target=127.33.1.1").status, 200);

    let metrics = exporter.get("/metrics");
    assert_eq!(
        figure(&metrics.body, "rtc_check_exporter_probes_total", "result=\"pass\""),
        Some(2.0),
        "{}",
        metrics.body
    );
    assert_eq!(figure(&metrics.body, "rtc_check_exporter_probes_total", "result=\"fail\""), Some(1.0));
    assert!(figure(&metrics.body, "process_resident_memory_bytes", "").is_some_and(|b| b > 1e6));
    for text in [&green.body, &red.body, &metrics.body] {
        promtool(text);
    }
    let run = exporter.stop();
    run.exits(0).says(&["site web=127.33.1.1: pass", "site web=127.33.1.2: fail", "stopped"]);
}

#[test]
fn what_is_not_asked_for_rightly_or_not_allowed_is_refused_before_anything_is_sent() {
    let site = Site::new("127.33.2.1");
    let exporter = Exporter::start(&site, &["--allow", "127.33.2.0/30,*.example.test,localhost"]);
    for (query, status, words) in [
        ("profile=site&target.web=127.33.2.4", 403, "--allow 127.33.2.4"),
        ("profile=site&target.web=%5B::ffff:127.33.9.9%5D", 403, "--allow 127.33.9.9"),
        ("profile=site&target.web=example.test", 403, "--allow example.test"),
        ("profile=site&target.web=127.33.2.1,evil.test", 403, "--allow evil.test"),
        ("profile=site&target.web=127.33.2.1&target.fixed=127.33.2.2", 400, "no rule reaches `fixed`"),
        ("profile=site&target.web=127.33.2.1&option.fixed=true", 403, "fixed.invalid"),
        ("profile=nope&target.web=127.33.2.1", 400, "acd, agent, dlegate, rtc-server, site, user, valt"),
        ("profile=%2Fetc%2Fpasswd&target.web=127.33.2.1", 400, "letters"),
        ("target.web=127.33.2.1", 400, "give a profile"),
        ("profile=site", 400, "needs a host for"),
        ("profile=site&target.nope=127.33.2.1", 400, "roles fixed, web"),
        ("profile=site&target.web=127.33.2.1&option.nope=true", 400, "options fixed"),
        ("profile=site&target.web=127.33.2.1&port.web.http=22", 400, "cannot move"),
        ("profile=site&target.web=127.33.2.1&only=quality", 400, "quality=true"),
        ("profile=site&target.web=127.33.2.1&only=nope", 400, "--only nope"),
        ("profile=site&target.web=127.33.2.1&capacity=true", 400, "not offered"),
        (&"x".repeat(5000), 414, "4096"),
    ] {
        let answer = exporter.get(&format!("/probe?{query}"));
        assert_eq!(answer.status, status, "{query}: {}", answer.body);
        assert!(answer.body.contains(words), "{query}: {}", answer.body);
        assert_eq!(answer.header("x-content-type-options"), "nosniff");
    }
    let header = ("X-Prometheus-Scrape-Timeout-Seconds", "soon");
    assert_eq!(get(exporter.at, "GET", "/probe?profile=site&target.web=127.33.2.1", &[header]).status, 400);
    assert_eq!(exporter.get("/nope").status, 404);
    let post = get(exporter.at, "POST", "/probe?profile=site&target.web=127.33.2.1", &[("Content-Length", "0")]);
    assert_eq!((post.status, post.header("allow")), (405, "GET, HEAD"));
    let head = get(exporter.at, "HEAD", "/probe?profile=site&target.web=127.33.2.1", &[]);
    assert_eq!((head.status, head.body.as_str()), (200, ""));
    for (path, words) in
        [("/-/healthy", "well"), ("/-/ready", "well"), ("/", "/probe?profile=site&amp;target.web=HOST")]
    {
        let answer = exporter.get(path);
        assert!(answer.status == 200 && answer.body.contains(words), "{path}: {}", answer.body);
        let head = get(exporter.at, "HEAD", path, &[]);
        assert_eq!((head.status, head.body.as_str()), (200, ""));
        assert_eq!(head.header("content-length"), answer.body.len().to_string());
    }
    let metrics = exporter.get("/metrics").body;
    assert_eq!(
        figure(&metrics, "rtc_check_exporter_requests_refused_total", "reason=\"not-allowed\""),
        Some(5.0),
        "{metrics}"
    );
    assert_eq!(
        figure(&metrics, "rtc_check_exporter_probe_duration_seconds_count", ""),
        Some(0.0),
        "nothing was probed"
    );
    exporter.stop().exits(0).says(&["refused (not-allowed): 127.33.2.4 is not allowed here"]);
}

#[test]
fn fifty_probes_run_at_once_and_the_next_is_told_to_come_again() {
    let (site, _silent) = Site::silent("127.33.3.1");
    let exporter = Exporter::start(&site, &["--allow", "127.33.3.1", "--max-probes", "50"]);
    let path = "/probe?profile=site&target.web=127.33.3.1&skip=path,nat,ice&timeout=20";
    let probes: Vec<_> = (0..50).map(|_| sent(exporter.at, "GET", path, &[])).collect();
    exporter.until("rtc_check_exporter_probes_in_flight", "", 50.0);
    let next = exporter.get(path);
    assert_eq!((next.status, next.header("retry-after")), (503, "5"), "{}", next.body);
    assert!(next.body.contains("--max-probes"), "{}", next.body);
    for probe in probes {
        let answer = probe.answer();
        assert_eq!(answer.status, 200, "{}", answer.body);
        assert_eq!(figure(&answer.body, "probe_success", ""), Some(0.0), "{}", answer.body);
    }
    let metrics = exporter.get("/metrics").body;
    assert_eq!(figure(&metrics, "rtc_check_exporter_probes_in_flight", ""), Some(0.0));
    assert_eq!(figure(&metrics, "rtc_check_exporter_probe_duration_seconds_count", ""), Some(50.0));
    assert_eq!(figure(&metrics, "rtc_check_exporter_requests_refused_total", "reason=\"busy\""), Some(1.0));
    exporter.stop().exits(0);
}

#[test]
fn a_scraper_that_hangs_up_ends_its_run_and_one_that_waits_briefly_is_answered_in_time() {
    let (site, _silent) = Site::silent("127.33.4.1");
    let exporter = Exporter::start(&site, &["--allow", "127.33.4.1"]);
    let path = "/probe?profile=site&target.web=127.33.4.1&timeout=80";
    let probe = sent(exporter.at, "GET", path, &[]);
    exporter.until("rtc_check_exporter_probes_in_flight", "", 1.0);
    drop(probe);
    exporter.until("rtc_check_exporter_probes_total", "result=\"cancelled\"", 1.0);
    exporter.until("rtc_check_exporter_probes_in_flight", "", 0.0);

    let brief = get(exporter.at, "GET", path, &[("X-Prometheus-Scrape-Timeout-Seconds", "1.5")]);
    assert_eq!(brief.status, 200);
    assert_eq!(figure(&brief.body, "probe_success", ""), Some(0.0), "{}", brief.body);
    assert_eq!(figure(&brief.body, "rtc_check_run_complete", ""), Some(0.0));
    assert_eq!(
        figure(&brief.body, "rtc_check_run_verdict", "status=\"unknown\""),
        Some(1.0),
        "what did not finish is not known: {}",
        brief.body
    );
    promtool(&brief.body);

    // Whoever ends the exporter does not wait for its runs.
    let probe = sent(exporter.at, "GET", path, &[]);
    exporter.until("rtc_check_exporter_probes_in_flight", "", 1.0);
    exporter.stop().exits(0).says(&["cancelled in", "stopped"]);
    drop(probe);
}

#[test]
fn a_listed_name_that_leads_to_this_machine_is_not_followed() {
    let site = Site::new("127.33.5.1");
    let hosts = site.dir.path().join("hosts");
    std::fs::write(&hosts, "127.33.5.1 rebound.example.test\n").unwrap();
    let may = Command::new("unshare").args(["-m", "true"]).output().is_ok_and(|o| o.status.success());
    if !may {
        eprintln!("not run: no mount namespace can be made here, to give a name an address in");
        return;
    }
    let mut command = harness::clean(Command::new("unshare"));
    let script = "mount --bind \"$1\" /etc/hosts && shift && exec \"$@\"";
    command.args(["-m", "sh", "-c", script, "sh"]).arg(&hosts).arg(binary().get_program());
    let exporter = Exporter::with(command, &site, &["--allow", "*.example.test"]);
    let answer = exporter.probe("target.web=rebound.example.test");
    assert_eq!(answer.status, 403, "{}", answer.body);
    assert!(answer.body.contains("leads to 127.33.5.1, which is this machine"), "{}", answer.body);
    exporter.stop().exits(0);
}

#[test]
fn a_start_without_a_list_or_with_what_is_not_for_scrapes_says_so() {
    let site = Site::new("127.33.6.1");
    let start = |args: &[&str]| {
        let mut command = binary();
        command.args(["exporter", "--listen", "127.33.6.1:0"]).args(args);
        harness::run(command)
    };
    start(&[]).exits(2).says(&["give --allow HOST"]);
    start(&["--allow", "192.0.2.1/24"]).exits(2).says(&["write 192.0.2.0/24"]);
    start(&["--allow", "any", "--profile", "agent.toml"]).exits(2).says(&["agent.toml"]);
    let config = site.dir.path().join("c.toml");
    std::fs::write(&config, "capacity = true\n").unwrap();
    start(&["--allow", "any", "--config", config.to_str().unwrap()]).exits(2).says(&["capacity", "not for scrapes"]);
    let exporter = Exporter::start(&site, &["--allow", "any"]);
    exporter.stop().exits(0).says(&["--allow any: everyone who reaches this exporter"]);
}
