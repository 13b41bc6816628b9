//! Where a chain leads: to a root of the public, to one that only this machine trusts, or to none. Decided by verifying
//! signatures against each root that the chain names, never by names alone. Knows neither clock nor socket.

use std::time::Duration;

use rustls::RootCertStore;
use rustls::client::verify_server_cert_signed_by_trust_anchor;
use rustls::crypto::{CryptoProvider, WebPkiSupportedAlgorithms};
use rustls::pki_types::{CertificateDer, TrustAnchor, UnixTime};
use rustls::server::ParsedCertificate;
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::ParsedExtension;

use super::inspection;
use super::pinned::Pinned;
use crate::model::{CertRoot, Facts, RootStanding, metric};
use crate::net::cert;
use crate::net::classify::clean;

const MAX_NAME: usize = 200;

/// Roots by whom they are trusted.
pub(super) struct Known<'a> {
    public: &'a [TrustAnchor<'static>],
    own: &'a RootCertStore,
    pinned: &'a Pinned,
    algorithms: &'a WebPkiSupportedAlgorithms,
}

impl<'a> Known<'a> {
    /// `own` are the roots of this machine, `pinned` the same as certificates of servers.
    pub(super) fn new(own: &'a RootCertStore, pinned: &'a Pinned, provider: &'a CryptoProvider) -> Self {
        let algorithms = &provider.signature_verification_algorithms;
        Self { public: webpki_roots::TLS_SERVER_ROOTS, own, pinned, algorithms }
    }

    /// Records where `chain` leads, which was sent leaf first; `now` is in seconds since 1970.
    pub(super) fn record(&self, chain: &[CertificateDer<'_>], now: i64, facts: &mut Facts) {
        if let Some(root) = self.root_of(chain, now) {
            facts.set(&metric::CERT_ROOT, root);
        }
    }

    /// `None` where the first certificate cannot be read.
    fn root_of(&self, chain: &[CertificateDer<'_>], now: i64) -> Option<CertRoot> {
        let leaf = chain.first()?;
        let parsed: Vec<X509Certificate<'_>> = chain.iter().filter_map(|c| cert::parse(c)).collect();
        let first = cert::parse(leaf)?;
        let sent = Sent { chain, parsed: &parsed, now, algorithms: self.algorithms };
        let led = |anchors: &[TrustAnchor<'static>], standing| {
            let (by, anchor) = sent.anchor(anchors)?;
            let key_sha256 = Some(cert::sha256(&with_header(&anchor.subject_public_key_info)));
            Some(CertRoot { key_sha256, ..named(standing, by.issuer().to_string(), by) })
        };
        let itself = |standing| {
            let key_sha256 = Some(cert::sha256(first.public_key().raw));
            CertRoot { key_sha256, ..named(standing, first.subject().to_string(), &first) }
        };
        let found = led(self.public, RootStanding::Public)
            .or_else(|| led(&self.own.roots, RootStanding::Private))
            .or_else(|| self.pinned.holds(leaf).then(|| itself(RootStanding::Private)))
            .or_else(|| (first.subject() == first.issuer()).then(|| itself(RootStanding::Untrusted)))
            .unwrap_or_else(|| sent.untrusted(&first));
        let inspection = match found.standing {
            RootStanding::Public => None,
            _ => {
                let issuers: Vec<String> = parsed.iter().map(|c| clean(&c.issuer().to_string(), MAX_NAME)).collect();
                inspection::claimed(issuers.iter().map(String::as_str).chain([found.name.as_str()]))
            }
        };
        Some(CertRoot { inspection, ..found })
    }
}

/// A chain as it was sent, leaf first, and when.
struct Sent<'a, 'd> {
    chain: &'a [CertificateDer<'d>],
    parsed: &'a [X509Certificate<'a>],
    now: i64,
    algorithms: &'a WebPkiSupportedAlgorithms,
}

