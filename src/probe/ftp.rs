//! FTP: the greeting that a server sends by itself (RFC 959 section 5.4), and QUIT. A mail server greets alike, and a name
//! in the greeting proves nothing, so NOOP tells them apart: FTP answers 200 or asks for a login, SMTP answers 250.

use tokio::net::TcpStream;

use super::Task;
use super::layers::Climb;
use crate::model::{Failure, FailureKind, Observation, ProbeKind, Step, metric};
use crate::net::classify::clean;
use crate::net::clock;
use crate::net::talk::{self, Awaited, NotSpoken, Talk};
use crate::wire::ftp::{self, Reply};

/// What SMTP's NOOP answers (RFC 5321 section 4.3.2), and FTP's never does.
const MAIL: u16 = 250;

/// What FTP's NOOP answers where it wants no login first.
const OKAY: u16 = 200;

/// Connects, reads the greeting, and takes its leave.
pub async fn probe(task: &Task) -> Observation {
    let mut climb = Climb::new(ProbeKind::Ftp, task);
    let Some(stream) = climb.connect().await else { return climb.obs };
    let mut talk = Talk::new(stream, ftp::LONGEST);
    let start = clock::now();
    let greeting = match talk.read(awaited(&climb, Step::Banner), reading).await {
        Ok(greeting) => greeting,
        Err(not) => return climb.not_spoken(not, start),
    };
    if is_mail(&greeting.text) {
        let detail = format!("what listens there speaks SMTP and not FTP: it sent \"{}\"", told(&greeting));
        return climb.not_spoken(mail(Step::Banner, detail), start);
    }
    climb.obs.step_ok(Step::Banner, clock::now().duration_since(start));
    climb.obs.facts.set(&metric::BANNER, told(&greeting));
    if greeting.code != 220 {
        return climb.obs;
    }
    let start = clock::now();
    let reply = no_operation(&climb, &mut talk).await;
    let took = clock::now().duration_since(start);
    match reply {
        Ok(reply) if reply.code == MAIL || is_enhanced(&reply.text) => {
            let detail = format!("it greets as FTP does and answers NOOP as mail servers do: \"{}\"", told(&reply));
            return climb.not_spoken(mail(Step::Command, detail), start);
        }
        Ok(reply) if reply.code == OKAY || reply.code >= 500 => climb.obs.step_ok(Step::Command, took),
        Ok(reply) => {
            let detail = format!("it answered \"{}\", which tells no FTP from mail", told(&reply));
            climb.obs.step_noted(&Failure::new(Step::Command, FailureKind::Garbage, detail), took);
        }
        Err(not) => climb.obs.step_noted(&not.failure, took),
    }
    // Nothing hangs on it.
    let _ = talk.send(b"QUIT\r\n", awaited(&climb, Step::Command)).await;
    climb.obs
}

async fn no_operation(climb: &Climb<'_>, talk: &mut Talk<TcpStream>) -> Result<Reply, NotSpoken> {
    talk.send(b"NOOP\r\n", awaited(climb, Step::Command)).await?;
    talk.read(awaited(climb, Step::Command), reading).await
}

fn awaited(climb: &Climb<'_>, step: Step) -> Awaited {
    Awaited { step, protocol: "FTP", timeout: climb.remaining() }
}

fn mail(step: Step, detail: String) -> NotSpoken {
    NotSpoken { failure: Failure::new(step, FailureKind::Garbage, detail), met: Some("SMTP") }
}

fn reading(bytes: &[u8]) -> talk::Reading<Reply> {
    match ftp::read(bytes) {
        ftp::Reading::More => talk::Reading::More,
        ftp::Reading::Reply(reply, used) => talk::Reading::Done(reply, used),
        ftp::Reading::Foreign => talk::Reading::Foreign,
    }
}

/// A mail server says SMTP or ESMTP after its name (RFC 5321 section 4.2); within a name it is a word like any other.
fn is_mail(text: &str) -> bool {
    let says = |word: &str| text.split_whitespace().any(|w| w.eq_ignore_ascii_case(word));
    (says("SMTP") || says("ESMTP")) && !text.to_ascii_uppercase().contains("FTP")
}

/// `5.5.1 …`: mail's own codes within a reply (RFC 2034 section 3).
fn is_enhanced(text: &str) -> bool {
    let code = text.split_whitespace().next().unwrap_or_default();
    let mut parts = code.split('.');
    let is_class = parts.next().is_some_and(|class| matches!(class, "2" | "4" | "5"));
    let rest: Vec<&str> = parts.collect();
    is_class && rest.len() == 2 && rest.iter().all(|p| !p.is_empty() && p.bytes().all(|b| b.is_ascii_digit()))
}

/// `220 ProFTPD ready`.
fn told(reply: &Reply) -> String {
    clean(&format!("{} {}", reply.code, reply.text), 200)
}

#[cfg(test)]
mod tests;
