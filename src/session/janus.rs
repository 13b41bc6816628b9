//! The signalling of one EchoTest call with a Janus Gateway, sans IO: messages and `now` in; requests, the next wake-up and
//! what happened out. Knows neither what carries the messages (WebSocket or long polls) nor what an SDP says.

mod refusal;

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use crate::model::{Failure, FailureKind, Secret, Step};
use crate::wire::janus::{
    Ask, Candidate, ECHO_TEST, Event, Jsep, MOST_CANDIDATES, Message, Request, Says, ServerInfo, decode,
};

/// How long each request may wait for its answer.
pub const PATIENCE: Duration = Duration::from_secs(5);
/// How long a goodbye may take.
pub const GOODBYE: Duration = Duration::from_secs(1);
/// From one sign of life to the next: a session without one ends after 60 s unless the server was told otherwise.
const KEEP_ALIVE: Duration = Duration::from_secs(25);
/// Events that wait to be fetched.
const MOST_EVENTS: usize = 256;

/// What a server wants to hear with every request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Credentials {
    pub token: Option<Secret>,
    pub api_secret: Option<Secret>,
}

/// A request to be sent. No `Debug`: it bears the credentials.
pub struct Outgoing {
    /// For transports that put them into a path.
    pub session: Option<u64>,
    pub handle: Option<u64>,
    /// The request, JSON.
    pub text: String,
}

/// What happened. Text is as it came from the server: not fit to print.
#[derive(Clone, Debug, PartialEq)]
pub enum Happening {
    /// The server is a Janus Gateway; it waits for [`Signalling::call`].
    Info(ServerInfo),
    /// A session was opened: a transport that polls may begin to.
    Session(u64),
    /// The plugin is there; it waits for [`Signalling::offer`].
    Attached,
    /// The server's SDP.
    Answer(String),
    /// A candidate of the server, never before its answer.
    Candidate(Candidate),
    /// It has no more of them.
    CandidatesDone,
    /// ICE and DTLS are through, as the server sees it.
    Up,
    Media {
        video: bool,
        receiving: bool,
    },
    /// So many packets were lost lately, as the server sees it.
    SlowLink {
        video: bool,
        lost: u64,
    },
    /// The server ended the call, and why.
    HungUp(String),
    /// There will be no call, or no more of it.
    Failed(Failure),
    /// The session is closed, or as good as.
    Over,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Asked,
    Known,
    Creating,
    Attaching,
    Attached,
    Offered,
    Answered,
    Leaving,
    Over,
}

/// A request whose answer decides how it goes on.
struct Pending {
    transaction: String,
    ask: &'static str,
    until: Instant,
}

/// The client's side.
pub struct Signalling {
    stage: Stage,
    credentials: Credentials,
    /// There are some that this connection must not bear.
    withheld: bool,
    /// In every transaction, so that nobody else can answer.
    secret: u64,
    count: u32,
    session: Option<u64>,
    handle: Option<u64>,
    pending: Option<Pending>,
    keep_alive: Option<Instant>,
    outgoing: VecDeque<Outgoing>,
    happened: VecDeque<Happening>,
    /// Candidates that came before the answer.
    early: Vec<Happening>,
}

impl Signalling {
    /// Begins by asking the server what it is; this request bears no credentials, because it may be anybody.
    pub fn new(credentials: Credentials, secret: u64, now: Instant) -> Self {
        let mut new = Self {
            stage: Stage::Asked,
            credentials,
            withheld: false,
            secret,
            count: 0,
            session: None,
            handle: None,
            pending: None,
            keep_alive: None,
            outgoing: VecDeque::new(),
            happened: VecDeque::new(),
            early: Vec::new(),
        };
        new.ask(Ask::Info, now);
        new
    }

    /// The same without its credentials, over a connection that anybody can read: a refusal says so.
    pub fn without_credentials(self) -> Self {
        let withheld = self.credentials != Credentials::default();
        Self { credentials: Credentials::default(), withheld, ..self }
    }

    /// Opens a session and attaches to the EchoTest plugin.
    pub fn call(&mut self, now: Instant) {
        if self.stage == Stage::Known {
            self.stage = Stage::Creating;
            self.ask(Ask::Create, now);
        }
    }

    /// Offers media.
    pub fn offer(&mut self, sdp: &str, now: Instant) {
        if self.stage == Stage::Attached {
            self.stage = Stage::Offered;
            self.ask(Ask::Offer { sdp }, now);
        }
    }

