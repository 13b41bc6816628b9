//! The web configuration at work: TLS, certificates of clients, logins, and files that change while it runs. curl is the
//! client.

use std::path::Path;
use std::process::Output;

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};

use super::harness::{clean, readers};
use super::site::{Exporter, Site, figure};

const PASSWORD: &str = "open-sesame-4711";

/// An authority and what it signs.
struct Authority(Issuer<'static, KeyPair>, String);

impl Authority {
    fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, "an authority of a test");
        let key = KeyPair::generate().unwrap();
        let pem = params.self_signed(&key).unwrap().pem();
        Self(Issuer::new(params, key), pem)
    }

    /// Writes `NAME.pem` and `NAME.key` for an address.
    fn signs(&self, dir: &Path, name: &str, address: &str) {
        let key = KeyPair::generate().unwrap();
        let signed = CertificateParams::new(vec![address.to_owned()]).unwrap().signed_by(&key, &self.0).unwrap();
        std::fs::write(dir.join(format!("{name}.key")), key.serialize_pem()).unwrap();
        std::fs::write(dir.join(format!("{name}.pem")), signed.pem()).unwrap();
    }
}

/// curl's answer: the status on the last line, behind the body.
fn curl(dir: &Path, args: &[&str], url: &str) -> Option<(Output, String, String)> {
    let mut command = clean(readers::system("curl")?);
    command.current_dir(dir).args([
        "--silent",
        "--show-error",
        "--noproxy",
        "*",
        "--max-time",
        "60",
        "--write-out",
        "\n%{http_code}",
    ]);
    let output = command.args(args).arg(url).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let (body, status) = text.rsplit_once('\n').unwrap_or(("", &text));
    let said = String::from_utf8_lossy(&output.stderr);
    let (body, status) = (format!("{body}{said}"), status.to_owned());
    Some((output, body, status))
}

fn site_with(address: &str, web: &str) -> Site {
    let site = Site::new(address);
    std::fs::write(site.dir.path().join("web.yml"), web).unwrap();
    site
}

fn started(site: &Site) -> Exporter {
    let web = site.dir.path().join("web.yml");
    Exporter::start(site, &["--allow", "127.33.8.0/24", "--web-config", web.to_str().unwrap()])
}

#[test]
fn only_a_right_login_over_tls_is_answered_and_its_password_is_shown_nowhere() {
    let hash = bcrypt::hash(PASSWORD, 4).unwrap();
    let tls = "tls_server_config:\n  cert_file: server.pem\n  key_file: server.key\n";
    let headers = "http_server_config:\n  headers:\n    Strict-Transport-Security: max-age=60\n";
    let site = site_with("127.33.8.1", &format!("{tls}{headers}basic_auth_users:\n  alice: {hash}\n"));
    let dir = site.dir.path();
    let authority = Authority::new();
    std::fs::write(dir.join("ca.pem"), &authority.1).unwrap();
    authority.signs(dir, "server", "127.33.8.1");
    let exporter = started(&site);
    let url = |path: &str| format!("https://{}{path}", exporter.at);
    let ask = |user: &str, path: &str| {
        curl(dir, &["--cacert", "ca.pem", "--dump-header", "head", "--user", user], &url(path))
    };
    let right = format!("alice:{PASSWORD}");
    let Some((_, body, status)) = ask(&right, "/metrics") else { return };
    assert_eq!(status, "200", "{body}");
    assert!(
        std::fs::read_to_string(dir.join("head"))
            .unwrap()
            .to_lowercase()
            .contains("strict-transport-security: max-age=60")
    );
    let probe = "/probe?profile=site&target.web=127.33.8.1";
    assert_eq!(ask(&right, probe).unwrap().2, "200");
    for wrong in ["alice:wrong", "alice:", "bob:open-sesame-4711", ":open-sesame-4711"] {
        for path in ["/metrics", probe, "/", "/-/healthy", "/nope"] {
            assert_eq!(ask(wrong, path).unwrap().2, "401", "{wrong} {path}");
        }
    }
    assert_eq!(curl(dir, &["--cacert", "ca.pem"], &url("/metrics")).unwrap().2, "401");
    let plain = curl(dir, &[], &format!("http://{}/metrics", exporter.at)).unwrap();
    assert!(!plain.0.status.success(), "nothing is said in plain text: {}", plain.1);
    let metrics = ask(&right, "/metrics").unwrap().1;
    assert_eq!(
        figure(&metrics, "rtc_check_exporter_requests_refused_total", "reason=\"login\""),
        Some(21.0),
        "{metrics}"
    );

    // A certificate is renewed and a user goes, and nothing is started anew.
    let renewed = Authority::new();
    std::fs::write(dir.join("ca.pem"), &renewed.1).unwrap();
    renewed.signs(dir, "server", "127.33.8.1");
    assert_eq!(ask(&right, "/metrics").unwrap().2, "200", "the new certificate is shown");
    std::fs::write(dir.join("web.yml"), format!("{tls}basic_auth_users: [hunter2\n")).unwrap();
    assert_eq!(ask(&right, "/metrics").unwrap().2, "200", "what is wrong changes nothing");
    let other = bcrypt::hash("another-password", 4).unwrap();
    std::fs::write(dir.join("web.yml"), format!("{tls}basic_auth_users:\n  carol: {other}\n")).unwrap();
    assert_eq!(ask(&right, "/metrics").unwrap().2, "401", "a user that is gone is not remembered");
    assert_eq!(ask("carol:another-password", "/metrics").unwrap().2, "200");
    let run = exporter.stop();
    run.exits(0).says(&["web.yml: ", "what was read before stays in force"]);
    assert!(
        !run.stderr.contains(PASSWORD) && !run.stderr.contains("hunter2") && !run.stderr.contains("$2b$"),
        "{}",
        run.stderr
    );
}

