//! Every file of `examples/` and of the release, by a reader that is not ours, and by doing what it says with the real
//! binary on loopback.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, reason = "a test fails by panicking")]
#![allow(clippy::disallowed_methods, reason = "tests read the clock and the environment")]

#[allow(dead_code, reason = "each test crate uses its part of the harness")]
mod harness;

#[path = "examples/ci.rs"]
mod ci;
#[path = "examples/cluster.rs"]
mod cluster;
#[path = "examples/commands.rs"]
mod commands;
#[path = "examples/machines.rs"]
mod machines;
#[path = "examples/monitoring.rs"]
mod monitoring;
#[path = "examples/release.rs"]
mod release;
#[path = "examples/site.rs"]
mod site;

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_yaml_ng::Value;

/// A file of the project.
fn file(path: &str) -> PathBuf {
    harness::readers::root().join(path)
}

fn text(path: &str) -> String {
    std::fs::read_to_string(file(path)).unwrap_or_else(|e| panic!("{path}: {e}"))
}

fn yaml(path: &str) -> Value {
    serde_yaml_ng::from_str(&text(path)).unwrap_or_else(|e| panic!("{path}: {e}"))
}

/// Every file below `dir`, by its path from the project's root.
fn below(dir: &str) -> Vec<String> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(file(dir)).unwrap() {
        let entry = entry.unwrap();
        let path = format!("{dir}/{}", entry.file_name().to_str().unwrap());
        if entry.file_type().unwrap().is_dir() { found.extend(below(&path)) } else { found.push(path) }
    }
    found.sort();
    found
}

/// Runs a reader with `args` and asserts that it found nothing; gives what it wrote. `None` where it is missing.
#[track_caller]
fn reads(reader: Option<Command>, args: &[&str]) -> Option<String> {
    let mut reader = reader?;
    let done = reader.args(args).current_dir(harness::readers::root()).stdin(Stdio::null()).output().unwrap();
    let words = format!("{}{}", String::from_utf8_lossy(&done.stdout), String::from_utf8_lossy(&done.stderr));
    assert!(done.status.success(), "{reader:?}\n{words}");
    Some(words)
}

/// Writes `words` to `name` in `dir`; gives its path.
fn written(dir: &Path, name: &str, words: &str) -> String {
    let path = dir.join(name);
    std::fs::write(&path, words).unwrap();
    path.to_str().unwrap().to_owned()
}

#[test]
fn the_table_of_examples_names_each_file_and_no_other() {
    let table = text("examples/README.md");
    for path in below("examples").iter().filter(|p| !p.ends_with("examples/README.md")) {
        let name = path.strip_prefix("examples/").unwrap();
        assert!(table.contains(&format!("`{name}`")), "examples/README.md does not name {name}");
    }
    for row in table.lines().filter(|l| l.starts_with("| `")) {
        for name in row.split('|').nth(1).unwrap().split('`').skip(1).step_by(2) {
            assert!(file("examples").join(name).is_file(), "examples/README.md names {name}, which is not there");
        }
    }
}

#[test]
fn the_profile_of_ones_own_platform_is_good() {
    let mut validate = harness::binary();
    validate.args(["profiles", "validate"]).arg(file("examples/own-platform.toml"));
    harness::run(validate).exits(0);
    let mut plan = harness::binary();
    plan.arg("--dry-run").arg("--profile").arg(file("examples/own-platform.toml"));
    plan.args(["--target", "rtc=192.0.2.10", "--target", "turn=192.0.2.20"]);
    let plan = harness::run(plan);
    for words in ["8443", "20000-20499", "3478"] {
        assert!(plan.exits(0).stdout.contains(words), "{words}\n{}", plan.stdout);
    }
}
