//! What shells, `man` and terminals get: completions in the real shells, pages that troff takes, colours when asked for.

use std::process::Command;

use tempfile::TempDir;

use super::harness::{self, binary, readers};
use super::{rtc_check, written};

/// What a shell prints; the script is told where the completions are.
fn asked(shell: &str, flags: &[&str], completions: &str, script: &str) -> Option<String> {
    let dir = TempDir::new().unwrap();
    let file = written(&dir, "completions", &rtc_check(&["completions", completions]).exits(0).stdout);
    let mut command: Command = readers::system(shell)?;
    command.args(flags).arg("-c").arg(script).env("COMPLETIONS", file).env("HOME", dir.path());
    let done = command.output().unwrap();
    let said = String::from_utf8_lossy(&done.stderr).into_owned();
    assert!(done.status.success() && said.is_empty(), "{shell}: {said}");
    Some(String::from_utf8(done.stdout).unwrap())
}

#[test]
fn bash_completes_profiles_rules_roles_and_topics() {
    let script = r#"
        source "$COMPLETIONS"
        for line in "--profile a" "--only rtc." "--target r" "serve --profile v" "serve --role ac" "--report js" "explain path.m" "dem" "--color never repo"; do
            COMP_WORDS=(rtc-check $line) COMP_CWORD=$(( $(wc -w <<<"$line") ))
            _rtc__check rtc-check "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD-1]}"
            echo "$line: ${COMPREPLY[*]}"
        done"#;
    let Some(said) = asked("bash", &["--norc"], "bash", script) else { return };
    assert_eq!(
        said,
        "--profile a: agent acd\n--only rtc.: rtc.admin rtc.api rtc.gateway rtc.http rtc.https rtc.media rtc.sip rtc.ssh\n\
         --target r: rtc=\nserve --profile v: valt\nserve --role ac: acd\n--report js: json=\nexplain path.m: path.mtu path.mtu-small\n\
         dem: demo\n--color never repo: report\n"
    );
}

#[test]
fn fish_completes_flags_before_and_behind_a_command() {
    let script = r#"
        source $COMPLETIONS
        for line in "--profile a" "--only rtc.g" "--target r" "serve --profile v" "--profile agent --from cl" "dem" "--color never repo"
            echo "$line:" (complete -C "rtc-check $line" | string replace -r '\t.*' '')
        end"#;
    let Some(said) = asked("fish", &["--no-config"], "fish", script) else { return };
    assert_eq!(
        said,
        "--profile a: acd agent\n--only rtc.g: rtc.gateway\n--target r: rtc=\nserve --profile v: valt\n\
         --profile agent --from cl: client\ndem: demo\n\
         --color never repo: report\n"
    );
}

#[test]
fn zsh_takes_its_completions() {
    let script =
        r#"autoload -U compinit && compinit -u -d "$HOME/dump" && source "$COMPLETIONS" && whence -w _rtc-check"#;
    let Some(said) = asked("zsh", &["--no-rcs"], "zsh", script) else { return };
    assert_eq!(said, "_rtc-check: function\n");
}

#[test]
fn the_other_shells_have_completions_with_the_same_words() {
    for shell in ["powershell", "elvish"] {
        let text = rtc_check(&["completions", shell]).exits(0).stdout.clone();
        assert!(text.contains("--allow-unknown") && text.contains("firewall"), "{shell}");
    }
}

#[test]
fn every_command_has_a_page_that_troff_takes_without_a_warning() {
    let dir = TempDir::new().unwrap();
    let mut command = binary();
    command.args(["man"]).arg(dir.path()).env("RTC_CHECK_PROFILE", "shown-nowhere");
    harness::run(command).exits(0);
    let pages: Vec<_> = std::fs::read_dir(dir.path()).unwrap().map(|e| e.unwrap().path()).collect();
    assert!(pages.iter().any(|p| p.ends_with("rtc-check.1")) && pages.iter().any(|p| p.ends_with("rtc-check-serve.1")));
    for page in &pages {
        let text = std::fs::read_to_string(page).unwrap();
        assert!(!text.contains("shown-nowhere"), "{}: a value of the environment", page.display());
        let Some(mut groff) = readers::system("groff") else { return };
        let done = groff.args(["-k", "-man", "-Tutf8", "-ww", "-z"]).arg(page).output().unwrap();
        assert!(done.status.success() && done.stderr.is_empty(), "{}: {done:?}", page.display());
    }
    let one = rtc_check(&["man"]).exits(0).stdout.clone();
    assert!(one.contains("rtc\\-check") && one.contains("EXIT CODES"), "{one}");
}

