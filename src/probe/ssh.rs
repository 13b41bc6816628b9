//! SSH: the identification line that a server sends by itself (RFC 4253 section 4.2).

use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;

use super::Task;
use super::layers::Climb;
use crate::model::{Failure, FailureKind, Observation, ProbeKind, Step, metric};
use crate::net::classify::{self, clean};
use crate::net::clock;
use crate::wire::ssh::{MAX_BYTES, Reading, read_identification};

/// Connects and reads until the identification is there.
pub async fn probe(task: &Task) -> Observation {
    let mut climb = Climb::new(ProbeKind::Ssh, task);
    let Some(mut stream) = climb.connect().await else { return climb.obs };
    let start = clock::now();
    let left = climb.remaining();
    let late = || Err(classify::timed_out(Step::Banner, "the port is open and sent no SSH identification", left));
    match tokio::time::timeout(left, banner(&mut stream)).await.unwrap_or_else(|_| late()) {
        Ok(line) => {
            climb.obs.step_ok(Step::Banner, clock::now().duration_since(start));
            climb.obs.facts.set(&metric::BANNER, line);
            climb.obs
        }
        Err(failure) => climb.failed(failure, start),
    }
}

async fn banner(stream: &mut TcpStream) -> Result<String, Failure> {
    let fail = |kind, detail: String| Err(Failure::new(Step::Banner, kind, detail));
    let mut bytes = Vec::new();
    loop {
        let mut chunk = [0u8; 1024];
        let count = stream.read(&mut chunk).await.map_err(|e| classify::io(Step::Banner, &e))?;
        bytes.extend_from_slice(chunk.get(..count).unwrap_or_default());
        match read_identification(&bytes) {
            Reading::Identification(line) => return Ok(clean(&line, 255)),
            Reading::Garbage(start) => {
                return fail(
                    FailureKind::Garbage,
                    format!("the server does not speak SSH, it sent \"{}\"", clean(&start, 60)),
                );
            }
            Reading::TooLarge => {
                let detail = format!("no SSH identification in the first lines or {MAX_BYTES} bytes");
                return fail(FailureKind::TooLarge, detail);
            }
            Reading::More if count == 0 && bytes.is_empty() => {
                return fail(FailureKind::Closed, "the server closed the connection without a word".to_owned());
            }
            Reading::More if count == 0 => {
                let seen = clean(&String::from_utf8_lossy(bytes.get(..60).unwrap_or(&bytes)), 60);
                return fail(FailureKind::Closed, format!("the server closed the connection after \"{seen}\""));
            }
            Reading::More => {}
        }
    }
}

#[cfg(test)]
mod tests;
