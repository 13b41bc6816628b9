//! How much a router's line carries, and flows of which one direction alone does not fit.

use std::fmt::Write as _;

use serde_json::Value;

use crate::harness::Report;
use crate::namespaces::{Daemon, Lab, Place, RTC4};
use crate::servers::limited;

/// A responder that grants as much as any line here carries.
fn wide(lab: &Lab) -> Daemon {
    let limits = [
        ["--max-session-kbps", "1000000"],
        ["--max-kbps", "1000000"],
        ["--max-session-bytes", "10000000000"],
        ["--max-session-packets", "200000"],
    ];
    limited(lab, RTC4, limits.as_flattened())
}

/// Shapes what leaves the router by `interface` to `kbps`, headers of Ethernet included.
fn shape(lab: &Lab, interface: &str, kbps: u32) {
    let mut tc = lab.command(Place::Router, "tc");
    let (rate, burst) = (format!("{kbps}kbit"), (kbps * 125 / 200).max(3000).to_string());
    tc.args(["qdisc", "replace", "dev", interface, "root", "tbf", "rate", &rate]);
    let output = tc.args(["burst", &burst, "latency", "100ms"]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

fn searched(lab: &Lab) -> Report {
    let args = ["--profile", "user", "--target", "rtc=198.51.100.10", "--only", "bandwidth", "--capacity"];
    let run = lab.check(&[&args[..], &["--max-data", "2G", "--duration", "4"]].concat());
    run.report()
}

fn found(report: &Report) -> Value {
    let all = report.all();
    let check = all.iter().find(|c| !c.seen("capacity").is_null());
    check.unwrap_or_else(|| panic!("nothing was searched: {report}")).value["observed"].clone()
}

#[test]
fn the_line_that_is_found_is_the_routers_by_direction() {
    let Some(lab) = Lab::with(&["tc"]) else { return };
    let _server = wide(&lab);
    let (up, down) = (2_000, 10_000);
    shape(&lab, "sv0", up);
    shape(&lab, "cl0", down);
    let report = searched(&lab);
    let observed = found(&report);
    for (way, kbps) in [("up", up), ("down", down)] {
        let told = &observed["capacity"][way];
        let error = told["ip_kbps"].as_f64().unwrap() / f64::from(kbps) - 1.0;
        assert!(error.abs() < 0.05, "{way} {error:+.3}: {observed}");
        assert_eq!(told["at_least"], false, "{way}: {observed}");
        // The queue of the router holds 100 ms.
        let rise = observed["loaded_latency"][way]["rise_ms"].as_f64().unwrap();
        assert!((50.0..200.0).contains(&rise), "{way}: {observed}");
    }
    // 106.9 kbit/s a session at the IP level for audio and video, in 2,000 up.
    let modes = observed["modes"].as_array().unwrap();
    let both = modes.iter().find(|m| m["up_kbps"] == 80.0).unwrap_or_else(|| panic!("{observed}"));
    assert!((13..=15).contains(&both["sessions"].as_u64().unwrap()), "{observed}");
}

/// One rate both ways; where `RTC_CHECK_TABLE` names a file, every rate of benches/capacity.md, and the table goes there.
#[test]
fn what_is_found_is_within_a_twentieth_of_every_rate() {
    let Some(lab) = Lab::with(&["tc"]) else { return };
    let _server = wide(&lab);
    let path = std::env::var_os("RTC_CHECK_TABLE");
    let rates: &[u32] = if path.is_some() { &[500, 2_000, 10_000, 100_000, 500_000] } else { &[500] };
    let mut table = String::from("| tbf kbit/s | way | found kbit/s | error | at least | loaded - idle ms | rpm |\n");
    table.push_str("|---|---|---|---|---|---|---|\n");
    for &kbps in rates {
        ["cl0", "sv0"].iter().for_each(|interface| shape(&lab, interface, kbps));
        let observed = found(&searched(&lab));
        for way in ["up", "down"] {
            let (told, latency) = (&observed["capacity"][way], &observed["loaded_latency"][way]);
            let got = told["ip_kbps"].as_f64().unwrap_or(f64::NAN);
            let error = 100.0 * (got / f64::from(kbps) - 1.0);
            assert!(error.abs() < 5.0, "{kbps} {way} {error:+.1} %: {observed}");
            let (least, rpm) = (&told["at_least"], &latency["rpm"]);
            let rise = latency["rise_ms"].as_f64().unwrap_or(f64::NAN);
            writeln!(table, "| {kbps} | {way} | {got} | {error:+.1} % | {least} | {rise:.1} | {rpm} |").unwrap();
        }
    }
    if let Some(path) = path {
        std::fs::write(path, &table).unwrap();
    }
}
