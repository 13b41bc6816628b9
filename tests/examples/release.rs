//! What a release is made with: the script, and the list of what the Debian package holds.

use crate::harness::readers;
use crate::{file, reads, text};

#[test]
fn the_release_script_is_good_shell() {
    reads(readers::system("shellcheck"), &["release/build"]);
}

#[test]
fn the_package_holds_what_is_there_or_is_made() {
    let manifest: toml::Table = text("Cargo.toml").parse().unwrap();
    let deb = manifest["package"]["metadata"]["deb"].as_table().unwrap();
    let script = text("release/build");
    let mut units = 0;
    for asset in deb["assets"].as_array().unwrap() {
        let from = asset[0].as_str().unwrap();
        units += usize::from(asset[1].as_str() == Some("usr/lib/systemd/system/"));
        let made = from.strip_prefix("target/release-assets/").map(|rest| rest.split('/').next().unwrap());
        match made {
            Some(what) => assert!(script.contains(&format!("target/release-assets/{what}")), "{from} is made nowhere"),
            None if from == "target/release/rtc-check" => {}
            None => assert!(file(from.trim_end_matches("*.toml")).exists(), "{from}"),
        }
    }
    assert_eq!(units, crate::below("examples/systemd").len(), "every unit is in the package");
}

#[test]
fn the_units_start_what_the_package_installs() {
    for path in crate::below("examples/systemd").iter().filter(|p| p.ends_with(".service")) {
        let words = text(path);
        let starts = words.lines().find_map(|l| l.strip_prefix("ExecStart=")).unwrap();
        assert!(starts.starts_with("/usr/bin/rtc-check"), "{path}: {starts}");
    }
}