/// One that a certificate `by` it leads to.
fn named(standing: RootStanding, name: String, by: &X509Certificate<'_>) -> CertRoot {
    let name = clean(&name, MAX_NAME);
    CertRoot { standing, name, key_sha256: None, key_id: authority_key(by), inspection: None }
}

impl Sent<'_, '_> {
    /// The first of `anchors` by which the chain verifies, and the certificate that names it.
    fn anchor(&self, anchors: &[TrustAnchor<'static>]) -> Option<(&X509Certificate<'_>, TrustAnchor<'static>)> {
        self.parsed.iter().find_map(|by| {
            // A trust anchor's subject is kept without the outer SEQUENCE header.
            let is_named =
                |a: &&TrustAnchor<'static>| !a.subject.is_empty() && by.issuer().as_raw() == with_header(&a.subject);
            let anchor = anchors.iter().filter(is_named).find(|a| self.verifies((*a).clone()))?;
            Some((by, anchor.clone()))
        })
    }

    /// It verifies by `anchor` now, or did on a day on which all of its certificates were valid.
    fn verifies(&self, anchor: TrustAnchor<'static>) -> bool {
        let Some((leaf, rest)) = self.chain.split_first() else { return false };
        let Ok(leaf) = ParsedCertificate::try_from(leaf) else { return false };
        let roots = RootCertStore { roots: vec![anchor] };
        let from = self.parsed.iter().map(|c| c.validity().not_before.timestamp()).max().unwrap_or(self.now);
        let to = self.parsed.iter().map(|c| c.validity().not_after.timestamp()).min().unwrap_or(self.now);
        let valid = if from <= to { self.now.clamp(from, to) } else { self.now };
        [self.now, valid].into_iter().any(|at| {
            let at = UnixTime::since_unix_epoch(Duration::from_secs(at.max(0).unsigned_abs()));
            verify_server_cert_signed_by_trust_anchor(&leaf, &roots, rest, at, self.algorithms.all).is_ok()
        })
    }

    /// The last issuer that the chain names; its key where it was sent and signed the rest.
    fn untrusted(&self, first: &X509Certificate<'_>) -> CertRoot {
        let (top, _) = cert::top_of(self.parsed, first);
        let bare = named(RootStanding::Untrusted, top.issuer().to_string(), top);
        let is_itself = |der: &&CertificateDer<'_>| {
            top.subject() == top.issuer() && cert::parse(der).is_some_and(|c| c.public_key() == top.public_key())
        };
        let mut store = RootCertStore::empty();
        let sent = self.chain.iter().find(is_itself);
        let added = sent.is_some_and(|der| store.add(der.clone().into_owned()).is_ok());
        let signed = added && store.roots.pop().is_some_and(|anchor| self.verifies(anchor));
        CertRoot { key_sha256: signed.then(|| cert::sha256(top.public_key().raw)), ..bare }
    }
}

/// How the certificate identifies its issuer's key.
fn authority_key(cert: &X509Certificate<'_>) -> Option<String> {
    let id = cert.extensions().iter().find_map(|e| match e.parsed_extension() {
        ParsedExtension::AuthorityKeyIdentifier(key) => key.key_identifier.as_ref(),
        _ => None,
    })?;
    (!id.0.is_empty() && id.0.len() <= 64).then(|| cert::hex(id.0))
}

/// The contents of a DER SEQUENCE with its header (X.690 section 8.1).
fn with_header(contents: &[u8]) -> Vec<u8> {
    let length = contents.len().to_be_bytes();
    let significant: Vec<u8> = length.iter().copied().skip_while(|b| *b == 0).collect();
    let mut all = vec![0x30];
    match significant.as_slice() {
        [short] if *short < 0x80 => all.push(*short),
        [] => all.push(0),
        long => {
            all.push(0x80 | u8::try_from(long.len()).unwrap_or(8));
            all.extend_from_slice(long);
        }
    }
    all.extend_from_slice(contents);
    all
}

#[cfg(test)]
mod tests;
