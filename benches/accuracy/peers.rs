//! What each tool's output says, held against the truth about its own packets.

use serde_json::Value;

use crate::emulator::log::{Fate, Packet};
use crate::emulator::truth::{self, Tool, Truth, mean, percentile};
use crate::harness::Run;
use crate::tool::{Errors, Finished, MEDIA};

/// irtt's port.
pub const IRTT: u16 = 2112;

/// `said - so` where both are numbers.
fn differ(errors: &mut Errors, figure: &'static str, said: Option<f64>, so: f64) {
    if let Some(said) = said
        && so.is_finite()
    {
        errors.insert(figure, said - so);
    }
}

/// The figures of the round trip that every tool has.
fn round_trip(errors: &mut Errors, truth: &Truth, said: [Option<f64>; 3]) {
    differ(errors, "RTT mean, ms", said[0], mean(&truth.rtt));
    differ(errors, "RTT median, ms", said[1], percentile(&truth.rtt, 0.5));
    differ(errors, "RTT min, ms", said[2], percentile(&truth.rtt, 0.0));
}

pub fn ping(run: &Run, log: &[Packet]) -> Errors {
    let truth = truth::of(log, Tool::Ping);
    let mut errors = Errors::new();
    // Single times have a tenth of a millisecond, the summary a microsecond.
    let summary: Vec<f64> = run
        .stdout
        .lines()
        .find_map(|l| l.split_once("mdev = "))
        .map_or(vec![], |(_, values)| values.split(['/', ' ']).filter_map(|v| v.parse().ok()).collect());
    round_trip(&mut errors, &truth, [summary.get(1).copied(), None, summary.first().copied()]);
    let replies = run.stdout.lines().filter(|l| l.contains("icmp_seq="));
    let (doubled, first): (Vec<_>, Vec<_>) = replies.partition(|l| l.contains("DUP!"));
    let lost = f64::from(truth.up.sent) - first.len() as f64;
    differ(&mut errors, "lost, round trip", Some(lost), truth.lost().into());
    let copies = truth.up.duplicated + truth.down.duplicated;
    differ(&mut errors, "duplicated", Some(doubled.len() as f64), copies.into());
    errors
}

pub fn irtt(run: &Run, log: &[Packet]) -> Errors {
    let truth = truth::of(log, Tool::Irtt(IRTT));
    let mut errors = Errors::new();
    let Ok(report) = serde_json::from_str::<Value>(&run.stdout) else {
        eprintln!("irtt gave no JSON: {}{}", run.stdout, run.stderr);
        return errors;
    };
    let stats = &report["stats"];
    let ms = |of: &Value| of.as_f64().map(|ns| ns / 1e6);
    let rtt = &stats["rtt"];
    round_trip(&mut errors, &truth, [ms(&rtt["mean"]), ms(&rtt["median"]), ms(&rtt["min"])]);
    differ(&mut errors, "variation up, mean, ms", ms(&stats["ipdv_send"]["mean"]), mean(&truth.up.variation));
    differ(&mut errors, "variation down, mean, ms", ms(&stats["ipdv_receive"]["mean"]), mean(&truth.down.variation));
    let count = |key: &str| stats[key].as_f64();
    let sent = count("packets_sent").unwrap_or(f64::NAN);
    let packets = |key: &str, of: f64| count(key).map(|percent| (percent * of / 100.0).round());
    differ(&mut errors, "lost, round trip", packets("packet_loss_percent", sent), truth.lost().into());
    let arrived = f64::from(truth.up.sent - truth.up.lost);
    differ(&mut errors, "lost up", packets("upstream_loss_percent", sent), truth.up.lost.into());
    differ(&mut errors, "lost down", packets("downstream_loss_percent", arrived), truth.down.lost.into());
    let copies = truth.up.duplicated + truth.down.duplicated;
    differ(&mut errors, "duplicated", count("duplicates"), copies.into());
    errors
}

