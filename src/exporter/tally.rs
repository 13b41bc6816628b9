//! What the exporter counts of itself, and its text exposition. The probes' own figures are elsewhere; these have no label
//! that a query could fill, so that their number never grows.

use std::fmt::Write;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

/// How a probe ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    Pass,
    Warn,
    Fail,
    Unknown,
    Skip,
    /// The scraper went away, or the exporter ended.
    Cancelled,
}

impl Outcome {
    const ALL: [Outcome; 6] =
        [Outcome::Pass, Outcome::Warn, Outcome::Fail, Outcome::Unknown, Outcome::Skip, Outcome::Cancelled];

    /// As metrics and logs have it.
    pub fn as_str(self) -> &'static str {
        match self {
            Outcome::Pass => "pass",
            Outcome::Warn => "warn",
            Outcome::Fail => "fail",
            Outcome::Unknown => "unknown",
            Outcome::Skip => "skip",
            Outcome::Cancelled => "cancelled",
        }
    }
}

/// Why nothing was probed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The query is wrong, or does not fit its profile.
    Query,
    /// A host is not on the list.
    NotAllowed,
    /// As many probes as may be are under way.
    Busy,
    /// No login, or a wrong one.
    Login,
    /// More logins wait to be verified than may.
    Logins,
    /// As many connections as may be are open.
    Connections,
    /// The TLS handshake failed or took too long.
    Tls,
    /// A secret's file or the like cannot be read.
    Exporter,
}

impl Refusal {
    const ALL: [Refusal; 8] = [
        Refusal::Query,
        Refusal::NotAllowed,
        Refusal::Busy,
        Refusal::Login,
        Refusal::Logins,
        Refusal::Connections,
        Refusal::Tls,
        Refusal::Exporter,
    ];

    /// As metrics and logs have it.
    pub fn as_str(self) -> &'static str {
        match self {
            Refusal::Query => "query",
            Refusal::NotAllowed => "not-allowed",
            Refusal::Busy => "busy",
            Refusal::Login => "login",
            Refusal::Logins => "logins",
            Refusal::Connections => "connections",
            Refusal::Tls => "tls",
            Refusal::Exporter => "exporter",
        }
    }
}

/// Upper bounds of the histogram's buckets, in milliseconds: scrapes wait 10 s by default and 30 s often.
const BUCKETS: [u64; 11] = [50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 20_000, 30_000, 60_000];

/// The counters.
#[derive(Debug, Default)]
pub struct Tally {
    outcomes: [AtomicU64; Outcome::ALL.len()],
    refusals: [AtomicU64; Refusal::ALL.len()],
    /// Each without those below it; the last is above all.
    buckets: [AtomicU64; BUCKETS.len() + 1],
    total_us: AtomicU64,
    reloaded: AtomicU64,
    not_reloaded: AtomicU64,
}

/// What is only known when it is asked for.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Now {
    pub version: &'static str,
    pub in_flight: usize,
    pub max_probes: usize,
    pub connections: usize,
    pub process: Process,
}

/// The process, as Prometheus' clients name it; absent where the system does not tell.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Process {
    pub cpu_seconds: Option<f64>,
    pub open_fds: Option<u64>,
    pub max_fds: Option<u64>,
    pub resident_bytes: Option<u64>,
    pub virtual_bytes: Option<u64>,
    pub threads: Option<u64>,
    /// Since 1970.
    pub start_seconds: Option<f64>,
}

impl Tally {
    /// A probe ended.
    pub fn ended(&self, outcome: Outcome, took: Duration) {
        count(&self.outcomes, Outcome::ALL.iter().position(|o| *o == outcome));
        let ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
        count(&self.buckets, Some(BUCKETS.partition_point(|bound| *bound < ms)));
        self.total_us.fetch_add(u64::try_from(took.as_micros()).unwrap_or(0), Relaxed);
    }

    /// Nothing was probed.
    pub fn refused(&self, why: Refusal) {
        count(&self.refusals, Refusal::ALL.iter().position(|r| *r == why));
    }

    /// The web configuration or a file that it names changed, and could be read again or not.
    pub fn reloaded(&self, well: bool) {
        if well { &self.reloaded } else { &self.not_reloaded }.fetch_add(1, Relaxed);
    }

    /// Everything in Prometheus' text format.
    pub fn text(&self, now: &Now) -> String {
        let mut text = Text(String::new());
        text.family("rtc_check_exporter_build_info", "gauge", "The exporter's version.");
        text.sample("rtc_check_exporter_build_info", &format!("{{version=\"{}\"}}", now.version), 1);
        let probes = "rtc_check_exporter_probes_total";
        text.family(probes, "counter", "Probes that were carried out, by how they ended.");
        for (outcome, number) in Outcome::ALL.iter().zip(&self.outcomes) {
            text.sample(probes, &format!("{{result=\"{}\"}}", outcome.as_str()), number.load(Relaxed));
        }
        let refused = "rtc_check_exporter_requests_refused_total";
        text.family(
            refused,
            "counter",
            "Requests and connections that were turned away before anything was probed, by reason.",
        );
        for (why, number) in Refusal::ALL.iter().zip(&self.refusals) {
            text.sample(refused, &format!("{{reason=\"{}\"}}", why.as_str()), number.load(Relaxed));
        }
        self.histogram(&mut text);
        text.one("rtc_check_exporter_probes_in_flight", "gauge", "Probes under way.", Some(now.in_flight));
        text.one(
            "rtc_check_exporter_probes_in_flight_limit",
            "gauge",
            "Probes that may be under way at once.",
            Some(now.max_probes),
        );
        text.one("rtc_check_exporter_connections", "gauge", "Open connections to the exporter.", Some(now.connections));
        let reloads = "rtc_check_exporter_web_config_reloads_total";
        text.family(
            reloads,
            "counter",
            "Times that the web configuration or a file of it changed and was read again, by result.",
        );
        text.sample(reloads, "{result=\"success\"}", self.reloaded.load(Relaxed));
        text.sample(reloads, "{result=\"failure\"}", self.not_reloaded.load(Relaxed));
        process(&mut text, &now.process);
        text.0
    }

