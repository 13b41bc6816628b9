//! `rtc-check explain`: every word of a report leads to a text, and one that is none is refused with what there is.

use super::{refused, rtc_check};

#[track_caller]
fn explained(word: &str, says: &[&str]) {
    let run = rtc_check(&["explain", word]);
    for words in says {
        assert!(run.exits(0).stdout.contains(words), "explain {word} does not say `{words}`: {}", run.stdout);
    }
}

#[test]
fn findings_checks_rules_limits_and_statuses_are_explained() {
    explained("path.mtu", &["[path.mtu]", "ping -M do -s 1472", "WHAT TO CHANGE"]);
    explained("rtc.media", &["rtc.media is a rule of profile", "UDP 19099-20099", "[udp-range]"]);
    explained("rtc.gateway/rtc.example.com/203.0.113.10", &["[ws]"]);
    explained("bandwidth.rtc.audio/rtc.example.com", &["bandwidth.rtc.audio is a check of this kind", "[bandwidth]"]);
    explained("path.rtc/127.0.0.3", &["path.rtc is a check of this kind", "[path]"]);
    explained("path.rtc", &["[path]"]);
    explained("control.tls-443/198.51.100.99", &["[tls]"]);
    explained("portal.80/198.51.100.10", &["[portal.captive]"]);
    explained("camera.rtsp", &["profile valt", "[rtsp]"]);
    explained("loss_up_pct", &["[loss_pct]"]);
    explained("observed.mapped", &["observed.mapped:", "STUN server"]);
    explained("unknown", &["rtc-check serve"]);
    explained("3", &["[exit-codes]"]);
}

#[test]
fn without_a_word_all_topics_are_listed_in_every_format() {
    let table = rtc_check(&["explain"]);
    for words in ["FINDINGS", "CHECKS", "blocked.dropped", "udp-range", "rtt_ms", "exit-codes"] {
        assert!(table.exits(0).stdout.contains(words), "{words}: {}", table.stdout);
    }
    let json = rtc_check(&["explain", "--format", "json"]);
    let list: serde_json::Value = serde_json::from_str(&json.exits(0).stdout).unwrap();
    assert!(list.as_array().unwrap().len() > 80);
    let markdown = rtc_check(&["explain", "udp.blocked", "--format", "markdown"]);
    assert!(markdown.exits(0).stdout.starts_with("# All UDP is stopped\n"), "{}", markdown.stdout);
}

#[test]
fn a_word_that_is_none_is_refused_with_the_nearest_and_the_list() {
    refused(&["explain", "path.mtuu"], &["path.mtuu", "did you mean `path.mtu`?", "udp.blocked"]);
    refused(&["explain", "nat.symetric"], &["did you mean `nat.symmetric`?"]);
    refused(&["explain", "qwertzuiop"], &["nothing is known of `qwertzuiop`", "path.mtu"]);
    refused(&["explain", ""], &["nothing is known"]);
    refused(&["explain", "stun", "--profile", "nowhere"], &["nowhere"]);
}
