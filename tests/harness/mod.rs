//! Runs the real binary as a stranger would: in a clean environment, under a deadline, and reads its JSON report without
//! the library's types, so that what is asserted is what another program sees.

pub mod readers;
mod report;
mod started;

use std::process::{Command, Stdio};
use std::time::Duration;

#[allow(unused_imports, reason = "each test crate uses its part of the harness")]
pub use report::{Check, Report};
pub use started::Started;

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
