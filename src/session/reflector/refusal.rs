//! Why the responder keeps silent, and what each reason is counted as. Knows nothing of how it is found.

/// Why a datagram gets no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Refusal {
    /// The source is a multicast, broadcast or unspecified address, or of another family than the socket.
    SourceAddress,
    /// The source port is 0 or below 1024.
    SourcePort,
    /// The source is one of the responder's own sockets.
    OwnSocket,
    /// It was sent to a multicast or broadcast address.
    Destination,
    /// Neither a STUN message nor a STAMP sender's packet.
    NotStun,
    /// A STUN message whose lengths do not fit each other or the datagram.
    Malformed,
    /// A STUN response, error response or indication.
    NotRequest,
    /// A STUN request for another method.
    NotBinding,
    /// FINGERPRINT is wrong.
    Fingerprint,
    /// It has an attribute that must be understood and is not (RFC 8489 section 6.3.1).
    UnknownAttribute,
    /// The responder has a key, and the request has no MESSAGE-INTEGRITY-SHA256 or another user name, or is a STAMP packet
    /// without authentication.
    Unsigned,
    /// MESSAGE-INTEGRITY-SHA256 or the HMAC of a STAMP packet is wrong.
    WrongKey,
    /// Shorter than the signed answer would be.
    TooShort,
    /// The budget for answers longer than their request is used up.
    BareBudget,
    /// The source's rate is exceeded.
    SourceRate,
    /// The rate of all sources together is exceeded.
    GlobalRate,
    /// A granted session asks more than it was granted.
    SessionRate,
}

impl Refusal {
    /// Every reason, in order of declaration.
    pub const ALL: [Refusal; 17] = [
        Refusal::SourceAddress,
        Refusal::SourcePort,
        Refusal::OwnSocket,
        Refusal::Destination,
        Refusal::NotStun,
        Refusal::Malformed,
        Refusal::NotRequest,
        Refusal::NotBinding,
        Refusal::Fingerprint,
        Refusal::UnknownAttribute,
        Refusal::Unsigned,
        Refusal::WrongKey,
        Refusal::TooShort,
        Refusal::BareBudget,
        Refusal::SourceRate,
        Refusal::GlobalRate,
        Refusal::SessionRate,
    ];

    /// The name of its counter.
    pub fn as_str(self) -> &'static str {
        match self {
            Refusal::SourceAddress => "source_address",
            Refusal::SourcePort => "source_port",
            Refusal::OwnSocket => "own_socket",
            Refusal::Destination => "destination",
            Refusal::NotStun => "not_stun",
            Refusal::Malformed => "malformed",
            Refusal::NotRequest => "not_request",
            Refusal::NotBinding => "not_binding",
            Refusal::Fingerprint => "fingerprint",
            Refusal::UnknownAttribute => "unknown_attribute",
            Refusal::Unsigned => "unsigned",
            Refusal::WrongKey => "wrong_key",
            Refusal::TooShort => "too_short",
            Refusal::BareBudget => "bare_budget",
            Refusal::SourceRate => "source_rate",
            Refusal::GlobalRate => "global_rate",
            Refusal::SessionRate => "session_rate",
        }
    }
}
