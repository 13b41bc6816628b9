//! Certificates as a server sent them: what each says of itself, and why a chain was not trusted. Reads bytes, verifies
//! nothing and knows neither clock nor socket.

use jiff::Timestamp;
use rustls::CertificateError;
use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::GeneralName;
use x509_parser::oid_registry::OID_X509_EXT_SUBJECT_ALT_NAME;
use x509_parser::prelude::{FromDer, ParsedExtension};
use x509_parser::public_key::PublicKey;

use super::classify::clean;
pub use crate::model::Certificate;
use crate::model::{Failure, FailureKind, Step};

/// Certificates of a chain that are kept.
pub const MAX_CHAIN: usize = 10;
const MAX_NAMES: usize = 20;
const MAX_TEXT: usize = 200;

/// What a certificate says of itself; one that cannot be read keeps its fingerprint.
pub fn describe(der: &[u8]) -> Certificate {
    let sha256 = sha256(der);
    let Some(cert) = parse(der) else {
        let unreadable = || "unreadable".to_owned();
        return Certificate { subject: unreadable(), issuer: unreadable(), sha256, ..Certificate::default() };
    };
    Certificate {
        subject: clean(&cert.subject().to_string(), MAX_TEXT),
        issuer: clean(&cert.issuer().to_string(), MAX_TEXT),
        names: names(&cert),
        not_before: rfc3339(cert.validity().not_before.timestamp()),
        not_after: rfc3339(cert.validity().not_after.timestamp()),
        key: key(&cert),
        sha256,
        key_sha256: self::sha256(cert.public_key().raw),
    }
}

/// SHA-256 in hexadecimal.
pub fn sha256(bytes: &[u8]) -> String {
    hex(ring::digest::digest(&ring::digest::SHA256, bytes).as_ref())
}

/// Days from `now` (seconds since 1970) to the end of the certificate's validity, negative after it.
pub fn days_left(der: &[u8], now: i64) -> Option<f64> {
    let end = parse(der)?.validity().not_after.timestamp();
    let days = end.saturating_sub(now) as f64 / 86_400.0;
    Some((days * 100.0).round() / 100.0)
}

/// Why `chain` (leaf first, as sent) was not trusted for `host`: the verifier's `error`, made exact by looking at the
/// chain itself. `now` is in seconds since 1970.
pub fn explain(
    error: &CertificateError,
    chain: &[CertificateDer<'_>],
    roots: &RootCertStore,
    host: &str,
    now: i64,
) -> Failure {
    let parsed: Vec<X509Certificate<'_>> = chain.iter().take(MAX_CHAIN).filter_map(|c| parse(c)).collect();
    let (kind, detail) = match error {
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => expired(&parsed, now),
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => not_yet_valid(&parsed, now),
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            wrong_name(parsed.first(), host)
        }
        CertificateError::UnknownIssuer => unknown_issuer(&parsed, roots),
        CertificateError::BadSignature => bad_signature(&parsed, roots),
        CertificateError::InvalidPurpose | CertificateError::InvalidPurposeContext { .. } => {
            let detail = "the certificate restricts the use of its key and leaves out that of a TLS server".to_owned();
            (FailureKind::CertInvalid, detail)
        }
        CertificateError::Other(inner) if inner.to_string().contains("CaUsedAsEndEntity") => {
            authority_as_server(&parsed, roots)
        }
        other => (FailureKind::CertInvalid, clean(&format!("the certificate is not usable: {other}"), MAX_TEXT)),
    };
    Failure::new(Step::Tls, kind, detail)
}

