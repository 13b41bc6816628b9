//! FTP: the greeting that a server sends by itself (RFC 959 section 5.4), and QUIT. A mail server greets alike, so where
//! the greeting does not say FTP, NOOP tells them apart: FTP answers 200 or asks for a login, SMTP answers 250.

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

/// Connects, reads the greeting, and takes its leave.
pub async fn probe(task: &Task) -> Observation {
    let mut climb = Climb::new(ProbeKind::Ftp, task);
    let Some(stream) = climb.connect().await else { return climb.obs };
    let mut talk = Talk::new(stream, ftp::LONGEST);
    let start = clock::now();
    let greeting = match talk.read(awaited(&climb, Step::Banner), reading).await {
        Ok(greeting) => greeting,
        Err(NotSpoken { failure, met }) => return foreign(climb, failure, met, start),
    };
    if is_mail(&greeting.text) {
        let detail = format!("what listens there speaks SMTP and not FTP: it sent \"{}\"", told(&greeting));
        return foreign(climb, Failure::new(Step::Banner, FailureKind::Garbage, detail), Some("SMTP"), start);
    }
    climb.obs.step_ok(Step::Banner, clock::now().duration_since(start));
    climb.obs.facts.set(&metric::BANNER, told(&greeting));
    if greeting.code != 220 {
        return climb.obs;
    }
    if !greeting.text.to_ascii_uppercase().contains("FTP") {
        let start = clock::now();
        match no_operation(&climb, &mut talk).await {
            Ok(reply) if reply.code == MAIL => {
                let detail = format!("it greets as FTP does and answers NOOP as mail servers do: \"{}\"", told(&reply));
                return foreign(climb, Failure::new(Step::Command, FailureKind::Garbage, detail), Some("SMTP"), start);
            }
            Ok(_) => climb.obs.step_ok(Step::Command, clock::now().duration_since(start)),
            Err(not) => climb.obs.step_noted(&not.failure, clock::now().duration_since(start)),
        }
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

fn foreign(
    mut climb: Climb<'_>,
    failure: Failure,
    met: Option<&'static str>,
    start: std::time::Instant,
) -> Observation {
    if let Some(met) = met {
        climb.obs.facts.set(&metric::MET, met);
    }
    climb.failed(failure, start)
}

fn reading(bytes: &[u8]) -> talk::Reading<Reply> {
    match ftp::read(bytes) {
        ftp::Reading::More => talk::Reading::More,
        ftp::Reading::Reply(reply, used) => talk::Reading::Done(reply, used),
        ftp::Reading::Foreign => talk::Reading::Foreign,
    }
}

fn is_mail(text: &str) -> bool {
    text.to_ascii_uppercase().contains("SMTP")
}

/// `220 ProFTPD ready`.
fn told(reply: &Reply) -> String {
    clean(&format!("{} {}", reply.code, reply.text), 200)
}

#[cfg(test)]
mod tests;
