//! What a bundle says of itself: the list before it is written, and its README.

use super::{About, File, Part};
use crate::model::Redacted;

/// A line for each file: name, size where it is known, what it is; then what of it is personal.
pub fn list(files: &[File], about: &About) -> String {
    let mut out = String::from("In the bundle:\n");
    for file in files {
        let size = file.bytes.as_ref().map_or_else(String::new, |bytes| size(bytes.len()));
        out.push_str(&format!("  {:<17} {size:>9}  {}\n", file.part.name(), file.part.what()));
    }
    out.push_str(&personal(files, &about.redacted));
    about.notes.iter().for_each(|note| out.push_str(&format!("Note: {note}.\n")));
    out
}

/// The text of `README.txt`.
pub fn readme(files: &[File], about: &About) -> String {
    let mut out = format!("A support bundle of rtc-check {}.\n\n", about.version);
    for file in files {
        out.push_str(&format!("{:<17} {}\n", file.part.name(), file.part.what()));
    }
    out.push_str(&format!("\n{}", personal(files, &about.redacted)));
    about.notes.iter().for_each(|note| out.push_str(&format!("Note: {note}.\n")));
    out.push_str(match files.iter().any(|f| f.part == Part::Packets) {
        true => {
            "Passwords and keys are in none of these files; flows.pcap has what this run sent over UDP: users' names at relays \
             (of their logins not what a password could be guessed from, which is zeros), and the tokens of its sessions with \
             a responder.\n"
        }
        false => "Passwords, tokens and keys are in none of these files.\n",
    });
    out.push_str("rtc-check report report.json --format table draws the report again.\n");
    out
}

/// Who is told of what.
fn personal(files: &[File], redacted: &[Redacted]) -> String {
    let has = |part| files.iter().any(|f| f.part == part);
    let packets = match has(Part::Packets) {
        true => " The packets bear addresses and names that were asked for, too.",
        false => "",
    };
    match (redacted.contains(&Redacted::Addresses), redacted.contains(&Redacted::Names)) {
        (true, true) => format!(
            "Addresses and names of hosts, users and certificates' holders are replaced by tokens (private4-1, host-2), the \
             same in every file; hosts that the profile itself names stay.{packets}\n"
        ),
        (false, false) => format!(
            "It tells addresses and names of this machine and its network, of targets, resolvers and proxies; --redact all \
             replaces them.{packets}\n"
        ),
        (true, false) => format!(
            "Addresses are replaced by tokens, the same in every file; names of hosts, users and certificates' holders are \
             told: --redact all replaces them too.{packets}\n"
        ),
        (false, true) => format!(
            "Names of hosts, users and certificates' holders are replaced by tokens, the same in every file; addresses are \
             told: --redact all replaces them too.{packets}\n"
        ),
    }
}

fn size(bytes: usize) -> String {
    match bytes {
        0..10_000 => format!("{bytes} B"),
        10_000..10_000_000 => format!("{} kB", bytes / 1000),
        _ => format!("{} MB", bytes / 1_000_000),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_names_every_file_with_its_size_and_what_is_personal() {
        let file = |part, len: Option<usize>| File { part, bytes: len.map(|n| vec![0; n]) };
        let files = [file(Part::Readme, Some(900)), file(Part::Report, Some(120_000)), file(Part::Log, None)];
        let about = About { notes: vec!["the run was interrupted".to_owned()], ..About::default() };
        let text = list(&files, &about);
        assert!(text.contains("report.json          120 kB  the report as data"), "{text}");
        assert!(text.contains("--redact all") && text.contains("Note: the run was interrupted."), "{text}");
        let about = About { redacted: vec![Redacted::Addresses, Redacted::Names], ..about };
        for text in [list(&files, &about), readme(&files, &about)] {
            assert!(text.contains("tokens") && !text.contains("--redact all"), "{text}");
            assert!(files.iter().all(|f| text.contains(f.part.name())), "{text}");
        }
        let names = About { redacted: vec![Redacted::Names], ..About::default() };
        let with_packets = readme(&[file(Part::Packets, None)], &names);
        assert!(
            with_packets.contains("tokens of its sessions") && !with_packets.contains("Passwords, tokens"),
            "{with_packets}"
        );
        assert!(readme(&[file(Part::Log, None)], &names).contains("Passwords, tokens and keys are in none"));
        assert!(list(&[file(Part::Packets, None)], &names).contains("addresses are told"));
    }
}
