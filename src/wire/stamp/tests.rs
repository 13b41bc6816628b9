use proptest::prelude::*;

use super::tlv::{flag, kind};
use super::*;

const KEY: &[u8] = b"sixteen bytes key";

fn request(seq: u32) -> Request {
    let sent = Timestamp(0xEB12_3456_89AB_CDEF);
    Request { seq, sent, error: ErrorEstimate::UNSYNCHRONISED, ssid: 0x1234 }
}

fn reply(seq: u32) -> Reply {
    Reply {
        seq,
        sent: Timestamp(0xEB12_3457_0000_0001),
        error: ErrorEstimate(0x8001),
        ssid: 0x1234,
        received: Timestamp(0xEB12_3456_FFFF_FFFF),
        request_seq: 7,
        request_sent: Timestamp(0xEB12_3456_89AB_CDEF),
        request_error: ErrorEstimate::UNSYNCHRONISED,
        ttl: 61,
    }
}

fn written(request: &Request, cos: bool, report: bool, key: Option<&[u8]>, len: usize) -> Vec<u8> {
    let mut buf = [0xEE; 2048];
    let cos = cos.then_some(ClassOfService { wanted_dscp: 46, ..ClassOfService::default() });
    let report = report.then_some(Report { token: 99, ..Report::default() });
    let n = write_request(&mut buf, request, cos, report.as_ref(), key, len).unwrap();
    buf[..n].to_vec()
}

/// RFC 8762 sections 4.2.1 and 4.3.1, byte by byte.
#[test]
fn open_packets_are_laid_out_as_the_rfc_draws_them() {
    let asked = written(&request(7), false, false, None, 0);
    let head = [0, 0, 0, 7, 0xEB, 0x12, 0x34, 0x56, 0x89, 0xAB, 0xCD, 0xEF, 0x14 | 0x10 & 0x10, 0x01, 0x12, 0x34];
    assert_eq!(asked.len(), 44);
    assert_eq!((&asked[..12], &asked[14..16], &asked[16..]), (&head[..12], &head[14..], &[0; 28][..]));
    assert_eq!(u16::from_be_bytes([asked[12], asked[13]]), ErrorEstimate::UNSYNCHRONISED.0);
    let mut buf = [0xEE; 44];
    assert_eq!(write_reply(&mut buf, &reply(9), &asked, None, None, None), Some(44));
    assert_eq!(buf[..4], [0, 0, 0, 9]);
    assert_eq!(buf[16..24], 0xEB12_3456_FFFF_FFFFu64.to_be_bytes());
    assert_eq!((&buf[24..28], &buf[28..36]), (&[0, 0, 0, 7][..], &asked[4..12]));
    assert_eq!((&buf[36..38], &buf[38..44]), (&asked[12..14], &[0, 0, 61, 0, 0, 0][..]));
    assert_eq!((may_be_request(&asked, false), may_be_request(&buf, false)), (Some(true), Some(false)));
}

/// RFC 8762 sections 4.2.2 and 4.3.2.
#[test]
fn authenticated_packets_are_laid_out_as_the_rfc_draws_them() {
    let asked = written(&request(7), false, false, Some(KEY), 0);
    assert_eq!((asked.len(), &asked[4..16], &asked[28..96]), (112, &[0; 12][..], &[0; 68][..]));
    assert_eq!((&asked[16..24], &asked[26..28]), (&0xEB12_3456_89AB_CDEFu64.to_be_bytes()[..], &[0x12, 0x34][..]));
    let tag = ring::hmac::sign(&ring::hmac::Key::new(ring::hmac::HMAC_SHA256, KEY), &asked[..96]);
    assert_eq!(asked[96..], tag.as_ref()[..16]);
    let mut buf = [0xEE; 112];
    assert_eq!(write_reply(&mut buf, &reply(9), &asked, None, None, Some(KEY)), Some(112));
    assert_eq!((&buf[32..40], &buf[48..52]), (&0xEB12_3456_FFFF_FFFFu64.to_be_bytes()[..], &[0, 0, 0, 7][..]));
    assert_eq!((&buf[64..72], buf[80]), (&asked[16..24], 61));
    assert_eq!(read_reply(&buf, Some(KEY)).unwrap().0, reply(9));
    assert_eq!((may_be_request(&asked, true), may_be_request(&buf, true)), (Some(true), Some(false)));
    assert_eq!(may_be_request(&asked[..111], true), None);
}

