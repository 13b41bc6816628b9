//! A SOCKS5 proxy (RFC 1928), with user name and password (RFC 1929). Reads as many bytes as each answer has and no more.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::connect::wants_login;
use super::{Far, Kind, NotThrough, Proxy, authority};
use crate::model::{Failure, FailureKind, ProxyAnswer, Step};
use crate::net::classify;
use crate::wire::socks::{self, Read};

impl Proxy {
    pub(super) async fn ask_socks(&self, stream: &mut TcpStream, far: Far<'_>) -> Result<(), NotThrough> {
        let method = self.exchange(stream, &socks::greeting(self.login.is_some()), socks::method).await?;
        self.log_in(stream, method).await?;
        let host = match (self.kind, far.address) {
            (Kind::Socks5, Some(address)) => address.to_string(),
            (Kind::Socks5, None) => {
                let words = "it is given addresses (socks5://), and this name has none here; socks5h:// has the proxy \
                             look names up";
                return Err(Failure::new(Step::Proxy, FailureKind::NoAddress, words).into());
            }
            _ => far.host.to_owned(),
        };
        let unusable = || Failure::new(Step::Proxy, FailureKind::Internal, "the name is longer than SOCKS5 can carry");
        let request = socks::connect(&host, far.port).ok_or_else(unusable)?;
        match self.exchange(stream, &request, socks::reply).await? {
            0 => Ok(()),
            code => {
                let name = socks::reply_name(code);
                let authority = authority(Far { host: &host, ..far });
                let words = match code {
                    2 => format!("it does not allow a connection to {authority} (SOCKS5 reply 2, {name})"),
                    3..=6 => format!("it could not reach {authority} (SOCKS5 reply {code}, {name})"),
                    _ => format!("it did not connect to {authority} (SOCKS5 reply {code}, {name})"),
                };
                let answer = ProxyAnswer { reply: Some(code), ..ProxyAnswer::default() };
                Err(self.said(Failure::new(Step::Proxy, FailureKind::ProxyRefused, words), answer))
            }
        }
    }

    async fn log_in(&self, stream: &mut TcpStream, method: u8) -> Result<(), NotThrough> {
        let refused = |words: String| {
            let schemes = vec!["user name and password".to_owned()];
            let answer = ProxyAnswer { schemes, ..ProxyAnswer::default() };
            self.said(Failure::new(Step::Proxy, FailureKind::ProxyLogin, words), answer)
        };
        match (method, &self.login) {
            (socks::NO_LOGIN, _) => Ok(()),
            (socks::PASSWORD, Some((user, password))) => {
                let too_long = || refused("user name or password is longer than the 255 bytes of SOCKS5".to_owned());
                let message = socks::login(user, password.expose()).ok_or_else(too_long)?;
                match self.exchange(stream, &message, socks::login_answer).await? {
                    true => Ok(()),
                    false => Err(refused(wants_login(&[], true, "SOCKS5, RFC 1929"))),
                }
            }
            (_, login) => {
                let said = format!("SOCKS5 method {method:#04x}");
                Err(refused(match login {
                    None => wants_login(&[], false, &said),
                    Some(_) => format!("it takes no login by user name and password ({said})"),
                }))
            }
        }
    }

    /// Sends `message` and reads what answers it.
    async fn exchange<T>(
        &self,
        stream: &mut TcpStream,
        message: &[u8],
        read: impl Fn(&[u8]) -> Read<T>,
    ) -> Result<T, NotThrough> {
        let fail = |kind, words: String| self.said(Failure::new(Step::Proxy, kind, words), ProxyAnswer::default());
        let broken = |e: std::io::Error| match classify::io_kind(&e) {
            FailureKind::Closed => fail(FailureKind::Closed, "it closed the connection without an answer".to_owned()),
            _ => self.said(classify::io(Step::Proxy, &e), ProxyAnswer::default()),
        };
        stream.write_all(message).await.map_err(broken)?;
        let mut bytes = Vec::new();
        loop {
            match read(&bytes) {
                Read::Done(answer) => return Ok(answer),
                Read::Garbage => {
                    let said = self.quoted(&bytes);
                    return Err(fail(FailureKind::Garbage, format!("its answer is not SOCKS5: it sent {said}")));
                }
                Read::More(missing) => {
                    let from = bytes.len();
                    bytes.resize((from + missing).min(socks::LONGEST), 0);
                    stream.read_exact(bytes.get_mut(from..).unwrap_or_default()).await.map_err(broken)?;
                }
            }
        }
    }
}