    /// Tells a candidate of this side, or with `None` that there are no more.
    pub fn candidate(&mut self, candidate: Option<&Candidate>) {
        if matches!(self.stage, Stage::Offered | Stage::Answered) {
            self.tell(candidate.map_or(Ask::TrickleDone, Ask::Trickle));
        }
    }

    /// Ends the call; [`Happening::Over`] follows.
    pub fn leave(&mut self, now: Instant) {
        if self.stage == Stage::Leaving {
            return;
        }
        // Said again to whoever waits for it.
        if self.session.is_none() || self.stage == Stage::Over {
            return self.over();
        }
        if self.handle.is_some() {
            self.tell(Ask::Hangup);
            self.tell(Ask::Detach);
        }
        self.handle = None;
        self.stage = Stage::Leaving;
        self.ask(Ask::Destroy, now);
        if let Some(pending) = &mut self.pending {
            pending.until = now + GOODBYE;
        }
    }

    /// The next request to send.
    pub fn poll_transmit(&mut self) -> Option<Outgoing> {
        self.outgoing.pop_front()
    }

    /// What happened next.
    pub fn poll_happening(&mut self) -> Option<Happening> {
        self.happened.pop_front()
    }

    /// When to call [`on_time`](Self::on_time).
    pub fn wake(&self) -> Option<Instant> {
        let pending = self.pending.as_ref().map(|p| p.until);
        pending.into_iter().chain(self.keep_alive).min()
    }

    /// Time has passed.
    pub fn on_time(&mut self, now: Instant) {
        if self.pending.as_ref().is_some_and(|p| p.until <= now) {
            let ask = self.pending.take().map_or("", |p| p.ask);
            if self.stage == Stage::Leaving {
                return self.over();
            }
            let detail = format!("Janus did not answer {ask} in {:.1} s", PATIENCE.as_secs_f64());
            self.fail(FailureKind::TimedOut, detail);
        }
        if self.keep_alive.is_some_and(|at| at <= now) {
            self.keep_alive = Some(now + KEEP_ALIVE);
            self.tell(Ask::KeepAlive);
        }
    }

    /// The connection ended.
    pub fn on_lost(&mut self, failure: Failure) {
        match self.stage {
            Stage::Leaving => self.over(),
            Stage::Over => {}
            _ => self.fail(failure.kind, failure.detail),
        }
    }

    /// A message, or the answer to a long poll.
    pub fn on_message(&mut self, now: Instant, bytes: &[u8]) {
        match decode(bytes) {
            Ok(messages) => messages.into_iter().for_each(|message| self.on(now, message)),
            // Beside the call it decides nothing.
            Err(_) if self.pending.is_none() || self.stage == Stage::Leaving => {}
            Err(why) => {
                let ask = self.pending.as_ref().map_or("", |p| p.ask);
                self.fail(FailureKind::Garbage, format!("the answer to {ask} is not Janus: {why}"));
            }
        }
    }

    fn on(&mut self, now: Instant, message: Message) {
        if self.stage == Stage::Over || self.is_of_another(&message) {
            return;
        }
        let ours = self.pending.as_ref().is_some_and(|p| message.transaction.as_ref() == Some(&p.transaction));
        if self.stage == Stage::Leaving {
            // Done, refused or timed out: it is over in every case.
            if ours || message.says == Says::Timeout {
                self.over();
            }
            return;
        }
        match message.says {
            Says::Error(error) if ours => self.refused(&error),
            Says::ServerInfo(info) if ours && self.stage == Stage::Asked => {
                self.pending = None;
                self.stage = Stage::Known;
                self.happens(Happening::Info(info));
            }
            Says::Other(_) if ours && self.stage == Stage::Asked => {
                let detail = "the server answers with what it was asked: it is no Janus Gateway";
                self.fail(FailureKind::Garbage, detail.to_owned());
            }
            Says::Success(id) if ours => self.succeeded(id, now),
            Says::Event(event) => self.event(event),
            Says::Trickle(trickle) => {
                let all = trickle.candidates.into_iter().map(Happening::Candidate);
                all.chain(trickle.completed.then_some(Happening::CandidatesDone)).for_each(|h| self.remote(h));
            }
            Says::WebrtcUp => self.happens(Happening::Up),
            Says::Media { video, receiving } => self.happens(Happening::Media { video, receiving }),
            Says::SlowLink { video, lost, .. } => self.happens(Happening::SlowLink { video, lost }),
            Says::Hangup(reason) => self.happens(Happening::HungUp(reason)),
            Says::Timeout => self.fail(FailureKind::Closed, "Janus let the session time out".to_owned()),
            _ => {}
        }
    }

