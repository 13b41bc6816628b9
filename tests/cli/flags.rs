//! Flags, the configuration file and the environment for what is measured and tried, seen in what a dry run says.

use std::net::TcpListener;

use tempfile::TempDir;

use super::harness::{self, binary};
use super::{refused, rtc_check, rtc_check_in, written};

#[test]
fn a_dry_run_says_what_would_be_sent_and_sends_nothing() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let port = format!("rtc.https={}", listener.local_addr().unwrap().port());
    let run = rtc_check(&["--profile", "user", "--target", "rtc=127.0.0.1", "--port", &port, "--dry-run"]);
    for word in ["rtc.https", "rtc.media", "19099-20099"] {
        assert!(run.exits(0).stdout.contains(word), "{word}: {}", run.stdout);
    }
    assert!(listener.accept().is_err(), "the dry run connected");
}

#[test]
fn what_is_measured_has_flags_a_file_and_words_of_its_own() {
    let user = ["--profile", "user", "--target", "rtc=127.0.0.1"];
    let with = |more: &[&'static str]| [&user[..], more].concat();
    for (more, word) in [
        (&["--duration", "0.5"][..], "at least 1"),
        (&["--max-duration", "3"], "at least 4"),
        (&["--sessions", "0"], "--sessions"),
        (&["--down-streams", "101"], "--down-streams"),
        (&["--dscp", "64"], "--dscp"),
        (&["--max-data", "many"], "such as 100M"),
        (&["--only", "qualty"], "quality"),
    ] {
        refused(&with(more), &[word]);
    }
    let dry = |more: &[&'static str]| rtc_check(&with(&[&["--dry-run"], more].concat())).exits(0).stdout.clone();
    let all = dry(&["--sessions", "3", "--duration", "7", "--capacity", "--max-data", "5M"]);
    for words in ["quality.rtc, bandwidth.rtc, capacity.rtc", "3 sessions, 7 s", "at most 5 MB (5000000 bytes)"] {
        assert!(all.contains(words), "{words}: {all}");
    }
    let quality = dry(&["--only", "quality"]);
    assert!(quality.contains("quality.rtc ") && !quality.contains("rtc.media"), "{quality}");
    assert!(!dry(&["--skip", "quality,bandwidth"]).contains("quality"));
    assert!(!dry(&["--only", "rtc.https"]).contains("quality"), "rules that are named are all that is tested");

    let dir = TempDir::new().unwrap();
    written(&dir, "rtc-check.toml", "max-duration = 12\nsessions = 2\nskip = [\"bandwidth\"]\n");
    let run = rtc_check_in(dir.path(), &with(&["--dry-run"]));
    assert!(run.exits(0).stdout.contains("2 sessions, 4 to 12 s") && !run.stdout.contains("bandwidth.rtc"));
    written(&dir, "rtc-check.toml", "dscp = 64\n");
    rtc_check_in(dir.path(), &with(&["--dry-run"])).exits(2).says(&["dscp = 64", "from 0 to 63"]);
    written(&dir, "rtc-check.toml", "[[waive]]\nrule = \"quality\"\nreason = \"x\"\nuntil = \"2999-12-31\"\n");
    rtc_check_in(dir.path(), &with(&["--dry-run"])).exits(0);

    let mut command = binary();
    command.env("RTC_CHECK_DOWN_STREAMS", "4").env("RTC_CHECK_MAX_DURATION", "9").args(with(&["--dry-run"]));
    let run = harness::run(command);
    assert!(run.exits(0).stdout.contains("4 streams down each, 4 to 9 s"), "{}", run.stdout);
}

#[test]
fn what_is_tried_has_flags_a_file_and_words_of_its_own() {
    let user = ["--profile", "user", "--target", "rtc=127.0.0.1"];
    let with = |more: &[&'static str]| [&user[..], more].concat();
    for (more, word) in [
        (&["--stun", "stun:a.example:1"][..], "--stun"),
        (&["--stun", "a.example:0"], "1 to 65535"),
        (&["--turn", "stun:a.example"], "not a TURN URI"),
        (&["--turn", "turn:a.example?transport=sctp"], "not a TURN URI"),
        (&["--proxy", "proxy.example:3128"], "http://HOST:PORT"),
        (&["--nat-lifetime", "5"], "from 10 to 600"),
        (&["--nat-lifetime=601"], "from 10 to 600"),
        (&["--call", "--no-call"], "either --call or --no-call"),
        (&["--only", "natt"], "nat, turn, ice, call"),
        (&["--allow-unknown", "ice.acd"], "ice.acd"),
    ] {
        refused(&with(more), &[word]);
    }
    let dry = |more: &[&'static str]| rtc_check(&with(&[&["--dry-run"], more].concat())).exits(0).stdout.clone();
    let all =
        dry(&["--stun", "192.0.2.1", "--stun", "[2001:db8::1]:99", "--turn", "turns:192.0.2.2", "--nat-lifetime"]);
    for words in [
        "nat.stun                 192.0.2.1 UDP 3478, 2001:db8::1 UDP 99, 127.0.0.1 UDP 19599, at most 72.5 s",
        "silences of up to 60 s",
        "turn.tls-5349            192.0.2.2                tcp 5349",
        "ice.rtc ",
        "call.rtc                 127.0.0.1                a call of 4 s",
    ] {
        assert!(all.contains(words), "{words}: {all}");
    }
    assert!(!dry(&["--no-call"]).contains("call.rtc"));
    assert!(dry(&["--duration", "7"]).contains("a call of 7 s"));
    let quality = dry(&["--only", "quality"]);
    assert!(!["nat.", "ice.", "call."].iter().any(|word| quality.contains(word)), "{quality}");

    let dir = TempDir::new().unwrap();
    let file = "stun = [\"192.0.2.1\"]\nturn = [\"turn:192.0.2.2\"]\ncall = false\nnat-lifetime = 30\n";
    written(&dir, "rtc-check.toml", file);
    let run = rtc_check_in(dir.path(), &with(&["--dry-run"]));
    let said = &run.exits(0).stdout;
    assert!(
        said.contains("192.0.2.1 UDP 3478") && said.contains("turn.udp-3478") && said.contains("up to 30 s"),
        "{said}"
    );
    assert!(!said.contains("call.rtc"), "{said}");
    written(&dir, "rtc-check.toml", "[[waive]]\nrule = \"nat\"\nreason = \"x\"\nuntil = \"2999-12-31\"\n");
    rtc_check_in(dir.path(), &with(&["--dry-run"])).exits(0);

    let mut command = binary();
    command.env("RTC_CHECK_STUN", "192.0.2.7,192.0.2.8:9").env("RTC_CHECK_TURN", "turn:192.0.2.9");
    command.env("RTC_CHECK_NO_CALL", "true").env("RTC_CHECK_NAT_LIFETIME", "20").args(with(&["--dry-run"]));
    let run = harness::run(command);
    let said = &run.exits(0).stdout;
    assert!(said.contains("192.0.2.7 UDP 3478, 192.0.2.8 UDP 9, 192.0.2.9 UDP 3478"), "{said}");
    assert!(said.contains("turn.udp-3478") && said.contains("up to 20 s") && !said.contains("call.rtc"), "{said}");
}
