//! Certificates of the responder: a throw-away authority of its own, or the operator's files. Only HTTP/1.1 is offered
//! in ALPN. Knows no port.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose,
};
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use crate::net::clock;

/// A certificate as PEM text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificatePem(pub String);

/// Why there is no usable certificate.
#[derive(Debug, thiserror::Error)]
pub enum CertificateError {
    /// A file cannot be read, or does not hold what it should.
    #[error("{}: {why}", .file.display())]
    File {
        /// The file as it was named.
        file: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// Certificate and key are each readable and do not belong together.
    #[error("the key in {} does not belong to the certificate in {}: {why}", .key.display(), .cert.display())]
    Pair {
        /// The certificate's file.
        cert: PathBuf,
        /// The key's file.
        key: PathBuf,
        /// The library's words.
        why: String,
    },
    /// A throw-away certificate cannot be made.
    #[error("cannot make a certificate for {names}: {why}")]
    Made {
        /// The names asked for.
        names: String,
        /// The library's words.
        why: String,
    },
}

/// A throw-away authority, as PEM for the trust of a demo, and a configuration with a certificate of it for `names`
/// (host names and IP addresses).
pub fn self_signed(names: &[String]) -> Result<(CertificatePem, Arc<ServerConfig>), CertificateError> {
    let failed = |why: String| CertificateError::Made { names: names.join(", "), why };
    let (ca, leaf, key) = make(names).map_err(|e| failed(e.to_string()))?;
    let config = config(vec![leaf], key).map_err(|e| failed(e.to_string()))?;
    Ok((CertificatePem(ca), config))
}

/// A configuration with the operator's chain (leaf first) and key, both PEM.
pub fn from_pem(cert: &Path, key: &Path) -> Result<Arc<ServerConfig>, CertificateError> {
    let bad = |file: &Path, why: String| CertificateError::File { file: file.to_owned(), why };
    let chain: Vec<CertificateDer<'static>> = CertificateDer::pem_file_iter(cert)
        .and_then(Iterator::collect)
        .map_err(|e| bad(cert, told("certificate", &e)))?;
    if chain.is_empty() {
        return Err(bad(cert, "there is no certificate in it (a PEM block BEGIN CERTIFICATE)".to_owned()));
    }
    let private = PrivateKeyDer::from_pem_file(key).map_err(|e| bad(key, told("private key", &e)))?;
    config(chain, private).map_err(|e| match e {
        rustls::Error::InconsistentKeys(_) => {
            CertificateError::Pair { cert: cert.to_owned(), key: key.to_owned(), why: e.to_string() }
        }
        rustls::Error::InvalidCertificate(_) => bad(cert, e.to_string()),
        _ => bad(key, e.to_string()),
    })
}

fn told(what: &str, error: &rustls::pki_types::pem::Error) -> String {
    match error {
        rustls::pki_types::pem::Error::NoItemsFound => format!("there is no {what} in it (PEM)"),
        rustls::pki_types::pem::Error::Io(e) => format!("cannot be read: {e}"),
        other => format!("is no PEM file with a {what}: {other}"),
    }
}

fn config(
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
) -> Result<Arc<ServerConfig>, rustls::Error> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(chain, key)?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}

/// PEM of the authority, the certificate, and its key.
fn make(names: &[String]) -> Result<(String, CertificateDer<'static>, PrivateKeyDer<'static>), rcgen::Error> {
    let mut authority = CertificateParams::new(Vec::new())?;
    authority.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    authority.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    authority.distinguished_name.push(DnType::CommonName, "rtc-check throw-away authority");
    throw_away(&mut authority);
    let authority_key = KeyPair::generate()?;
    let authority_pem = authority.self_signed(&authority_key)?.pem();
    let mut leaf = CertificateParams::new(names)?;
    leaf.distinguished_name.push(DnType::CommonName, "rtc-check responder");
    leaf.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    leaf.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    leaf.use_authority_key_identifier_extension = true;
    throw_away(&mut leaf);
    let leaf_key = KeyPair::generate()?;
    let leaf = leaf.signed_by(&leaf_key, &Issuer::new(authority, authority_key))?;
    Ok((authority_pem, leaf.der().clone(), PrivateKeyDer::Pkcs8(leaf_key.serialize_der().into())))
}

/// Valid from yesterday, for clocks that are behind, for as long as browsers take a certificate (398 days).
fn throw_away(params: &mut CertificateParams) {
    let day = |offset: i64| {
        let at = clock::utc() + jiff::SignedDuration::from_hours(24 * offset);
        let date = at.to_zoned(jiff::tz::TimeZone::UTC).date();
        let part = |n: i8| u8::try_from(n).unwrap_or(1);
        rcgen::date_time_ymd(date.year().into(), part(date.month()), part(date.day()))
    };
    params.not_before = day(-1);
    params.not_after = day(396);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(dir: &tempfile::TempDir, name: &str, text: &str) -> PathBuf {
        let path = dir.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    }

    #[test]
    fn files_are_loaded_and_each_mistake_names_its_file() {
        let dir = tempfile::tempdir().unwrap();
        let pair = || rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
        let (one, two) = (pair(), pair());
        let cert = write(&dir, "cert.pem", &one.cert.pem());
        let key = write(&dir, "key.pem", &one.signing_key.serialize_pem());
        let other = write(&dir, "other.pem", &two.signing_key.serialize_pem());
        let empty = write(&dir, "empty.pem", "nothing\n");
        let config = from_pem(&cert, &key).unwrap();
        assert_eq!(config.alpn_protocols, [b"http/1.1".to_vec()]);
        let said = |cert: &Path, key: &Path| from_pem(cert, key).unwrap_err().to_string();
        assert!(said(&cert, &other).contains("does not belong to the certificate"), "{}", said(&cert, &other));
        assert!(said(&empty, &key).contains("empty.pem: there is no certificate"), "{}", said(&empty, &key));
        assert!(said(&cert, &empty).contains("empty.pem: there is no private key"), "{}", said(&cert, &empty));
        assert!(said(&cert, &cert).contains("cert.pem: there is no private key"), "{}", said(&cert, &cert));
        let missing = dir.path().join("missing.pem");
        assert!(said(&missing, &key).contains("missing.pem: cannot be read"), "{}", said(&missing, &key));
    }

    #[test]
    fn a_throw_away_certificate_takes_names_and_addresses_and_refuses_nonsense() {
        let names = ["localhost".to_owned(), "127.0.0.1".to_owned(), "::1".to_owned()];
        let (ca, _) = self_signed(&names).unwrap();
        assert!(ca.0.starts_with("-----BEGIN CERTIFICATE-----"));
        assert!(self_signed(&["bü cher".to_owned()]).is_err());
    }
}
