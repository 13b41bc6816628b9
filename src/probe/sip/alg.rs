//! Whether something on the way rewrites SIP (a SIP ALG) although it restores in the answer what it rewrote. Two requests
//! are compared: an honest one, whose Via bears this machine's own address, and a strange one, whose Via bears an address
//! of documentation. A server puts `received=` into the Via of its answer where the packet's source differs from sent-by
//! (RFC 3261 section 18.2.1), some wherever `rport` is asked for (RFC 3581 section 4), and old or small ones never.
//!
//! | honest | strange | more | verdict |
//! | --- | --- | --- | --- |
//! | another sent-by, or another address in From, comes back | any | | rewritten |
//! | any | another sent-by comes back, or `received` is the documentation's | | rewritten |
//! | none or own | another address | the server tells sources, and saw the honest Via bear that source | rewritten |
//! | another | another address | the honest Via reached it as it was sent | none |
//! | none or own | own | STUN at the same host sees another address | rewritten |
//! | none or own | own | STUN elsewhere sees another address | cannot tell |
//! | none or own | own | STUN sees no NAT, or nobody tells | none |
//! | another | own | the two contradict each other | cannot tell |
//! | told | none | it tells sources, and this one not | rewritten |
//! | none, `rport` filled | none | a NAT on the way | rewritten |
//! | none | none | else: a server that never tells | cannot tell |
//! | another | no answer | the honest Via reached it as it was sent | none |
//! | none (`rport` filled) or own | no answer | a NAT on the way | rewritten |
//! | none or own | no answer | STUN sees no NAT: there is nothing to rewrite | none |
//! | none or own | no answer | else | cannot tell |
//!
//! "A NAT on the way": STUN at the same host sees another address, or `rport` is another port than the own one. STUN
//! elsewhere proves nothing of the way to this server, which may be inside.
//!
//! What stays unseen: behind two NATs, an ALG in the inner one, whose rewriting the outer one undoes for the server's eyes.

use std::net::{IpAddr, SocketAddr};

use serde::Serialize;

use super::echo::Echo;

/// What is told in `observed.sip_alg`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    None,
    Rewritten,
    CannotTell,
}

/// The verdict and why, as the rest of a sentence.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Alg {
    pub verdict: Verdict,
    pub why: String,
}

/// What STUN told of this machine's address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mapped {
    pub address: IpAddr,
    /// The STUN server has the SIP server's address.
    pub same_host: bool,
}

/// All that was seen.
#[derive(Clone, Debug)]
pub struct Evidence {
    /// This machine's own address and port, in the honest request's Via.
    pub own: SocketAddr,
    /// The address in the strange one's.
    pub documentation: IpAddr,
    pub honest: Echo,
    /// `None`: no answer.
    pub strange: Option<Echo>,
    pub mapped: Option<Mapped>,
}

/// What a server says of a packet's source.
#[derive(Clone, Copy, PartialEq)]
enum Source {
    Untold,
    Own,
    Other(IpAddr),
}

impl Evidence {
    /// Weighs it.
    pub fn weigh(&self) -> Alg {
        if let Some(rewritten) = self.came_back_wrong() {
            return rewritten;
        }
        let honest = self.source(&self.honest);
        let Some(strange) = self.strange.as_ref().map(|echo| self.source(echo)) else { return self.without_it(honest) };
        let own = self.own.ip();
        match (honest, strange) {
            (Source::Other(seen), Source::Other(_)) => none(format!(
                "the server tells that it saw {seen} in place of {own}, as it does where nothing is rewritten"
            )),
            (_, Source::Other(seen)) => rewritten(format!(
                "Via sent {own}, Via as it arrived {seen}: the server reports a Via that is not the sender's address, did so for a made-up one, and not for {own}"
            )),
            (Source::Other(seen), Source::Own) => {
                cannot_tell(format!("the server says that it saw {seen} once and {own} the other time"))
            }
            (_, Source::Own) => self.seen_as_itself(),
            (Source::Own | Source::Other(_), Source::Untold) => rewritten(
                "the server tells sources, but not that of a Via which no packet can come from: it was rewritten"
                    .to_owned(),
            ),
            (Source::Untold, Source::Untold) => self.untold(),
        }
    }

