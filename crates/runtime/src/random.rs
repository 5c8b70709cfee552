//! Random numbers of the system.

use std::io;

/// 128 random bits.
pub(crate) fn random_number() -> io::Result<u128> {
    let mut random = [0; 16];
    getrandom::fill(&mut random).map_err(io::Error::other)?;
    Ok(u128::from_le_bytes(random))
}