#[test]
fn colours_are_for_terminals_and_for_who_asks() {
    let coloured = |args: &[&str], no_color: bool| {
        let mut command = binary();
        command.args(args);
        if no_color {
            command.env("NO_COLOR", "1");
        }
        harness::run(command).exits(0).stdout.contains('\x1b')
    };
    let demo = ["demo", "--profile", "dlegate", "--quiet"];
    assert!(!coloured(&demo, false), "a pipe gets plain text");
    assert!(coloured(&[&demo[..], &["--color", "always"]].concat(), false));
    assert!(coloured(&[&demo[..], &["--color", "always"]].concat(), true), "a flag wins over NO_COLOR");
    assert!(!coloured(&[&demo[..], &["--color", "never"]].concat(), false));
    assert!(coloured(&[&["--color", "always"], &demo[..]].concat(), false), "before the command too");
    assert!(coloured(&[&["--color=always"], &demo[..]].concat(), false));
}

#[test]
fn color_stands_before_a_command_and_nothing_else_does() {
    for args in [
        &["--color", "never", "profiles", "list"][..],
        &["--color=never", "profiles", "--color", "always", "list"],
        &["--color", "never", "--help"],
        &["--color", "never", "help", "serve"],
    ] {
        rtc_check(args).exits(0);
    }
    for args in [
        &["--color", "never", "--profile", "user", "report", "x"][..],
        &["--profile", "user", "report", "x"],
        &["--color", "never", "report"],
    ] {
        rtc_check(args).exits(2).says(&["Usage: rtc-check"]);
    }
    rtc_check(&["--color", "sometimes", "demo"]).exits(2).says(&["'sometimes' for '--color <WHEN>'"]);
    let both = rtc_check(&["--color", "never", "--strict", "demo"]);
    both.exits(2).says(&["the subcommand 'demo' cannot be used with '--strict'"]);
}

#[test]
fn help_is_short_or_has_examples_that_all_fit() {
    let (short, long) = (rtc_check(&["-h"]), rtc_check(&["--help"]));
    assert!(!short.exits(0).stdout.contains("EXAMPLES") && short.stdout.contains("rtc-check --help"));
    let long = &long.exits(0).stdout;
    let examples = &long[long.find("EXAMPLES").unwrap()..];
    let commands: Vec<&str> = examples.lines().filter_map(|l| l.trim().strip_prefix("rtc-check ")).collect();
    assert!(commands.len() > 12, "an example is wrapped or gone: {examples}");
    for heading in ["Gate a deployment", "Watch it", "EXIT CODES", "WORDS", "SECRETS"] {
        assert!(examples.contains(heading), "{heading}");
    }
}

#[test]
fn a_misspelt_name_gets_the_one_that_was_meant() {
    let user = ["--profile", "user", "--target", "rtc=127.0.0.1", "--dry-run"];
    for (more, meant) in [
        (&["--only", "rtc.gatway"][..], "`rtc.gateway`"),
        (&["--skip", "qualty"], "`quality`"),
        (&["--port", "rtc.gatway=1"], "`rtc.gateway`"),
        (&["--allow-unknown", "rtc.medai"], "`rtc.media`"),
        (&["--from", "cleint"], "`client`"),
        (&["--target", "rtcc=127.0.0.1"], "`rtc`"),
    ] {
        let run = rtc_check(&[&user[..], more].concat());
        assert!(run.exits(2).stderr.contains(&format!("did you mean {meant}?")), "{more:?}: {}", run.stderr);
    }
    for (args, meant) in [
        (&["--profile", "agnet"][..], "`agent`"),
        (&["demo", "--profile", "vallt"], "`valt`"),
        (&["serve", "--profile", "agent", "--role", "rct"], "`rtc`"),
        (&["--profile", "user", "--target", "rtc=127.0.0.1", "--format", "jsn"], "`json`"),
        (&["--porfile", "user"], "'--profile'"),
        (&["profils"], "'profiles'"),
    ] {
        let run = rtc_check(args);
        assert!(run.exits(2).stderr.contains(meant), "{args:?}: {}", run.stderr);
    }
}
