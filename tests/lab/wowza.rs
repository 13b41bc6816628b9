//! A stand-in for VALT's servers: real nginx for its web pages, uploads, TLS and RTMP, and for Wowza Streaming Engine, which
//! nobody can install here, a small server that answers as Wowza does: by its `Server` header and start page on 1935 and
//! 8086, its REST API's login on 8087, its manager's redirects on 8088. WebSockets and RTMP share 1935, and 444 over TLS.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};

use tokio_tungstenite::tungstenite;

use crate::namespaces::{Daemon, Lab, Listens, Place, RTC4};
use crate::servers::written;

/// Answers every connection to `port` of the lab's first address with one page.
#[track_caller]
pub fn page(lab: &Lab, port: u16, answer: fn(TcpStream)) {
    lab.within(Place::Server, move || serve((TcpListener::bind((RTC4, port)).unwrap(), answer)));
}

/// Where nginx speaks RTMP for the stand-in.
const RTMP: &str = "127.0.0.1:19350";

/// VALT's application and media server in one, on the lab's first address.
#[track_caller]
pub fn valt(lab: &Lab) -> Daemon {
    let ports = [(1935, engine as fn(TcpStream)), (8086, engine), (8087, api), (8088, manager)];
    lab.within(Place::Server, move || {
        ports.map(|(port, answer)| (TcpListener::bind((RTC4, port)).unwrap(), answer)).into_iter().for_each(serve);
    });
    nginx(lab)
}

fn serve((listener, answer): (TcpListener, fn(TcpStream))) {
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            std::thread::spawn(move || answer(stream));
        }
    });
}

/// nginx: 80 and 8000 in plain text, 443 over TLS, RTMP on loopback, and TLS for the engine on 444.
#[track_caller]
fn nginx(lab: &Lab) -> Daemon {
    let (dir, chain, key) = (lab.dir().display(), lab.pki.chain.display(), lab.pki.key.display());
    let temporary: String =
        ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map(|n| format!(" {n}_temp_path {dir}/valt;\n")).concat();
    let modules =
        ["stream", "rtmp"].map(|m| format!("load_module /usr/lib/nginx/modules/ngx_{m}_module.so;\n")).concat();
    let tls = format!("ssl_certificate {chain}; ssl_certificate_key {key};");
    let text = format!(
        "{modules}daemon off; master_process off; user root; pid {dir}/valt.pid; error_log stderr;\n\
         events {{ worker_connections 64; }}\n\
         rtmp {{ server {{ listen {RTMP}; application live {{ live on; }} }} }}\n\
         stream {{ server {{ listen {RTC4}:444 ssl; {tls} proxy_pass {RTC4}:1935; }} }}\n\
         http {{\n access_log off;\n{temporary}\
         server {{ listen {RTC4}:80; listen {RTC4}:8000; listen {RTC4}:443 ssl; {tls}\n\
         location / {{ return 200 \"VALT\\n\"; }} }}\n}}\n"
    );
    let file = written(lab, "valt.conf", &text);
    let mut command = lab.command(Place::Server, "nginx");
    command.args(["-e", "stderr", "-c", &file]);
    let wanted = [80, 443, 444, 8000].map(|port| Listens::Tcp(RTC4, port));
    lab.start(command, "valt", &wanted)
}

/// What a connection begins with, left to be read.
fn beginning(stream: &TcpStream) -> Vec<u8> {
    let mut bytes = vec![0; 4096];
    loop {
        let count = stream.peek(&mut bytes).unwrap_or(0);
        let whole = bytes[..count].windows(4).any(|w| w == b"\r\n\r\n");
        if count == 0 || bytes[0] == 3 || whole {
            bytes.truncate(count);
            return bytes;
        }
        std::thread::yield_now();
    }
}

/// Wowza's streaming port: RTMP, WebSockets and HTTP.
fn engine(stream: TcpStream) {
    let begun = beginning(&stream);
    if begun.first() == Some(&3) {
        return rtmp(stream);
    }
    if String::from_utf8_lossy(&begun).to_ascii_lowercase().contains("upgrade: websocket") {
        if let Ok(mut socket) = tungstenite::accept(stream) {
            while socket.read().is_ok() {}
        }
        return;
    }
    const PAGE: &str = "<html><head><title>Wowza Streaming Engine 4 Monthly Edition 4.8.20 build20220707</title></head>\
                        <body>Wowza Streaming Engine 4 Monthly Edition 4.8.20 build20220707</body></html>";
    answer(stream, "200 OK", "Server: WowzaStreamingEngine/4.8.20\r\nContent-Type: text/html\r\n", PAGE);
}

/// What comes in RTMP is nginx's to answer.
fn rtmp(stream: TcpStream) {
    let Ok(server) = TcpStream::connect(RTMP) else { return };
    let ends = [(&stream, &server), (&server, &stream)];
    let copies = ends.map(|(from, to)| (from.try_clone().unwrap(), to.try_clone().unwrap()));
    let threads = copies.map(|(mut from, mut to)| {
        std::thread::spawn(move || {
            let _ = std::io::copy(&mut from, &mut to);
            let _ = to.shutdown(Shutdown::Write);
        })
    });
    threads.into_iter().for_each(|t| drop(t.join()));
}

/// Wowza's REST API, which wants a login.
fn api(stream: TcpStream) {
    let headers = "Server: Restlet-Framework/2.2.2\r\nContent-Type: application/xml\r\n\
                   WWW-Authenticate: Digest realm=\"Wowza\", domain=\"/\", nonce=\"MTU1\", algorithm=MD5, qop=\"auth\"\r\n";
    let page = "<error><wowzaServer>4.8.20</wowzaServer><code>401</code></error>";
    answer(stream, "401 Unauthorized", headers, page);
}

/// Wowza's manager, which leads to its first page and that to its login.
fn manager(stream: TcpStream) {
    let begun = String::from_utf8_lossy(&beginning(&stream)).into_owned();
    match begun.split(' ').nth(1).unwrap_or_default() {
        "/enginemanager/" => {
            let there = format!("Location: http://{RTC4}:8088/enginemanager/ftu/welcome.htm\r\n");
            answer(stream, "302 Found", &there, "");
        }
        "/enginemanager/ftu/welcome.htm" => {
            answer(stream, "302 Found", "Location: /enginemanager/login.htm\r\n", "");
        }
        "/enginemanager/login.htm" => {
            let page = "<html><head><title>Wowza Streaming Engine Manager</title></head></html>";
            answer(stream, "200 OK", "Set-Cookie: JSESSIONID=1; HttpOnly\r\n", page);
        }
        _ => answer(stream, "404 Not Found", "", ""),
    }
}

/// Reads the request and answers.
pub fn answer(mut stream: TcpStream, status: &str, headers: &str, page: &str) {
    beginning(&stream);
    let length = page.len();
    let _ =
        stream.write_all(format!("HTTP/1.1 {status}\r\n{headers}Content-Length: {length}\r\n\r\n{page}").as_bytes());
    let _ = stream.shutdown(Shutdown::Write);
    // What was asked is read to its end, or closing would reset.
    let _ = stream.read_to_end(&mut Vec::new());
}
