//! The program: parses, runs, and exits.

/// Loading a large configuration needs more memory for a moment than watching it does for months.
/// This allocator gives it back to the system; the C library's keeps most of it.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    musterd::main()
}
