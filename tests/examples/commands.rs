//! Every command line of ours that stands in an example: the real binary reads it, flag by flag and value by value.

use serde_yaml_ng::Value;

use crate::harness::{binary, run};
use crate::{below, text, yaml};

/// The command lines in `words`: what follows `rtc-check ` where a flag or a subcommand does, up to what ends a command.
fn lines(words: &str) -> Vec<Vec<String>> {
    let words = words.replace("\\\n", " ");
    let mut found = Vec::new();
    for line in words.lines() {
        for (at, _) in line.match_indices("rtc-check ") {
            let before = line[..at].chars().next_back().unwrap_or(' ');
            let rest = &line[at + "rtc-check ".len()..];
            let first = rest.split(|c: char| !c.is_ascii_lowercase() && c != '-').next().unwrap_or("");
            let whole = matches!(before, ' ' | '`' | '\'' | '"' | '/' | '\t');
            if whole && (first.starts_with("--") || SUBCOMMANDS.contains(&first)) {
                found.push(tokens(rest));
            }
        }
    }
    found
}

const SUBCOMMANDS: [&str; 12] = [
    "profiles", "serve", "demo", "report", "diff", "firewall", "explain", "bundle", "doctor", "watch", "exporter",
    "man",
];

/// The words of a command, as far as it goes: a quote that was open before it, prose or a shell's operator ends it.
fn tokens(rest: &str) -> Vec<String> {
    let end = rest.find(['`', '\'', ';', '|', '<', '…', '→']).unwrap_or(rest.len());
    let mut found: Vec<String> = Vec::new();
    for word in rest[..end].split("  ").next().unwrap().split_whitespace() {
        let word = word.trim_matches('"');
        if word.starts_with(['(', '>', '#'])
            || word.starts_with('$') && !word.starts_with("${")
            || word.ends_with("[@]}")
        {
            break;
        }
        found.push(word.trim_end_matches([',', ')', '.', ':']).to_owned());
    }
    found
}

/// `--help` at the end makes the program read everything before it and do nothing.
#[track_caller]
fn understood(place: &str, args: &[String]) {
    let mut command = binary();
    command.args(args).arg("--help");
    let done = run(command);
    assert_eq!(done.code, Some(0), "{place}: rtc-check {}\n{}", args.join(" "), done.stderr);
}

#[test]
fn every_command_line_is_understood() {
    let mut seen = 0;
    for path in below("examples").iter().filter(|p| !p.ends_with(".rs") && !p.ends_with(".csv")) {
        // In comments a command goes on in the next comment.
        let words = text(path).replace("\\\n# ", " ").replace("\\\n#", " ");
        for args in lines(&words) {
            understood(path, &args);
            seen += 1;
        }
    }
    assert!(seen >= 15, "{seen}");
}

/// Lists of arguments below `key`, anywhere in a file.
fn lists(value: &Value, key: &str, found: &mut Vec<Vec<String>>) {
    match value {
        Value::Mapping(map) => {
            for (name, value) in map {
                match value.as_sequence() {
                    Some(list) if name.as_str() == Some(key) => {
                        found.push(list.iter().map(|v| v.as_str().unwrap().to_owned()).collect());
                    }
                    _ => lists(value, key, found),
                }
            }
        }
        Value::Sequence(list) => list.iter().for_each(|v| lists(v, key, found)),
        _ => {}
    }
}

#[test]
fn every_container_is_started_with_what_is_understood() {
    let mut all = Vec::new();
    for name in ["job", "cronjob", "daemonset"] {
        lists(&yaml(&format!("examples/kubernetes/{name}.yaml")), "args", &mut all);
    }
    lists(&yaml("examples/docker/compose.yaml")["services"]["exporter"], "command", &mut all);
    assert_eq!(all.len(), 4);
    all.iter().for_each(|args| understood("containers", args));
}

#[test]
fn command_lines_are_found_in_prose_and_scripts() {
    let all =
        lines("#   rtc-check --profile agent --target rtc=rtc.example.com\n`rtc-check demo`, then rtc-check is run\n");
    assert_eq!(all, [vec!["--profile", "agent", "--target", "rtc=rtc.example.com"], vec!["demo"]]);
}
