//! Servers in the foreground of the lab: started, waited for until they listen, and ended with the test.

use std::fs;
use std::io::Write;
use std::path::PathBuf;
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use crate::namespaces::{Lab, Place, finished};

/// How long a server may take until it listens; only a broken one ever takes that long.
const READY: Duration = Duration::from_secs(30);

/// A socket that a server is to open.
#[derive(Clone, Copy, Debug)]
pub enum Listens {
    Tcp(&'static str, u16),
    Udp(&'static str, u16),
}

impl Lab {
    /// Starts `command` and waits until it listens on every port of `wanted` in the server's namespace.
    #[track_caller]
    pub fn start(&self, command: Command, name: &str, wanted: &[Listens]) -> Daemon {
        self.start_in(Place::Server, command, name, wanted)
    }

    /// The same in the namespace of `place`.
    #[track_caller]
    pub fn start_in(&self, place: Place, mut command: Command, name: &str, wanted: &[Listens]) -> Daemon {
        let log = self.dir().join(format!("{name}.log"));
        let output = fs::File::create(&log).unwrap();
        command.stdout(output.try_clone().unwrap()).stderr(output);
        let child = command.spawn().unwrap_or_else(|e| panic!("cannot start {name}: {e}"));
        let mut daemon = Daemon { name: name.to_owned(), child, log };
        let since = Instant::now();
        while !wanted.iter().all(|w| self.listens(place, *w)) {
            if let Some(status) = daemon.child.try_wait().unwrap() {
                panic!("{name} ended with {status} before it listened:\n{}", daemon.tail());
            }
            assert!(since.elapsed() < READY, "{name} does not listen on {wanted:?}:\n{}", daemon.tail());
            // The only pause there is: between two looks at something whose end is seen, not assumed.
            std::thread::park_timeout(Duration::from_millis(25));
        }
        daemon
    }

    fn listens(&self, place: Place, wanted: Listens) -> bool {
        let (kind, address, port) = match wanted {
            Listens::Tcp(address, port) => ("-Hlnt", address, port),
            Listens::Udp(address, port) => ("-Hlnu", address, port),
        };
        let mut ss = self.command(place, "ss");
        let sockets = finished(ss.args([kind, "sport", "=", &format!(":{port}")]));
        let ends = [format!("{address}:{port}"), format!("[{address}]:{port}")];
        let any = if address.contains(':') { ["[::]", "*"] } else { ["0.0.0.0", "*"] };
        let local = |line: &str| line.split_whitespace().nth(3).unwrap_or("").to_owned();
        sockets.lines().map(local).any(|l| ends.contains(&l) || any.iter().any(|a| l == format!("{a}:{port}")))
    }
}

/// A server in the foreground; killed when dropped, and its last words shown when the test failed.
pub struct Daemon {
    name: String,
    child: Child,
    log: PathBuf,
}

impl Daemon {
    /// Waits until it has written `words` so many times.
    #[track_caller]
    pub fn says(&self, words: &str, times: usize) {
        let since = Instant::now();
        while fs::read_to_string(&self.log).unwrap_or_default().matches(words).count() < times {
            assert!(since.elapsed() < READY, "{} never said {words:?}:\n{}", self.name, self.tail());
            std::thread::park_timeout(Duration::from_millis(25));
        }
    }

    fn tail(&self) -> String {
        let text = fs::read(&self.log).unwrap_or_default();
        String::from_utf8_lossy(&text[text.len().saturating_sub(4000)..]).into_owned()
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            let _ = writeln!(std::io::stderr(), "--- last words of {}\n{}", self.name, self.tail());
        }
    }
}