    fn histogram(&self, text: &mut Text) {
        let name = "rtc_check_exporter_probe_duration_seconds";
        text.family(name, "histogram", "How long probes took.");
        let mut below = 0;
        for (n, number) in self.buckets.iter().enumerate() {
            below += number.load(Relaxed);
            let bound = BUCKETS.get(n).map_or("+Inf".to_owned(), |ms| seconds(*ms));
            text.sample(&format!("{name}_bucket"), &format!("{{le=\"{bound}\"}}"), below);
        }
        text.sample(&format!("{name}_sum"), "", self.total_us.load(Relaxed) as f64 / 1e6);
        text.sample(&format!("{name}_count"), "", below);
    }
}

fn count(counters: &[AtomicU64], which: Option<usize>) {
    if let Some(counter) = which.and_then(|n| counters.get(n)) {
        counter.fetch_add(1, Relaxed);
    }
}

fn seconds(ms: u64) -> String {
    format!("{}", ms as f64 / 1e3)
}

fn process(text: &mut Text, of: &Process) {
    text.one("process_cpu_seconds_total", "counter", "User and system CPU time, in seconds.", of.cpu_seconds);
    text.one("process_open_fds", "gauge", "Open file descriptors.", of.open_fds);
    text.one("process_max_fds", "gauge", "File descriptors that may be open.", of.max_fds);
    text.one("process_resident_memory_bytes", "gauge", "Resident memory, in bytes.", of.resident_bytes);
    text.one("process_virtual_memory_bytes", "gauge", "Virtual memory, in bytes.", of.virtual_bytes);
    text.one("process_threads", "gauge", "Threads of the process.", of.threads);
    text.one("process_start_time_seconds", "gauge", "When the process began, in seconds since 1970.", of.start_seconds);
}

/// The two figures that every multi-target exporter's probe has, in front of the run's own.
pub fn probe_text(success: bool, took: Duration) -> String {
    let mut text = Text(String::new());
    let said = "1 where every required check passed and the run came to its end in time, else 0.";
    text.one("probe_success", "gauge", said, Some(u8::from(success)));
    text.one("probe_duration_seconds", "gauge", "How long the probe took, in seconds.", Some(took.as_secs_f64()));
    text.0
}

struct Text(String);

impl Text {
    fn family(&mut self, name: &str, kind: &str, help: &str) {
        let _ = writeln!(self.0, "# HELP {name} {help}\n# TYPE {name} {kind}");
    }

    fn sample(&mut self, name: &str, labels: &str, value: impl std::fmt::Display) {
        let _ = writeln!(self.0, "{name}{labels} {value}");
    }

    /// A family with one sample; what is not known has none.
    fn one(&mut self, name: &str, kind: &str, help: &str, value: Option<impl std::fmt::Display>) {
        if let Some(value) = value {
            self.family(name, kind, help);
            self.sample(name, "", value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_counted_is_told() {
        let tally = Tally::default();
        tally.ended(Outcome::Pass, Duration::from_millis(50));
        tally.ended(Outcome::Pass, Duration::from_millis(51));
        tally.ended(Outcome::Cancelled, Duration::from_secs(100));
        tally.refused(Refusal::NotAllowed);
        tally.reloaded(false);
        let process = Process { open_fds: Some(7), ..Process::default() };
        let text = tally.text(&Now { version: "1.2.3", in_flight: 2, max_probes: 50, connections: 3, process });
        for line in [
            "rtc_check_exporter_build_info{version=\"1.2.3\"} 1",
            "rtc_check_exporter_probes_total{result=\"pass\"} 2",
            "rtc_check_exporter_probes_total{result=\"fail\"} 0",
            "rtc_check_exporter_probes_total{result=\"cancelled\"} 1",
            "rtc_check_exporter_requests_refused_total{reason=\"not-allowed\"} 1",
            "rtc_check_exporter_probe_duration_seconds_bucket{le=\"0.05\"} 1",
            "rtc_check_exporter_probe_duration_seconds_bucket{le=\"0.1\"} 2",
            "rtc_check_exporter_probe_duration_seconds_bucket{le=\"60\"} 2",
            "rtc_check_exporter_probe_duration_seconds_bucket{le=\"+Inf\"} 3",
            "rtc_check_exporter_probe_duration_seconds_sum 100.101",
            "rtc_check_exporter_probe_duration_seconds_count 3",
            "rtc_check_exporter_probes_in_flight 2",
            "rtc_check_exporter_web_config_reloads_total{result=\"failure\"} 1",
            "process_open_fds 7",
        ] {
            assert!(text.lines().any(|l| l == line), "{line}\n{text}");
        }
        assert!(!text.contains("process_resident"), "what is not known has no figure");
    }
}
