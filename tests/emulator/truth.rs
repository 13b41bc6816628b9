//! What really happened to the packets of one tool: request and reply paired by the numbers that they bear.

use std::collections::BTreeMap;

use super::log::{Fate, Packet};

/// ICMP and UDP, as the log names them.
const ICMP: u8 = 1;
const UDP: u8 = 17;

/// Whose packets.
#[derive(Clone, Copy, Debug)]
pub enum Tool {
    Ping,
    /// Server's port.
    Irtt(u16),
    /// STAMP to any of these ports.
    Stamp(u16, u16),
}

/// The numbers of a packet.
struct Numbers {
    /// The request's.
    request: u32,
    /// The reply's own; `None` where replies bear the request's alone.
    own: Option<u32>,
}

impl Tool {
    /// `None`: no packet of this tool's train.
    fn numbers(self, packet: &Packet) -> Option<Numbers> {
        let port = if packet.up { packet.ports.1 } else { packet.ports.0 };
        let (payload, up) = (&packet.payload, packet.up);
        let echo = |request| Numbers { request, own: None };
        match self {
            Tool::Ping => (packet.protocol == ICMP).then(|| echo(packet.ports.1.into())),
            // Magic, a byte of flags (1 and 4: a session opens or closes), token, number.
            Tool::Irtt(of) if packet.protocol == UDP && port == of => {
                let bytes = payload.get(12..16)?.try_into().ok()?;
                (payload[3] & 0x05 == 0 && payload[..3] == [0x14, 0xa7, 0x5b]).then(|| echo(u32::from_le_bytes(bytes)))
            }
            Tool::Stamp(low, high) if packet.protocol == UDP && (low..=high).contains(&port) => {
                let number = |at: usize| Some(u32::from_be_bytes(payload.get(at..at + 4)?.try_into().ok()?));
                let request = number(if up { 0 } else { 24 })?;
                (!is_stun(payload) && !is_query(payload)).then_some(Numbers { request, own: number(0).filter(|_| !up) })
            }
            _ => None,
        }
    }
}

fn is_stun(payload: &[u8]) -> bool {
    payload.get(4..8) == Some(&[0x21, 0x12, 0xa4, 0x42]) && payload[0] < 2
}

/// Our report extension with its query bit: a question for the counts, no packet of the train.
fn is_query(payload: &[u8]) -> bool {
    let mut rest = payload.get(44..).unwrap_or_default();
    while let [_, kind, high, low, value @ ..] = rest {
        if *kind == 252 {
            return value.get(9).is_some_and(|flags| flags & 1 == 1);
        }
        rest = value.get(usize::from(*high) << 8 | usize::from(*low)..).unwrap_or_default();
    }
    false
}

/// One way, of the packets that were sent on it.
#[derive(Clone, Debug, Default)]
pub struct OneWay {
    /// Copies apart.
    pub sent: u32,
    pub lost: u32,
    /// Copies that arrived.
    pub duplicated: u32,
    /// Arrived after one with a higher number (RFC 4737).
    pub reordered: u32,
    /// Differences of delay between neighbours in order of arrival, over the packets whose round trip ended well, in
    /// milliseconds, sorted.
    pub variation: Vec<f64>,
}

/// Both ways.
#[derive(Clone, Debug, Default)]
pub struct Truth {
    pub up: OneWay,
    pub down: OneWay,
    /// Requests to which an answer came back.
    pub answered: u32,
    /// Milliseconds that the emulator kept request and answer, for each request answered; sorted.
    pub rtt: Vec<f64>,
    /// From the first request to the last, in seconds.
    pub lasted: f64,
}

impl Truth {
    /// Requests that no answer came back to.
    pub fn lost(&self) -> u32 {
        self.up.sent - self.answered
    }
}

/// A request or reply with its copies.
#[derive(Default)]
struct Sending<'a> {
    request: u32,
    copies: Vec<&'a Packet>,
}

impl Sending<'_> {
    fn arrivals(&self) -> Vec<(i64, i64)> {
        let mut arrivals: Vec<_> = self.copies.iter().filter_map(|p| Some((p.left?, p.delay()?))).collect();
        arrivals.sort_unstable();
        arrivals
    }
}

