//! cli

pub mod profiles;
pub mod progress;

pub fn main() -> std::process::ExitCode {
    std::process::ExitCode::SUCCESS
}
