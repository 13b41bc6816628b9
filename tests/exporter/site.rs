//! A platform of one web server, an exporter that offers its profile, and a client that reads what it answers.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::process::{Command, Stdio};
use std::time::Instant;

use tempfile::TempDir;

use super::harness::{LIMIT, Run, Started, binary, readers};

/// A directory with the profile `site`: a web server on `port`, and a host of the Internet that an option asks for.
pub struct Site {
    pub dir: TempDir,
    address: String,
}

fn free(address: &str) -> u16 {
    TcpListener::bind((address, 0)).unwrap().local_addr().unwrap().port()
}

impl Site {
    /// Whose server is nowhere.
    pub fn new(address: &str) -> Self {
        Self::with(address, free(address), "")
    }

    fn with(address: &str, port: u16, more: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let source = "source = { document = \"d\", section = \"1\", row = \"a row\" }";
        let text = format!(
            "name = \"site\"\ntitle = \"A web server\"\nvantages = [\"client\"]\n[options]\nfixed = false\n[documents]\nd = \"A document\"\n\
             [roles.web]\ndescription = \"Web server\"\n[roles.fixed]\ndescription = \"A licence server\"\nhosts = [\"fixed.invalid\"]\n\
             [http.\"web.http\"]\nto = \"web\"\nport = {port}\nneed = \"required\"\n{source}\n\
             [https.\"fixed.https\"]\nto = \"fixed\"\nport = 443\nneed = \"required\"\nwhen = {{ fixed = true }}\n{source}\n{more}"
        );
        std::fs::write(dir.path().join("site.toml"), text).unwrap();
        Self { dir, address: address.to_owned() }
    }

    pub fn profile(&self) -> String {
        self.dir.path().join("site.toml").to_str().unwrap().to_owned()
    }

    /// With a responder that stands in for its server.
    pub fn served(address: &str) -> (Self, Started) {
        let site = Self::new(address);
        let mut serve = binary();
        serve.args(["serve", "--profile", &site.profile(), "--role", "web", "--bind", address, "--stamp-port", "0"]);
        let mut responder = Started::new(serve);
        responder.stderr_says("ready");
        (site, responder)
    }

    /// Whose server takes connections and datagrams, and never says a word: three ranges, which are asked in turn.
    pub fn silent(address: &str) -> (Self, (TcpListener, Vec<UdpSocket>)) {
        let web = TcpListener::bind((address, 0)).unwrap();
        let sockets: Vec<UdpSocket> = (0..3).map(|_| UdpSocket::bind((address, 0)).unwrap()).collect();
        let range = |(n, socket): (usize, &UdpSocket)| {
            let port = socket.local_addr().unwrap().port();
            format!(
                "[rtp.\"web.media-{n}\"]\nto = \"web\"\nports = \"{port}\"\nneed = \"required\"\n\
                 source = {{ document = \"d\", section = \"1\", row = \"{n}\" }}\n"
            )
        };
        let more: String = sockets.iter().enumerate().map(range).collect();
        (Self::with(address, web.local_addr().unwrap().port(), &more), (web, sockets))
    }
}

/// An exporter that offers a site's profile.
pub struct Exporter {
    pub at: SocketAddr,
    process: Started,
}

impl Exporter {
    #[track_caller]
    pub fn start(site: &Site, args: &[&str]) -> Self {
        Self::with(binary(), site, args)
    }

    /// By a command that ends with the program.
    #[track_caller]
    pub fn with(mut command: Command, site: &Site, args: &[&str]) -> Self {
        let at = SocketAddr::new(site.address.parse().unwrap(), free(&site.address));
        command.args(["exporter", "--listen", &at.to_string(), "--profile", &site.profile()]).args(args);
        let mut process = Started::new(command);
        process.stderr_says("ready");
        Self { at, process }
    }

    /// Waits for a line of its log.
    #[track_caller]
    pub fn says(&mut self, words: &str) {
        self.process.stderr_says(words);
    }

    pub fn get(&self, path: &str) -> Answer {
        get(self.at, "GET", path, &[])
    }

    pub fn probe(&self, query: &str) -> Answer {
        self.get(&format!("/probe?profile=site&{query}"))
    }

    /// Asks for its metrics until one of them has this figure.
    #[track_caller]
    pub fn until(&self, name: &str, labels: &str, wanted: f64) {
        let begun = Instant::now();
        let mut body = String::new();
        while begun.elapsed() < LIMIT {
            body = self.get("/metrics").body;
            if figure(&body, name, labels) == Some(wanted) {
                return;
            }
        }
        panic!("{name}{{{labels}}} never was {wanted}:\n{body}");
    }

    /// Ends it as an operator does.
    #[track_caller]
    pub fn stop(self) -> Run {
        assert!(Command::new("kill").arg(self.process.id().to_string()).status().unwrap().success());
        self.process.finish()
    }
}

/// A request that was sent and is not answered yet; dropping it hangs up.
pub struct Sent(TcpStream);

pub fn sent(at: SocketAddr, method: &str, path: &str, headers: &[(&str, &str)]) -> Sent {
    let mut stream = TcpStream::connect(at).unwrap();
    stream.set_read_timeout(Some(LIMIT)).unwrap();
    let fields: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    write!(stream, "{method} {path} HTTP/1.1\r\nHost: {at}\r\nConnection: close\r\n{fields}\r\n").unwrap();
    Sent(stream)
}

pub fn get(at: SocketAddr, method: &str, path: &str, headers: &[(&str, &str)]) -> Answer {
    sent(at, method, path, headers).answer()
}

/// An answer over HTTP.
pub struct Answer {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: String,
}

impl Sent {
    #[track_caller]
    pub fn answer(mut self) -> Answer {
        let mut text = String::new();
        self.0.read_to_string(&mut text).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap_or_else(|| panic!("no HTTP answer: {text:?}"));
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        let fields = head.lines().skip(1).filter_map(|l| l.split_once(": "));
        let headers = fields.map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned())).collect();
        Answer { status, headers, body: body.to_owned() }
    }
}

impl Answer {
    pub fn header(&self, name: &str) -> &str {
        self.headers.iter().find(|(n, _)| n == name).map_or("", |(_, value)| value)
    }
}

/// The figure of the first sample with this name, whose labels have these parts, `.*` between them, in this order.
pub fn figure(text: &str, name: &str, labels: &str) -> Option<f64> {
    let has = |line: &str| {
        let mut rest = line;
        labels.split(".*").all(|part| match rest.split_once(part) {
            Some((_, behind)) => {
                rest = behind;
                true
            }
            None => false,
        })
    };
    let of = |line: &&str| line.strip_prefix(name).is_some_and(|rest| rest.starts_with(['{', ' ']) && has(rest));
    text.lines().find(of)?.rsplit(' ').next()?.parse().ok()
}

/// Prometheus' own reader takes it, without a complaint about names and units.
#[track_caller]
pub fn promtool(text: &str) {
    let Some(mut promtool) = readers::system("promtool") else { return };
    let mut child = promtool
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && said.is_empty(), "promtool: {said}\n{text}");
}