/// What became of `tool`'s packets. With more than one of its flows in the log, of the one with most packets.
pub fn of(log: &[Packet], tool: Tool) -> Truth {
    let flow = busiest(log, tool);
    let of_flow = log.iter().filter(|p| Some(flow_of(p)) == flow);
    let numbered: Vec<_> = of_flow.filter_map(|p| Some((tool.numbers(p)?, p))).collect();
    let mut requests: BTreeMap<u32, Sending> = BTreeMap::new();
    for (numbers, packet) in numbered.iter().filter(|(_, p)| p.up) {
        let sending = requests.entry(numbers.request).or_default();
        sending.request = numbers.request;
        sending.copies.push(packet);
    }
    let replies = replies(&numbered);
    let mut truth = Truth { up: one_way(&requests), down: one_way(&replies), ..Truth::default() };
    let pairs = pairs(&requests, &replies);
    truth.answered = u32::try_from(pairs.len()).unwrap();
    truth.rtt = sorted(pairs.iter().map(|p| ms(p.up.1 + p.down.1)).collect());
    truth.up.variation = variation(pairs.iter().map(|p| p.up).collect());
    truth.down.variation = variation(pairs.iter().map(|p| p.down).collect());
    let mut times = requests.values().map(|r| r.copies[0].came);
    if let (Some(first), Some(last)) = (times.next(), times.next_back()) {
        truth.lasted = (last - first) as f64 / 1e9;
    }
    truth
}

/// The client's end of a flow: its port, or the identifier of its echoes.
fn flow_of(packet: &Packet) -> (u8, u16) {
    let client = if packet.up || packet.protocol == ICMP { packet.ports.0 } else { packet.ports.1 };
    (packet.protocol, client)
}

fn busiest(log: &[Packet], tool: Tool) -> Option<(u8, u16)> {
    let mut flows: BTreeMap<(u8, u16), usize> = BTreeMap::new();
    for packet in log.iter().filter(|p| p.up && tool.numbers(p).is_some()) {
        *flows.entry(flow_of(packet)).or_default() += 1;
    }
    flows.into_iter().max_by_key(|(_, packets)| *packets).map(|(flow, _)| flow)
}

/// Replies by their own number; where they bear none, numbered as they left.
fn replies<'a>(numbered: &[(Numbers, &'a Packet)]) -> BTreeMap<u32, Sending<'a>> {
    let mut replies: BTreeMap<u32, Sending> = BTreeMap::new();
    let mut latest: BTreeMap<u32, u32> = BTreeMap::new();
    let mut next = 0;
    for (numbers, packet) in numbered.iter().filter(|(_, p)| !p.up) {
        // The emulator writes a copy right behind its original.
        let number = match packet.fate {
            Fate::Copy => latest.get(&numbers.request).copied().unwrap(),
            _ => numbers.own.unwrap_or(next),
        };
        next += u32::from(packet.fate != Fate::Copy);
        latest.insert(numbers.request, number);
        let sending = replies.entry(number).or_default();
        sending.request = numbers.request;
        sending.copies.push(packet);
    }
    replies
}

/// Arrival and delay of a request, and of the answer to it that came first.
struct Pair {
    up: (i64, i64),
    down: (i64, i64),
}

fn pairs(requests: &BTreeMap<u32, Sending>, replies: &BTreeMap<u32, Sending>) -> Vec<Pair> {
    let mut of_request: BTreeMap<u32, Vec<&Sending>> = BTreeMap::new();
    for reply in replies.values() {
        of_request.entry(reply.request).or_default().push(reply);
    }
    let answered = |request: &Sending| {
        let mut answers = of_request.get(&request.request)?.clone();
        answers.sort_by_key(|r| r.copies[0].came);
        // The first copy to arrive is the first to be answered.
        let both = request.arrivals().into_iter().zip(answers);
        both.filter_map(|(up, reply)| Some(Pair { up, down: *reply.arrivals().first()? })).min_by_key(|p| p.down.0)
    };
    requests.values().filter_map(answered).collect()
}

fn one_way(sendings: &BTreeMap<u32, Sending>) -> OneWay {
    let mut arrived: Vec<(i64, u32)> = Vec::new();
    let mut way = OneWay { sent: u32::try_from(sendings.len()).unwrap(), ..OneWay::default() };
    for (number, sending) in sendings {
        match sending.arrivals().as_slice() {
            [] => way.lost += 1,
            [(first, _), more @ ..] => {
                way.duplicated += u32::try_from(more.len()).unwrap();
                arrived.push((*first, *number));
            }
        }
    }
    arrived.sort_unstable();
    let mut highest = 0;
    for (_, number) in arrived {
        way.reordered += u32::from(number < highest);
        highest = highest.max(number);
    }
    way
}

/// Of (arrival, delay).
fn variation(mut packets: Vec<(i64, i64)>) -> Vec<f64> {
    packets.sort_unstable();
    sorted(packets.windows(2).map(|w| ms((w[1].1 - w[0].1).abs())).collect())
}

fn ms(nanoseconds: i64) -> f64 {
    nanoseconds as f64 / 1e6
}

fn sorted(mut values: Vec<f64>) -> Vec<f64> {
    values.sort_by(f64::total_cmp);
    values
}

/// The arithmetic mean; NaN of nothing.
pub fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

/// The value below which `share` of the sorted `values` lie; NaN of nothing.
pub fn percentile(values: &[f64], share: f64) -> f64 {
    let at = (share * values.len() as f64).ceil() as usize;
    values.get(at.saturating_sub(1)).copied().unwrap_or(f64::NAN)
}
