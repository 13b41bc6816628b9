//! What is told as lines for a log or a script: `TIME event=… key=value…` in the logfmt way. Keys are a promise, as the
//! report's are; further ones may come behind them.

use std::fmt::Write;

use super::{About, Delta, Jump, RunSummary, Said};

/// Each thing that is told as a line with its newline; `at` is the time of what has none of its own, RFC 3339 in UTC.
pub fn lines(said: &[Said], at: &str) -> String {
    let mut out = String::new();
    for said in said {
        let line = match said {
            Said::Jump(jump) => format!("{at} event=clock {}", jumped(jump)),
            Said::Missed(runs) => format!("{at} event=missed runs={runs}"),
            Said::Cut { run } => format!("{at} event=cut run={run}"),
            Said::Ran(run) => ran(run),
            Said::Found(delta) => format!("{at} event=found {}", differs(delta)),
            Said::Changed(delta) => format!("{at} event=change change={} {}", delta.word(), differs(delta)),
        };
        out.push_str(&line);
        out.push('\n');
    }
    out
}

fn jumped(jump: &Jump) -> String {
    match jump {
        Jump::Suspended(time) => format!("suspended_s={}", time.as_secs()),
        Jump::Forward(by) => format!("set_s=+{}", by.as_secs()),
        Jump::Back(by) => format!("set_s=-{}", by.as_secs()),
    }
}

fn ran(run: &RunSummary) -> String {
    let s = &run.summary;
    let number = run.number.map(|n| format!(" run={n}")).unwrap_or_default();
    let mut line = format!(
        "{} event=run{number} verdict={} pass={} warn={} fail={} unknown={} skip={} duration_ms={}",
        run.finished, run.verdict, s.pass, s.warn, s.fail, s.unknown, s.skip, run.duration_ms
    );
    if !run.complete {
        line.push_str(" complete=false");
    }
    line
}

fn differs(delta: &Delta) -> String {
    let mut line = format!("about={}", delta.about.as_str());
    let mut put = |key: &str, value: &str| {
        if !value.is_empty() {
            let _ = write!(line, " {key}={}", value_of(value));
        }
    };
    put("name", &delta.name);
    if delta.about == About::Check {
        put("check", &delta.id);
        put("at", &delta.place);
    }
    put("was", delta.was.as_deref().unwrap_or_default());
    put("is", delta.is.as_deref().unwrap_or_default());
    put("says", &delta.says);
    line
}

/// A value of one word as it is, any other in quotes with what could end it or the line escaped.
fn value_of(text: &str) -> String {
    let plain = |c: char| c.is_ascii_graphic() && !matches!(c, '"' | '\\' | '=');
    if text.chars().all(plain) {
        return text.to_owned();
    }
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            c if c.is_control() || matches!(c, '\u{2028}' | '\u{2029}') => out.push(' '),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Change, Status, Summary};
    use std::time::Duration;

    const AT: &str = "2026-11-22T01:02:03Z";

    #[test]
    fn a_line_for_each() {
        let run = RunSummary {
            number: Some(3),
            started: "2026-11-22T01:00:00Z".to_owned(),
            finished: "2026-11-22T01:00:03Z".to_owned(),
            duration_ms: 3120,
            complete: false,
            verdict: Status::Fail,
            summary: Summary { pass: 4, fail: 1, ..Summary::default() },
        };
        let delta = Delta {
            change: Change::Worse,
            about: About::Check,
            name: "rtc.https".to_owned(),
            id: "rtc.https/rtc.example/203.0.113.10".to_owned(),
            place: "203.0.113.10:443/tcp".to_owned(),
            was: Some("pass".to_owned()),
            is: Some("fail".to_owned()),
            says: "refused: \"no\"\nfor long".to_owned(),
        };
        let said = [
            Said::Jump(Jump::Suspended(Duration::from_secs(2100))),
            Said::Jump(Jump::Back(Duration::from_secs(60))),
            Said::Missed(34),
            Said::Cut { run: 3 },
            Said::Ran(Box::new(run)),
            Said::Changed(Box::new(delta)),
        ];
        let expected = "\
2026-11-22T01:02:03Z event=clock suspended_s=2100
2026-11-22T01:02:03Z event=clock set_s=-60
2026-11-22T01:02:03Z event=missed runs=34
2026-11-22T01:02:03Z event=cut run=3
2026-11-22T01:00:03Z event=run run=3 verdict=fail pass=4 warn=0 fail=1 unknown=0 skip=0 duration_ms=3120 complete=false
2026-11-22T01:02:03Z event=change change=worse about=check name=rtc.https check=rtc.https/rtc.example/203.0.113.10 at=203.0.113.10:443/tcp was=pass is=fail says=\"refused: \\\"no\\\" for long\"
";
        assert_eq!(lines(&said, AT), expected);
    }
}
