//! The archive: one directory, its files readable by their owner alone, in a gzipped tar (POSIX ustar).

use std::io;

use flate2::Compression;
use flate2::write::GzEncoder;
use tar::{Builder, Header};

use super::File;

/// Longer ids are none of this program's.
const LONGEST_ID: usize = 40;

/// The directory in the archive. An id out of a report that was read may be anybody's words: what does not look like one of
/// this program's own is left out.
pub fn directory(run_id: &str) -> String {
    let is_own = (1..=LONGEST_ID).contains(&run_id.len())
        && run_id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
        && run_id.starts_with(|c: char| c.is_ascii_digit());
    if is_own { format!("rtc-check-{run_id}") } else { "rtc-check-report".to_owned() }
}

/// The archive of what has bytes; `now` in seconds since 1970.
///
/// # Errors
/// None is known: it is written to memory.
pub fn archive(directory: &str, files: &[File], now: u64) -> io::Result<Vec<u8>> {
    let mut builder = Builder::new(GzEncoder::new(Vec::new(), Compression::default()));
    for (part, bytes) in files.iter().filter_map(|f| Some((f.part, f.bytes.as_deref()?))) {
        let mut header = Header::new_ustar();
        header.set_size(bytes.len() as u64);
        header.set_mode(0o600);
        header.set_mtime(now);
        builder.append_data(&mut header, format!("{directory}/{}", part.name()), bytes)?;
    }
    builder.into_inner()?.finish()
}

#[cfg(test)]
mod tests {
    use super::super::Part;
    use super::*;

    #[test]
    fn only_ids_of_this_program_name_the_directory() {
        assert_eq!(directory("20261121T083000-0a1b2c3d"), "rtc-check-20261121T083000-0a1b2c3d");
        for id in
            ["", "../../etc/cron.d/x", "/etc", "a b", "x", "1\u{1b}[2J", &"1".repeat(41), "20261121T083000-0a1b2c3d/.."]
        {
            assert_eq!(directory(id), "rtc-check-report", "{id:?}");
        }
    }

    #[test]
    fn what_has_no_bytes_is_not_in_it() {
        let file = |part, bytes: Option<&[u8]>| File { part, bytes: bytes.map(<[u8]>::to_vec) };
        let made = archive("rtc-check-1", &[file(Part::Readme, Some(b"hello")), file(Part::Log, None)], 7).unwrap();
        let mut read = tar::Archive::new(flate2::read::GzDecoder::new(made.as_slice()));
        let names: Vec<_> = read
            .entries()
            .unwrap()
            .map(|e| {
                let e = e.unwrap();
                (e.path().unwrap().display().to_string(), e.size(), e.header().mode().unwrap())
            })
            .collect();
        assert_eq!(names, [("rtc-check-1/README.txt".to_owned(), 5, 0o600)]);
    }
}
