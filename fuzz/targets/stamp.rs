//! Any bytes as a STAMP packet of a sender and of a reflector, with and without a key: nothing panics, what is read is
//! inside the packet, an answer is exactly as long as its request, and what was written reads as it was.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rtc_check::session::stamp::Arrivals;
use rtc_check::wire::stamp::{
    ClassOfService, ErrorEstimate, Reply, Report, Request, Timestamp, kind, may_be_request, read_reply, read_request,
    write_reply, write_request,
};

fuzz_target!(|input: (bool, &[u8])| {
    let (keyed, bytes) = input;
    let key: Option<&[u8]> = keyed.then_some(b"sixteen bytes key");
    if let Ok((request, tlvs)) = read_request(bytes, key) {
        assert!(tlvs.map(|t| 4 + t.value.len()).sum::<usize>() <= bytes.len());
        let mut buf = [0; 4096];
        let report = Report { token: 1, ..Report::default() };
        if let Some(n) = write_request(&mut buf, &request, None, Some(&report), key, bytes.len().min(4000)) {
            let (again, tlvs) = read_request(&buf[..n], key).expect("what was written");
            assert_eq!(again, request);
            assert_eq!(tlvs.first_of(kind::REPORT).and_then(|t| Report::read(t.value)), Some(report));
        }
    }
    let _ = read_reply(bytes, key);
    for tlv in read_request(bytes, None).map(|(_, tlvs)| tlvs).into_iter().flatten() {
        let _ = (ClassOfService::read(tlv.value), Report::read(tlv.value));
    }
    let reply = Reply {
        seq: 1,
        sent: Timestamp(1 << 40),
        error: ErrorEstimate::UNSYNCHRONISED,
        ssid: 1,
        received: Timestamp(1 << 40),
        request_seq: 1,
        request_sent: Timestamp(1),
        request_error: ErrorEstimate(1),
        ttl: 1,
    };
    let mut buf = vec![0; bytes.len()];
    let report = Report::default();
    if let Some(n) = write_reply(&mut buf, &reply, bytes, Some(ClassOfService::default()), Some(&report), key) {
        assert_eq!(n, bytes.len());
        assert_eq!(may_be_request(&buf, keyed), Some(false), "a reply could be taken for a request");
    }
    let mut arrivals = Arrivals::default();
    let numbers = bytes.chunks_exact(4).map(|c| u32::from_be_bytes([c[0], c[1], c[2], c[3]]));
    let count = numbers.map(|n| arrivals.record(n)).count() as u32;
    assert_eq!(arrivals.unique() + arrivals.duplicates(), count);
    assert!(arrivals.reordered() <= arrivals.unique());
});
