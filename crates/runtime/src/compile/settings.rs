//! Every setting that changes compiled code, as one value and one text.
//!
//! The text is part of an artefact's identity, and how a compiling process is told what to compile for.

use crate::error::{Error, ErrorCode, Result};
use std::fmt;
use std::str::FromStr;
use wasmtime::Config;

/// Address space a memory needs so that 32-bit addresses cannot leave it.
pub(crate) const FULL_RESERVATION: u64 = 4 << 30;

/// Guard behind smaller reservations: bounds are checked there anyway.
const SMALL_GUARD: u64 = 64 << 10;

/// Added when a memory on demand moves.
const GROWTH_RESERVATION: u64 = 16 << 20;

/// Which processors code is compiled for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Cpu {
    /// This machine's, with every feature it has.
    #[default]
    Native,
    /// Every one of this architecture.
    Baseline,
}

/// What compiled code depends on, beside the version of this package and the processor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Whether SIMD code is accepted.
    pub simd: bool,
    /// Whether bounds checks may be left to the memory protection of the processor.
    pub signals: bool,
    /// Whether what guests execute is counted.
    pub fuel: bool,
    /// Address space of a memory, in bytes.
    pub reservation: u64,
    /// For which processors.
    pub cpu: Cpu,
}

impl Settings {
    /// The engine's configuration, but for how it allocates.
    pub(crate) fn config(&self) -> Result<Config> {
        let mut config = Config::new();
        config
            .epoch_interruption(true)
            .consume_fuel(self.fuel)
            .wasm_simd(self.simd)
            .wasm_relaxed_simd(self.simd)
            .signals_based_traps(self.signals)
            .memory_reservation(self.reservation)
            .memory_reservation_for_growth(GROWTH_RESERVATION)
            // The limiter speaks for memories of one store; shared ones are outside its reach.
            .shared_memory(false);
        if self.reservation != FULL_RESERVATION {
            config.memory_guard_size(SMALL_GUARD);
        }
        if self.cpu == Cpu::Baseline {
            let host = target_lexicon::Triple::host().to_string();
            config
                .target(&host)
                .map_err(|error| Error::new(ErrorCode::Internal, format!("{host}: {error:#}")))?;
        }
        Ok(config)
    }

    /// The same for every processor of the architecture.
    pub(crate) fn baseline(&self) -> Settings {
        Settings {
            cpu: Cpu::Baseline,
            ..*self
        }
    }
}

impl fmt::Display for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Settings {
            simd,
            signals,
            fuel,
            reservation,
            cpu,
        } = self;
        let baseline = *cpu == Cpu::Baseline;
        write!(f, "{simd} {signals} {fuel} {reservation} {baseline}")
    }
}

impl FromStr for Settings {
    type Err = Error;

    fn from_str(text: &str) -> Result<Settings> {
        let bad = || Error::new(ErrorCode::Internal, format!("no settings: {text:?}"));
        let flag = |word: &str| word.parse::<bool>().map_err(|_| bad());
        let words: Vec<&str> = text.split(' ').collect();
        let [simd, signals, fuel, reservation, baseline] = words[..] else {
            return Err(bad());
        };
        Ok(Settings {
            simd: flag(simd)?,
            signals: flag(signals)?,
            fuel: flag(fuel)?,
            reservation: reservation.parse().map_err(|_| bad())?,
            cpu: if flag(baseline)? {
                Cpu::Baseline
            } else {
                Cpu::Native
            },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_says_all_of_it() {
        for bits in 0..16u32 {
            let flag = |bit: u32| bits & (1 << bit) != 0;
            let settings = Settings {
                simd: flag(0),
                signals: flag(1),
                fuel: flag(2),
                reservation: 1 << 20 << bits,
                cpu: if flag(3) { Cpu::Baseline } else { Cpu::Native },
            };
            assert_eq!(
                settings.to_string().parse::<Settings>().expect("settings"),
                settings
            );
        }
        for text in [
            "",
            "true",
            "true true true 4096 maybe",
            "true true true -1 true",
        ] {
            assert!(text.parse::<Settings>().is_err(), "{text:?}");
        }
    }
}
