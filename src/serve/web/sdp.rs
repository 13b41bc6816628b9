//! What is changed of a browser's offer and of the answer to it. Candidates of the offer are left out: the peer answers
//! where checks come from and sends nothing anywhere else. Text in, text out; what it is given was written by anybody.

use std::net::IpAddr;

/// Media sections that an offer may have: a data channel and one stream.
const SECTIONS: usize = 4;
/// Lines that an offer may have; a browser's has about a hundred.
const LINES: usize = 600;

/// An offer without its candidates; `None` where it is none that a page of ours makes.
pub fn without_candidates(offer: &str) -> Option<String> {
    let sections = offer.lines().filter(|l| l.starts_with("m=")).count();
    let fits = offer.starts_with("v=0") && (1..=SECTIONS).contains(&sections) && offer.lines().count() <= LINES;
    let printable = offer.bytes().all(|b| matches!(b, b' '..=b'~' | b'\r' | b'\n' | b'\t'));
    let is_candidate = |l: &&str| l.starts_with("a=candidate") || l.starts_with("a=end-of-candidates");
    (fits && printable).then(|| offer.lines().filter(|l| !is_candidate(l)).flat_map(|l| [l, "\r\n"]).collect())
}

/// An answer whose candidates are `port` on each of `addresses`, the first to be preferred.
pub fn with_candidates(answer: &str, addresses: &[IpAddr], port: u16) -> String {
    let mut candidates = String::new();
    for (n, address) in addresses.iter().enumerate() {
        let priority = 2_130_706_431 - (n as u32) * 256;
        candidates.push_str(&format!("a=candidate:{n} 1 udp {priority} {address} {port} typ host\r\n"));
    }
    candidates.push_str("a=end-of-candidates\r\n");
    let is_candidate = |l: &&str| l.starts_with("a=candidate") || l.starts_with("a=end-of-candidates");
    let (mut text, mut sections) = (String::new(), 0);
    for line in answer.lines().filter(|l| !is_candidate(l)) {
        sections += usize::from(line.starts_with("m="));
        if line.starts_with("m=") && sections == 2 {
            text.push_str(&candidates);
        }
        text.push_str(line);
        text.push_str("\r\n");
    }
    if sections < 2 {
        text.push_str(&candidates);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    const OFFER: &str = "v=0\r\nm=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\na=candidate:1 1 udp 1 192.0.2.9 9 typ host\r\na=mid:0\r\n";

    #[test]
    fn nobody_is_named_in_an_offer_and_the_port_in_an_answer() {
        let clean = without_candidates(OFFER).unwrap();
        assert!(!clean.contains("192.0.2.9") && clean.contains("a=mid:0\r\n"));
        let answer = with_candidates(OFFER, &["192.0.2.1".parse().unwrap()], 19_599);
        assert!(answer.ends_with("a=candidate:0 1 udp 2130706431 192.0.2.1 19599 typ host\r\na=end-of-candidates\r\n"));
        let two = with_candidates(&OFFER.replace("v=0\r\n", "v=0\r\nm=audio 9 x 0\r\n"), &[], 1);
        assert!(two.contains("m=audio 9 x 0\r\na=end-of-candidates\r\nm=application"), "{two}");
    }

    #[test]
    fn what_is_no_offer_of_the_page_is_refused() {
        let long = format!("{OFFER}{}", "a=x\r\n".repeat(LINES));
        let many = format!("v=0\r\n{}", "m=audio 9 x 0\r\n".repeat(5));
        for text in ["", "v=0\r\n", "m=audio", "v=0\r\nm=\u{1}", &long, &many] {
            assert_eq!(without_candidates(text), None, "{text:.40}");
        }
    }
}
