//! TURN servers that lie: nothing that was not relayed is a pass, every lie has its own sentence, and none is a hang.

use std::net::SocketAddr;
use std::time::Duration;

use crate::harness::{self, Check, Report, binary};
use crate::peer::{drip, hold, listen};
use crate::relay::{
    ALLOCATE, ALTERNATE, CHANNEL, Frame, NONCE, PASSWORD, PERMISSION, REALM, REALM_IS, REFRESH, RELAYED, USER,
    over_tcp, over_udp, xored,
};

/// What rtc-check says of the relay on `port`, which must not take long.
#[track_caller]
fn asked(transport: &str, port: u16) -> Report {
    let rule = format!("ice.turn-{transport}-80");
    let mut command = binary();
    command.env("RTC_CHECK_TURN_USERNAME", USER).env("RTC_CHECK_TURN_PASSWORD", PASSWORD);
    command.args(["--profile", "user", "--target", "ice=127.0.0.1", "--only", &rule, "--format", "json", "--quiet"]);
    command.args(["--port", &format!("{rule}={port}")]);
    let run = harness::run(command);
    assert!(run.took < Duration::from_secs(20), "took {:?}", run.took);
    assert!(!run.stdout.contains(PASSWORD) && !run.stderr.contains(PASSWORD), "the password was printed");
    run.says(&[]).report()
}

#[track_caller]
fn only(report: &Report) -> Check<'_> {
    let all: Vec<_> = report.all().into_iter().filter(|c| c.status() != "skip" && !c.rule().is_empty()).collect();
    assert_eq!(all.len(), 1, "{report}");
    all[0]
}

/// Asserts that the relay failed or stayed unknown at `step`, in one of `kinds`, and returns the sentence.
#[track_caller]
fn found_out(report: &Report, step: &str, kinds: &[&str]) -> String {
    let check = only(report);
    let (at, kind) = check.failure();
    assert!(at == step && kinds.contains(&kind), "not {kinds:?} at {step}: {check}");
    assert!(["fail", "unknown"].contains(&check.status()), "{check}");
    check.reason().to_owned()
}

/// A liar over UDP: what `lie` does not care about is answered honestly.
#[track_caller]
fn liar(lie: impl Fn(&Frame<'_>) -> Option<Vec<Vec<u8>>> + Send + 'static, step: &str, kinds: &[&str]) -> String {
    let port = over_udp(move |frame| lie(frame).unwrap_or_else(|| frame.honest()));
    found_out(&asked("udp", port), step, kinds)
}

#[test]
fn the_honest_one_passes_over_both_transports() {
    for (transport, port) in [("udp", over_udp(|f| f.honest())), ("tcp", over_tcp(|f| f.honest()))] {
        let report = asked(transport, port);
        let check = only(&report).is("pass");
        assert_eq!(check.number("loss_pct"), 0.0, "{check}");
        assert_eq!(check.seen("relay")["relayed"], "127.0.0.1:50000", "{check}");
    }
}

#[test]
fn silence_at_each_step_is_told_by_its_step() {
    for (method, step) in [(ALLOCATE, "allocate"), (PERMISSION, "permission"), (CHANNEL, "channel")] {
        let lie = move |f: &Frame<'_>| (f.method() == method && f.is_signed()).then(Vec::new);
        liar(lie, step, &["timed-out"]);
    }
    // Never a word: nothing proves that anybody is there.
    let port = over_udp(|_| Vec::new());
    let report = asked("udp", port);
    only(&report).is("unknown");
}

#[test]
fn an_allocation_that_relays_nothing_is_no_relay() {
    let sentence = liar(|f| f.is_data().then(Vec::new), "relay", &["no-relay"]);
    assert!(sentence.contains("50000") || sentence.contains("relay"), "{sentence}");
    let port = over_tcp(|f| if f.is_data() { Vec::new() } else { f.honest() });
    found_out(&asked("tcp", port), "relay", &["no-relay"]);
}

#[test]
fn data_that_never_were_sent_are_none() {
    let other_channel = |f: &Frame<'_>| {
        let mut data = f.bytes.to_vec();
        data[1] ^= 0x11;
        f.is_data().then(|| vec![data])
    };
    liar(other_channel, "relay", &["no-relay", "garbage"]);
    let spoilt = |f: &Frame<'_>| {
        let mut data = f.bytes.to_vec();
        data[4..].iter_mut().for_each(|b| *b ^= 0x5A);
        f.is_data().then(|| vec![data])
    };
    liar(spoilt, "relay", &["no-relay", "garbage"]);
}

#[test]
fn doubled_data_make_up_for_nothing() {
    let count = std::sync::atomic::AtomicU32::new(0);
    let port = over_udp(move |f| {
        let every_other = f.is_data() && count.fetch_add(1, std::sync::atomic::Ordering::Relaxed).is_multiple_of(2);
        if every_other { vec![] } else { [f.honest(), f.honest()].concat() }
    });
    let report = asked("udp", port);
    let check = only(&report);
    assert!((40.0..60.0).contains(&check.number("loss_pct")), "{check}");
}

#[test]
fn an_answer_that_the_password_does_not_sign_is_nobodys() {
    let wrong = |f: &Frame<'_>| (f.is_signed()).then(|| vec![f.granted().signed("another's password")]);
    liar(wrong, "allocate", &["timed-out", "garbage"]);
    let unsigned = |f: &Frame<'_>| (f.is_signed()).then(|| vec![f.granted().0]);
    liar(unsigned, "allocate", &["timed-out", "garbage"]);
}