fn expired(chain: &[X509Certificate<'_>], now: i64) -> (FailureKind, String) {
    let over = |c: &&X509Certificate<'_>| c.validity().not_after.timestamp() < now;
    let detail = match chain.iter().position(|c| over(&c)).and_then(|at| Some((at, chain.get(at)?))) {
        Some((at, cert)) => {
            let end = cert.validity().not_after.timestamp();
            format!("{} expired on {}, {} ago", which(at, cert), rfc3339(end), days((now - end) / 86_400))
        }
        None => "a certificate of the chain has expired".to_owned(),
    };
    (FailureKind::CertExpired, detail)
}

fn not_yet_valid(chain: &[X509Certificate<'_>], now: i64) -> (FailureKind, String) {
    let early = |c: &X509Certificate<'_>| c.validity().not_before.timestamp() > now;
    let detail = match chain.iter().position(early).and_then(|at| Some((at, chain.get(at)?))) {
        Some((at, cert)) => {
            let begin = rfc3339(cert.validity().not_before.timestamp());
            format!("{} is valid only from {begin}, and the clock here says {}", which(at, cert), rfc3339(now))
        }
        None => "a certificate of the chain is not valid yet".to_owned(),
    };
    (FailureKind::CertNotYetValid, detail)
}

/// The server's own certificate, or the one above it by name.
fn which(at: usize, cert: &X509Certificate<'_>) -> String {
    if at == 0 {
        "the server's certificate".to_owned()
    } else {
        format!("the certificate of {} above the server's", quoted(&cert.subject().to_string()))
    }
}

fn wrong_name(leaf: Option<&X509Certificate<'_>>, host: &str) -> (FailureKind, String) {
    let names = leaf.map(names).unwrap_or_default();
    let detail = if names.is_empty() {
        let subject = leaf.map_or_else(String::new, |c| format!(" ({})", clean(&c.subject().to_string(), 100)));
        format!("the certificate{subject} names no host among its alternative names, so not {host}")
    } else {
        format!("the certificate is for {}, not for {host}", names.join(", "))
    };
    (FailureKind::CertWrongName, clean(&detail, 300))
}

/// An authority's certificate in a server's place: what `openssl req -x509` makes by default.
fn authority_as_server(chain: &[X509Certificate<'_>], roots: &RootCertStore) -> (FailureKind, String) {
    match chain.first() {
        Some(leaf) if leaf.subject() == leaf.issuer() => self_signed(leaf, roots),
        _ => {
            let detail = "the server presents an authority's certificate (CA:TRUE) in place of its own".to_owned();
            (FailureKind::CertInvalid, detail)
        }
    }
}

/// One that is its own issuer, by name, and is none of the roots itself.
fn self_signed(leaf: &X509Certificate<'_>, roots: &RootCertStore) -> (FailureKind, String) {
    let name = quoted(&leaf.subject().to_string());
    let mark = if leaf.is_ca() { ", marked as an authority's (CA:TRUE)" } else { "" };
    let namesake = if known(roots, leaf) { "; the trusted root of the same name is another certificate" } else { "" };
    let detail = format!("the certificate is self-signed ({name}{mark}) and is not among the trusted roots{namesake}");
    (FailureKind::CertUnknownIssuer, detail)
}

fn days(count: i64) -> String {
    if count == 1 { "1 day".to_owned() } else { format!("{count} days") }
}

/// Tells apart a self-signed certificate, a chain that ends at a foreign root or authority, and one whose intermediate
/// was not sent.
fn unknown_issuer(chain: &[X509Certificate<'_>], roots: &RootCertStore) -> (FailureKind, String) {
    let Some(leaf) = chain.first() else {
        return (FailureKind::CertUnknownIssuer, "the server's certificate cannot be read".to_owned());
    };
    let (top, climbed) = top_of(chain, leaf);
    let issuer = quoted(&top.issuer().to_string());
    let unknown = |detail| (FailureKind::CertUnknownIssuer, detail);
    if top.subject() == top.issuer() {
        return match climbed {
            0 => self_signed(leaf, roots),
            _ => unknown(format!("the chain ends at the root {issuer}, which is not trusted here")),
        };
    }
    if known(roots, top) {
        return unknown(format!("the chain names the trusted root {issuer} as its issuer but was not signed by it"));
    }
    if climbed == 0 && (chain.len() == 1 || names_its_issuer(leaf)) {
        return (
            FailureKind::CertIncompleteChain,
            format!(
                "the certificate of the issuer {issuer} was not sent and is no trusted root here: the server leaves out \
                 its intermediate, or {issuer} is a private authority"
            ),
        );
    }
    unknown(format!("the chain ends at an issuer that is not trusted here: {issuer}"))
}

fn bad_signature(chain: &[X509Certificate<'_>], roots: &RootCertStore) -> (FailureKind, String) {
    if let Some(leaf) = chain.first().filter(|leaf| leaf.subject() == leaf.issuer()) {
        return self_signed(leaf, roots);
    }
    let issuers: Vec<String> = chain.iter().map(|c| quoted(&c.issuer().to_string())).collect();
    let detail = format!(
        "a signature in the chain does not verify: a certificate was altered, or one of its issuers ({}) bears the name \
         of a trusted one with another key",
        issuers.join(", ")
    );
    (FailureKind::CertInvalid, clean(&detail, 400))
}

/// The highest certificate that can be reached from `leaf` by issuer names among those sent, and how many steps up.
pub(super) fn top_of<'a, 'b>(
    chain: &'a [X509Certificate<'b>],
    leaf: &'a X509Certificate<'b>,
) -> (&'a X509Certificate<'b>, usize) {
    let mut top = leaf;
    for climbed in 0..chain.len() {
        let above = chain.iter().find(|c| c.subject() == top.issuer() && c.subject() != top.subject());
        match above {
            Some(next) => top = next,
            None => return (top, climbed),
        }
    }
    (top, chain.len())
}

fn known(roots: &RootCertStore, cert: &X509Certificate<'_>) -> bool {
    // A trust anchor's subject is kept without the outer SEQUENCE header.
    roots.roots.iter().any(|r| cert.issuer().as_raw().ends_with(r.subject.as_ref()) && !r.subject.is_empty())
}

/// Whether the certificate says where its issuer's can be fetched (RFC 5280 section 4.2.2.1).
fn names_its_issuer(cert: &X509Certificate<'_>) -> bool {
    cert.extensions().iter().any(|e| matches!(e.parsed_extension(), ParsedExtension::AuthorityInfoAccess(_)))
}

pub(super) fn parse(der: &[u8]) -> Option<X509Certificate<'_>> {
    X509Certificate::from_der(der).ok().map(|(_, cert)| cert)
}

fn names(cert: &X509Certificate<'_>) -> Vec<String> {
    let extension = cert.extensions().iter().find(|e| e.oid == OID_X509_EXT_SUBJECT_ALT_NAME);
    let Some(ParsedExtension::SubjectAlternativeName(san)) = extension.map(|e| e.parsed_extension()) else {
        return Vec::new();
    };
    let mut names: Vec<String> = san.general_names.iter().take(MAX_NAMES).filter_map(name).collect();
    if let Some(more) = san.general_names.len().checked_sub(MAX_NAMES).filter(|n| *n > 0) {
        names.push(format!("and {more} more"));
    }
    names
}

fn name(name: &GeneralName<'_>) -> Option<String> {
    match name {
        GeneralName::DNSName(dns) => Some(clean(dns, MAX_TEXT)),
        GeneralName::IPAddress(bytes) => <[u8; 4]>::try_from(*bytes)
            .map(|b| std::net::IpAddr::from(b).to_string())
            .or_else(|_| <[u8; 16]>::try_from(*bytes).map(|b| std::net::IpAddr::from(b).to_string()))
            .ok(),
        _ => None,
    }
}

fn key(cert: &X509Certificate<'_>) -> String {
    match cert.public_key().parsed() {
        Ok(PublicKey::RSA(rsa)) => format!("RSA {}", rsa.key_size()),
        Ok(PublicKey::EC(point)) => format!("EC {}", point.key_size()),
        Ok(other) if other.key_size() > 0 => format!("{} bits", other.key_size()),
        _ => match cert.public_key().algorithm.algorithm.to_id_string().as_str() {
            "1.3.101.112" => "Ed25519".to_owned(),
            "1.3.101.113" => "Ed448".to_owned(),
            oid => oid.to_owned(),
        },
    }
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", clean(text, MAX_TEXT))
}

fn rfc3339(seconds: i64) -> String {
    Timestamp::from_second(seconds).map_or_else(|_| format!("{seconds} s since 1970"), |t| t.to_string())
}

/// In hexadecimal.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn sample() -> Vec<u8> {
        let key = rcgen::KeyPair::generate().unwrap();
        let names = vec!["rtc.example".to_owned(), "192.0.2.1".to_owned()];
        let mut params = rcgen::CertificateParams::new(names).unwrap();
        params.not_before = rcgen::date_time_ymd(2024, 1, 1);
        params.not_after = rcgen::date_time_ymd(2025, 1, 1);
        params.self_signed(&key).unwrap().der().to_vec()
    }

    #[test]
    fn a_certificate_is_described() {
        let cert = describe(&sample());
        assert_eq!(cert.names, ["rtc.example", "192.0.2.1"]);
        assert_eq!(
            (cert.not_before.as_str(), cert.not_after.as_str()),
            ("2024-01-01T00:00:00Z", "2025-01-01T00:00:00Z")
        );
        assert_eq!(cert.key, "EC 256");
        assert_eq!(cert.sha256.len(), 64);
        assert_eq!(cert.subject, cert.issuer);
    }

    #[test]
    fn days_left_are_negative_after_the_end() {
        let end = 1_735_689_600;
        assert_eq!(days_left(&sample(), end - 86_400 * 14), Some(14.0));
        assert_eq!(days_left(&sample(), end + 43_200), Some(-0.5));
        assert_eq!(days_left(b"no certificate", end), None);
    }

    proptest! {
        #[test]
        fn a_mangled_certificate_never_panics(at in 0usize..400, byte: u8, cut in 0usize..500) {
            let mut der = sample();
            if let Some(b) = der.get_mut(at) {
                *b = byte;
            }
            der.truncate(cut.max(1));
            let cert = describe(&der);
            prop_assert_eq!(cert.sha256.len(), 64);
            let chain = [CertificateDer::from(der)];
            for error in [CertificateError::Expired, CertificateError::NotValidYet, CertificateError::UnknownIssuer, CertificateError::NotValidForName] {
                explain(&error, &chain, &RootCertStore::empty(), "rtc.example", 1_735_689_600);
            }
        }
    }
}
