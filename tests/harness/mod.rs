//! Runs the real binary as a stranger would: in a clean environment, under a deadline, and reads its JSON report without
//! the library's types, so that what is asserted is what another program sees.

use std::io::Read;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use serde_json::Value;

/// No run of a test may take longer; the deadline is there to end a hang, never to measure.
pub const LIMIT: Duration = Duration::from_secs(90);

/// A profile with one rule: STUN on 3478 of the role `stun`.
pub const STUN_PROFILE: &str = r#"
name = "one-stun-server"
title = "One STUN server"
vantages = ["client"]
[documents]
here = "This test"
[roles.stun]
description = "a STUN server"
[stun."stun.binding"]
to = "stun"
port = 3478
need = "required"
source = { document = "here", section = "none", row = "STUN | UDP | 3478" }
"#;

/// The binary under test, with none of this machine's settings: no trust stores, proxies or `RTC_CHECK_…` of the caller.
pub fn binary() -> Command {
    clean(Command::new(env!("CARGO_BIN_EXE_rtc-check")))
}

/// `command` with an environment that holds only a search path, a home that has no configuration, and plain text.
pub fn clean(mut command: Command) -> Command {
    let path = std::env::var_os("PATH").unwrap_or_default();
    command.env_clear().env("PATH", path).env("HOME", "/nonexistent").env("LANG", "C.UTF-8").env("TERM", "dumb");
    command.stdin(Stdio::null());
    command
}

/// What a finished process left.
pub struct Run {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
    pub took: Duration,
}

impl Run {
    /// The JSON report on stdout; everything that must hold for every report is asserted here.
    pub fn report(&self) -> Report {
        let value = serde_json::from_str(&self.stdout).unwrap_or_else(|e| {
            panic!("stdout is no JSON ({e}), exit {:?}\n{}\n{}", self.code, self.stdout, self.stderr)
        });
        Report::checked(value)
    }

    /// Asserts the exit code, showing everything when it differs.
    #[track_caller]
    pub fn exits(&self, code: i32) -> &Self {
        let drawn = || serde_json::from_str(&self.stdout).map(|v| Report(v).to_string());
        let stdout = || drawn().unwrap_or_else(|_| self.stdout.clone());
        assert_eq!(self.code, Some(code), "exit code\n--- stdout\n{}\n--- stderr\n{}", stdout(), self.stderr);
        self
    }

    /// Asserts that stderr says each of `words`, and that nothing crashed.
    #[track_caller]
    pub fn says(&self, words: &[&str]) -> &Self {
        for word in words {
            assert!(self.stderr.contains(word), "stderr does not say {word:?}:\n{}", self.stderr);
        }
        assert!(!self.stderr.contains("panicked"), "it panicked:\n{}", self.stderr);
        self
    }
}

/// Runs `command` to its end; a process that outlives [`LIMIT`] is killed and the test fails with what it had printed.
#[track_caller]
pub fn run(command: Command) -> Run {
    Started::new(command).finish()
}

/// A process whose output is read as it comes.
pub struct Started {
    child: Child,
    since: Instant,
    stdout: Output,
    stderr: Output,
}

/// A stream of lines, read to its end by a thread, so that neither pipe can fill up and stop the process.
struct Output {
    lines: mpsc::Receiver<String>,
    seen: String,
}

impl Started {
    /// Starts `command` with both outputs piped.
    #[track_caller]
    pub fn new(mut command: Command) -> Self {
        let since = Instant::now();
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|e| panic!("cannot start {command:?}: {e}"));
        let stdout = Output::of(child.stdout.take().expect("piped"));
        let stderr = Output::of(child.stderr.take().expect("piped"));
        Self { child, since, stdout, stderr }
    }

    /// The process's id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Waits for the first line on stdout that contains `words`.
    #[track_caller]
    pub fn stdout_says(&mut self, words: &str) {
        if !self.stdout.says(words) {
            panic!("stdout never said {words:?}\n{}", self.words());
        }
    }

    /// Waits for the first line on stderr that contains `words`.
    #[track_caller]
    pub fn stderr_says(&mut self, words: &str) {
        if !self.stderr.says(words) {
            panic!("stderr never said {words:?}\n{}", self.words());
        }
    }

    fn words(&mut self) -> String {
        self.stdout.drain();
        self.stderr.drain();
        format!("--- stdout\n{}\n--- stderr\n{}", self.stdout.seen, self.stderr.seen)
    }

    /// Waits for the end.
    #[track_caller]
    pub fn finish(mut self) -> Run {
        let ended = self.stdout.ended(self.since) && self.stderr.ended(self.since);
        if !ended {
            let _ = self.child.kill();
        }
        let status: ExitStatus = self.child.wait().expect("a child can be waited for");
        let took = self.since.elapsed();
        let (stdout, stderr) = (std::mem::take(&mut self.stdout.seen), std::mem::take(&mut self.stderr.seen));
        assert!(ended, "still running after {LIMIT:?}\n--- stdout\n{stdout}\n--- stderr\n{stderr}");
        Run { code: status.code(), stdout, stderr, took }
    }
}

