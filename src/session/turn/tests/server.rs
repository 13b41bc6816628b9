//! A TURN server in virtual time, its messages written and read by `stun-rs` alone: what it allocates, permits and relays,
//! and what it does wrong.

use std::net::SocketAddr;

use stun_rs::attributes::stun::{
    AlternateServer, ErrorCode, MessageIntegrity, Nonce, Realm, Software, UserName, XorMappedAddress,
};
use stun_rs::attributes::turn::{ChannelNumber, Data, LifeTime, XorPeerAddress, XorRelayedAddress};
use stun_rs::{
    Algorithm, AlgorithmId, DecoderContextBuilder, HMACKey, MessageClass, MessageDecoderBuilder, MessageEncoderBuilder,
    MessageMethod, StunMessage, StunMessageBuilder, methods,
};

use crate::wire::turn::frames::{read_channel_data, write_channel_data};

pub const SERVER: &str = "198.51.100.3:3478";
pub const RELAYED: &str = "198.51.100.3:50001";
pub const CLIENT: &str = "203.0.113.5:40000";
pub const REALM: &str = "example.org";
pub const USER: &str = "alice";
pub const PASSWORD: &str = "secret";

/// What it does wrong; methods by their number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Way {
    #[default]
    Right,
    /// Answers this method with an error.
    Error(u16, u16),
    /// Relays nothing.
    RelaysNothing,
    /// Answers this method's success without MESSAGE-INTEGRITY, or with a wrong one.
    Unsigned(u16),
    Forged(u16),
    /// Never answers this method.
    Silent(u16),
    /// Calls the first so many nonces of this method stale.
    Stale(u16, u32),
    /// Says 401 instead, with a new nonce.
    StaleBy401(u16),
    /// Calls a nonce stale and sends the same again.
    StaleSame,
    /// Has another realm from this method on; or another one each time.
    OtherRealm(u16),
    EveryRealm,
    /// Wants no credentials.
    Open,
    /// Asks for credentials and tells no realm or nonce.
    NoRealm,
    /// A realm that nobody can log in to.
    BadRealm,
    /// Sends Data indications instead of ChannelData.
    Indications,
    /// Random bytes for every answer.
    Garbage,
    /// An answer of the longest message there is, full of unknown attributes.
    Huge,
    /// No relayed address in its answer.
    NoAddress,
    /// An allocation that lives so many seconds.
    Lives(u32),
    /// An error without ERROR-CODE.
    NoCode,
    /// Its SOFTWARE is no UTF-8.
    Sloppy,
    /// The allocation is lost after so many datagrams.
    Loses(u32),
}

/// Its state.
pub struct Server {
    pub way: Way,
    realm: String,
    nonce: u32,
    stale: u32,
    last_allocate: Option<[u8; 12]>,
    pub allocated: bool,
    pub permitted: bool,
    pub bound: bool,
    pub allocations: u32,
    /// Requests of each kind that came: allocate, refresh, permission, channel, release.
    pub requests: [u32; 5],
    pub relayed: u32,
    /// The longest that any wrong behaviour may last.
    pub released: bool,
}

impl Server {
    pub fn new(way: Way) -> Self {
        Self {
            way,
            realm: REALM.to_owned(),
            nonce: 1,
            stale: 0,
            last_allocate: None,
            allocated: false,
            permitted: false,
            bound: false,
            allocations: 0,
            requests: [0; 5],
            relayed: 0,
            released: false,
        }
    }

    fn nonce(&self) -> String {
        format!("nonce-{:08}", self.nonce)
    }

    fn key(&self) -> HMACKey {
        HMACKey::new_long_term(USER, &self.realm, PASSWORD, Algorithm::from(AlgorithmId::MD5)).unwrap()
    }

    /// What comes back for a datagram of the client.
    pub fn take(&mut self, bytes: &[u8]) -> Vec<Vec<u8>> {
        if let Some((number, data)) = read_channel_data(bytes) {
            return self.relay(number, data);
        }
        let (request, size) = MessageDecoderBuilder::default().build().decode(bytes).unwrap();
        assert_eq!(size, bytes.len(), "nothing stands behind a message");
        self.count(&request);
        let answer = self.answer(&request, bytes);
        match self.way {
            Way::Silent(method) if method == request.method().as_u16() => vec![],
            Way::Garbage => vec![vec![0x5A; 40], vec![0x01; 40], vec![]],
            Way::Huge => vec![huge(&request)],
            Way::Sloppy => vec![spoil_software(answer)],
            Way::BadRealm => vec![spoil_realm(answer)],
            _ => vec![answer],
        }
    }

