//! How many roots this machine trusts and where they are from, for who asks about the machine itself. The environment is
//! told, and read by rustls-native-certs beside it.

use super::pinned::Roots as Read;
use crate::model::doctor::Roots;
use crate::net::classify::clean;
use crate::net::host::Root;

/// Where distributions keep their bundle.
const STORES: [&str; 6] = [
    "etc/ssl/certs/ca-certificates.crt",
    "etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
    "etc/pki/tls/certs/ca-bundle.crt",
    "etc/ssl/ca-bundle.pem",
    "etc/ssl/cert.pem",
    "etc/ssl/certs",
];

const MOST_NOTES: usize = 5;

/// What a run would trust without `--ca`; `variables` are those of `SSL_CERT_FILE` and `SSL_CERT_DIR` that are set, with
/// their values.
pub fn roots(root: &Root, variables: &[(String, String)]) -> Roots {
    let native = rustls_native_certs::load_native_certs();
    let mut read = Read::default();
    read.add_parsable(native.certs);
    let from = match variables {
        [] => STORES.iter().find(|path| root.has(path)).map(|path| vec![format!("/{path}")]).unwrap_or_default(),
        set => set.iter().map(|(_, value)| clean(value, 200)).collect(),
    };
    Roots {
        count: read.anchors.len(),
        from,
        variables: variables.iter().map(|(name, _)| name.clone()).collect(),
        notes: native.errors.iter().take(MOST_NOTES).map(|e| clean(&e.to_string(), 200)).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::host::tree;

    #[test]
    fn the_environment_decides_where_roots_are_from() {
        let (_dir, root) = tree::of(&[("etc/ssl/cert.pem", "")]);
        assert_eq!(roots(&root, &[]).from, ["/etc/ssl/cert.pem"]);
        let set = [("SSL_CERT_FILE".to_owned(), "/tmp/x\u{1b}.pem".to_owned())];
        let read = roots(&root, &set);
        assert_eq!(
            (read.from.as_slice(), read.variables.as_slice()),
            (&["/tmp/x .pem".into()][..], &["SSL_CERT_FILE".into()][..])
        );
        let (_dir, root) = tree::of(&[]);
        assert!(roots(&root, &[]).from.is_empty());
    }
}
