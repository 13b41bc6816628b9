//! A small site on loopback for the examples to check: one that answers, one that is down, and one that is silent.

use std::net::{TcpListener, UdpSocket};
use std::process::Command;

use tempfile::TempDir;

use crate::harness::{Started, binary};

const PROFILE: &str = r#"
name = "site"
title = "A site"
vantages = ["client"]
[documents]
d = "A document"
[roles.web]
description = "Web server"
[roles.stun]
description = "STUN server"
[http."web.http"]
to = "web"
port = 80
need = "required"
source = { document = "d", section = "1", row = "TCP | 80" }
[stun."stun.binding"]
to = "stun"
port = 3478
need = "required"
source = { document = "d", section = "1", row = "UDP | 3478" }
"#;

/// A directory with the site's profile, ports of it that are held, and its responder where one was started.
pub struct Site {
    pub dir: TempDir,
    port: u16,
    stun: UdpSocket,
    responder: Option<Started>,
}

impl Site {
    /// Nothing listens on its web port, and nothing answers on its STUN port.
    pub fn down() -> Self {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("site.toml"), PROFILE).unwrap();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        Self { dir, port, stun: UdpSocket::bind("127.0.0.1:0").unwrap(), responder: None }
    }

    /// A responder stands in for its web server.
    pub fn up() -> Self {
        let mut site = Self::down();
        let mut serve = binary();
        serve.args(["serve", "--role", "web", "--bind", "127.0.0.1", "--stamp-port", "0"]);
        serve.args(["--port", &format!("web.http={}", site.port), "--profile", &site.profile()]);
        let mut responder = Started::new(serve);
        responder.stderr_says("ready");
        site.responder = Some(responder);
        site
    }

    pub fn profile(&self) -> String {
        self.dir.path().join("site.toml").to_str().unwrap().to_owned()
    }

    /// What moves the site's rules to the ports that are its own here.
    pub fn ports(&self) -> String {
        format!("web.http={},stun.binding={}", self.port, self.stun.local_addr().unwrap().port())
    }

    /// `command` with the settings of a run against `roles`, as the examples give them: by environment.
    pub fn set(&self, command: &mut Command, roles: &[&str]) {
        let targets: Vec<String> = roles.iter().map(|role| format!("{role}=127.0.0.1")).collect();
        command.env("RTC_CHECK_PROFILE", self.profile()).env("RTC_CHECK_PORT", self.ports());
        let rules = roles.iter().map(|role| if *role == "web" { "web.http" } else { "stun.binding" });
        // Naming rules leaves out what is tried and measured beside them.
        command.env("RTC_CHECK_TARGET", targets.join(" ")).env("RTC_CHECK_ONLY", rules.collect::<Vec<_>>().join(","));
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        if let Some(responder) = self.responder.take() {
            let _ = Command::new("kill").arg(responder.id().to_string()).status();
            responder.finish();
        }
    }
}

/// The search path with a directory in front that has the binary under test as `rtc-check`.
pub fn path(dir: &TempDir) -> String {
    let link = dir.path().join("bin/rtc-check");
    if !link.exists() {
        std::fs::create_dir_all(link.parent().unwrap()).unwrap();
        std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_rtc-check"), &link).unwrap();
    }
    format!("{}:{}", link.parent().unwrap().display(), std::env::var("PATH").unwrap_or_default())
}
