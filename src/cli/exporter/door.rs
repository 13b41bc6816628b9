//! Who may come in: TLS and logins of the web configuration, read again when a file of it changes. Passwords are verified
//! off the runtime's threads, a few at a time, also for clients that have gone; an unknown user costs as much as a known one.

mod tls;

use std::collections::VecDeque;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use hyper::header::{HeaderName, HeaderValue};
use ring::hmac;
use tokio::sync::Semaphore;
use tokio_rustls::TlsAcceptor;

use crate::cli::files;
use crate::exporter::web::Hash;
use crate::exporter::{Tally, Web, basic};
use crate::model::Secret;
use crate::net::chance;

use super::log::Log;

/// The longest web configuration that is read.
const MAX_BYTES: u64 = 1 << 20;

/// Passwords that are verified at once, and that may wait for it.
const AT_ONCE: usize = 2;
const WAITING: usize = 32;

/// How long a login may wait to be verified.
const PATIENCE: Duration = Duration::from_secs(10);

/// Logins that are known to be right, without a second look.
const REMEMBERED: usize = 64;

/// Everything that a connection or request needs of one reading of the files.
pub struct Loaded {
    pub tls: Option<TlsAcceptor>,
    pub headers: Vec<(HeaderName, HeaderValue)>,
    users: Vec<(String, Hash)>,
    /// Marks of logins that were verified.
    verified: Mutex<VecDeque<hmac::Tag>>,
}

/// Why a request is turned away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turned {
    /// Not with this login.
    Login,
    /// Nobody can look at it now.
    Busy,
}

/// What a file was like.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Stamp(Option<[i64; 4]>);

impl Stamp {
    fn of(path: &Path) -> Self {
        let stamp = |m: std::fs::Metadata| [m.mtime(), m.mtime_nsec(), m.ino() as i64, m.size() as i64];
        Self(std::fs::metadata(path).ok().map(stamp))
    }
}

struct State {
    watched: Vec<(PathBuf, Stamp)>,
    loaded: Arc<Loaded>,
}

pub struct Door {
    file: Option<PathBuf>,
    state: Mutex<State>,
    key: hmac::Key,
    waiting: Arc<Semaphore>,
    at_once: Arc<Semaphore>,
    tally: Arc<Tally>,
    log: Log,
}

impl Door {
    /// # Errors
    /// A file that cannot be read or is wrong, in a sentence that names it.
    pub fn open(file: Option<PathBuf>, tally: Arc<Tally>, log: Log) -> Result<Self, String> {
        let (watched, loaded) = match &file {
            Some(path) => read(path),
            None => (Vec::new(), Ok(Loaded::of(&Web::default(), None))),
        };
        let state = Mutex::new(State { watched, loaded: Arc::new(loaded?) });
        let key = hmac::Key::new(hmac::HMAC_SHA256, &chance::bytes::<32>());
        let (waiting, at_once) = (Arc::new(Semaphore::new(WAITING)), Arc::new(Semaphore::new(AT_ONCE)));
        Ok(Self { file, state, key, waiting, at_once, tally, log })
    }

