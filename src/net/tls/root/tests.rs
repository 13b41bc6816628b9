use super::*;
use crate::net::loopback::{Pki, Served, self_signed, self_signed_authority};
use crate::net::tls::pinned::Roots;

const NOW: i64 = 1_780_000_000;

/// The anchors that `roots` are.
fn anchors(roots: &[CertificateDer<'static>]) -> Vec<TrustAnchor<'static>> {
    let mut store = RootCertStore::empty();
    roots.iter().for_each(|r| store.add(r.clone()).unwrap());
    store.roots
}

/// Where `chain` leads for somebody to whom `public` and `own` are roots.
fn led(
    chain: &[CertificateDer<'static>],
    public: &[CertificateDer<'static>],
    own: &[CertificateDer<'static>],
) -> CertRoot {
    let (mut roots, provider) = (Roots::default(), rustls::crypto::ring::default_provider());
    roots.add_parsable(own.iter().cloned());
    let public = anchors(public);
    let known = Known { public: &public, ..Known::new(&roots.anchors, &roots.pinned, &provider) };
    known.root_of(chain, NOW).unwrap()
}

fn key_of(der: &CertificateDer<'_>) -> Option<String> {
    Some(cert::describe(der).key_sha256)
}

#[test]
fn a_chain_leads_to_a_public_a_private_or_no_root_by_its_signatures() {
    let (pki, namesake) = (Pki::test(), Pki::test());
    let served = pki.leaf("a.example");
    let public = led(&served.chain, &[pki.root()], &[pki.root()]);
    assert_eq!((public.standing, public.name.as_str()), (RootStanding::Public, "CN=Test Root"));
    assert_eq!(public.key_sha256, key_of(&pki.root()));
    let private = led(&served.chain, &[namesake.root()], &[namesake.root(), pki.root()]);
    assert_eq!(private, CertRoot { standing: RootStanding::Private, ..public.clone() });
    // The same names, other keys.
    let untrusted = led(&served.chain, &[namesake.root()], &[namesake.root()]);
    assert_eq!((untrusted.standing, untrusted.name.as_str()), (RootStanding::Untrusted, "CN=Test Root"));
    assert_eq!(untrusted.key_sha256, None, "the root was not sent");
}

#[test]
fn the_key_of_a_root_that_was_sent_is_told_where_it_signed_the_rest() {
    let (pki, namesake) = (Pki::test(), Pki::test());
    let with = |root| {
        let mut chain = pki.leaf("a.example").chain;
        chain.push(root);
        led(&chain, &[], &[])
    };
    let right = with(pki.root());
    assert_eq!((right.standing, right.key_sha256), (RootStanding::Untrusted, key_of(&pki.root())));
    assert_eq!(with(namesake.root()).key_sha256, None);
}

#[test]
fn dates_and_names_do_not_change_where_a_chain_leads() {
    let pki = Pki::test();
    for (from, to) in [(2000, 2001), (2100, 2101)] {
        let root = led(&pki.leaf_between("other.example", from, to).chain, &[pki.root()], &[]);
        assert_eq!(root.standing, RootStanding::Public);
    }
}

#[test]
fn a_certificate_of_its_own_is_private_where_it_is_trusted_itself() {
    for Served { chain, .. } in [self_signed("a.example"), self_signed_authority("a.example", 2020, 2120, &[])] {
        let trusted = led(&chain, &[], &chain);
        assert_eq!(trusted.standing, RootStanding::Private);
        let untrusted = led(&chain, &[], &[]);
        assert_eq!(untrusted, CertRoot { standing: RootStanding::Untrusted, ..trusted.clone() });
        assert_eq!(trusted.key_sha256, key_of(&chain[0]));
    }
}

#[test]
fn what_issuers_call_themselves_is_told_and_never_of_a_public_root() {
    let pki = Pki::named("Zscaler");
    let chain = pki.leaf("a.example").chain;
    for root in [led(&chain, &[], &[pki.root()]), led(&chain, &[], &[])] {
        let claimed = root.inspection.unwrap();
        assert_eq!((claimed.product.as_str(), claimed.issuer.as_str()), ("Zscaler", "CN=Zscaler Issuing"));
    }
    assert_eq!(led(&chain, &[pki.root()], &[]).inspection, None);
}

#[test]
fn the_public_roots_are_those_of_browsers() {
    // The key of ISRG Root X1, as it is published for pinning.
    let known = "0b9fa5a59eed715c26c1020c711b4f6ec42d58b0015e14337a39dad301c5afc3";
    let key = |a: &TrustAnchor<'_>| cert::sha256(&with_header(&a.subject_public_key_info));
    assert!(webpki_roots::TLS_SERVER_ROOTS.iter().any(|a| key(a) == known));
}

proptest::proptest! {
    /// Whatever a peer sends.
    #[test]
    fn broken_certificates_are_no_panic(at in 0usize..2, byte in 0usize..2000, value: u8, cut in 0usize..2000) {
        let pki = Pki::test();
        let mut chain: Vec<Vec<u8>> = pki.leaf("a.example").chain.iter().map(|c| c.to_vec()).collect();
        let one = &mut chain[at];
        let len = one.len();
        one[byte % len] = value;
        one.truncate(len - (cut % len) * usize::from(cut % 3 == 0));
        let chain: Vec<CertificateDer<'static>> = chain.into_iter().map(CertificateDer::from).collect();
        let (mut roots, provider) = (Roots::default(), rustls::crypto::ring::default_provider());
        roots.add_parsable([pki.root()]);
        let _ = Known::new(&roots.anchors, &roots.pinned, &provider).root_of(&chain, NOW);
    }
}

#[test]
fn what_is_no_certificate_leads_nowhere() {
    let (roots, provider) = (Roots::default(), rustls::crypto::ring::default_provider());
    let known = Known::new(&roots.anchors, &roots.pinned, &provider);
    assert_eq!(known.root_of(&[], NOW), None);
    assert_eq!(known.root_of(&[CertificateDer::from(vec![0x30, 3, 1, 2, 3])], NOW), None);
    let mut chain = Pki::test().leaf("a.example").chain;
    chain[1] = CertificateDer::from(vec![1, 2, 3]);
    assert_eq!(known.root_of(&chain, NOW).unwrap().name, "CN=Test Issuing");
}