#[test]
fn a_client_shows_a_certificate_of_the_authority_where_that_is_asked_for() {
    let web = "tls_server_config:\n  cert_file: server.pem\n  key_file: server.key\n  client_auth_type: RequireAndVerifyClientCert\n  \
               client_ca_file: ca.pem\n  min_version: TLS13\n";
    let site = site_with("127.33.8.2", web);
    let dir = site.dir.path();
    let (authority, stranger) = (Authority::new(), Authority::new());
    std::fs::write(dir.join("ca.pem"), &authority.1).unwrap();
    authority.signs(dir, "server", "127.33.8.2");
    authority.signs(dir, "client", "client.example");
    stranger.signs(dir, "stranger", "client.example");
    let exporter = started(&site);
    let url = format!("https://{}/-/healthy", exporter.at);
    let ask = |args: &[&str]| curl(dir, &[&["--cacert", "ca.pem"], args].concat(), &url);
    let Some((_, body, status)) = ask(&["--cert", "client.pem", "--key", "client.key"]) else { return };
    assert_eq!(status, "200", "{body}");
    for args in [
        &[][..],
        &["--cert", "stranger.pem", "--key", "stranger.key"],
        &["--cert", "client.pem", "--key", "client.key", "--tls-max", "1.2"],
    ] {
        let (output, body, status) = ask(args).unwrap();
        assert!(!output.status.success() && status == "000", "{args:?}: {status} {body}");
    }
    exporter.stop().exits(0);
}

#[test]
fn a_web_configuration_that_cannot_be_used_ends_the_start_with_its_reason() {
    for (web, words) in [
        ("tls_server_config:\n  cert_file: server.pem\n", "key_file"),
        ("tls_server_config:\n  cert_file: none.pem\n  key_file: none.key\n", "none.pem"),
        ("basic_auth_users:\n  bob: hunter2\n", "basic_auth_users.bob"),
        ("nope: 1\n", "nope"),
    ] {
        let site = site_with("127.33.8.3", web);
        let mut command = super::binary();
        command.args(["exporter", "--listen", "127.33.8.3:0", "--allow", "any", "--web-config"]);
        command.arg(site.dir.path().join("web.yml"));
        let run = super::harness::run(command);
        run.exits(2).says(&["web.yml", words]);
        assert!(!run.stderr.contains("hunter2"));
    }
}
