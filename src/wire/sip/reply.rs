//! Answers OPTIONS, for a responder.

use std::net::SocketAddr;

use super::{LONGEST_VALUE, Message, Start, Via};

/// The answer `200 OK` to an OPTIONS request, with what RFC 3261 section 8.2.6.2 has it repeat; `None` for any other
/// message, or where a value to repeat is longer than is kept.
pub fn ok(request: &Message, tag: &str, server: &str) -> Option<String> {
    answer(request, None, tag, Some(server))
}

/// The same with what is known of the packet's source in the topmost Via: `received` and, where it was asked for, `rport`
/// (RFC 3261 section 18.2.1, RFC 3581 section 4). Without `server`, as short as it can be.
pub fn reply(request: &Message, source: SocketAddr, tag: &str, server: Option<&str>) -> Option<String> {
    answer(request, Some(source), tag, server)
}

fn answer(request: &Message, source: Option<SocketAddr>, tag: &str, server: Option<&str>) -> Option<String> {
    match &request.start {
        Start::Request { method, .. } if method == "OPTIONS" => {}
        _ => return None,
    }
    let mut answer = "SIP/2.0 200 OK\r\n".to_owned();
    let mut repeat = |shown: &str, value: &str| {
        let fits = value.len() < LONGEST_VALUE && !value.contains(char::is_control);
        answer.push_str(&format!("{shown}: {value}\r\n"));
        fits.then_some(())
    };
    for (n, via) in request.values("via").enumerate() {
        match source.filter(|_| n == 0) {
            Some(source) => repeat("Via", &Via::told(via, source)?)?,
            None => repeat("Via", via)?,
        }
    }
    repeat("From", request.header("from")?)?;
    let to = request.header("to")?;
    repeat("To", &if to.contains(";tag=") { to.to_owned() } else { format!("{to};tag={tag}") })?;
    repeat("Call-ID", request.header("call-id")?)?;
    repeat("CSeq", request.header("cseq")?)?;
    if let Some(server) = server {
        answer.push_str(&format!("Server: {server}\r\nAllow: OPTIONS\r\n"));
    }
    answer.push_str("Content-Length: 0\r\n\r\n");
    Some(answer)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::sip::{Carrier, Options, Origin, decode};

    const REQUEST: Options<'_> = Options { host: "192.0.2.10", random: "k3b9", agent: "rtc-check/0" };

    fn request(own: &str) -> Message {
        decode(REQUEST.encode_from(&Origin::honest(Carrier::Udp, own.parse().unwrap(), 5060), None).as_bytes()).unwrap()
    }

    #[test]
    fn the_source_is_told_where_it_was_asked_for() {
        let answer = reply(&request("10.0.0.5:4000"), "198.51.100.1:61000".parse().unwrap(), "t1", None).unwrap();
        let read = decode(answer.as_bytes()).unwrap();
        assert!(read.answers(&REQUEST), "{answer}");
        let via = read.via().unwrap();
        assert_eq!((via.received, via.rport), (Some("198.51.100.1".parse().unwrap()), Some(61000)));
        assert_eq!(via.address(), Some("10.0.0.5".parse().unwrap()));
        assert!(answer.contains("To: <sip:192.0.2.10:5060>;tag=t1\r\n") && !answer.contains("Server"), "{answer}");
    }

    #[test]
    fn of_several_vias_the_topmost_alone_is_marked() {
        let text = "OPTIONS sip:a SIP/2.0\r\nVia: SIP/2.0/UDP 10.0.0.1;branch=z9hG4bK1 , SIP/2.0/UDP 10.0.0.2;rport\r\n\
                    Via: SIP/2.0/UDP 10.0.0.3;rport\r\nTo: <sip:a>;tag=x\r\nFrom: b\r\nCall-ID: c\r\nCSeq: 1 OPTIONS\r\n\r\n";
        let answer = reply(&decode(text.as_bytes()).unwrap(), "[2001:db8::1]:5".parse().unwrap(), "t", None).unwrap();
        let lines: Vec<&str> = answer.lines().filter(|l| l.starts_with("Via")).collect();
        let marked = "Via: SIP/2.0/UDP 10.0.0.1;branch=z9hG4bK1;received=2001:db8::1, SIP/2.0/UDP 10.0.0.2;rport";
        assert_eq!(lines, [marked, "Via: SIP/2.0/UDP 10.0.0.3;rport"]);
        assert!(answer.contains("To: <sip:a>;tag=x\r\n"), "{answer}");
    }
}