    fn count(&mut self, request: &StunMessage) {
        let release = request.get::<LifeTime>().is_some_and(|l| *l.expect_life_time() == 0);
        let kind = match request.method() {
            methods::ALLOCATE => 0,
            methods::REFRESH if release => 4,
            methods::REFRESH => 1,
            methods::CREATE_PERMMISSION => 2,
            methods::CHANNEL_BIND => 3,
            other => panic!("{other:?}"),
        };
        self.requests[kind] += 1;
    }

    /// Data to the relayed address come in there again.
    fn relay(&mut self, number: u16, data: &[u8]) -> Vec<Vec<u8>> {
        assert_eq!(number, 0x4000);
        if matches!(self.way, Way::Loses(after) if self.relayed >= after) {
            self.allocated = false;
        }
        if !(self.allocated && self.permitted && self.bound) || self.way == Way::RelaysNothing {
            return vec![];
        }
        self.relayed += 1;
        if self.way == Way::Indications {
            let message = StunMessageBuilder::new(methods::DATA, MessageClass::Indication)
                .with_attribute(XorPeerAddress::from(RELAYED.parse::<SocketAddr>().unwrap()))
                .with_attribute(Data::new(data));
            return vec![encode(message)];
        }
        let mut out = vec![0; data.len() + 4];
        write_channel_data(&mut out, number, data).unwrap();
        vec![out]
    }

    fn reply(request: &StunMessage, class: MessageClass) -> StunMessageBuilder {
        StunMessageBuilder::new(request.method(), class)
            .with_transaction_id(*request.transaction_id())
            .with_attribute(Software::new("Coturn-4.6.1 'Gorst'").unwrap())
    }

    fn error(&self, request: &StunMessage, code: u16) -> Vec<u8> {
        let reason = match code {
            401 => "Unauthorized",
            438 => "Stale Nonce",
            _ => "So It Is",
        };
        let mut reply = Self::reply(request, MessageClass::ErrorResponse);
        if self.way != Way::NoCode {
            reply = reply.with_attribute(ErrorCode::new(stun_rs::ErrorCode::new(code, reason).unwrap()));
        }
        if matches!(code, 401 | 438) && self.way != Way::NoRealm {
            reply = reply.with_attribute(Nonce::new(self.nonce()).unwrap());
            reply = reply.with_attribute(Realm::new(&self.realm).unwrap());
        }
        if code == 300 {
            reply = reply.with_attribute(AlternateServer::from("198.51.100.99:3478".parse::<SocketAddr>().unwrap()));
        }
        encode(reply)
    }

    fn answer(&mut self, request: &StunMessage, bytes: &[u8]) -> Vec<u8> {
        let method = request.method().as_u16();
        if let Some(refusal) = self.refusal(request, bytes) {
            return self.error(request, refusal);
        }
        if let Way::Error(which, code) = self.way
            && which == method
        {
            return self.error(request, code);
        }
        if self.way == Way::NoCode {
            return self.error(request, 500);
        }
        match self.carry_out(request) {
            Ok(reply) => self.signed(method, reply),
            Err(code) => self.error(request, code),
        }
    }

    /// The code with which a request is turned away before it is looked at.
    fn refusal(&mut self, request: &StunMessage, bytes: &[u8]) -> Option<u16> {
        let method = request.method().as_u16();
        if self.way == Way::Open {
            assert!(request.get::<MessageIntegrity>().is_none(), "nobody asked for it");
            return None;
        }
        if matches!(self.way, Way::OtherRealm(from) if from == method) {
            self.realm = "other.example".to_owned();
        }
        let Some(nonce) = request.get::<Nonce>().map(|n| n.expect_nonce().as_str().to_owned()) else {
            return Some(401);
        };
        if self.way == Way::EveryRealm {
            self.realm.push('x');
            return Some(401);
        }
        let context = DecoderContextBuilder::default().with_key(self.key()).with_validation().build();
        let right = MessageDecoderBuilder::default().with_context(context).build().decode(bytes).is_ok();
        let user = request.get::<UserName>().unwrap().expect_user_name().as_str() == USER;
        if !right || !user || request.get::<MessageIntegrity>().is_none() {
            return Some(401);
        }
        match self.way {
            Way::StaleSame => return Some(438),
            Way::Stale(which, most) if which == method && self.stale < most => {
                self.stale += 1;
                self.nonce += 1;
                return Some(438);
            }
            Way::StaleBy401(which) if which == method && self.stale == 0 => {
                self.stale += 1;
                self.nonce += 1;
                return Some(401);
            }
            _ => {}
        }
        (nonce != self.nonce()).then_some(438)
    }

