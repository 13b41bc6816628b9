//! `rtc-check size` as somebody uses it who plans a server: what it answers, and what it says when it cannot.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, reason = "a test fails by panicking")]
#![allow(clippy::disallowed_methods, reason = "tests read the clock and the environment")]

#[allow(dead_code, reason = "each test crate uses its part of the harness")]
mod harness;

use harness::{Run, binary, run};
use rtc_check::report::sizing::schema;
use serde_json::Value;

#[track_caller]
fn size(args: &[&str]) -> Run {
    let mut command = binary();
    command.arg("size").args(args);
    run(command)
}

#[track_caller]
fn json(args: &[&str]) -> Value {
    let run = size(&[args, &["--format", "json"]].concat());
    let value: Value = serde_json::from_str(&run.exits(0).stdout).unwrap();
    let validator = jsonschema::draft202012::options().build(&schema()).unwrap();
    let errors: Vec<String> = validator.iter_errors(&value).map(|e| format!("{}: {e}", e.instance_path)).collect();
    assert!(errors.is_empty(), "{errors:#?}");
    value
}

/// Asserts an exit with 2, a message with `words` on stderr, and nothing on stdout.
#[track_caller]
fn refused(args: &[&str], words: &[&str]) {
    let run = size(args);
    assert_eq!(run.exits(2).says(words).stdout, "", "{args:?} printed an answer");
}

#[test]
fn sixty_channels_at_the_defaults() {
    let sizes = json(&["--channels", "60"]);
    assert_eq!(sizes["schema"], "rtc-check/sizing/1");
    assert_eq!(
        sizes["asked"],
        serde_json::json!({ "channels": 60, "mode": "medium", "hours_per_day": 24.0, "days": 30 })
    );
    assert_eq!(sizes["server"]["machines"][0]["source"]["row"], "60 | 2-4 cores | 8 Gb | M");
    assert_eq!(sizes["server"]["memory_gb"], 8.0);
    assert_eq!(sizes["bandwidth"]["mode"]["server"]["up_kbps"], 15_360.0);
    assert_eq!(sizes["bandwidth"]["mode"]["site"]["down_kbps"], 7_680.0);
    assert_eq!(sizes["recording"]["documented"]["total_gigabytes"], 6480.0);
    let told = sizes["notes"].as_array().unwrap().iter().map(|n| n["text"].as_str().unwrap());
    assert!(told.clone().any(|t| t.contains("Excellent in one table and Acceptable in the other")));
}

#[test]
fn every_mode_and_number_is_valid_by_the_published_schema() {
    for mode in ["low", "medium", "high", "ultra"] {
        for channels in ["1", "31", "241", "1000000"] {
            let sizes = json(&["--channels", channels, "--mode", mode, "--hours", "0.5", "--days", "3660"]);
            assert_eq!(sizes["mode"]["name"], mode);
            assert_eq!(sizes["recording"]["documented"].is_null(), mode == "ultra");
        }
    }
}

#[test]
fn the_table_is_for_people_and_fits_eighty_columns() {
    for mode in ["low", "medium", "high", "ultra"] {
        let run = size(&["--channels", "2000", "--mode", mode, "--hours", "8", "--days", "365"]);
        let text = &run.exits(0).stdout;
        assert!(text.lines().all(|l| l.chars().count() <= 80) && text.is_ascii(), "{text}");
        for words in ["SERVER", "BANDWIDTH", "RECORDING", "9 servers together: 2040 channels", "server", "site"] {
            assert!(text.contains(words), "{mode}: {words}\n{text}");
        }
    }
}

#[test]
fn markdown_goes_to_a_file() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("sizes.md");
    let run = size(&["--channels", "240", "--format", "markdown", "--output", path.to_str().unwrap()]);
    assert_eq!(run.exits(0).stdout, "");
    let text = std::fs::read_to_string(path).unwrap();
    assert!(text.starts_with("# Sizes for 240 channels, mode medium\n"), "{text}");
    assert!(text.contains("| 1 | 240 | 6-8 | 32 GB | L-XL | AWS t2.large or t2.xlarge |"), "{text}");
}

#[test]
fn flags_have_variables_of_their_own() {
    let mut command = binary();
    command.arg("size").envs([
        ("RTC_CHECK_SIZE_CHANNELS", "31"),
        ("RTC_CHECK_SIZE_MODE", "low"),
        ("RTC_CHECK_SIZE_HOURS", "1.5"),
        ("RTC_CHECK_SIZE_DAYS", "2"),
        ("RTC_CHECK_SIZE_FORMAT", "json"),
        // Of a run: another profile, which has no sizes.
        ("RTC_CHECK_PROFILE", "agent"),
    ]);
    let sizes: Value = serde_json::from_str(&run(command).exits(0).stdout).unwrap();
    assert_eq!(sizes["server"]["channels"], 60);
    // 90 minutes of low are 135 MB: 31 channels, 2 days.
    assert_eq!(sizes["recording"]["documented"]["total_gigabytes"], 8.37);
}

#[test]
fn what_cannot_be_answered_is_told_in_a_sentence() {
    refused(&[], &["--channels"]);
    refused(&["--channels", "0"], &["--channels 0", "from 1 to 1000000"]);
    refused(&["--channels", "4294967295"], &["from 1 to 1000000"]);
    refused(&["--channels", "many"], &["many"]);
    refused(&["--channels", "1", "--mode", "hihg"], &["no mode `hihg`", "low, medium, high, ultra"]);
    for hours in ["24.5", "-1", "nan", "inf"] {
        refused(&["--channels", "1", &format!("--hours={hours}")], &["from 0 to 24"]);
    }
    refused(&["--channels", "1", "--days", "0"], &["--days 0", "from 1 to 3660"]);
    refused(&["--channels", "1", "--profile", "valt"], &["profile `valt` has no table of sizes"]);
    refused(&["--channels", "1", "--profile", "rtc-servre"], &["no profile `rtc-servre`", "rtc-server"]);
    refused(&["--channels", "1", "--format", "yaml"], &["yaml", "markdown"]);
    refused(&["--channels", "1", "--output", "/nowhere/at/all"], &["/nowhere/at/all", "cannot be written"]);
}

#[test]
fn a_profile_without_servers_says_which_table_it_lacks() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("mine.toml");
    let text = "name = \"mine\"\ntitle = \"Mine\"\nextend = \"agent\"\n[[sizing.modes]]\nname = \"medium\"\nkbps = 100\n\
                resolution = \"640x480\"\nfps = 30\nquality = \"Good\"\n\
                source = { document = \"d\", section = \"s\", row = \"r\" }\n";
    std::fs::write(&path, text).unwrap();
    refused(&["--channels", "1", "--profile", path.to_str().unwrap()], &["profile `mine` has no table of servers"]);
}

#[test]
fn its_schema_is_printed() {
    let mut command = binary();
    command.args(["schema", "sizing"]);
    let printed: Value = serde_json::from_str(&run(command).exits(0).stdout).unwrap();
    assert_eq!(printed, schema());
}
