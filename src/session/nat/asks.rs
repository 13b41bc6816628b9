//! Binding requests from several sockets, each repeated with an id of its own, and whatever comes back: from where, to which
//! socket, to which of the repetitions. Judges nothing of it.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use crate::session::ids::Ids;
use crate::session::{Credential, IcmpError, Meaning, SendError, Transmit, canonical};
use crate::wire::stun::discovery::{Wanted, discovery_len, write_discovery_request};
use crate::wire::stun::{BINDING, Class, Message};

/// So many answers of one repetition are kept, if they come from different places.
const ANSWERS_EACH: usize = 2;

/// Which ask, by its place.
pub(super) type Place = usize;

/// When an ask is repeated.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pace {
    pub gap: Duration,
    /// Each gap is twice the one before.
    pub doubling: bool,
    pub most: u8,
    /// The wait behind the last one, and how old a request is when it counts as unanswered.
    pub patience: Duration,
    /// Repeated also when it was answered.
    pub every: bool,
}

/// What is to be asked.
#[derive(Clone, Copy, Debug)]
pub(super) struct Question {
    pub socket: usize,
    pub to: SocketAddr,
    pub wanted: Wanted,
    /// The socket that the answer is to come to.
    pub listen: usize,
    pub pace: Pace,
}

/// An answer.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Reply {
    pub attempt: u8,
    pub socket: usize,
    pub from: SocketAddr,
    pub mapped: Option<SocketAddr>,
    pub other: Option<SocketAddr>,
    pub software: Option<String>,
    pub responder: Option<u16>,
    pub rtt: Duration,
}

/// A question and what became of it.
#[derive(Debug)]
pub(super) struct Ask {
    pub question: Question,
    signed: bool,
    sent: Vec<Instant>,
    next: Instant,
    pub over: bool,
    pub replies: Vec<Reply>,
    pub error: Option<(u16, String)>,
    pub icmp: Option<IcmpError>,
    pub not_sent: Option<SendError>,
    /// Our own request came to the socket that it was for.
    pub heard: bool,
}

impl Ask {
    /// The first answer that came from `from` to the socket that listens.
    pub fn from(&self, from: SocketAddr) -> Option<&Reply> {
        self.replies.iter().find(|r| r.from == from && r.socket == self.question.listen)
    }

    /// The answer from where it was asked.
    pub fn plain(&self) -> Option<&Reply> {
        self.from(self.question.to)
    }

    /// How many requests are old enough at `now` that their silence counts, and how many were answered by `from`.
    pub fn counted(&self, from: SocketAddr, now: Instant) -> (u32, u32) {
        let answered = |attempt: usize| {
            let mut of = self.replies.iter().filter(|r| usize::from(r.attempt) == attempt);
            of.any(|r| r.from == from && r.socket == self.question.listen)
        };
        let old = |at: Instant| now.saturating_duration_since(at) >= self.question.pace.patience;
        let count = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        let answers = (0..self.sent.len()).filter(|i| answered(*i)).count();
        let all = self.sent.iter().enumerate().filter(|(i, at)| old(**at) || answered(*i)).count();
        (count(all), count(answers))
    }

    /// When it was last sent.
    pub fn last_sent(&self) -> Option<Instant> {
        self.sent.last().copied()
    }

    fn wait(&self) -> Duration {
        let Pace { gap, doubling, most, patience, .. } = self.question.pace;
        match self.sent.len() {
            n if n >= usize::from(most) => patience,
            n if doubling => gap * (1 << n.saturating_sub(1).min(8)),
            _ => gap,
        }
    }

    /// What came says that there is no use in going on.
    fn hopeless(&self) -> bool {
        self.error.is_some() || self.not_sent.is_some_and(|e| e != SendError::Prohibited) || self.icmp.is_some()
    }
}

/// All questions of a session.
pub(super) struct Asks {
    ids: Ids,
    credential: Option<Credential>,
    all: Vec<Ask>,
    pub datagrams: u32,
}

/// What a datagram was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Came {
    Answer(Place),
    /// Our own request.
    Request(Place),
    Stranger,
}

impl Asks {
    pub fn new(secret: &[u8; 32], credential: Option<Credential>) -> Self {
        Self { ids: Ids::new(secret), credential, all: Vec::new(), datagrams: 0 }
    }

    /// Asks from `at` on.
    pub fn ask(&mut self, question: Question, at: Instant) -> Place {
        let question = Question { to: canonical(question.to), ..question };
        self.all.push(Ask {
            question,
            signed: self.credential.is_some(),
            sent: Vec::new(),
            next: at,
            over: false,
            replies: Vec::new(),
            error: None,
            icmp: None,
            not_sent: None,
            heard: false,
        });
        self.all.len() - 1
    }

    pub fn len(&self) -> usize {
        self.all.len()
    }

