use super::*;

const OWN: &str = "192.168.1.2";
const DOC: &str = "192.0.2.213";
const NAT: &str = "198.51.100.1";
const PORT: u16 = 40000;

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

/// An answer whose Via and From came back as they were sent.
fn echo(sent_by: &str, received: Option<&str>, rport: Option<u16>) -> Echo {
    Echo { sent_by: Some(ip(sent_by)), received: received.map(ip), rport, from: Some(ip(OWN)) }
}

fn evidence(
    honest: Option<&str>,
    strange: Option<Option<&str>>,
    rport: Option<u16>,
    stun: Option<(&str, bool)>,
) -> Evidence {
    Evidence {
        own: SocketAddr::new(ip(OWN), PORT),
        documentation: ip(DOC),
        honest: echo(OWN, honest, rport),
        strange: strange.map(|received| echo(DOC, received, rport)),
        mapped: stun.map(|(address, same_host)| Mapped { address: ip(address), same_host }),
    }
}

#[test]
fn every_combination_has_its_verdict() {
    use Verdict::{CannotTell, None as Clean, Rewritten};
    let (own, nat, silent, untold) = (Some(Some(OWN)), Some(Some(NAT)), None, Some(None));
    let (same, elsewhere) = (Some((NAT, true)), Some((NAT, false)));
    let (here, far) = (Some((OWN, true)), Some((OWN, false)));
    let (kept, moved) = (Some(PORT), Some(61000));
    for (honest, strange, rport, stun, verdict) in [
        // The kernel's ALG before a server that tells differing sources, and before one that always tells.
        (None, nat, kept, None, Rewritten),
        (Some(OWN), nat, kept, None, Rewritten),
        (None, nat, None, far, Rewritten),
        // A NAT, and nothing else.
        (Some(NAT), nat, moved, None, Clean),
        (Some(NAT), nat, None, same, Clean),
        // No NAT.
        (None, own, kept, None, Clean),
        (Some(OWN), own, kept, here, Clean),
        (None, own, kept, far, Clean),
        // A server inside, or one whose answers are made to look so.
        (None, own, kept, elsewhere, CannotTell),
        (None, own, kept, same, Rewritten),
        (Some(OWN), own, moved, same, Rewritten),
        (Some(NAT), own, kept, None, CannotTell),
        // A server that tells, but not of the strange one.
        (Some(NAT), untold, moved, None, Rewritten),
        (Some(OWN), untold, kept, None, Rewritten),
        // A server that never tells.
        (None, untold, None, None, CannotTell),
        (None, untold, None, same, CannotTell),
        (None, untold, None, here, CannotTell),
        (None, untold, kept, None, CannotTell),
        (None, untold, kept, elsewhere, CannotTell),
        (None, untold, kept, same, Rewritten),
        (None, untold, moved, None, Rewritten),
        // A server that does not answer the strange one.
        (Some(NAT), silent, moved, None, Clean),
        (None, silent, kept, here, Clean),
        (Some(OWN), silent, kept, far, Clean),
        (None, silent, kept, same, Rewritten),
        (None, silent, moved, None, Rewritten),
        (Some(OWN), silent, None, same, Rewritten),
        (None, silent, None, same, CannotTell),
        (None, silent, kept, elsewhere, CannotTell),
        (None, silent, kept, None, CannotTell),
        (Some(OWN), silent, kept, elsewhere, CannotTell),
    ] {
        let alg = evidence(honest, strange, rport, stun).weigh();
        assert_eq!(alg.verdict, verdict, "{honest:?} {strange:?} {rport:?} {stun:?}: {}", alg.why);
        assert!(!alg.why.is_empty());
    }
}

#[test]
fn what_comes_back_changed_was_rewritten_whatever_else_is_seen() {
    let clean = || evidence(None, Some(Some(OWN)), None, None);
    let changed: [fn(&mut Evidence); 4] = [
        |e| e.honest.sent_by = Some(ip(NAT)),
        |e| e.honest.from = Some(ip(NAT)),
        |e| e.strange.as_mut().unwrap().sent_by = Some(ip(NAT)),
        |e| e.strange.as_mut().unwrap().received = Some(ip(DOC)),
    ];
    assert_eq!(clean().weigh().verdict, Verdict::None);
    for change in changed {
        let mut evidence = clean();
        change(&mut evidence);
        assert_eq!(evidence.weigh().verdict, Verdict::Rewritten);
    }
    // A name in place of the address tells nothing.
    let mut named = clean();
    (named.honest.sent_by, named.honest.from) = (None, None);
    assert_eq!(named.weigh().verdict, Verdict::None);
}