    /// Whether it belongs to a session or handle that is not ours.
    fn is_of_another(&self, message: &Message) -> bool {
        let other = |theirs: Option<u64>, ours: Option<u64>| theirs.is_some_and(|t| ours.is_some_and(|o| o != t));
        other(message.session, self.session) || other(message.sender, self.handle)
    }

    fn succeeded(&mut self, id: Option<u64>, now: Instant) {
        let ask = self.pending.take().map_or("", |p| p.ask);
        match (self.stage, id) {
            (Stage::Creating, Some(session)) => {
                self.session = Some(session);
                self.keep_alive = Some(now + KEEP_ALIVE);
                self.stage = Stage::Attaching;
                self.happens(Happening::Session(session));
                self.ask(Ask::Attach(ECHO_TEST), now);
            }
            (Stage::Attaching, Some(handle)) => {
                self.handle = Some(handle);
                self.stage = Stage::Attached;
                self.happens(Happening::Attached);
            }
            (Stage::Creating | Stage::Attaching, None) => {
                self.fail(FailureKind::Garbage, format!("Janus answered {ask} without the number that it is about"));
            }
            // A plugin may answer an offer at once.
            _ => {}
        }
    }

    fn event(&mut self, event: Event) {
        match (event.error, event.jsep) {
            (Some(error), _) if self.stage == Stage::Offered => self.refused(&error),
            (None, Some(jsep)) if self.stage == Stage::Offered => self.answered(jsep),
            _ => {}
        }
    }

    fn answered(&mut self, jsep: Jsep) {
        self.pending = None;
        if jsep.kind != "answer" {
            let detail = format!("Janus sent an SDP of type \"{}\" in place of an answer", jsep.kind);
            return self.fail(FailureKind::BadAnswer, detail);
        }
        self.stage = Stage::Answered;
        self.happens(Happening::Answer(jsep.sdp));
        std::mem::take(&mut self.early).into_iter().for_each(|h| self.happens(h));
    }

    /// A candidate of the server: before the answer it is kept.
    fn remote(&mut self, happening: Happening) {
        match self.stage {
            Stage::Answered => self.happens(happening),
            Stage::Attached | Stage::Offered if self.early.len() < MOST_CANDIDATES => self.early.push(happening),
            _ => {}
        }
    }

    /// At the step where the signalling stands.
    fn fail(&mut self, kind: FailureKind, detail: String) {
        let step = if self.stage == Stage::Asked { Step::Info } else { Step::Offer };
        self.pending = None;
        if self.stage == Stage::Asked {
            self.stage = Stage::Over;
        }
        self.happens(Happening::Failed(Failure::new(step, kind, detail)));
    }

    fn over(&mut self) {
        self.stage = Stage::Over;
        (self.pending, self.keep_alive) = (None, None);
        // Whatever waits: this must be heard.
        if self.happened.back() != Some(&Happening::Over) {
            self.happened.push_back(Happening::Over);
        }
    }

    fn happens(&mut self, happening: Happening) {
        if self.happened.len() < MOST_EVENTS {
            self.happened.push_back(happening);
        }
    }

    /// A request whose answer is waited for.
    fn ask(&mut self, ask: Ask<'_>, now: Instant) {
        let transaction = self.tell(ask);
        self.pending = Some(Pending { transaction, ask: ask.name(), until: now + PATIENCE });
    }

    /// A request whose answer decides nothing.
    fn tell(&mut self, ask: Ask<'_>) -> String {
        self.count += 1;
        let transaction = format!("{:016x}{}", self.secret, self.count);
        let known =
            |secret: &Option<Secret>| secret.as_ref().filter(|_| ask != Ask::Info).map(|s| s.expose().to_owned());
        let (token, api_secret) = (known(&self.credentials.token), known(&self.credentials.api_secret));
        let request = Request {
            transaction: &transaction,
            session: self.session,
            handle: self.handle.filter(|_| !matches!(ask, Ask::KeepAlive)),
            token: token.as_deref(),
            api_secret: api_secret.as_deref(),
            ask,
        };
        let (session, handle, text) = (request.session, request.handle, request.encode());
        self.outgoing.push_back(Outgoing { session, handle, text });
        transaction
    }
}

#[cfg(test)]
mod tests;
