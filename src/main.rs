//! The binary: everything is in [`rtc_check::cli`].

fn main() -> std::process::ExitCode {
    rtc_check::cli::main()
}
