//! One conversation with a Janus Gateway: its signalling machine driven over a line. Knows no media.

use crate::model::{Failure, Secret, hidden};
use crate::net::classify::clean;
use crate::net::janus::{Api, Line};
use crate::net::{chance, clock};
use crate::session::janus::{Credentials, Happening, Signalling};
use crate::wire::janus::{Candidate, ServerInfo};

/// Longest text of a server that is shown.
const SHOWN: usize = 300;

/// A conversation; begins with the question what the server is.
pub struct Talk {
    signalling: Signalling,
    line: Line,
    /// The line has ended.
    lost: bool,
    /// What no text of the server may show.
    secrets: Vec<Secret>,
}

impl Talk {
    /// Over `line`; without TLS no credentials are sent.
    pub fn new(line: Line, credentials: Credentials, tls: bool) -> Self {
        let secrets = [&credentials.token, &credentials.api_secret].into_iter().flatten().cloned().collect();
        let secret = u64::from_ne_bytes(chance::bytes());
        let signalling = Signalling::new(credentials, secret, clock::now());
        let signalling = if tls { signalling } else { signalling.without_credentials() };
        Self { signalling, line, lost: false, secrets }
    }

    /// Which API it is.
    pub fn api(&self) -> Api {
        self.line.api()
    }

    /// What happens next, its text fit to print. Cancel-safe; may wait for ever.
    pub async fn next(&mut self) -> Happening {
        loop {
            while let Some(request) = self.signalling.poll_transmit() {
                self.line.send(request);
            }
            if let Some(happening) = self.signalling.poll_happening() {
                if let Happening::Session(id) = happening {
                    self.line.listen(id);
                }
                return printable(happening, &self.secrets);
            }
            let wake = self.signalling.wake();
            let line = &mut self.line;
            let lost = self.lost;
            tokio::select! {
                came = async { if lost { std::future::pending().await } else { line.receive().await } } => match came {
                    Ok(bytes) => self.signalling.on_message(clock::now(), &bytes),
                    Err(failure) => {
                        self.lost = true;
                        self.signalling.on_lost(failure);
                    }
                },
                () = async { match wake {
                    Some(at) => tokio::time::sleep_until(at.into()).await,
                    None => std::future::pending().await,
                } } => self.signalling.on_time(clock::now()),
            }
        }
    }

    /// Waits for what the server says of itself.
    ///
    /// # Errors
    /// It is no Janus Gateway, or does not say so.
    pub async fn info(&mut self) -> Result<ServerInfo, Failure> {
        loop {
            match self.next().await {
                Happening::Info(info) => return Ok(info),
                Happening::Failed(failure) => return Err(failure),
                _ => {}
            }
        }
    }

    /// Opens a session.
    pub fn call(&mut self) {
        self.signalling.call(clock::now());
    }

    /// Offers media.
    pub fn offer(&mut self, sdp: &str) {
        self.signalling.offer(sdp, clock::now());
    }

    /// Tells a candidate of this side, or that there are no more.
    pub fn candidate(&mut self, candidate: Option<&Candidate>) {
        self.signalling.candidate(candidate);
    }

    /// Ends the call and the session, and waits until the server has heard of it.
    pub async fn leave(&mut self) {
        self.signalling.leave(clock::now());
        while !self.lost && self.next().await != Happening::Over {}
    }
}

/// With the server's text fit to print: no secret of ours, neither as it came nor as what is left out of it makes it.
fn printable(happening: Happening, secrets: &[Secret]) -> Happening {
    let clean = |text: &str, max| hidden(&clean(&hidden(text, secrets), max), secrets);
    match happening {
        Happening::Info(info) => Happening::Info(ServerInfo {
            name: clean(&info.name, 80),
            version_string: info.version_string.map(|v| clean(&v, 40)),
            plugins: info.plugins.iter().map(|p| clean(p, 80)).collect(),
            ..info
        }),
        Happening::HungUp(reason) => Happening::HungUp(clean(&reason, 100)),
        Happening::Failed(failure) => Happening::Failed(Failure { detail: clean(&failure.detail, SHOWN), ..failure }),
        other => other,
    }
}

/// What the environment gave, as the machine takes it.
pub fn credentials(secrets: &crate::probe::JanusSecrets) -> Credentials {
    let copy = |secret: &Option<Secret>| secret.clone();
    Credentials { token: copy(&secrets.token), api_secret: copy(&secrets.api_secret) }
}
