//! A camera: the RTSP server of GStreamer, with a picture that it makes itself.

use crate::harness::Check;
use crate::namespaces::{Daemon, Lab, Listens, Place, RTC4};
use crate::servers::written;

/// What the camera cannot do without; its packages bring no program.
pub const CAMERA: [&str; 4] = [
    "/usr/bin/python3",
    "/usr/lib/python3/dist-packages/gi/__init__.py",
    "/usr/share/doc/gir1.2-gst-rtsp-server-1.0/copyright",
    "/usr/share/doc/gstreamer1.0-plugins-good/copyright",
];

/// The password that the camera takes of `admin`.
pub const PASSWORD: &str = "right-4e1d";

/// RTP/JPEG takes I420; any other format stops the server at the first DESCRIBE.
const SCRIPT: &str = r#"
import sys
import gi
for name in ("Gst", "GstRtsp", "GstRtspServer"):
    gi.require_version(name, "1.0")
from gi.repository import GLib, Gst, GstRtsp, GstRtspServer

address, port, login, password = sys.argv[1:]
Gst.init(None)
server = GstRtspServer.RTSPServer()
server.set_address(address)
server.set_service(port)
factory = GstRtspServer.RTSPMediaFactory()
factory.set_launch("( videotestsrc is-live=true ! video/x-raw,format=I420,width=320,height=240,framerate=5/1"
                   " ! jpegenc ! rtpjpegpay name=pay0 )")
if login != "open":
    auth = GstRtspServer.RTSPAuth()
    token = GstRtspServer.RTSPToken()
    token.set_string(GstRtspServer.RTSP_TOKEN_MEDIA_FACTORY_ROLE, "user")
    if login == "digest":
        auth.set_supported_methods(GstRtsp.RTSPAuthMethod.DIGEST)
        auth.add_digest("admin", password, token)
    else:
        auth.set_supported_methods(GstRtsp.RTSPAuthMethod.BASIC)
        auth.add_basic(GstRtspServer.RTSPAuth.make_basic("admin", password), token)
    server.set_auth(auth)
    may = "user, media.factory.access=(boolean)true, media.factory.construct=(boolean)true"
    factory.add_role_from_structure(Gst.Structure.from_string(may)[0])
server.get_mount_points().add_factory("/live", factory)
server.attach(None)
GLib.MainLoop().run()
"#;

/// A camera on 554 of `address` with the stream `/live`; `login` is `open`, `digest` or `basic`.
#[track_caller]
pub fn camera(lab: &Lab, address: &'static str, login: &str) -> Daemon {
    let script = written(lab, "camera.py", SCRIPT);
    // The system's own interpreter: another one may stand before it on the path, without the bindings.
    let mut command = lab.command(Place::Server, "/usr/bin/python3");
    command.args([&script, address, "554", login, PASSWORD]).env("HOME", lab.dir());
    lab.start(command, &format!("camera-{login}"), &[Listens::Tcp(address, 554)])
}

/// What a media server sees of the camera's RTSP, logging in with `password` where there is one.
#[track_caller]
fn seen(lab: &Lab, password: Option<&str>, more: &[&str], look: impl FnOnce(Check<'_>)) {
    let target = format!("camera={RTC4}");
    let args = ["--profile", "valt", "--from", "media-server", "--target", &target, "--only", "camera"];
    let login = password.map(|p| [("RTC_CHECK_RTSP_USERNAME", "admin"), ("RTC_CHECK_RTSP_PASSWORD", p)]);
    let run = lab.check_with(login.as_ref().map_or(&[], |l| &l[..]), &[&args, more].concat());
    let shown = password.is_some_and(|p| run.stdout.contains(p) || run.stderr.contains(p));
    assert!(!shown, "the password is shown:\n{}\n{}", run.stdout, run.stderr);
    let report = run.report();
    let checks = report.of("camera.rtsp");
    assert_eq!(checks.len(), 1, "{report}");
    assert_eq!(checks[0].value["probe"], "rtsp", "{report}");
    look(checks[0]);
}

const LIVE: [&str; 2] = ["--rtsp-path", "/live"];

#[test]
fn an_open_camera_tells_what_it_streams() {
    let Some(lab) = Lab::with(&CAMERA) else { return };
    let _camera = camera(&lab, RTC4, "open");
    seen(&lab, None, &[], |check| {
        check.is("pass");
        assert_eq!(check.seen("rtsp_status"), 200, "{check}");
        assert_eq!(check.seen("rtsp_server"), "GStreamer RTSP server", "{check}");
        assert!(check.seen("rtsp_methods").to_string().contains("DESCRIBE"), "{check}");
        assert!(check.number("rtsp_rtt_ms") > 0.0, "{check}");
    });
    seen(&lab, None, &LIVE, |check| {
        let told = check.is("pass").seen("rtsp_describe");
        assert_eq!((&told["login"], &told["media"][0]["codecs"][0]), (&"none".into(), &"JPEG".into()), "{check}");
    });
    seen(&lab, None, &["--rtsp-path", "/nothing"], |check| {
        check.is("warn").says(&["/nothing", "does not exist"]);
    });
}

#[test]
fn a_camera_with_a_login_is_alive_and_takes_the_right_one() {
    for scheme in ["digest", "basic"] {
        let Some(lab) = Lab::with(&CAMERA) else { return };
        let _camera = camera(&lab, RTC4, scheme);
        seen(&lab, None, &[], |check| {
            check.is("pass");
        });
        seen(&lab, None, &LIVE, |check| {
            check.is("pass").says(&["asks for a login", "GStreamer RTSP Server"]);
            assert_eq!(check.seen("rtsp_describe")["scheme"], scheme, "{check}");
        });
        seen(&lab, Some(PASSWORD), &LIVE, |check| {
            check.is("pass").says(&["/live carries video (JPEG)"]);
            assert_eq!(check.seen("rtsp_describe")["login"], scheme, "{check}");
            assert_eq!(check.reason().contains("clear text"), scheme == "basic", "{check}");
        });
        seen(&lab, Some("wrong-8a02"), &LIVE, |check| {
            check.is("warn").says(&["login refused for /live"]);
        });
    }
}

#[test]
fn a_camera_behind_both_of_its_ports_passes_for_a_media_server() {
    let needed: Vec<&str> = CAMERA.into_iter().chain(["nginx"]).collect();
    let Some(lab) = Lab::with(&needed) else { return };
    let _servers = [camera(&lab, RTC4, "digest"), crate::servers::nginx(&lab)];
    let target = format!("camera={RTC4}");
    let run = lab.check(&["--profile", "valt", "--from", "media-server", "--target", &target, "--only", "camera"]);
    let report = run.exits(0).report();
    for rule in ["camera.rtsp", "camera.http"] {
        report.of(rule)[0].is("pass");
    }
}

#[test]
fn another_server_in_the_cameras_place_is_named() {
    let Some(lab) = Lab::with(&["nginx"]) else { return };
    let _nginx = crate::servers::nginx(&lab);
    seen(&lab, None, &["--port", "camera.rtsp=80"], |check| {
        check.is("fail").says(&["HTTP", "not RTSP"]);
        assert_eq!(check.seen("met"), "HTTP", "{check}");
    });
}
