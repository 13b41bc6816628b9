//! What opens the receiver's door stands in no output and in no list of processes, whatever the receiver says again.

use std::process::Command;

use super::receiver::{Answer, CREATED, Receiver};
use super::{Saved, reports};
use crate::harness::{Run, Started, run};

const TOKEN: &str = "upload-token-4e19c2";
const KEY: &str = "otlp-key-77d0aa";
const PATH: &str = "hook-path-b3b3f1";
const SECRETS: [&str; 3] = [TOKEN, KEY, PATH];

#[track_caller]
fn hides(run: &Run) -> &Run {
    for secret in SECRETS {
        assert!(
            !run.stdout.contains(secret) && !run.stderr.contains(secret),
            "{secret}:\n{}\n{}",
            run.stdout,
            run.stderr
        );
    }
    run
}

fn with_secrets(mut command: Command, receiver: &Receiver) -> Command {
    let to = format!("http://127.0.0.1:{}", receiver.port);
    command.env("RTC_CHECK_UPLOAD", format!("{to}/{PATH}?sig={PATH}"));
    command.env("RTC_CHECK_UPLOAD_HEADERS", format!("Authorization: Bearer {TOKEN}\nX-Site: 7"));
    command.env("RTC_CHECK_OTLP", &to).env("OTEL_EXPORTER_OTLP_HEADERS", format!("api-key={KEY}"));
    command.env("RUST_LOG", "trace");
    command
}

#[test]
fn no_output_shows_a_token_that_was_used_even_when_the_receiver_says_it_again() {
    let (receiver, saved) = (Receiver::plain([Answer::Echo(403)]), Saved::new(&reports::healthy()));
    let lost = run(with_secrets(saved.command(&[]), &receiver));
    hides(lost.exits(2)).says(&["could not send the report", "could not send the trace", "403 Forbidden"]);
    let told: String = receiver.all().iter().map(|request| request.head.clone() + "\n").collect();
    for (head, secret) in [("Authorization: Bearer", TOKEN), ("Api-Key:", KEY)] {
        assert!(told.to_ascii_lowercase().contains(&format!("{head} {secret}").to_ascii_lowercase()), "{told}");
    }
    for file in saved.left() {
        let text = std::fs::read_to_string(file).unwrap();
        assert!(SECRETS.iter().all(|secret| !text.contains(secret)));
    }
    hides(run(with_secrets(saved.command(&["--help"]), &receiver)).exits(0));
}

#[test]
fn no_process_shows_a_token_while_it_is_used() {
    let wait = Answer::Status(503, "Retry-After: 2\r\n", Vec::new());
    let (receiver, saved) =
        (Receiver::plain([wait.clone(), wait.clone(), wait, CREATED]), Saved::new(&reports::healthy()));
    let started = Started::new(with_secrets(saved.command(&[]), &receiver));
    receiver.next();
    let line = std::fs::read(format!("/proc/{}/cmdline", started.id())).unwrap();
    let line = String::from_utf8_lossy(&line);
    assert!(line.contains("saved.json") && SECRETS.iter().all(|secret| !line.contains(secret)), "{line}");
    hides(started.finish().exits(0));
}

#[test]
fn headers_may_be_in_a_file_and_what_cannot_be_one_is_refused_without_repeating_it() {
    let (receiver, saved) = (Receiver::plain([CREATED]), Saved::new(&reports::healthy()));
    let file = saved.file.with_file_name("headers");
    std::fs::write(&file, format!("Authorization: Bearer {TOKEN}\n")).unwrap();
    let to = format!("http://127.0.0.1:{}/in", receiver.port);
    let with = |name: &str, value: &str| {
        let mut command = saved.command(&["--upload", &to]);
        command.env(name, value);
        run(command)
    };
    hides(with("RTC_CHECK_UPLOAD_HEADERS_FILE", file.to_str().unwrap()).exits(0));
    assert_eq!(receiver.next().header("authorization"), Some(format!("Bearer {TOKEN}").as_str()));
    for (wrong, word) in [
        (format!("Authorization {TOKEN}\n"), "entry 1"),
        (format!("x={TOKEN}%0d%0aEvil: 1"), "line's end"),
        (format!("Content-Length: {TOKEN}"), "content-length"),
    ] {
        hides(with("RTC_CHECK_UPLOAD_HEADERS", &wrong).exits(2).says(&["RTC_CHECK_UPLOAD_HEADERS", word]));
    }
    for wrong in [format!("http://bob:{TOKEN}@127.0.0.1/"), TOKEN.to_owned(), format!("ftp://{TOKEN}/")] {
        hides(run(saved.command(&["--upload", &wrong])).exits(2).says(&["--upload"]));
    }
    assert_eq!(receiver.all().len(), 0);
}