impl Drop for Started {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Output {
    fn of(mut stream: impl Read + Send + 'static) -> Self {
        let (lines, receiver) = mpsc::channel();
        std::thread::spawn(move || {
            let mut rest = Vec::new();
            let mut chunk = [0; 16 * 1024];
            while let Ok(n @ 1..) = stream.read(&mut chunk) {
                rest.extend_from_slice(&chunk[..n]);
                while let Some(end) = rest.iter().position(|b| *b == b'\n') {
                    let line: Vec<u8> = rest.drain(..=end).collect();
                    if lines.send(String::from_utf8_lossy(&line).into_owned()).is_err() {
                        return;
                    }
                }
            }
            let _ = lines.send(String::from_utf8_lossy(&rest).into_owned());
        });
        Self { lines: receiver, seen: String::new() }
    }

    fn says(&mut self, words: &str) -> bool {
        let since = Instant::now();
        while let Ok(line) = self.lines.recv_timeout(LIMIT.saturating_sub(since.elapsed())) {
            self.seen.push_str(&line);
            if line.contains(words) {
                return true;
            }
        }
        false
    }

    fn drain(&mut self) {
        self.seen.extend(self.lines.try_iter());
    }

    /// False when the process still held the stream open after [`LIMIT`].
    fn ended(&mut self, since: Instant) -> bool {
        loop {
            match self.lines.recv_timeout(LIMIT.saturating_sub(since.elapsed())) {
                Ok(line) => self.seen.push_str(&line),
                Err(mpsc::RecvTimeoutError::Disconnected) => return true,
                Err(mpsc::RecvTimeoutError::Timeout) => return false,
            }
        }
    }
}

/// A JSON report of schema 1.
#[derive(Debug)]
pub struct Report(pub Value);

impl Report {
    /// Takes a report that keeps the contract's promises; says which one it breaks.
    #[track_caller]
    pub fn checked(value: Value) -> Self {
        let report = Self(value);
        assert_eq!(report.0["schema"], "rtc-check/report/1");
        let mut counts = std::collections::BTreeMap::new();
        for check in report.all() {
            check.keeps_the_contract();
            if check.value.get("waived").is_none() {
                *counts.entry(check.status().to_owned()).or_insert(0) += 1;
            }
        }
        for status in ["pass", "warn", "fail", "unknown", "skip"] {
            let counted = counts.get(status).copied().unwrap_or(0);
            assert_eq!(report.0["summary"][status], counted, "summary.{status}: {report}");
        }
        report
    }

    /// `pass`, `warn`, `fail`, `unknown`.
    pub fn verdict(&self) -> &str {
        self.0["verdict"].as_str().unwrap_or("none")
    }

    /// Every check, in order.
    pub fn all(&self) -> Vec<Check<'_>> {
        self.0["checks"].as_array().expect("checks is an array").iter().map(|value| Check { value }).collect()
    }

    /// The one check of a rule's `ports` (`tcp 443`, `udp 19099-20099`) on `address`.
    #[track_caller]
    pub fn at(&self, address: &str, ports: &str) -> Check<'_> {
        let mut found = self.all();
        found.retain(|c| c.value["address"] == address && c.wire() == ports);
        assert_eq!(found.len(), 1, "one check of {ports} on {address}: {self}");
        found[0]
    }

    /// Every check of `rule`.
    pub fn of(&self, rule: &str) -> Vec<Check<'_>> {
        self.all().into_iter().filter(|c| c.value["rule"] == rule).collect()
    }

    /// Every check of `probe` on `address`.
    pub fn probed(&self, address: &str, probe: &str) -> Vec<Check<'_>> {
        self.all().into_iter().filter(|c| c.value["address"] == address && c.value["probe"] == probe).collect()
    }

    /// The one quality check of `address`.
    #[track_caller]
    pub fn quality(&self, address: &str) -> Check<'_> {
        let found = self.probed(address, "quality");
        assert_eq!(found.len(), 1, "one quality check on {address}: {self}");
        found[0]
    }

    /// The bandwidth check of a profile's `row` on `address`.
    #[track_caller]
    pub fn bandwidth(&self, address: &str, row: &str) -> Check<'_> {
        let mut found = self.probed(address, "bandwidth");
        found.retain(|c| c.value["id"].as_str().is_some_and(|id| id.contains(&format!(".{row}/"))));
        assert_eq!(found.len(), 1, "one check of bandwidth {row} on {address}: {self}");
        found[0]
    }

    /// Asserts that the checks of exactly these `ports` are there on `address`, and that all pass but those in `except`.
    #[track_caller]
    pub fn passes(&self, address: &str, ports: &[&str], except: &[&str]) {
        let there: Vec<_> =
            self.all().into_iter().filter(|c| c.value["address"] == address && !c.rule().is_empty()).collect();
        assert_eq!(there.len(), ports.len(), "checks on {address}: {self}");
        for port in ports.iter().filter(|p| !except.contains(p)) {
            self.at(address, port).is("pass");
        }
    }
}