    fn source(&self, echo: &Echo) -> Source {
        match echo.received {
            None => Source::Untold,
            Some(address) if address == self.own.ip() => Source::Own,
            Some(address) => Source::Other(address),
        }
    }

    /// What was rewritten and not restored, or restored wrongly.
    fn came_back_wrong(&self) -> Option<Alg> {
        let (own, documentation) = (self.own.ip(), self.documentation);
        let strange = self.strange.as_ref();
        let changed = |what: &str, sent: IpAddr, came: Option<IpAddr>| {
            let came = came.filter(|came| *came != sent)?;
            Some(rewritten(format!("a {what} that was sent with {sent} came back with {came}")))
        };
        let received = strange.and_then(|s| s.received).filter(|a| *a == documentation);
        changed("Via", own, self.honest.sent_by)
            .or_else(|| changed("From", own, self.honest.from))
            .or_else(|| changed("Via", documentation, strange?.sent_by))
            .or_else(|| {
                received.map(|a| rewritten(format!("the answer says that the packet came from {a}, which cannot be")))
            })
    }

    /// Another address than the own one stands on the way to the very server.
    fn translated(&self) -> Option<String> {
        let by_stun = self.mapped.filter(|m| m.same_host && m.address != self.own.ip());
        let port = self.honest.rport.filter(|port| *port != self.own.port());
        let by_stun = by_stun.map(|m| format!("STUN at the same host sees {}", m.address));
        by_stun.or_else(|| port.map(|port| format!("the server saw port {port} in place of {}", self.own.port())))
    }

    /// STUN sees this machine's own address.
    fn untranslated(&self) -> bool {
        self.mapped.is_some_and(|m| m.address == self.own.ip())
    }

    fn seen_as_itself(&self) -> Alg {
        let own = self.own.ip();
        match self.mapped {
            Some(m) if m.same_host && m.address != own => rewritten(format!(
                "the answer says that the server saw {own}, while STUN at the same host sees {}",
                m.address
            )),
            Some(m) if m.address != own => cannot_tell(format!(
                "the answer says that the server saw {own}, while STUN elsewhere sees {}: either there is no NAT on the way to this server, or the answer was rewritten",
                m.address
            )),
            _ => none(format!("the server saw this machine's own address, {own}")),
        }
    }

    fn untold(&self) -> Alg {
        match self.translated().filter(|_| self.honest.rport.is_some()) {
            Some(nat) => rewritten(format!("{nat}, and the answers lack the `received` that RFC 3581 asks for")),
            None => cannot_tell("the server tells nowhere which address it saw".to_owned()),
        }
    }

    /// The strange request got no answer.
    fn without_it(&self, honest: Source) -> Alg {
        if let Source::Other(seen) = honest {
            return none(format!("the server tells that it saw {seen} in place of {}", self.own.ip()));
        }
        let tells = honest == Source::Own || self.honest.rport.is_some();
        match self.translated().filter(|_| tells) {
            Some(nat) => rewritten(format!("{nat}, and the answer does not say so")),
            None if self.untranslated() => none("STUN sees no NAT, so there is nothing to rewrite".to_owned()),
            None => cannot_tell("a request with a strange Via got no answer".to_owned()),
        }
    }
}

fn none(why: String) -> Alg {
    Alg { verdict: Verdict::None, why }
}

fn rewritten(why: String) -> Alg {
    Alg { verdict: Verdict::Rewritten, why }
}

fn cannot_tell(why: String) -> Alg {
    Alg { verdict: Verdict::CannotTell, why }
}

#[cfg(test)]
mod tests;
