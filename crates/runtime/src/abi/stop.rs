//! How a lift ends early.

use crate::error::Error;

/// Why a lift ended early.
pub(super) enum Stop {
    /// The guest broke the canonical ABI.
    Guest(wasmtime::Error),
    /// The guest did nothing wrong, but this value is not carried: too large, or of a type that cannot cross.
    Refused(Box<Error>),
}

impl Stop {
    /// Either way, as an error that ends the guest.
    pub(super) fn into_error(self) -> wasmtime::Error {
        match self {
            Stop::Guest(error) => error,
            Stop::Refused(error) => wasmtime::Error::new(*error),
        }
    }
}

impl From<wasmtime::Error> for Stop {
    fn from(error: wasmtime::Error) -> Stop {
        Stop::Guest(error)
    }
}

impl From<Box<Error>> for Stop {
    fn from(error: Box<Error>) -> Stop {
        Stop::Refused(error)
    }
}

/// The result of a step of lifting.
pub(super) type Lifted<T> = Result<T, Stop>;
