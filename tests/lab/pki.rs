//! A throw-away authority for one test: a root for the client, a chain of leaf and issuer for the servers.

use std::path::{Path, PathBuf};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, KeyUsagePurpose};

/// Files in PEM.
pub struct Pki {
    /// The root, for `--ca`.
    pub root: PathBuf,
    /// The server's certificate and the one that issued it.
    pub chain: PathBuf,
    /// The server's key.
    pub key: PathBuf,
}

impl Pki {
    /// Writes an authority and a server certificate for `names` (names or addresses) into `dir`.
    pub fn new(dir: &Path, names: &[&str]) -> Self {
        let root = CertifiedIssuer::self_signed(authority("Lab Root"), KeyPair::generate().unwrap()).unwrap();
        let issuing =
            CertifiedIssuer::signed_by(authority("Lab Issuing"), KeyPair::generate().unwrap(), &root).unwrap();
        let key = KeyPair::generate().unwrap();
        let names: Vec<String> = names.iter().map(|n| (*n).to_owned()).collect();
        let mut params = CertificateParams::new(names).unwrap();
        params.distinguished_name.push(DnType::CommonName, "Lab Server");
        let leaf = params.signed_by(&key, &issuing).unwrap();
        Self {
            root: written(dir, "root.pem", &root.pem()),
            chain: written(dir, "chain.pem", &(leaf.pem() + &issuing.pem())),
            key: written(dir, "key.pem", &key.serialize_pem()),
        }
    }
}

pub fn authority(name: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params
}

pub fn written(dir: &Path, name: &str, pem: &str) -> PathBuf {
    let path = dir.join(name);
    std::fs::write(&path, pem).unwrap();
    path
}
