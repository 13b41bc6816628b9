//! What an answer to SIP OPTIONS tells of the request as it reached the server: its Via and From come back, with the
//! source that the server saw.

use std::net::IpAddr;

use crate::wire::sip::Message;

/// Of one answer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Echo {
    /// Host of the Via's sent-by where it is an address.
    pub sent_by: Option<IpAddr>,
    /// The address in `received`.
    pub received: Option<IpAddr>,
    /// The port in `rport`: the server follows RFC 3581.
    pub rport: Option<u16>,
    /// The host of From where it is an address.
    pub from: Option<IpAddr>,
}

impl Echo {
    /// Reads an answer.
    pub fn of(answer: &Message) -> Self {
        let via = answer.via();
        let sent_by = via.as_ref().and_then(|v| v.address());
        let (received, rport) = via.map_or((None, None), |v| (v.received, v.rport));
        Self { sent_by, received, rport, from: answer.header("from").and_then(host) }
    }
}

/// The address in a name-addr or addr-spec (RFC 3261 section 25.1); `None` where there is a name, or nothing that is known.
fn host(value: &str) -> Option<IpAddr> {
    let (_, uri) = value.split_once("sip:")?;
    let uri = uri.split(['>', ';', '?']).next()?;
    let host = uri.rsplit_once('@').map_or(uri, |(_, host)| host);
    let bare = match host.strip_prefix('[') {
        Some(v6) => v6.split_once(']')?.0,
        None => host.split(':').next()?,
    };
    bare.trim().parse().ok().map(|a: IpAddr| a.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_of_a_from_are_read_where_they_are_addresses() {
        for (value, expected) in [
            ("<sip:anonymous@192.0.2.2:4000>;tag=1", Some("192.0.2.2")),
            ("\"A\" <sip:anonymous@[2001:db8::1]:4000;transport=tcp>;tag=1", Some("2001:db8::1")),
            ("sip:10.0.0.1;tag=1", Some("10.0.0.1")),
            ("<sip:a@name.example>", None),
            ("", None),
        ] {
            assert_eq!(host(value), expected.map(|a| a.parse().unwrap()), "{value}");
        }
    }
}
