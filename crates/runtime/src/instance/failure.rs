//! Classifies failures inside Wasmtime for callers.

use super::demangle::demangle;
use super::denied_growth::DeniedGrowth;
use super::observed::Observed;
use crate::error::{Error, ErrorCode, LIMITED_BY_SYSTEM};
use wasmtime::{PoolConcurrencyLimitError, Trap, WasmBacktrace};
use wasmtime_wasi::I32Exit;

/// The most frames of a backtrace in an error: the innermost ones show the cause, and deep recursion has thousands.
const MAX_FRAMES: usize = 32;

/// Gives a failure of a call or of an instantiation its code and message, and adds what was observed of it.
pub(crate) fn classify(error: &wasmtime::Error, observed: &Observed) -> Error {
    observed.describe(name(error, observed.denied()))
}

/// `denied`: the growth that was refused, if any; a guest that traps after one is out of memory, whatever it trapped
/// with.
fn name(error: &wasmtime::Error, denied: Option<DeniedGrowth>) -> Error {
    if let Some(own) = error.downcast_ref::<Error>() {
        return own.clone();
    }
    let trap = error.downcast_ref::<Trap>();
    if trap == Some(&Trap::StackOverflow) {
        return trapped(
            ErrorCode::StackOverflow,
            "the guest overflowed its stack".into(),
            "stack overflow",
            error,
        );
    }
    if let Some(I32Exit(status)) = error.downcast_ref::<I32Exit>() {
        // WASI's statuses have no sign.
        let status = status.cast_unsigned();
        let message = format!("the guest exited with status {status}");
        return Error::new(ErrorCode::Exit, message).number("status", f64::from(status));
    }
    if trap == Some(&Trap::Interrupt) {
        // A guest is interrupted only after its call took too long, or once the caller no longer waits for it.
        return Error::new(ErrorCode::Timeout, "the guest was interrupted")
            .text("phase", "computing");
    }
    if trap == Some(&Trap::OutOfFuel) {
        let message = "the guest used up its fuel";
        return Error::new(ErrorCode::OutOfFuel, message).list("backtrace", backtrace(error));
    }
    if let Some(denied) = denied {
        return denied.to_error().list("backtrace", backtrace(error));
    }
    if let Some(trap) = trap {
        let kind = trap.to_string();
        let kind = kind.strip_prefix("wasm trap: ").unwrap_or(&kind);
        return trapped(
            ErrorCode::Trap,
            format!("the guest trapped: {kind}"),
            kind,
            error,
        );
    }
    if error.is::<PoolConcurrencyLimitError>() {
        return Error::new(
            ErrorCode::NoSlot,
            format!("the engine has no free slot for another instance: {error:#}"),
        );
    }
    if lacks_memory(error) {
        return Error::new(
            ErrorCode::MemoryLimit,
            format!("the system has no memory for the guest: {error:#}"),
        )
        .text("limitedBy", LIMITED_BY_SYSTEM);
    }
    trapped(
        ErrorCode::Trap,
        format!("the guest failed: {}", error.root_cause()),
        "other",
        error,
    )
}

/// Whether the system refused a memory, a table or a stack, which is not the guest's fault.
pub(crate) fn lacks_memory(error: &wasmtime::Error) -> bool {
    error.is::<wasmtime::error::OutOfMemory>()
        || error.chain().any(|cause| {
            #[cfg(unix)]
            if cause.downcast_ref() == Some(&rustix::io::Errno::NOMEM) {
                return true;
            }
            let cause = cause.downcast_ref::<std::io::Error>();
            cause.is_some_and(|cause| cause.kind() == std::io::ErrorKind::OutOfMemory)
        })
}

fn trapped(code: ErrorCode, message: String, trap: &str, error: &wasmtime::Error) -> Error {
    Error::new(code, message)
        .text("trap", trap)
        .list("backtrace", backtrace(error))
}

/// The guest's frames, innermost first.
fn backtrace(error: &wasmtime::Error) -> Vec<String> {
    let Some(backtrace) = error.downcast_ref::<WasmBacktrace>() else {
        return Vec::new();
    };
    let frame = |frame: &wasmtime::FrameInfo| {
        let name = frame
            .func_name()
            .map_or_else(|| format!("function {}", frame.func_index()), demangle);
        match frame.module_offset() {
            Some(offset) => format!("{name} @ 0x{offset:x}"),
            None => name,
        }
    };
    backtrace
        .frames()
        .iter()
        .take(MAX_FRAMES)
        .map(frame)
        .collect()
}
