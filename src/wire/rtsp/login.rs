//! What a server that wants a login asks for, and the answer to it: Digest (RFC 7616, and RFC 2069 as old cameras speak
//! it) before Basic (RFC 7617). Knows no time and no chance: the client's nonce is an argument.

use http_auth::{BasicClient, ChallengeParser, ChallengeRef, DigestClient, PasswordParams};

/// A challenge that can be answered.
#[derive(Debug)]
pub struct Challenge(Client);

#[derive(Debug)]
enum Client {
    Digest(Box<DigestClient>),
    Basic(BasicClient),
}

/// How a login is proven.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    /// Nobody on the way can read the password.
    Digest,
    /// The password in clear text, where TLS is not around it.
    Basic,
}

/// Of the request that the login is for.
#[derive(Clone, Copy, Debug)]
pub struct Login<'a> {
    pub username: &'a str,
    pub password: &'a str,
    pub method: &'a str,
    pub uri: &'a str,
}

impl Challenge {
    /// The one to answer among the values of WWW-Authenticate: the first Digest that is understood, in the server's own
    /// order (RFC 7616 section 3.7), and Basic where there is none. `None`: no scheme that is known here.
    pub fn best<'a>(values: impl Iterator<Item = &'a str>) -> Option<Self> {
        let mut basic = None;
        for challenge in values.flat_map(|value| ChallengeParser::new(value).map_while(Result::ok)) {
            match Client::of(&challenge) {
                Some(client @ Client::Digest(_)) => return Some(Self(client)),
                Some(client) => basic = basic.or(Some(Self(client))),
                None => {}
            }
        }
        basic
    }

    /// How the password is proven.
    pub fn scheme(&self) -> Scheme {
        match self.0 {
            Client::Digest(_) => Scheme::Digest,
            Client::Basic(_) => Scheme::Basic,
        }
    }

    /// Whose login is asked for, in the server's words.
    pub fn realm(&self) -> &str {
        match &self.0 {
            Client::Digest(client) => client.realm(),
            Client::Basic(client) => client.realm(),
        }
    }

    /// Value of the Authorization header. `nonce` must not be guessable; of letters and digits.
    ///
    /// # Errors
    /// What cannot stand in the header, or a protection that is not known here.
    pub fn answer(self, login: Login<'_>, nonce: &str) -> Result<String, String> {
        let Login { username, password, method, uri } = login;
        match self.0 {
            Client::Basic(client) => Ok(client.respond(username, password)),
            Client::Digest(mut client) => {
                let with = |body| PasswordParams { username, password, uri, method, body };
                // A server that insists on `auth-int` has the empty body protected too.
                let plain = client.respond_with_testing_cnonce(&with(None), nonce);
                plain.or_else(|_| client.respond_with_testing_cnonce(&with(Some(&[])), nonce))
            }
        }
    }
}

impl Client {
    fn of(challenge: &ChallengeRef<'_>) -> Option<Self> {
        let digest = || DigestClient::try_from(challenge).ok().map(|client| Self::Digest(Box::new(client)));
        let basic = || BasicClient::try_from(challenge).ok().map(Self::Basic);
        digest().or_else(basic)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NONCE: &str = "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ";

    fn answer(values: &[&str], login: Login<'_>, nonce: &str) -> String {
        Challenge::best(values.iter().copied()).unwrap().answer(login, nonce).unwrap()
    }

    /// RFC 7616 section 3.9.1, both algorithms.
    #[test]
    fn the_digests_of_the_rfc() {
        let mufasa = Login { username: "Mufasa", password: "Circle of Life", method: "GET", uri: "/dir/index.html" };
        for (algorithm, response) in [
            ("SHA-256", "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"),
            ("MD5", "8ca523f5e9506fed4657c9700eebdbec"),
        ] {
            let asked = format!(
                "Digest realm=\"http-auth@example.org\", qop=\"auth, auth-int\", algorithm={algorithm}, \
                 nonce=\"7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v\", \
                 opaque=\"FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS\""
            );
            let answer = answer(&[&asked], mufasa, NONCE);
            assert!(answer.contains(&format!("response=\"{response}\"")), "{answer}");
            assert!(answer.contains("qop=auth,") && answer.contains("nc=00000001"), "{answer}");
        }
    }

    /// RFC 2069 section 2.4 as its erratum 749 has it: cameras without `qop`.
    #[test]
    fn the_digest_of_old_cameras() {
        let login = Login { username: "Mufasa", password: "CircleOfLife", method: "GET", uri: "/dir/index.html" };
        let asked = "Digest realm=\"testrealm@host.com\", nonce=\"dcd98b7102dd2f0e8b11d0f600bfb0c093\", \
                     opaque=\"5ccc069c403ebaf9f0171e9517f40e41\"";
        assert!(answer(&[asked], login, NONCE).contains("response=\"1949323746fe6a43ef61f9606e7febea\""));
    }

    /// RFC 7617 section 2.
    #[test]
    fn basic_is_the_last_resort() {
        let login = Login { username: "Aladdin", password: "open sesame", method: "DESCRIBE", uri: "rtsp://c/" };
        let (basic, digest) = ("Basic realm=\"WallyWorld\"", "Digest realm=\"d\", nonce=\"n\", qop=\"auth\"");
        assert_eq!(answer(&[basic], login, "n"), "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
        let both = format!("{basic}, {digest}");
        for values in [&[basic, digest][..], &[digest, basic], &[&both], &["Bearer x=1", digest]] {
            let challenge = Challenge::best(values.iter().copied()).unwrap();
            assert_eq!((challenge.scheme(), challenge.realm()), (Scheme::Digest, "d"));
        }
        assert!(!answer(&[basic, digest], login, "n").contains("sesame"));
    }

    #[test]
    fn what_is_not_known_here_is_no_challenge() {
        for value in [
            "",
            "Bearer realm=\"x\"",
            "Digest",
            "Digest realm=\"x\"",
            "Digest realm=\"x\", nonce=\"y\", algorithm=X",
            "\u{1}",
            "=,=",
        ] {
            assert!(Challenge::best([value].into_iter()).is_none(), "{value:?}");
        }
    }

    #[test]
    fn a_server_that_protects_bodies_is_answered_too() {
        let login = Login { username: "a", password: "b", method: "DESCRIBE", uri: "rtsp://c/" };
        let asked = "Digest realm=\"r\", nonce=\"n\", qop=\"auth-int\"";
        assert!(answer(&[asked], login, "c").contains("qop=auth-int"));
    }
}
