//! Writes OPTIONS requests, for whatever carries them.

use std::net::{IpAddr, SocketAddr};

/// An OPTIONS request outside of any dialog.
#[derive(Clone, Copy, Debug)]
pub struct Options<'a> {
    /// Name or address of the server; an IPv6 address without its brackets.
    pub host: &'a str,
    /// Of letters and digits: the client's host, which has no name, is `{random}.invalid` (RFC 7118 section 5).
    pub random: &'a str,
    pub agent: &'a str,
}

/// What follows RFC 3261's magic cookie in the branch, and in Call-ID and tag too: all the answer has to repeat.
impl Options<'_> {
    /// The branch parameter of the Via header (RFC 3261 section 8.1.1.7).
    pub fn branch(&self) -> String {
        format!("z9hG4bK{}", self.random)
    }

    /// Call-ID of the request.
    pub fn call_id(&self) -> String {
        format!("{0}@{0}.invalid", self.random)
    }

    /// The request as it stands in a WebSocket's text message. `secure`: the transport is WSS.
    pub fn encode(&self, secure: bool) -> String {
        let host = if self.host.contains(':') { format!("[{}]", self.host) } else { self.host.to_owned() };
        let (random, branch, call, agent) = (self.random, self.branch(), self.call_id(), self.agent);
        let transport = if secure { "WSS" } else { "WS" };
        format!(
            "OPTIONS sip:{host} SIP/2.0\r\n\
             Via: SIP/2.0/{transport} {random}.invalid;branch={branch};rport\r\n\
             Max-Forwards: 70\r\n\
             To: <sip:{host}>\r\n\
             From: <sip:anonymous@{host}>;tag={random}\r\n\
             Call-ID: {call}\r\n\
             CSeq: 1 OPTIONS\r\n\
             Contact: <sip:anonymous@{random}.invalid;transport=ws>\r\n\
             Accept: application/sdp\r\n\
             User-Agent: {agent}\r\n\
             Content-Length: 0\r\n\r\n"
        )
    }

    /// The request as a datagram, or as it stands in a stream. The Via, From and Contact bear addresses of `origin`, which
    /// is what devices rewrite that believe to know SIP; the Call-ID bears none. `proof` is for a responder with a key, in
    /// [`KEY_HEADER`], which every other server ignores (RFC 3261 section 8.2.2).
    pub fn encode_from(&self, origin: &Origin, proof: Option<&str>) -> String {
        let Origin { carrier, sent_by, own, port } = *origin;
        let proof = proof.map(|proof| format!("{KEY_HEADER}: {proof}\r\n")).unwrap_or_default();
        let host = if self.host.contains(':') { format!("[{}]", self.host) } else { self.host.to_owned() };
        let (random, branch, call, agent) = (self.random, self.branch(), self.call_id(), self.agent);
        let (transport, parameter) = match carrier {
            Carrier::Udp => ("UDP", ""),
            Carrier::Tcp => ("TCP", ";transport=tcp"),
            Carrier::Tls => ("TLS", ";transport=tls"),
        };
        format!(
            "OPTIONS sip:{host}:{port}{parameter} SIP/2.0\r\n\
             Via: SIP/2.0/{transport} {sent_by};rport;branch={branch}\r\n\
             Max-Forwards: 70\r\n\
             To: <sip:{host}:{port}>\r\n\
             From: <sip:anonymous@{own}>;tag={random}\r\n\
             Call-ID: {call}\r\n\
             CSeq: 1 OPTIONS\r\n\
             Contact: <sip:anonymous@{own}{parameter}>\r\n\
             Accept: application/sdp\r\n\
             User-Agent: {agent}\r\n\
             {proof}\
             Content-Length: 0\r\n\r\n"
        )
    }
}

/// Lower-case name of the header by which a responder knows the holder of its key.
pub const KEY_HEADER: &str = "rtc-check";

/// What carries a request that is not in a WebSocket (RFC 3261 section 18).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Carrier {
    Udp,
    Tcp,
    Tls,
}

/// Where a request says that it comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Origin {
    pub carrier: Carrier,
    /// Of the Via.
    pub sent_by: SocketAddr,
    /// This machine's own, of From and Contact.
    pub own: SocketAddr,
    /// The server's port.
    pub port: u16,
}

impl Origin {
    /// The truth: all of it bears this machine's own address and port.
    pub fn honest(carrier: Carrier, own: SocketAddr, port: u16) -> Self {
        Self { carrier, sent_by: own, own, port }
    }

    /// The same with an address of documentation (RFC 5737, RFC 3849) in the Via: no server ever gets a packet from there,
    /// so every one that follows RFC 3261 section 18.2.1 says where it came from.
    pub fn elsewhere(self) -> Self {
        const ONES: [IpAddr; 4] = [
            IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 213)),
            IpAddr::V4(std::net::Ipv4Addr::new(203, 0, 113, 213)),
            IpAddr::V6(std::net::Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0xd5)),
            IpAddr::V6(std::net::Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0xd6)),
        ];
        let fits = |a: &&IpAddr| a.is_ipv4() == self.own.is_ipv4() && **a != self.own.ip();
        let address = ONES.iter().find(fits).copied().unwrap_or(self.own.ip());
        Self { sent_by: SocketAddr::new(address, self.own.port()), ..self }
    }
}
