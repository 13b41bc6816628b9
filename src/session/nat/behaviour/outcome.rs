//! What the sockets' answers come to, in kinds or in sentences that say why there is none.

use std::net::SocketAddr;
use std::time::Duration;

use super::{Behaviour, Kind, MAPPERS, Mapping};

/// What was found.
#[derive(Clone, Debug, PartialEq)]
pub struct Outcome {
    /// Or why it could not be told.
    pub mapping: Result<Kind, String>,
    /// Or why it could not be told.
    pub filtering: Result<Kind, String>,
    /// Whether the mapping depends on the destination, as far as that alone is known.
    pub varies: Option<bool>,
    /// The first socket's own address and port, and as the server saw it.
    pub local: Option<SocketAddr>,
    pub mapped: Option<SocketAddr>,
    /// Whether what is sent to an own outside address comes back; `None`: nothing is translated, or it is not known how.
    pub hairpin: Option<bool>,
    /// Servers, and their other addresses, that told a mapping.
    pub servers: Vec<SocketAddr>,
    pub mapping_took: Duration,
    pub filtering_took: Duration,
    pub sent: u32,
}

impl Behaviour {
    /// What was found so far.
    pub fn outcome(&self) -> Outcome {
        let kinds: [Mapping; MAPPERS] = [self.mapping_of(0), self.mapping_of(1)];
        let [first, _] = &self.mappers;
        let seen = self.seen(first);
        let mapping = self.mapping(kinds);
        let took = |at: Option<std::time::Instant>| at.map_or(Duration::ZERO, |at| at - self.started);
        Outcome {
            filtering: self.filtering_found(),
            varies: varies(kinds),
            mapping,
            local: self.locals.first().copied().flatten(),
            mapped: seen.first().map(|(_, mapped)| *mapped),
            hairpin: self
                .hairpin
                .filter(|h| self.hairpin_heard() || h.iter().all(|p| self.asks.over(*p)))
                .map(|_| self.hairpin_heard()),
            servers: seen.iter().map(|(server, _)| *server).collect(),
            mapping_took: took(self.mapped_at),
            filtering_took: took(self.filtered_at),
            sent: self.asks.datagrams,
        }
    }

    fn mapping(&self, kinds: [Mapping; MAPPERS]) -> Result<Kind, String> {
        let missing = || {
            let answered = self.seen(&self.mappers[0]);
            let silent = self.plan.destinations().into_iter().find(|d| !answered.iter().any(|(s, _)| s == d));
            silent.map_or(String::new(), |s| format!(": {s} did not answer"))
        };
        if self.mapped_at.is_none() {
            return Err("out of time".to_owned());
        }
        match kinds {
            [Mapping::Known(a), Mapping::Known(b)] if a == b => Ok(a),
            [Mapping::Known(_), Mapping::Known(_)] => Err("two sockets were mapped differently".to_owned()),
            [Mapping::Partly, _] | [_, Mapping::Partly] => {
                Err("it is translated towards some servers and not towards others".to_owned())
            }
            [Mapping::Varies, _] | [_, Mapping::Varies] => {
                let words =
                    "it varies by destination, and no server here tells whether by address alone or by port too";
                Err(words.to_owned())
            }
            _ if (0..MAPPERS).any(|n| self.locals.get(n).copied().flatten().is_none()) => {
                Err("this machine's own address is not known".to_owned())
            }
            [Mapping::OneAddress, _] | [_, Mapping::OneAddress] => {
                Err(format!("it is translated, and only one server address told how{}", missing()))
            }
            _ => Err(format!("no server told an address{}", missing())),
        }
    }

    fn filtering_found(&self) -> Result<Kind, String> {
        match (&self.filtering, &self.fresh) {
            (Some(Ok(Kind::EndpointIndependent)), _) if self.unasked_heard() => Ok(Kind::None),
            (Some(found), _) => found.clone(),
            (None, Some(_)) => Err("out of time".to_owned()),
            (None, None) => Err("no server here can answer from a second address (RFC 5780)".to_owned()),
        }
    }
}

/// Whether it depends on the destination; both sockets have to say the same.
fn varies(kinds: [Mapping; MAPPERS]) -> Option<bool> {
    let one = |kind| match kind {
        Mapping::Varies | Mapping::Known(Kind::AddressDependent | Kind::AddressAndPortDependent) => Some(true),
        Mapping::Known(Kind::None | Kind::EndpointIndependent) => Some(false),
        Mapping::OneAddress | Mapping::Partly | Mapping::Nothing => None,
    };
    let [a, b] = kinds.map(one);
    a.filter(|_| a == b)
}