    /// What the files say now; where they changed and are wrong, what they said before.
    pub fn current(&self) -> Arc<Loaded> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(path) = &self.file else { return Arc::clone(&state.loaded) };
        if state.watched.iter().any(|(path, stamp)| Stamp::of(path) != *stamp) {
            let (watched, loaded) = read(path);
            state.watched = watched;
            self.tally.reloaded(loaded.is_ok());
            match loaded {
                Ok(loaded) => state.loaded = Arc::new(loaded),
                Err(e) => self.log.note(&format!("{e}; what was read before stays in force")),
            }
        }
        Arc::clone(&state.loaded)
    }

    /// Whether a request with this `Authorization` is answered.
    ///
    /// # Errors
    /// Not with this login, or not now.
    pub async fn admits(&self, loaded: &Loaded, header: Option<&HeaderValue>) -> Result<(), Turned> {
        // The costliest hash stands in for that of a user whom nobody knows.
        let Some(costliest) = loaded.users.iter().max_by_key(|(_, hash)| hash.cost()) else { return Ok(()) };
        let given = header.and_then(|h| h.to_str().ok()).and_then(basic::credentials);
        let Some((user, password)) = given else { return Err(Turned::Login) };
        let known = loaded.users.iter().find(|(name, _)| *name == user);
        let hash = known.unwrap_or(costliest).1.clone();
        let mark = self.mark(&user, &hash, &password);
        if known.is_some() && loaded.verified().iter().any(|m| m.as_ref() == mark.as_ref()) {
            return Ok(());
        }
        let place = Arc::clone(&self.waiting).try_acquire_owned().map_err(|_| Turned::Busy)?;
        let turn = tokio::time::timeout(PATIENCE, Arc::clone(&self.at_once).acquire_owned()).await;
        let turn = turn.map_err(|_| Turned::Busy)?.map_err(|_| Turned::Busy)?;
        let verified = tokio::task::spawn_blocking(move || {
            // Hashing goes on when the client has gone, and so it keeps its place.
            let _held = (place, turn);
            bcrypt::verify(password.expose(), hash.expose())
        });
        match (verified.await, known) {
            (Ok(Ok(true)), Some(_)) => {
                let mut all = loaded.verified();
                all.push_back(mark);
                if all.len() > REMEMBERED {
                    all.pop_front();
                }
                Ok(())
            }
            _ => Err(Turned::Login),
        }
    }

    /// By which a login is recognised, and nobody learns it: keyed anew with each start.
    fn mark(&self, user: &str, hash: &Hash, password: &Secret) -> hmac::Tag {
        let mut context = hmac::Context::with_key(&self.key);
        for part in [user, hash.expose(), password.expose()] {
            context.update(&(part.len() as u64).to_be_bytes());
            context.update(part.as_bytes());
        }
        context.sign()
    }
}

impl Loaded {
    fn of(web: &Web, tls: Option<TlsAcceptor>) -> Self {
        let header = |(name, value)| Some((HeaderName::from_static(name), HeaderValue::from_str(value).ok()?));
        Self {
            tls,
            headers: web.http.headers.each().filter_map(header).collect(),
            users: web.users.iter().map(|(name, hash)| (name.clone(), hash.clone())).collect(),
            verified: Mutex::default(),
        }
    }

    fn verified(&self) -> MutexGuard<'_, VecDeque<hmac::Tag>> {
        self.verified.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The web configuration with what it names; and which files to watch, as they were before they were read.
fn read(path: &Path) -> (Vec<(PathBuf, Stamp)>, Result<Loaded, String>) {
    let mut watched = vec![(path.to_path_buf(), Stamp::of(path))];
    let directory = path.parent().unwrap_or(Path::new(""));
    let wrong = |e: String| format!("web configuration {}: {e}", path.display());
    let web = match files::read_text(path, MAX_BYTES).and_then(|text| Web::read(&text, directory)) {
        Ok(web) => web,
        Err(e) => return (watched, Err(wrong(e))),
    };
    if let Some(tls) = &web.tls {
        let named = [&tls.cert_file, &tls.key_file].into_iter().chain(&tls.client_ca_file);
        watched.extend(named.map(|path| (path.clone(), Stamp::of(path))));
    }
    let tls = web.tls.as_ref().map(tls::acceptor).transpose().map_err(wrong);
    (watched, tls.map(|tls| Loaded::of(&web, tls)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_goes_away_gives_no_turn_back_before_the_hashing_has_ended() {
        let runtime =
            tokio::runtime::Builder::new_current_thread().enable_time().max_blocking_threads(1).build().unwrap();
        runtime.block_on(async {
            let hash = bcrypt::hash("right", 4).unwrap();
            let web = Web::read(&format!("basic_auth_users:\n  a: {hash}\n"), Path::new("")).unwrap();
            let loaded = Loaded::of(&web, None);
            let door = Door::open(None, Arc::default(), Log::new(false)).unwrap();
            let header = HeaderValue::from_static("Basic YTp3cm9uZw==");
            // The only thread that could hash is busy.
            let (end, ended) = std::sync::mpsc::channel::<()>();
            let busy = tokio::task::spawn_blocking(move || ended.recv());
            {
                let mut asked = std::pin::pin!(door.admits(&loaded, Some(&header)));
                assert!(futures_util::poll!(asked.as_mut()).is_pending());
            }
            assert_eq!(
                (door.at_once.available_permits(), door.waiting.available_permits()),
                (AT_ONCE - 1, WAITING - 1)
            );
            end.send(()).unwrap();
            busy.await.unwrap().unwrap();
            drop(door.at_once.acquire_many(AT_ONCE as u32).await.unwrap());
            assert_eq!(door.waiting.available_permits(), WAITING);
            assert_eq!(door.admits(&loaded, Some(&header)).await, Err(Turned::Login));
        });
    }
}
