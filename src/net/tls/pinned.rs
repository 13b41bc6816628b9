//! Certificates that are trusted as they are: a server may present one of the roots itself, as it does with a self-signed
//! certificate that OpenSSL marks as an authority's (CA:TRUE) by default. WebPKI takes no authority for a server, OpenSSL
//! does where it finds that very certificate among its roots. Everything but the issuer is still asked of it. Knows neither
//! clock nor socket.

use std::collections::HashSet;

use rustls::client::verify_server_name;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, RootCertStore};
use x509_parser::certificate::X509Certificate;
use x509_parser::prelude::FromDer;

/// Roots as they are read, wherever they come from: those that issue, and the same as certificates of servers.
pub(super) struct Roots {
    pub(super) anchors: RootCertStore,
    pub(super) pinned: Pinned,
}

impl Default for Roots {
    fn default() -> Self {
        Self { anchors: RootCertStore::empty(), pinned: Pinned::default() }
    }
}

impl Roots {
    pub(super) fn add(&mut self, der: CertificateDer<'static>) -> Result<(), rustls::Error> {
        self.anchors.add(der.clone())?;
        self.pinned.0.insert(der);
        Ok(())
    }

    /// What is no certificate is left out.
    pub(super) fn add_parsable(&mut self, certs: impl IntoIterator<Item = CertificateDer<'static>>) {
        for der in certs {
            let _ = self.add(der);
        }
    }
}

/// The roots, byte for byte.
#[derive(Debug, Default)]
pub(super) struct Pinned(HashSet<CertificateDer<'static>>);

impl Pinned {
    /// `leaf` is one of the roots.
    pub(super) fn holds(&self, leaf: &CertificateDer<'_>) -> bool {
        self.0.contains(leaf)
    }

    /// What is left of the `error` that WebPKI found, where `leaf` is one of the roots: its own faults, and none about who
    /// issued it or about what else was sent. `now` is in seconds since 1970.
    pub(super) fn without_issuer(
        &self,
        error: CertificateError,
        leaf: &CertificateDer<'_>,
        name: &ServerName<'_>,
        now: i64,
    ) -> Option<CertificateError> {
        if !self.holds(leaf) {
            return Some(error);
        }
        match &error {
            CertificateError::Other(inner) if !inner.to_string().contains("CaUsedAsEndEntity") => Some(error),
            _ => own_fault(leaf, name, now),
        }
    }
}

/// What is wrong with the certificate whoever issued it.
fn own_fault(leaf: &CertificateDer<'_>, name: &ServerName<'_>, now: i64) -> Option<CertificateError> {
    let Ok((_, read)) = X509Certificate::from_der(leaf) else { return Some(CertificateError::BadEncoding) };
    if now > read.validity().not_after.timestamp() {
        return Some(CertificateError::Expired);
    }
    if now < read.validity().not_before.timestamp() {
        return Some(CertificateError::NotValidYet);
    }
    if !may_serve(&read) {
        return Some(CertificateError::InvalidPurpose);
    }
    match ParsedCertificate::try_from(leaf).and_then(|parsed| verify_server_name(&parsed, name)) {
        Ok(()) => None,
        Err(rustls::Error::InvalidCertificate(error)) => Some(error),
        Err(_) => Some(CertificateError::BadEncoding),
    }
}

/// Where it restricts the use of its key, that of a TLS server must be allowed (RFC 5280 sections 4.2.1.3 and 4.2.1.12). An
/// authority's key is often for signatures on certificates alone.
fn may_serve(cert: &X509Certificate<'_>) -> bool {
    let key = cert.key_usage().map(|usage| {
        usage.is_none_or(|u| u.value.digital_signature() || u.value.key_encipherment() || u.value.key_agreement())
    });
    let extended = cert.extended_key_usage().map(|usage| usage.is_none_or(|u| u.value.server_auth));
    key.unwrap_or(false) && extended.unwrap_or(false)
}