impl std::fmt::Display for Report {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        writeln!(f, "verdict {}, summary {}", self.0["verdict"], self.0["summary"])?;
        let checks = self.0["checks"].as_array().into_iter().flatten().map(|value| Check { value });
        checks.filter(|c| c.status() != "skip").try_for_each(|c| writeln!(f, "  {c}"))
    }
}

/// One check of a report.
#[derive(Clone, Copy, Debug)]
pub struct Check<'a> {
    pub value: &'a Value,
}

impl<'a> Check<'a> {
    pub fn rule(&self) -> &'a str {
        self.value["rule"].as_str().unwrap_or("")
    }

    /// Transport and ports: `tcp 443`, `udp 19099-20099`.
    pub fn wire(&self) -> String {
        let v = self.value;
        let ports = v["ports"].as_str().map_or_else(|| v["port"].to_string(), str::to_owned);
        format!("{} {ports}", v["transport"].as_str().unwrap_or("?"))
    }

    pub fn status(&self) -> &'a str {
        self.value["status"].as_str().unwrap_or("none")
    }

    pub fn reason(&self) -> &'a str {
        self.value["reason"].as_str().unwrap_or("")
    }

    /// `observed[key]`, null when it is absent.
    pub fn seen(&self, key: &str) -> &'a Value {
        &self.value["observed"][key]
    }

    /// The ranges under `observed[key]`, none when the list is absent.
    #[track_caller]
    pub fn ranges(&self, key: &str) -> Vec<&'a str> {
        let list = self.seen(key).as_array().unwrap_or_else(|| panic!("no list observed.{key}: {self}"));
        list.iter().map(|v| v.as_str().unwrap_or("?")).collect()
    }

    /// Every port in the ranges under `observed[key]`.
    #[track_caller]
    pub fn ports(&self, key: &str) -> Vec<u16> {
        let bounds = |r: &str| {
            let (first, last) = r.split_once('-').unwrap_or((r, r));
            first.parse::<u16>().ok().zip(last.parse::<u16>().ok())
        };
        let ranges = self.ranges(key);
        ranges.iter().filter_map(|r| bounds(r)).flat_map(|(first, last)| first..=last).collect()
    }

    /// The entry of `metric` among the limits.
    #[track_caller]
    pub fn limit(&self, metric: &str) -> &'a Value {
        let limits = self.value["limits"].as_array();
        let found = limits.and_then(|all| all.iter().find(|l| l["metric"] == metric));
        found.unwrap_or_else(|| panic!("no limit on {metric}: {self} {}", self.value["limits"]))
    }

    /// `observed[key]` as a number.
    #[track_caller]
    pub fn number(&self, key: &str) -> f64 {
        self.seen(key).as_f64().unwrap_or_else(|| panic!("no number observed.{key}: {self}"))
    }

    /// Whether any caveat says `word`.
    pub fn warns_of(&self, word: &str) -> bool {
        self.seen("caveats").as_array().is_some_and(|all| all.iter().any(|c| c.to_string().contains(word)))
    }

    /// Step and kind of the failure.
    #[track_caller]
    pub fn failure(&self) -> (&'a str, &'a str) {
        let failure = self.seen("failure");
        let text = |key: &str| failure[key].as_str().unwrap_or_else(|| panic!("no observed.failure.{key}: {self}"));
        (text("step"), text("kind"))
    }

    /// Asserts the status.
    #[track_caller]
    pub fn is(self, status: &str) -> Self {
        assert_eq!(self.status(), status, "{self}");
        self
    }

    /// Asserts that the reason says each of `words`.
    #[track_caller]
    pub fn says(self, words: &[&str]) -> Self {
        for word in words {
            assert!(self.reason().contains(word), "the reason does not say {word:?}: {self}");
        }
        self
    }

    /// What holds for every check of every report.
    #[track_caller]
    fn keeps_the_contract(&self) {
        let has = |key: &str| self.value.get(key).is_some_and(|v| !v.is_null());
        if has("rule") {
            let single = matches!(self.value["transport"].as_str(), Some("tcp" | "udp"));
            assert_eq!(has("port") ^ has("ports"), single, "exactly one of port and ports: {self}");
        }
        for absent in ["rule", "transport", "port", "ports"] {
            assert!(!self.value.get(absent).is_some_and(Value::is_null), "{absent} is null: {self}");
        }
        let reason = self.reason();
        assert!(!reason.is_empty(), "no reason: {self}");
        assert!(!reason.chars().any(char::is_control), "control characters in a reason: {self}");
        assert!(self.value["observed"].is_object() && self.value["limits"].is_array(), "{self}");
    }
}

impl std::fmt::Display for Check<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let v = self.value;
        write!(
            f,
            "{} ({}) on {}: {} ({}) {}",
            self.rule(),
            self.wire(),
            v["address"],
            self.status(),
            self.reason(),
            v["observed"]
        )
    }
}
