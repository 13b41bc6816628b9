//! The packets of a train over STAMP (RFC 8762): writing them, and reading replies. Knows none of the train's record but
//! when each packet was sent.

use std::time::Duration;

use super::Stamp;
use super::answer::{Answer, Asked, Unfit};
use crate::wire::stamp::{
    AUTHENTICATED_LEN, ClassOfService, ErrorEstimate, HMAC_LEN, OPEN_LEN, Report, Request, TLV_HEADER, Timestamp, Tlvs,
    Unread, kind, read_reply, write_request,
};

/// Questions at the train's end have the highest numbers, which no train reaches.
pub(super) const FIRST_QUERY: u32 = u32::MAX - 255;

/// A TTL of the reflector that says nothing (RFC 8762 section 4.3.1: it sets 255 where it cannot tell).
const NO_TTL: u8 = 255;

/// One packet of ours, a part of the train or a question.
#[derive(Clone, Copy)]
pub(super) struct Written {
    pub seq: u32,
    /// Since 1970.
    pub sent: Duration,
    pub dscp: u8,
    pub len: usize,
}

impl Stamp {
    /// Bytes of the shortest packet.
    pub(super) fn least_len(&self) -> usize {
        let authenticated = self.key.is_some();
        let base = if authenticated { AUTHENTICATED_LEN } else { OPEN_LEN };
        let report = if self.report { TLV_HEADER + Report::LEN } else { 0 };
        let proof = if authenticated { TLV_HEADER + HMAC_LEN } else { 0 };
        base + TLV_HEADER + ClassOfService::LEN + report + proof
    }

    /// Writes a packet; `None`: the buffer is too small.
    pub(super) fn write(&self, buf: &mut [u8], packet: Written) -> Option<usize> {
        let request = Request {
            seq: packet.seq,
            sent: Timestamp::ntp(packet.sent),
            error: ErrorEstimate::UNSYNCHRONISED,
            ssid: self.ssid,
        };
        let cos = ClassOfService { wanted_dscp: packet.dscp, ..ClassOfService::default() };
        let report = Report { token: self.token, query: packet.seq >= FIRST_QUERY, ..Report::default() };
        let report = self.report.then_some(&report);
        write_request(buf, &request, Some(cos), report, self.key.as_deref(), packet.len)
    }

    /// Reads a reply. `sent` tells when a packet of that number was sent, since 1970, and its length.
    pub(super) fn read(
        &self,
        bytes: &[u8],
        sent: impl FnOnce(u32) -> Option<(Duration, usize)>,
    ) -> Result<Answer, Unfit> {
        let (reply, tlvs) = read_reply(bytes, self.key.as_deref()).map_err(|unread| match unread {
            Unread::Short => Unfit::Unreadable,
            Unread::Integrity | Unread::Extensions => Unfit::WrongHmac,
        })?;
        if reply.ssid != self.ssid {
            return Err(Unfit::WrongSession);
        }
        let (at, len) = sent(reply.request_seq).ok_or(Unfit::NeverSent)?;
        if reply.request_sent != Timestamp::ntp(at) {
            return Err(Unfit::NeverSent);
        }
        if bytes.len() > len {
            return Err(Unfit::Longer);
        }
        // A reflector that fills in no times leaves them zero.
        let times = (reply.received.0 != 0 && reply.sent.0 != 0).then_some((reply.received, reply.sent, reply.error));
        let asked = match reply.request_seq.checked_sub(FIRST_QUERY) {
            Some(_) => Asked::Query,
            None => Asked::Packet(reply.request_seq),
        };
        Ok(Answer {
            asked,
            number: Some(reply.seq),
            times,
            ttl: (reply.ttl != NO_TTL).then_some(reply.ttl),
            class: understood(tlvs, kind::CLASS_OF_SERVICE).and_then(ClassOfService::read),
            // Another token is that of a sender without a session: ours ended, or our address changed on the way.
            report: self
                .report
                .then(|| understood(tlvs, kind::REPORT).and_then(Report::read))
                .flatten()
                .filter(|report| report.token == self.token),
            shorter: bytes.len() < len,
            error: None,
        })
    }
}

/// The value of an extension that the reflector understood.
fn understood(tlvs: Tlvs<'_>, kind: u8) -> Option<&[u8]> {
    tlvs.first_of(kind).filter(|tlv| tlv.understood()).map(|tlv| tlv.value)
}
