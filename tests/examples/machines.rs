//! systemd, Ansible and Terraform: their own programs and a parser, and a play that runs on this machine.

use std::process::Command;

use crate::harness::{binary, clean, readers, run};
use crate::site::Site;
use crate::{below, file, reads, text, written};

/// No unit is more exposed than this; 0 is nothing, 10 a service with every right.
const EXPOSURE: f64 = 1.7;

/// The units with the binary under test in place of the installed one, which systemd looks for.
fn units(dir: &std::path::Path) -> Vec<String> {
    let units = below("examples/systemd").into_iter();
    units
        .map(|path| {
            let words = text(&path).replace("/usr/bin/rtc-check", env!("CARGO_BIN_EXE_rtc-check"));
            written(dir, path.rsplit('/').next().unwrap(), &words)
        })
        .collect()
}

#[test]
fn systemd_takes_every_unit() {
    let dir = tempfile::tempdir().unwrap();
    let units = units(dir.path());
    let args: Vec<&str> = ["verify", "--man=no"].into_iter().chain(units.iter().map(String::as_str)).collect();
    if let Some(words) = reads(readers::system("systemd-analyze"), &args) {
        assert!(!words.contains("rtc-check"), "{words}");
    }
}

#[test]
fn no_service_is_exposed() {
    let dir = tempfile::tempdir().unwrap();
    for unit in units(dir.path()).iter().filter(|u| u.ends_with(".service")) {
        let args = ["security", "--offline=true", "--no-pager", unit];
        let Some(words) = reads(readers::system("systemd-analyze"), &args) else { return };
        let line = words.lines().find(|l| l.contains("Overall exposure level")).unwrap();
        let level: f64 = line.rsplit(": ").next().unwrap().split(' ').next().unwrap().parse().unwrap();
        assert!(level <= EXPOSURE, "{line}");
    }
}

#[test]
fn a_service_has_one_capability_or_none() {
    for path in below("examples/systemd").iter().filter(|p| p.ends_with(".service")) {
        let words = text(path);
        let of = |key: &str| words.lines().filter_map(|l| l.strip_prefix(key)).collect::<Vec<_>>();
        let port = if path.contains("responder") { "CAP_NET_BIND_SERVICE" } else { "" };
        assert_eq!(of("CapabilityBoundingSet="), [port], "{path}");
        assert_eq!(of("DynamicUser="), ["yes"], "{path}");
        assert!(of("User=").is_empty(), "{path}");
    }
}

#[test]
fn the_play_runs_here_and_there_fetches_and_compares() {
    let play = file("examples/ansible/rtc-check.yml");
    let inventory = file("examples/ansible/inventory.ini");
    let syntax = ["--syntax-check", "-i", inventory.to_str().unwrap(), play.to_str().unwrap()];
    if reads(readers::system("ansible-playbook").map(home), &syntax).is_none() {
        return;
    }
    let (good, bad) = (Site::up(), Site::down());
    let dir = tempfile::tempdir().unwrap();
    let hosts = format!(
        "[probes]\ndata-centre rtc_check_flags='[\"--port\",\"{}\"]'\noffice rtc_check_flags='[\"--port\",\"{}\"]'\n\
         [probes:vars]\nansible_connection=local\n",
        good.ports(),
        bad.ports()
    );
    let set = serde_json::json!({
        "rtc_check": env!("CARGO_BIN_EXE_rtc-check"), "rtc_check_profile": good.profile(),
        "rtc_check_targets": ["web=127.0.0.1"], "rtc_check_reports": dir.path().join("reports"),
        "ansible_python_interpreter": "auto_silent",
    });
    let mut ansible = home(clean(readers::system("ansible-playbook").unwrap()));
    ansible.env("RTC_CHECK_NO_TRACE", "true").env("RTC_CHECK_ONLY", "web.http");
    ansible.args(["-i", &written(dir.path(), "hosts.ini", &hosts), "-e", &set.to_string()]).arg(&play);
    let done = run(ansible);
    // The last task fails for the office, whose rule fails; the data centre is well.
    done.exits(2);
    for words in ["every required rule holds", "rtc-check ended with 1 here", "web.http"] {
        assert!(done.stdout.contains(words), "{words}\n{}", done.stdout);
    }
    for name in ["data-centre.json", "data-centre.html", "office.json", "office.html"] {
        assert!(dir.path().join("reports").join(name).is_file(), "{name} was not fetched\n{}", done.stdout);
    }
}

/// Ansible wants a home that it can write to, and text in UTF-8.
fn home(mut ansible: Command) -> Command {
    let home = std::env::temp_dir().join("rtc-check-ansible");
    std::fs::create_dir_all(&home).unwrap();
    ansible.env("HOME", &home).env("ANSIBLE_LOCAL_TEMP", &home).env("ANSIBLE_NOCOLOR", "1").env("LC_ALL", "C.UTF-8");
    ansible.env("ANSIBLE_REMOTE_TEMP", &home);
    ansible
}

#[test]
fn terraform_files_are_hcl() {
    for path in ["examples/terraform/responder.tf", "examples/terraform/clients.tf"] {
        reads(readers::python("hcl2tojson"), &[path]);
    }
    // Each variable is declared once in the directory, and each that is used is declared.
    let words = text("examples/terraform/responder.tf") + &text("examples/terraform/clients.tf");
    let declared: Vec<&str> =
        words.lines().filter_map(|l| l.strip_prefix("variable \"")?.strip_suffix("\" {")).collect();
    for word in words.split("var.").skip(1) {
        let name: String = word.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect();
        assert_eq!(declared.iter().filter(|d| **d == name).count(), 1, "{name} in {declared:?}");
    }
}

/// `responder.tf` says with which commands these two were made.
#[test]
fn the_security_groups_are_what_the_firewall_command_writes() {
    let asked = ["firewall", "--profile", "agent", "--target", "rtc=192.0.2.10", "--only", "rtc", "--as"];
    for (form, name) in [("csv", "flows.csv"), ("terraform-aws", "clients.tf")] {
        let mut firewall = binary();
        firewall.args(asked).arg(form);
        let now = run(firewall).exits(0).stdout.replace("\r\n", "\n");
        let kept = text(&format!("examples/terraform/{name}")).replace("\r\n", "\n");
        assert_eq!(kept, now, "{name} is not what is written today: make it anew");
    }
}
