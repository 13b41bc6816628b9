//! `tls_server_config` into rustls' configuration.

use std::path::Path;
use std::sync::Arc;

use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::ClientCertVerifier;
use rustls::version::{TLS12, TLS13};
use rustls::{RootCertStore, ServerConfig};
use tokio_rustls::TlsAcceptor;

use crate::exporter::web::{ClientAuth, Tls, Version};

/// # Errors
/// A file that cannot be read or does not hold what it should, or a key of another certificate, in a sentence.
pub fn acceptor(tls: &Tls) -> Result<TlsAcceptor, String> {
    let chain = certificates(&tls.cert_file)?;
    let key = PrivateKeyDer::from_pem_file(&tls.key_file)
        .map_err(|e| format!("{}: no private key can be read from it (PEM): {e}", tls.key_file.display()))?;
    let wanted = [(Version::Tls12, &TLS12), (Version::Tls13, &TLS13)];
    let within = |version: &Version| (tls.min_version..=tls.max_version).contains(version);
    let versions: Vec<_> = wanted.into_iter().filter(|(version, _)| within(version)).map(|(_, of)| of).collect();
    let builder = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_protocol_versions(&versions)
        .map_err(|e| format!("tls_server_config: {e}"))?;
    let builder = match clients(tls)? {
        Some(verifier) => builder.with_client_cert_verifier(verifier),
        None => builder.with_no_client_auth(),
    };
    let mut config = builder.with_single_cert(chain, key).map_err(|e| {
        format!(
            "the certificate in {} and the key in {} cannot be used together: {e}",
            tls.cert_file.display(),
            tls.key_file.display()
        )
    })?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(TlsAcceptor::from(Arc::new(config)))
}

/// What looks at the certificates of clients; `None` where nobody does.
fn clients(tls: &Tls) -> Result<Option<Arc<dyn ClientCertVerifier>>, String> {
    let Some(path) = tls.client_ca_file.as_ref().filter(|_| tls.client_auth_type != ClientAuth::NoClientCert) else {
        return Ok(None);
    };
    let mut roots = RootCertStore::empty();
    for certificate in certificates(path)? {
        roots.add(certificate).map_err(|e| format!("{}: {e}", path.display()))?;
    }
    let builder = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::new(ring::default_provider()));
    let builder = match tls.client_auth_type {
        ClientAuth::VerifyClientCertIfGiven => builder.allow_unauthenticated(),
        _ => builder,
    };
    builder.build().map(Some).map_err(|e| format!("{}: {e}", path.display()))
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let read = CertificateDer::pem_file_iter(path).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    match read {
        Ok(all) if all.is_empty() => Err(format!("{}: there is no certificate in it (PEM)", path.display())),
        Ok(all) => Ok(all),
        Err(e) => Err(format!("{}: no certificate can be read from it (PEM): {e}", path.display())),
    }
}
