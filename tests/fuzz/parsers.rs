//! Every parser of remote bytes under libFuzzer; the first byte chooses which.

#![no_main]

use libfuzzer_sys::fuzz_target;
use musterd_probes::fuzz::TARGETS;

fuzz_target!(|bytes: &[u8]| {
    if let Some((choice, rest)) = bytes.split_first() {
        let (_, run) = TARGETS[usize::from(*choice) % TARGETS.len()];
        run(rest);
    }
});
