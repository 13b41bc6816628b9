//! From answers and silence to the kind of filtering (RFC 5780 section 4.4). An answer from where nothing was ever sent to
//! proves that it is let in. Silence proves that it is not where a control, asked the same of the same server at the same
//! time and listening where the answer is let in, did hear it, and loss as the control saw it explains no such silence.

use std::net::SocketAddr;
use std::time::Instant;

use super::Kind;
use super::asks::Ask;

/// So many requests at least must have stayed unanswered.
const FEWEST: u32 = 8;

/// So many requests of the control must have had their time.
const FEWEST_CONTROLS: u32 = 5;

/// Loss alone may leave one in so many sockets silent.
const CHANCE: f64 = 1e-4;

/// Whether silence of `unanswered` requests is no loss, where `answered` of `asked` controls came through at that time. The
/// controls' rate is taken a little lower than seen, as one more lost would have made it.
pub(super) fn proven_silent(unanswered: u32, asked: u32, answered: u32) -> bool {
    let through = f64::from(answered) / f64::from(asked + 1);
    unanswered >= FEWEST && asked >= FEWEST_CONTROLS && (1.0 - through).powf(f64::from(unanswered)) <= CHANCE
}

/// Sockets that asked the same, and the control.
pub(super) struct Trial<'a> {
    /// Where the answers should come from.
    pub from: SocketAddr,
    /// Where answers come from if CHANGE-REQUEST is ignored.
    pub server: SocketAddr,
    pub fresh: [&'a Ask; 2],
    pub control: Control<'a>,
}

/// What shows that the server can answer so.
pub(super) enum Control<'a> {
    /// Not begun yet.
    Later,
    Asked(&'a Ask),
    /// There cannot be one, because …
    None(&'static str),
}

/// How a trial stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Stand {
    Pending,
    Heard,
    Silent,
    /// It cannot be told, because …
    Unknown(String),
}

impl Trial<'_> {
    pub(super) fn stand(&self, now: Instant) -> Stand {
        if let Some(why) = self.wrong() {
            return Stand::Unknown(why);
        }
        let heard = self.fresh.map(|ask| ask.from(self.from).is_some());
        if heard == [true; 2] {
            return Stand::Heard;
        }
        let waiting = || self.fresh.iter().zip(heard).filter(|(_, heard)| !heard).map(|(ask, _)| *ask);
        let unanswered = waiting().map(|ask| ask.counted(self.from, now).0).min().unwrap_or(0);
        let over = waiting().all(|ask| ask.over);
        let (asked, answered) = match &self.control {
            Control::Later if over => return Stand::Unknown("out of time".to_owned()),
            Control::Later => return Stand::Pending,
            Control::None(why) if unanswered >= FEWEST || over => return Stand::Unknown((*why).to_owned()),
            Control::None(_) => return Stand::Pending,
            Control::Asked(control) => control.counted(self.from, now),
        };
        if proven_silent(unanswered, asked, answered) {
            return match heard {
                [false, false] => Stand::Silent,
                _ => Stand::Unknown("two sockets were treated differently".to_owned()),
            };
        }
        if answered == 0 && asked >= FEWEST && unanswered >= FEWEST {
            return Stand::Unknown(self.no_control());
        }
        match over {
            true => Stand::Unknown("too much was lost to tell silence from loss".to_owned()),
            false => Stand::Pending,
        }
    }

    /// The control heard nothing either.
    fn no_control(&self) -> String {
        let aside = matches!(self.control, Control::Asked(a) if a.question.wanted.response_port.is_some());
        let from = self.from;
        match aside {
            false => {
                format!("nothing came from {from} even where it must be let in: the server does not answer from there")
            }
            true => format!(
                "nothing shows that the server answers from {from}, because this NAT maps each destination anew"
            ),
        }
    }

    /// Something that a server never says that can do this.
    fn wrong(&self) -> Option<String> {
        let control = match &self.control {
            Control::Asked(control) => Some(*control),
            _ => None,
        };
        for ask in self.fresh.into_iter().chain(control) {
            if let Some((code, reason)) = &ask.error {
                let words = format!("the server answers CHANGE-REQUEST with error {code} {reason}");
                return Some(words.trim_end().to_owned());
            }
            match ask.replies.iter().find(|r| r.from != self.from) {
                Some(reply) if reply.from == self.server => {
                    return Some("the server ignores CHANGE-REQUEST: it answers from where it was asked".to_owned());
                }
                Some(reply) => {
                    return Some(format!("the server answered from {} where it should from {}", reply.from, self.from));
                }
                None => {}
            }
        }
        None
    }
}

/// What both trials together say: `both` asked for another address and port, `port` for another port. `None`: not yet.
pub(super) fn judge(both: &Trial<'_>, port: &Trial<'_>, now: Instant) -> Option<Result<Kind, String>> {
    match both.stand(now) {
        Stand::Pending => None,
        Stand::Unknown(why) => Some(Err(why)),
        // A server that gets the easier one wrong is not believed in the other.
        Stand::Heard => Some(port.wrong().map_or(Ok(Kind::EndpointIndependent), Err)),
        Stand::Silent => match port.stand(now) {
            Stand::Pending => None,
            Stand::Unknown(why) => Some(Err(why)),
            Stand::Heard => Some(Ok(Kind::AddressDependent)),
            Stand::Silent => Some(Ok(Kind::AddressAndPortDependent)),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn silence_counts_against_the_loss_that_the_control_saw() {
        assert!(proven_silent(8, 8, 8) && proven_silent(8, 5, 5) && proven_silent(8, 8, 7));
        assert!(!proven_silent(7, 8, 8), "too few");
        assert!(!proven_silent(8, 4, 4), "too few controls");
        assert!(!proven_silent(8, 8, 4), "half is lost");
        assert!(proven_silent(20, 20, 9));
        assert!(!proven_silent(20, 20, 0));
    }
}