/// One way only; its control connection has the same port in TCP.
pub fn iperf3(run: &Run, log: &[Packet], up: bool) -> Errors {
    let mut errors = Errors::new();
    let Ok(report) = serde_json::from_str::<Value>(&run.stdout) else {
        eprintln!("iperf3 gave no JSON: {}{}", run.stdout, run.stderr);
        return errors;
    };
    let port = if up { 5201 } else { 5202 };
    let of_flow = |p: &&Packet| {
        p.up == up && p.protocol == 17 && p.payload.len() > 90 && (p.ports.0 == port || p.ports.1 == port)
    };
    let packets: Vec<&Packet> = log.iter().filter(of_flow).collect();
    let originals = packets.iter().filter(|p| p.fate != Fate::Copy);
    let lost = originals.filter(|p| p.fate == Fate::Lost).count() as f64;
    let sum = &report["end"]["sum"];
    let rows = if up { ["lost up", "variation up, mean, ms"] } else { ["lost down", "variation down, mean, ms"] };
    differ(&mut errors, rows[0], sum["lost_packets"].as_f64(), lost);
    let mut arrived: Vec<(i64, i64)> =
        packets.iter().filter(|p| p.fate == Fate::Passed).filter_map(|p| Some((p.left?, p.delay()?))).collect();
    arrived.sort_unstable();
    let variation: Vec<f64> = arrived.windows(2).map(|w| (w[1].1 - w[0].1).abs() as f64 / 1e6).collect();
    let jitter = "RFC 3550 jitter against mean variation, ms";
    differ(&mut errors, jitter, sum["jitter_ms"].as_f64(), mean(&variation));
    errors
}

/// Its one quality check.
fn quality(run: &Run) -> Option<Value> {
    let report: Value = serde_json::from_str(&run.stdout).ok()?;
    report["checks"].as_array()?.iter().find(|c| c["probe"] == "quality").cloned()
}

pub fn rtc_check(finished: &Finished, log: &[Packet]) -> Errors {
    let truth = truth::of(log, Tool::Stamp(MEDIA.0, MEDIA.1));
    let mut errors = Errors::new();
    let Some(check) = quality(&finished.run) else {
        eprintln!("rtc-check gave no quality check: {}{}", finished.run.stdout, finished.run.stderr);
        return errors;
    };
    let seen = &check["observed"];
    let rtt = &seen["rtt_ms"];
    round_trip(&mut errors, &truth, ["mean", "p50", "min"].map(|key| rtt[key].as_f64()));
    let count = |key: &str| seen[key].as_f64();
    differ(&mut errors, "packets sent", count("sent"), truth.up.sent.into());
    differ(
        &mut errors,
        "lost, round trip",
        count("sent").zip(count("received")).map(|(s, r)| s - r),
        truth.lost().into(),
    );
    for (way, so, rows) in [("up", &truth.up, UP), ("down", &truth.down, DOWN)] {
        let jitter = &seen["jitter_detail"][way];
        differ(&mut errors, rows[0], jitter["mean"].as_f64(), mean(&so.variation));
        differ(&mut errors, rows[1], jitter["p95"].as_f64(), percentile(&so.variation, 0.95));
        differ(&mut errors, rows[2], seen["loss_detail"][way]["lost"].as_f64(), so.lost.into());
        differ(&mut errors, rows[3], count(&format!("duplicated_{way}")), so.duplicated.into());
        differ(&mut errors, rows[4], count(&format!("reordered_{way}")), so.reordered.into());
        errors.extend([(rows[5], mean(&so.variation)), (rows[6], so.lost.into())]);
        errors.extend([(rows[7], so.duplicated.into()), (rows[8], so.reordered.into())]);
    }
    errors.insert("truth: RTT mean, ms", mean(&truth.rtt));
    late(&mut errors, seen);
    errors.insert("CPU, % of a core", 100.0 * finished.cpu.as_secs_f64() / truth.lasted);
    errors
}

/// How late it says that it sent.
fn late(errors: &mut Errors, seen: &Value) {
    let late = &seen["send_late_ms"];
    differ(errors, "send lateness p50, ms", late["p50"].as_f64(), 0.0);
    differ(errors, "send lateness p99, ms", late["p99"].as_f64(), 0.0);
}

const UP: [&str; 9] = [
    "variation up, mean, ms",
    "variation up, p95, ms",
    "lost up",
    "duplicated up",
    "reordered up",
    "truth: variation up, ms",
    "truth: lost up",
    "truth: duplicated up",
    "truth: reordered up",
];
const DOWN: [&str; 9] = [
    "variation down, mean, ms",
    "variation down, p95, ms",
    "lost down",
    "duplicated down",
    "reordered down",
    "truth: variation down, ms",
    "truth: lost down",
    "truth: duplicated down",
    "truth: reordered down",
];

/// How long a run took that had to decide for itself when it knew enough.
pub fn until_verdict(finished: &Finished) -> Errors {
    let mut errors = Errors::new();
    errors.insert("whole run, s", finished.run.took.as_secs_f64());
    let Some(check) = quality(&finished.run) else { return errors };
    differ(&mut errors, "train, s", check["observed"]["duration_s"].as_f64(), 0.0);
    differ(&mut errors, "packets sent", check["observed"]["sent"].as_f64(), 0.0);
    late(&mut errors, &check["observed"]);
    errors.insert("verdict passed", f64::from(u8::from(check["status"] == "pass")));
    errors
}