    pub fn get(&self, place: Place) -> Option<&Ask> {
        self.all.get(place)
    }

    pub fn over(&self, place: Place) -> bool {
        self.all.get(place).is_none_or(|a| a.over)
    }

    /// Asks no more.
    pub fn stop(&mut self, place: Place) {
        if let Some(ask) = self.all.get_mut(place) {
            ask.over = true;
        }
    }

    /// Whether it was signed and the server did not want that: it is asked again without.
    fn unsigned(ask: &mut Ask, now: Instant, code: u16) -> bool {
        let unsign = ask.signed && matches!(code, 400 | 401 | 420) && ask.replies.is_empty();
        if unsign {
            (ask.signed, ask.next) = (false, now);
            ask.sent.pop();
        }
        unsign
    }

    /// Whether the server took the signature.
    pub fn was_signed(&self, place: Place) -> bool {
        self.all.get(place).is_some_and(|a| a.signed)
    }

    pub fn poll_transmit(&mut self, now: Instant, buf: &mut [u8]) -> Option<(usize, Transmit)> {
        for (place, ask) in self.all.iter_mut().enumerate() {
            if ask.over || now < ask.next {
                continue;
            }
            if ask.sent.len() >= usize::from(ask.question.pace.most) {
                ask.over = true;
                continue;
            }
            let auth = self.credential.as_ref().filter(|_| ask.signed).map(Credential::auth);
            let id = self.ids.id(u16::try_from(place).ok()?, u8::try_from(ask.sent.len()).ok()?);
            let len = write_discovery_request(buf, id, auth, discovery_len(auth.is_some()), ask.question.wanted)?;
            ask.sent.push(now);
            ask.next = now + ask.wait();
            self.datagrams += 1;
            return Some((ask.question.socket, Transmit { to: ask.question.to, len }));
        }
        None
    }

    /// When the next one is due; `None`: all are over.
    pub fn wake(&self) -> Option<Instant> {
        self.all.iter().filter(|a| !a.over).map(|a| a.next).min()
    }

    pub fn on_datagram(&mut self, now: Instant, socket: usize, from: SocketAddr, bytes: &[u8]) -> Came {
        let Ok(message) = Message::read(bytes) else { return Came::Stranger };
        let known = self.ids.asked(&message.id()).filter(|_| message.method() == BINDING);
        let Some((place, attempt)) = known.filter(|_| message.fingerprint_ok() != Some(false)) else {
            return Came::Stranger;
        };
        let place = Place::from(place);
        let Some(ask) = self.all.get_mut(place) else { return Came::Stranger };
        let Some(sent) = ask.sent.get(usize::from(attempt)).copied() else { return Came::Stranger };
        let from = canonical(from);
        match message.class() {
            Class::Request if socket == ask.question.listen => {
                (ask.heard, ask.over) = (true, true);
                return Came::Request(place);
            }
            Class::Success => {}
            Class::Error if from == ask.question.to => {
                let (code, reason) = message.error_code().unwrap_or_default();
                if !Self::unsigned(ask, now, code) {
                    ask.error = Some((code, reason));
                    ask.over = true;
                }
                return Came::Answer(place);
            }
            _ => return Came::Stranger,
        }
        let same = |r: &&Reply| r.attempt == attempt;
        let before = ask.replies.iter().filter(same).count();
        if before >= ANSWERS_EACH || ask.replies.iter().filter(same).any(|r| r.from == from && r.socket == socket) {
            return Came::Answer(place);
        }
        ask.replies.push(Reply {
            attempt,
            socket,
            from,
            mapped: message.mapped_address(),
            other: message.other_address(),
            software: message.software(),
            responder: message.responder(),
            rtt: now.saturating_duration_since(sent),
        });
        ask.over |= !ask.question.pace.every && socket == ask.question.listen;
        Came::Answer(place)
    }

    /// A refusal ends what is asked there; anything softer may pass.
    pub fn on_icmp(&mut self, socket: usize, error: &IcmpError) {
        if !matches!(error.meaning(), Meaning::Refused | Meaning::Prohibited) {
            return;
        }
        let to = canonical(error.to);
        for ask in self.all.iter_mut().filter(|a| a.question.socket == socket && a.question.to == to && !a.over) {
            // Where something was heard, the error is another's.
            if ask.replies.is_empty() && !ask.question.pace.every {
                ask.icmp = Some(*error);
                ask.over = ask.hopeless();
            }
        }
    }

    pub fn on_send_error(&mut self, socket: usize, to: SocketAddr, error: SendError) {
        let to = canonical(to);
        let mut due = self.all.iter_mut().filter(|a| a.question.socket == socket && a.question.to == to && !a.over);
        // The one that was last written is the one that did not leave.
        if let Some(ask) = due.by_ref().max_by_key(|a| a.last_sent()) {
            ask.not_sent = Some(error);
            ask.over = ask.hopeless();
        }
    }
}
