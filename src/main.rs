//! The program: parses, runs, and exits.

fn main() -> std::process::ExitCode {
    musterd::main()
}
