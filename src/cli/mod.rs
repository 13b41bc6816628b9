//! cli
pub mod profiles;
pub fn main() -> std::process::ExitCode {
    std::process::ExitCode::SUCCESS
}
