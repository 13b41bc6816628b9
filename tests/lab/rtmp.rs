//! RTMP and RTMP over TLS: nginx with its RTMP module where VALT's media server is; Wowza cannot be had. Nothing else
//! listens on the two ports, where a real media server takes browsers' WebSockets too.

use crate::namespaces::{Daemon, Lab, Listens, Place, RTC4, RTC6};
use crate::servers::{nginx, written};

/// The modules of nginx, as Debian installs them.
pub const RTMP_MODULE: &str = "/usr/lib/nginx/modules/ngx_rtmp_module.so";
pub const STREAM_MODULE: &str = "/usr/lib/nginx/modules/ngx_stream_module.so";
/// What a test of these needs.
pub const NEEDS: [&str; 3] = ["nginx", RTMP_MODULE, STREAM_MODULE];

/// nginx with the application `app`: RTMP on 1935, the same behind TLS on 444.
#[track_caller]
pub fn nginx_rtmp(lab: &Lab, app: &str) -> Daemon {
    nginx_rtmp_on(lab, app, 1935, 444)
}

/// The same on other ports.
#[track_caller]
pub fn nginx_rtmp_on(lab: &Lab, app: &str, plain: u16, secure: u16) -> Daemon {
    let (dir, chain, key) = (lab.dir().display(), lab.pki.chain.display(), lab.pki.key.display());
    let file = written(
        lab,
        &format!("nginx-rtmp-{plain}.conf"),
        &format!(
            "load_module {RTMP_MODULE}; load_module {STREAM_MODULE};\n\
             daemon off; master_process off; user root; pid {dir}/nginx-rtmp-{plain}.pid; error_log stderr info;\n\
             events {{ worker_connections 64; }}\n\
             rtmp {{ server {{ listen {RTC4}:{plain}; listen [{RTC6}]:{plain}; application {app} {{ live on; }} }} }}\n\
             stream {{ server {{ listen {RTC4}:{secure} ssl; listen [{RTC6}]:{secure} ssl;\n\
             ssl_certificate {chain}; ssl_certificate_key {key}; proxy_pass {RTC4}:{plain}; }} }}\n"
        ),
    );
    let mut command = lab.command(Place::Server, "nginx");
    command.args(["-e", "stderr", "-c", &file]);
    lab.start(command, &format!("nginx-rtmp-{plain}"), &[Listens::Tcp(RTC4, plain), Listens::Tcp(RTC6, secure)])
}

/// BEAM's devices towards the lab's media server.
fn beam<'a>(more: &[&'a str]) -> Vec<&'a str> {
    [&["--profile", "valt", "--from", "beam", "--target", "media=198.51.100.10,[2001:db8:2::10]"][..], more].concat()
}

#[test]
fn an_rtmp_server_takes_beam_over_tls_and_without() {
    let Some(lab) = Lab::with(&NEEDS) else { return };
    let _servers = [nginx(&lab), nginx_rtmp(&lab, "live")];
    for (option, port) in [("ssl=true", "tcp 444"), ("ssl=false", "tcp 1935")] {
        let report = lab.reach(&beam(&["--option", option])).report();
        for address in [RTC4, RTC6] {
            let check = report.at(address, port).is("pass").says(&["NetConnection.Connect.Success"]);
            let rtmp = check.seen("rtmp");
            assert_eq!((&rtmp["version"], &rtmp["accepted"]), (&3.into(), &true.into()), "{check}");
            assert!(rtmp["server"].as_str().is_some_and(|s| s.starts_with("FMS/")), "{check}");
        }
    }
}

#[test]
fn an_application_that_the_server_lacks_is_a_warning_where_it_hangs_up() {
    let Some(lab) = Lab::with(&NEEDS) else { return };
    let server = nginx_rtmp(&lab, "other");
    for (option, port) in [("ssl=true", "tcp 444"), ("ssl=false", "tcp 1935")] {
        let report = lab.reach(&beam(&["--option", option, "--only", "rtmp,rtmps"])).report();
        for address in [RTC4, RTC6] {
            report.at(address, port).is("warn").says(&["shook hands", "\"live\""]);
        }
    }
    server.says("application not found: 'live'", 4);
}

#[test]
fn tls_where_none_is_meant_and_none_where_it_is_meant_are_named() {
    let Some(lab) = Lab::with(&NEEDS) else { return };
    let _server = nginx_rtmp_on(&lab, "live", 444, 1935);
    let report = lab.reach(&beam(&["--option", "ssl=true", "--only", "rtmps"])).exits(1).report();
    for address in [RTC4, RTC6] {
        let check = report.at(address, "tcp 444").is("fail").says(&["RTMP without TLS"]);
        assert_eq!((check.failure(), check.seen("met")), (("tls", "not-tls"), &"RTMP".into()), "{check}");
    }
    let report = lab.reach(&beam(&["--option", "ssl=false", "--only", "rtmp"])).exits(1).report();
    for address in [RTC4, RTC6] {
        assert_eq!(report.at(address, "tcp 1935").is("fail").seen("met"), "TLS");
    }
}

#[test]
fn browsers_find_rtmp_alone_where_their_websocket_should_be() {
    let Some(lab) = Lab::with(&NEEDS) else { return };
    let _server = nginx_rtmp(&lab, "live");
    let target = "media=198.51.100.10,[2001:db8:2::10]";
    for (option, only, port) in [("ssl=true", "wss", "tcp 444"), ("ssl=false", "ws", "tcp 1935")] {
        let args =
            ["--profile", "valt", "--target", target, "--target", "application=198.51.100.10", "--option", option];
        let report = lab.reach(&[&args[..], &["--only", only]].concat()).exits(1).report();
        let check = report.at(RTC6, port).is("fail").says(&["speaks RTMP", "WebSocket"]);
        assert_eq!((check.failure(), check.seen("met")), (("upgrade", "garbage"), &"RTMP".into()), "{check}");
    }
}
