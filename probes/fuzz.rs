//! Entry points for fuzzing: each takes whatever bytes come, and must neither panic nor hang.

/// A parser of remote bytes by its name.
pub type Target = (&'static str, fn(&[u8]));

/// All of them. `tests/fuzz` runs them under libFuzzer.
pub const TARGETS: [Target; 5] = [
    ("server_flight", crate::tls::fuzz::server_flight),
    ("certificate_chain", crate::tls::fuzz::certificate_chain),
    ("staple", crate::tls::fuzz::staple),
    ("header_lines", crate::headers::fuzz::lines),
    ("markup", crate::headers::fuzz::markup),
];

#[cfg(test)]
mod tests {
    use super::*;

    /// Inputs that a parser takes, for libFuzzer too: the first byte chooses the parser.
    fn seeds() -> Vec<Vec<u8>> {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/fuzz/seeds");
        let files = std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().path());
        let mut files: Vec<_> = files.collect();
        files.sort();
        files.into_iter().map(|file| std::fs::read(file).unwrap()).collect()
    }

    /// Changes, takes away, repeats and inserts bytes.
    fn mutate(bytes: &mut Vec<u8>, random: &mut fastrand::Rng) {
        for _ in 0..random.usize(1..6) {
            if bytes.len() < 2 {
                bytes.extend([random.u8(..), random.u8(..)]);
            }
            let at = random.usize(..bytes.len());
            let to = (at + random.usize(..64)).min(bytes.len());
            match random.u8(..6) {
                0 => bytes[at] = random.u8(..),
                1 => bytes[at] ^= 1 << random.u8(..8),
                2 => bytes[at] = [0, 1, 0x7F, 0x80, 0xFF][random.usize(..5)],
                3 => drop(bytes.drain(at..to)),
                4 => bytes.insert(at, random.u8(..)),
                _ => {
                    let piece = bytes[at..to].to_vec();
                    bytes.splice(at..at, piece);
                }
            }
        }
    }

    #[test]
    fn damaged_inputs_break_no_parser() {
        let mut random = fastrand::Rng::with_seed(6);
        let seeds = seeds();
        let mut met = [0; TARGETS.len()];
        for seed in &seeds {
            let (choice, bytes) = seed.split_first().unwrap();
            let target = usize::from(*choice) % TARGETS.len();
            let (_, run) = TARGETS[target];
            run(bytes);
            met[target] += 1;
            for _ in 0..400 {
                let mut damaged = bytes.to_vec();
                mutate(&mut damaged, &mut random);
                run(&damaged);
            }
        }
        assert!(met.iter().all(|seeds| *seeds > 0), "every parser has a seed: {met:?}");
    }
}