    fn carry_out(&mut self, request: &StunMessage) -> Result<StunMessageBuilder, u16> {
        let reply = Self::reply(request, MessageClass::SuccessResponse);
        let release = request.get::<LifeTime>().is_some_and(|l| *l.expect_life_time() == 0);
        match request.method() {
            methods::ALLOCATE => {
                let id = *request.transaction_id().as_bytes();
                if self.allocated && self.last_allocate != Some(id) {
                    return Err(437);
                }
                self.allocations += u32::from(!self.allocated);
                (self.allocated, self.last_allocate) = (true, Some(id));
                let lives = if let Way::Lives(seconds) = self.way { seconds } else { 600 };
                let reply = reply
                    .with_attribute(XorMappedAddress::from(CLIENT.parse::<SocketAddr>().unwrap()))
                    .with_attribute(LifeTime::from(lives));
                let relayed = XorRelayedAddress::from(RELAYED.parse::<SocketAddr>().unwrap());
                Ok(if self.way == Way::NoAddress { reply } else { reply.with_attribute(relayed) })
            }
            _ if !self.allocated => Err(437),
            methods::REFRESH if release => {
                (self.allocated, self.released) = (false, true);
                Ok(reply.with_attribute(LifeTime::from(0)))
            }
            methods::REFRESH => {
                let lives = if let Way::Lives(seconds) = self.way { seconds } else { 600 };
                Ok(reply.with_attribute(LifeTime::from(lives)))
            }
            methods::CREATE_PERMMISSION => {
                self.permitted |= peer_of(request) == RELAYED.parse::<SocketAddr>().unwrap();
                Ok(reply)
            }
            _ => {
                assert_eq!(request.get::<ChannelNumber>().unwrap().expect_channel_number().number(), 0x4000);
                self.bound |= peer_of(request) == RELAYED.parse::<SocketAddr>().unwrap();
                Ok(reply)
            }
        }
    }

    fn signed(&self, method: u16, reply: StunMessageBuilder) -> Vec<u8> {
        if self.way == Way::Open || self.way == Way::Unsigned(method) {
            return encode(reply);
        }
        let mut bytes = encode(reply.with_attribute(MessageIntegrity::new(self.key())));
        if self.way == Way::Forged(method) {
            *bytes.last_mut().unwrap() ^= 1;
        }
        bytes
    }
}

fn peer_of(request: &StunMessage) -> SocketAddr {
    *request.get::<XorPeerAddress>().unwrap().expect_xor_peer_address().socket_address()
}

fn encode(message: StunMessageBuilder) -> Vec<u8> {
    let mut buf = vec![0; 4096];
    let len = MessageEncoderBuilder::default().build().encode(&mut buf, &message.build()).unwrap();
    buf.truncate(len);
    buf
}

/// The answer's SOFTWARE, no UTF-8 any more; its integrity no longer right.
fn spoil_software(mut answer: Vec<u8>) -> Vec<u8> {
    answer[24] = 0xFF;
    answer
}

/// The realm, control characters throughout.
fn spoil_realm(mut answer: Vec<u8>) -> Vec<u8> {
    if let Some(at) = answer.windows(REALM.len()).position(|w| w == REALM.as_bytes()) {
        answer[at..at + REALM.len()].fill(7);
    }
    answer
}

fn huge(request: &StunMessage) -> Vec<u8> {
    let method = MessageMethod::try_from(request.method().as_u16()).unwrap();
    let mut bytes = encode(
        StunMessageBuilder::new(method, MessageClass::ErrorResponse).with_transaction_id(*request.transaction_id()),
    );
    while bytes.len() + 8 <= 65_540 {
        bytes.extend([0xC0, 0x01, 0, 4, 1, 2, 3, 4]);
    }
    let length = (bytes.len() - 20) as u16;
    bytes[2..4].copy_from_slice(&length.to_be_bytes());
    bytes
}
