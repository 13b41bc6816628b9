use super::*;
use crate::wire::stamp::{Tlvs, read_reply, write_request};

const HERE: ([u8; 4], u16) = ([198, 51, 100, 1], 862);
const KEY: &[u8] = b"sixteen bytes key";

fn request(seq: u32, report: Option<Report>, cos: Option<u8>, key: Option<&[u8]>) -> Vec<u8> {
    let head = Request { seq, sent: Timestamp(5 << 32), error: ErrorEstimate(0x9001), ssid: 77 };
    let cos = cos.map(|wanted_dscp| ClassOfService { wanted_dscp, ..ClassOfService::default() });
    let mut buf = [0; 512];
    let n = write_request(&mut buf, &head, cos, report.as_ref(), key, 0).unwrap();
    buf[..n].to_vec()
}

fn seen() -> Seen {
    let received = Duration::new(1_700_000_000, 0);
    let sending = received + Duration::from_micros(20);
    Seen { to: HERE.into(), received, sending, ttl: Some(60), tos: Some(46 << 2 | 1), dropped: 0 }
}

const OPEN: Manner<'static> = Manner { key: None, dscp: true };

/// The answer to `bytes`, in the session of `track`.
fn ask(bytes: &[u8], seen: &Seen, track: Option<&mut Track>, manner: Manner<'_>) -> (Vec<u8>, Option<u8>) {
    let asked = Asked::read(bytes, manner.key).unwrap();
    let mut buf = [0; 512];
    let answer = answer(&mut buf, bytes, &asked, seen, track, 5, manner).unwrap();
    assert_eq!(answer.len, bytes.len());
    (buf[..answer.len].to_vec(), answer.tos)
}

fn report_of(tlvs: Tlvs<'_>) -> Option<Report> {
    tlvs.first_of(kind::REPORT).filter(|t| t.understood()).and_then(|t| Report::read(t.value))
}

#[test]
fn an_answer_says_when_with_which_ttl_and_as_which_number() {
    for key in [None, Some(KEY)] {
        let mut track = Track::default();
        let (bytes, tos) = ask(&request(9, None, None, key), &seen(), Some(&mut track), Manner { key, dscp: true });
        let (reply, _) = read_reply(&bytes, key).unwrap();
        assert_eq!((reply.seq, reply.request_seq, reply.ssid, reply.ttl, tos), (0, 9, 77, 60, None));
        assert_eq!((reply.request_sent, reply.request_error), (Timestamp(5 << 32), ErrorEstimate(0x9001)));
        assert_eq!(reply.sent.since(reply.received, reply.error), 20_000);
        assert_eq!(Timestamp::ntp(seen().received), reply.received);
        let (bytes, _) = ask(&request(12, None, None, key), &seen(), Some(&mut track), Manner { key, dscp: true });
        assert_eq!(read_reply(&bytes, key).unwrap().0.seq, 1, "a number of its own");
        let (bytes, _) = ask(&request(12, None, None, key), &seen(), None, Manner { key, dscp: true });
        assert_eq!(read_reply(&bytes, key).unwrap().0.seq, 12, "without state the sender's");
    }
}

#[test]
fn a_report_counts_what_came_and_a_query_counts_nothing() {
    let mut track = Track::default();
    let mut send = |seq, query| {
        let report = Some(Report { query, ..Report::default() });
        let (bytes, _) = ask(&request(seq, report, None, None), &seen(), Some(&mut track), OPEN);
        let (reply, tlvs) = read_reply(&bytes, None).unwrap();
        (reply.seq, report_of(tlvs).unwrap())
    };
    let empty = Report { token: 5, query: true, ..Report::default() };
    assert_eq!(send(0, true), (0, empty));
    send(0, false);
    send(3, false);
    send(2, false);
    let (number, last) = send(3, false);
    let counts = Report { token: 5, unique: 3, duplicates: 1, reordered: 1, highest: 3, window: 0b1011, ..empty };
    assert_eq!((number, last), (3, Report { query: false, ..counts }));
    assert_eq!((send(900, true), send(900, true)), ((4, counts), (4, counts)));
    assert_eq!(send(4, false).0, 4);
}

#[test]
fn without_state_there_is_no_report() {
    let (bytes, _) = ask(&request(1, Some(Report::default()), None, None), &seen(), None, OPEN);
    assert_eq!(report_of(read_reply(&bytes, None).unwrap().1), None);
}

#[test]
fn the_class_that_came_is_told_and_the_one_asked_for_is_sent() {
    let cos = |dscp: bool| {
        let (bytes, tos) = ask(&request(1, None, Some(34), None), &seen(), None, Manner { key: None, dscp });
        let (_, mut tlvs) = read_reply(&bytes, None).unwrap();
        (ClassOfService::read(tlvs.next().unwrap().value).unwrap(), tos)
    };
    let told = ClassOfService { wanted_dscp: 34, received_dscp: 46, received_ecn: 1, reverse_path: 0 };
    assert_eq!(cos(true), (told, Some(34 << 2)));
    assert_eq!(cos(false), (ClassOfService { reverse_path: 1, ..told }, Some(46 << 2)), "as it came");
}

#[test]
fn what_this_machine_lost_is_told_apart() {
    let mut track = Track::default();
    let mut send = |dropped, port| {
        let seen = Seen { dropped, to: (HERE.0, port).into(), ..seen() };
        let (bytes, _) = ask(&request(1, Some(Report::default()), None, None), &seen, Some(&mut track), OPEN);
        report_of(read_reply(&bytes, None).unwrap().1).unwrap().overflow
    };
    // What was lost before the session's first packet is not of the session; another socket counts for itself.
    assert_eq!([send(900, 862), send(900, 862), send(907, 862)], [0, 0, 7]);
    assert_eq!([send(3, 863), send(4, 863), send(0, 863)], [7, 8, u32::MAX], "and a count that falls breaks nothing");
    track.refuse();
    assert_eq!(track.lost_here, u32::MAX);
}

#[test]
fn only_a_senders_packets_are_read() {
    let open = request(1, None, None, None);
    let (reply, _) = ask(&open, &seen(), None, OPEN);
    assert_eq!(Asked::read(&reply, None).err(), Some(NotAsked::NotSender));
    assert_eq!(Asked::read(&open[..43], None).err(), Some(NotAsked::NotSender));
    assert_eq!(Asked::read(&open, Some(KEY)).err(), Some(NotAsked::Open));
    let signed = request(1, Some(Report::default()), None, Some(KEY));
    assert_eq!(Asked::read(&signed, Some(b"another")).err(), Some(NotAsked::WrongKey));
    let (reply, _) = ask(&signed, &seen(), None, Manner { key: Some(KEY), dscp: true });
    assert_eq!(Asked::read(&reply, Some(KEY)).err(), Some(NotAsked::NotSender));
    let mut changed = signed.clone();
    *changed.last_mut().unwrap() ^= 1;
    assert_eq!(Asked::read(&changed, Some(KEY)).err(), Some(NotAsked::WrongKey), "the extensions' HMAC");
    assert_eq!(Asked::read(&signed, Some(KEY)).unwrap().token(), None);
}
