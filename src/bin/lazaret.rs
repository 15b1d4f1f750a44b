//! The `lazaret` program: console and command line.

use lazaret::cli::Exit;

fn main() -> Exit {
    lazaret::cli::main(std::env::args_os())
}