#[test]
fn a_wrong_key_and_every_changed_byte_are_seen() {
    let asked = written(&request(7), true, true, Some(KEY), 220);
    assert_eq!(asked.len(), 220);
    assert!(read_request(&asked, Some(KEY)).is_ok());
    assert_eq!(read_request(&asked, Some(b"another")).unwrap_err(), Unread::Integrity);
    // All but the padding and the flags of the HMAC TLV itself.
    let padding = least_len(true);
    for at in (0..padding).filter(|at| *at != padding - HMAC_LEN - TLV_HEADER) {
        let mut changed = asked.clone();
        changed[at] ^= 1;
        assert!(read_request(&changed, Some(KEY)).is_err(), "byte {at}");
    }
    assert_eq!(read_request(&asked[..100], Some(KEY)).unwrap_err(), Unread::Short);
}

#[test]
fn extensions_are_filled_in_marked_or_left() {
    let mut asked = written(&request(7), true, true, None, 0);
    asked.extend([flag::UNRECOGNISED, 2, 0, 3, 1, 2, 3]);
    asked.extend([flag::UNRECOGNISED, kind::EXTRA_PADDING, 0, 2, 9, 9]);
    asked.extend([flag::UNRECOGNISED, kind::REPORT, 0xFF, 0xFF, 5]);
    let mut buf = [0; 512];
    let cos = ClassOfService { wanted_dscp: 46, received_dscp: 10, received_ecn: 1, reverse_path: 1 };
    let told = Report { token: 99, unique: 3, highest: 4, window: 0b11001, ..Report::default() };
    let n = write_reply(&mut buf, &reply(1), &asked, Some(cos), Some(&told), None).unwrap();
    assert_eq!(n, asked.len());
    let (_, tlvs) = read_reply(&buf[..n], None).unwrap();
    let all: Vec<Tlv<'_>> = tlvs.collect();
    assert_eq!(
        all.iter().map(|t| (t.kind, t.flags, t.understood())).collect::<Vec<_>>(),
        [
            (kind::CLASS_OF_SERVICE, 0, true),
            (kind::REPORT, 0, true),
            (2, flag::UNRECOGNISED, false),
            (kind::EXTRA_PADDING, 0, true),
            (kind::REPORT, flag::MALFORMED, false),
        ]
    );
    assert_eq!((ClassOfService::read(all[0].value), Report::read(all[1].value)), (Some(cos), Some(told)));
    assert_eq!((all[2].value, all[3].value, all[4].value), (&[1, 2, 3][..], &[9, 9][..], &[5][..]));
}

#[test]
fn a_report_says_which_of_the_last_128_numbers_came() {
    let report = Report { unique: 3, highest: 4, window: 0b11001, ..Report::default() };
    let has = [0, 1, 2, 3, 4, 5].map(|n| report.has(n));
    assert_eq!(has, [true, true, false, false, true, false].map(Some), "and what is higher than the highest did not");
    let later = Report { highest: 1000, ..report };
    assert_eq!((later.has(872), later.has(873), later.has(u32::MAX)), (None, Some(false), None));
    assert_eq!(Report::default().has(0), Some(false));
    let wrapped = Report { unique: 2, highest: 0, window: 0b11, ..Report::default() };
    assert_eq!((wrapped.has(u32::MAX), wrapped.has(1)), (Some(true), Some(false)));
}

#[test]
fn the_least_lengths_are_those_that_are_written() {
    for (key, base) in [(None, 44), (Some(KEY), 112)] {
        assert_eq!(written(&request(1), true, true, key, 0).len(), least_len(key.is_some()));
        assert_eq!(written(&request(1), false, false, key, 0).len(), base);
        // One to three bytes more than that are no extension.
        assert_eq!(written(&request(1), false, false, key, base + 3).len(), base);
        assert_eq!(written(&request(1), false, false, key, base + 4).len(), base + 4);
    }
}

fn any_key() -> impl Strategy<Value = Option<&'static [u8]>> {
    prop_oneof![Just(None), Just(Some(KEY))]
}

/// Extensions as they come, right and wrong.
fn any_tlvs() -> impl Strategy<Value = Vec<u8>> {
    let one = (any::<u8>(), prop_oneof![0u8..12, Just(kind::REPORT), any::<u8>()], 0usize..60, any::<bool>());
    proptest::collection::vec(one, 0..6).prop_map(|all| {
        let tlv = |(flags, kind, len, right): (u8, u8, usize, bool)| {
            let said = if right { len } else { len + 1 };
            [&[flags, kind, 0, said as u8][..], &vec![kind; len]].concat()
        };
        all.into_iter().flat_map(tlv).collect()
    })
}