#[test]
fn nonsense_in_place_of_turn_is_garbage() {
    liar(|_| Some(vec![vec![0xA5; 1200]]), "allocate", &["garbage"]);
    liar(|f| Some(vec![f.bytes.to_vec()]), "allocate", &["garbage", "timed-out"]);
    let nowhere = |f: &Frame<'_>| {
        let nowhere = xored(SocketAddr::from(([0, 0, 0, 0], 0)));
        let success = || f.success().with(RELAYED, &nowhere).signed(PASSWORD);
        (f.is_signed() && f.method() == ALLOCATE).then(|| vec![success()])
    };
    liar(nowhere, "allocate", &["garbage"]);
    // A success without a relayed address grants nothing.
    liar(|f| f.is_signed().then(|| vec![f.success().signed(PASSWORD)]), "allocate", &["garbage"]);
}

#[test]
fn answers_that_never_end_do_end() {
    // A new nonce for ever; a realm that changes with every answer; a second 401; a relay that leads to itself.
    let stale = |f: &Frame<'_>| {
        let nonce = format!("{:?}", std::time::Instant::now()).replace('"', "");
        let nonce = &nonce.as_bytes()[nonce.len() - 12..];
        f.is_signed().then(|| vec![f.error(438, "Stale Nonce").with(REALM_IS, REALM.as_bytes()).with(NONCE, nonce).0])
    };
    let elsewhere = |f: &Frame<'_>| {
        let realm: &[u8] = if f.is_signed() { b"other.example" } else { REALM.as_bytes() };
        Some(vec![f.error(401, "Unauthorized").with(REALM_IS, realm).with(NONCE, b"0123456789abcdef").0])
    };
    let again = |f: &Frame<'_>| f.is_signed().then(|| vec![f.challenge().0]);
    let mut said = vec![
        liar(stale, "allocate", &["turn-error"]),
        liar(elsewhere, "allocate", &["turn-error"]),
        liar(again, "allocate", &["turn-error"]),
    ];
    let round = |f: &Frame<'_>| {
        let itself = xored(SocketAddr::from(([127, 0, 0, 1], 9)));
        Some(vec![f.error(300, "Try Alternate").with(ALTERNATE, &itself).0])
    };
    said.push(liar(round, "allocate", &["turn-error"]));
    said.sort();
    said.dedup();
    assert_eq!(said.len(), 4, "two causes, one sentence: {said:#?}");
}

#[test]
fn every_error_of_the_standard_has_its_own_sentence() {
    let codes = [400, 403, 437, 440, 441, 442, 443, 486, 500, 508];
    let mut said: Vec<String> = Vec::new();
    for code in codes {
        let sentence = liar(
            move |f| f.is_signed().then(|| vec![f.error(code, "as it \u{1b}[31mpleases").signed(PASSWORD)]),
            "allocate",
            &["turn-error"],
        );
        assert!(sentence.contains(&code.to_string()) && !sentence.contains('\u{1b}'), "{sentence}");
        said.push(sentence.replace(&code.to_string(), ""));
    }
    said.sort();
    said.dedup();
    assert_eq!(said.len(), codes.len(), "two causes, one sentence: {said:#?}");
}

#[test]
fn an_error_of_one_step_is_that_steps() {
    for (method, step) in [(PERMISSION, "permission"), (CHANNEL, "channel")] {
        let lie = move |f: &Frame<'_>| (f.method() == method).then(|| vec![f.error(403, "Forbidden").signed(PASSWORD)]);
        let sentence = liar(lie, step, &["turn-error"]);
        assert!(sentence.contains("403"), "{sentence}");
    }
}

#[test]
fn an_allocation_that_is_not_taken_back_spoils_nothing() {
    let port = over_udp(|f| if f.method() == REFRESH { Vec::new() } else { f.honest() });
    only(&asked("udp", port)).is("pass");
}

#[test]
fn a_stream_that_is_no_turn_or_never_a_whole_message_is_told() {
    let http = listen(|mut stream| {
        let _ = std::io::Write::write_all(&mut stream, b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n");
        hold(stream);
    });
    found_out(&asked("tcp", http), "allocate", &["garbage"]);
    found_out(&asked("tcp", listen(hold)), "allocate", &["timed-out"]);
    found_out(&asked("tcp", listen(drop)), "allocate", &["closed", "reset"]);
    // The longest message there can be, of which one byte comes now and then.
    let endless = listen(|mut stream| {
        let _ = std::io::Read::read(&mut stream, &mut [0; 64]);
        let _ = std::io::Write::write_all(&mut stream, &[0x01, 0x13, 0xFF, 0xFC, 0x21, 0x12, 0xA4, 0x42]);
        drip(&mut stream, b"x");
    });
    found_out(&asked("tcp", endless), "allocate", &["timed-out", "garbage"]);
    // And more of them, at once, than anybody would read.
    let flood = listen(|mut stream| {
        let mut frame = vec![0x40, 0x00, 0xFF, 0xFC];
        frame.resize(0x1_0000, 7);
        while std::io::Write::write_all(&mut stream, &frame).is_ok() {}
    });
    found_out(&asked("tcp", flood), "allocate", &["timed-out", "garbage", "too-large"]);
}

#[test]
fn a_relay_that_hangs_up_is_told_by_the_step_it_did_so_at() {
    for (method, step) in [(ALLOCATE, "allocate"), (PERMISSION, "permission"), (CHANNEL, "channel"), (0, "relay")] {
        let port = over_tcp(move |f| {
            let ends = f.method() == method && (f.is_signed() || f.is_data());
            if ends { vec![Vec::new()] } else { f.honest() }
        });
        // Permission and channel may be asked for in one go.
        let report = asked("tcp", port);
        let (at, kind) = only(&report).is("fail").failure();
        assert!(at == step || (at == "permission" && step == "channel"), "{at} for {step}: {report}");
        assert!(["closed", "reset", "no-relay"].contains(&kind), "{report}");
    }
}