proptest! {
    #[test]
    fn requests_read_as_they_were_written(
        seq in any::<u32>(), sent in any::<u64>(), error in any::<u16>(), ssid in any::<u16>(), key in any_key(),
        (cos, report, len) in (any::<bool>(), any::<bool>(), 0usize..1500)
    ) {
        let asked = Request { seq, sent: Timestamp(sent), error: ErrorEstimate(error), ssid };
        let bytes = written(&asked, cos, report, key, len);
        let (read, tlvs) = read_request(&bytes, key).unwrap();
        prop_assert_eq!(read, asked);
        prop_assert_eq!(may_be_request(&bytes, key.is_some()), Some(true));
        prop_assert_eq!(tlvs.first_of(kind::REPORT).is_some(), report);
        prop_assert_eq!(tlvs.first_of(kind::CLASS_OF_SERVICE).is_some(), cos);
        prop_assert!(bytes.len() >= len.saturating_sub(3) && bytes.len() <= len.max(least_len(key.is_some())));
        prop_assert_eq!(tlvs.map(|t| TLV_HEADER + t.value.len()).sum::<usize>(), tlvs.0.len());
    }

    #[test]
    fn replies_are_as_long_as_requests_and_read_as_they_were_written(
        seq in any::<u32>(), ttl in any::<u8>(), key in any_key(), rest in any_tlvs(), fill in any::<bool>()
    ) {
        let asked = [written(&request(7), false, false, key, 0), rest].concat();
        let mut buf = [0xEE; 2048];
        let told = Report { unique: 1, ..Report::default() };
        let (cos, report) = (fill.then_some(ClassOfService::default()), fill.then_some(&told));
        let answer = Reply { seq, ttl, ..reply(0) };
        let n = write_reply(&mut buf, &answer, &asked, cos, report, key).unwrap();
        prop_assert_eq!(n, asked.len());
        prop_assert!(buf[n..].iter().all(|b| *b == 0xEE), "nothing is written behind it");
        prop_assert_eq!(read_reply(&buf[..n], None.or(key)).map(|(r, _)| r).or_else(|e| match e {
            // Extensions without a proof are unproven in the reply too.
            Unread::Extensions => Ok(answer),
            other => Err(other),
        }), Ok(answer));
        prop_assert_eq!(may_be_request(&buf[..n], key.is_some()), Some(false));
        prop_assert_eq!(write_reply(&mut buf[..asked.len() - 1], &answer, &asked, cos, report, key), None);
    }

    #[test]
    fn no_bytes_make_it_panic_or_answer_with_more(bytes in proptest::collection::vec(any::<u8>(), 0..300), key in any_key()) {
        let _ = (read_request(&bytes, key), read_reply(&bytes, key), may_be_request(&bytes, key.is_some()));
        let mut buf = [0; 400];
        let told = Report::default();
        if let Some(n) = write_reply(&mut buf, &reply(1), &bytes, Some(ClassOfService::default()), Some(&told), key) {
            prop_assert_eq!(n, bytes.len());
        }
    }

    #[test]
    fn values_of_extensions_read_as_they_were_written(
        (token, query, counts, window) in (any::<u64>(), any::<bool>(), any::<[u32; 5]>(), any::<u128>()),
        (wanted_dscp, received_dscp, received_ecn, reverse_path) in (0u8..64, 0u8..64, 0u8..4, 0u8..4)
    ) {
        let [unique, duplicates, reordered, overflow, highest] = counts;
        let report = Report { token, query, unique, duplicates, reordered, overflow, highest, window };
        prop_assert_eq!(Report::read(&report.bytes()), Some(report));
        let cos = ClassOfService { wanted_dscp, received_dscp, received_ecn, reverse_path };
        prop_assert_eq!(ClassOfService::read(&cos.bytes()), Some(cos));
    }

    #[test]
    fn times_differ_by_what_lies_between(seconds in 0u64..8_000_000_000, nanos in 0u32..1_000_000_000, span in 0u64..1_000_000_000_000) {
        let earlier = std::time::Duration::new(seconds, nanos);
        let later = earlier + std::time::Duration::from_nanos(span);
        let (a, b) = (Timestamp::ntp(earlier), Timestamp::ntp(later));
        let error = ErrorEstimate::UNSYNCHRONISED;
        // A fraction is cut to 0.23 ns, and the difference to a whole one.
        prop_assert!((b.since(a, error) - span as i64).abs() <= 1);
        prop_assert!((a.since(b, error) + span as i64).abs() <= 1);
        let ptp = |t: std::time::Duration| Timestamp((t.as_secs() & 0xFFFF_FFFF) << 32 | u64::from(t.subsec_nanos()));
        prop_assert_eq!(ptp(later).since(ptp(earlier), ErrorEstimate(0x4001)), span as i64);
    }
}
