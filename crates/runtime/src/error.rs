//! What a failed operation says: one code, one sentence, and the facts as data.
//!
//! Every failure that reaches a caller is an [`Error`]. The codes are one table, compared with the
//! TypeScript table by a test.

use crate::named::named;
use crate::value::{Type, Value};
use std::fmt;

/// The detail `limitedBy` for the limit of an instance's tables.
pub(crate) const LIMITED_BY_TABLES: &str = "tables";

/// The detail `limitedBy` if the system refused the memory.
pub(crate) const LIMITED_BY_SYSTEM: &str = "system";

named! {
    /// The stable identity of a failure, as `error.code` in JavaScript.
    pub enum ErrorCode {
        /// An option's value cannot be used. Details: `option`, `value`, `allowed`.
        BadOption = "ERR_BAD_OPTION",
        /// An argument does not fit its type, or the count is wrong. Details: `path`, `expected`, `received`.
        BadArgument = "ERR_BAD_ARGUMENT",
        /// The file or bytes could not be read. Details: `path`.
        Read = "ERR_READ",
        /// The bytes are not WebAssembly, are cut short, or do not validate. Details: `offset` where known.
        Compile = "ERR_COMPILE",
        /// The code is larger than what may be compiled, or compiling took more time or memory than it may.
        /// Details: `option`, `limit`.
        CompileLimit = "ERR_COMPILE_LIMIT",
        /// The code uses SIMD and the engine refuses it. Details: `offset`.
        SimdDisabled = "ERR_SIMD_DISABLED",
        /// A module was given where a component was wanted, or the other way round. Details: `expected`, `received`.
        WrongKind = "ERR_WRONG_KIND",
        /// Imports that are missing, or provided with another type. Details: `missing`.
        Link = "ERR_LINK",
        /// No exported function has this name. Details: `name`, `exports`.
        MissingExport = "ERR_MISSING_EXPORT",
        /// The guest trapped. Details: `trap`, `backtrace`.
        Trap = "ERR_TRAP",
        /// The guest overflowed its stack. Details: `trap`, `backtrace`.
        StackOverflow = "ERR_STACK_OVERFLOW",
        /// The guest failed after a refused growth, or could not start within its limit.
        /// Details: `requestedBytes`, `heldBytes`, `limitBytes` (for tables `…Elements`), `limitedBy` (`instance`,
        /// `pool`, `engine`, `memory type`, `system`, `tables`).
        MemoryLimit = "ERR_MEMORY_LIMIT",
        /// The call took too long. Details: `timeoutMillis`, `phase` (`computing`, `asleep`, `host`, `queued`).
        Timeout = "ERR_TIMEOUT",
        /// The guest used up its fuel. Details: `backtrace`.
        OutOfFuel = "ERR_OUT_OF_FUEL",
        /// The call was aborted by its signal, or ended with its pool or environment. Details: `phase`.
        Aborted = "ERR_ABORTED",
        /// The guest returned the `err` case of its result. `payload` holds the value.
        Guest = "ERR_GUEST",
        /// The guest exited with a status other than 0, or before the function that was called could give its value.
        /// Details: `status`, `stdout`, `stderr`, `stdoutBytes`, `stderrBytes`.
        Exit = "ERR_EXIT",
        /// A host function threw or rejected; `cause` holds what it threw. Details: `function`.
        HostFunction = "ERR_HOST_FUNCTION",
        /// A result exceeds `maxResultBytes` or `maxResultValues`. Details: `limit`, `option`.
        ResultTooLarge = "ERR_RESULT_TOO_LARGE",
        /// The pool's queue is full: as many calls as may wait for an instance do. Details: `max`, `maxQueue`.
        QueueFull = "ERR_QUEUE_FULL",
        /// No instance was free in time. Details: `acquireTimeoutMillis`.
        AcquireTimeout = "ERR_ACQUIRE_TIMEOUT",
        /// A host function calls the pool that called it, and all instances of it are taken. Details: `max`.
        Reentrant = "ERR_REENTRANT",
        /// Too many recent calls of the pool failed. Details: `resetMillis`, `state`.
        BreakerOpen = "ERR_BREAKER_OPEN",
        /// The engine has no free slot for another instance. Details: `slots`.
        NoSlot = "ERR_NO_SLOT",
        /// The instance is in the middle of another call.
        Busy = "ERR_BUSY",
        /// The pool, instance or engine is closed.
        Closed = "ERR_CLOSED",
        /// A type or feature this version does not carry across. Details: `feature`.
        Unsupported = "ERR_UNSUPPORTED",
        /// A defect of this package, caught at the boundary.
        Internal = "ERR_INTERNAL",
    }
}

/// A fact of a failure.
#[derive(Clone, Debug, PartialEq)]
pub enum Detail {
    /// A number in the unit the key names.
    Number(f64),
    /// A word or sentence.
    Text(String),
    /// Several words, in order.
    List(Vec<String>),
    /// Bytes as they are.
    Bytes(Vec<u8>),
}

/// A failure: its code, one sentence, and the facts behind it.
#[derive(Clone, Debug)]
pub struct Error {
    /// Which failure.
    pub code: ErrorCode,
    /// One sentence for a person.
    pub message: String,
    /// The facts, by camelCase name.
    pub details: Vec<(&'static str, Detail)>,
    /// The value of a WIT `err`, with its type.
    pub payload: Option<Box<(Value, Type)>>,
    /// Which throw of a host function this is: the caller's side keeps the thrown value under this number.
    pub host_error: Option<u64>,
}

impl Error {
    /// A failure without facts.
    pub fn new(code: ErrorCode, message: impl Into<String>) -> Error {
        Error {
            code,
            message: message.into(),
            details: Vec::new(),
            payload: None,
            host_error: None,
        }
    }

    /// A panic inside the runtime, caught.
    pub(crate) fn panicked() -> Error {
        Error::new(
            ErrorCode::Internal,
            "the runtime panicked; this is a defect of riptide-wasm",
        )
    }

    /// Adds a number.
    pub fn number(mut self, key: &'static str, value: f64) -> Error {
        self.details.push((key, Detail::Number(value)));
        self
    }

    /// Adds a text.
    pub fn text(mut self, key: &'static str, value: impl Into<String>) -> Error {
        self.details.push((key, Detail::Text(value.into())));
        self
    }

    /// Adds a list of texts.
    pub fn list(mut self, key: &'static str, value: Vec<String>) -> Error {
        self.details.push((key, Detail::List(value)));
        self
    }

    /// Adds bytes.
    pub fn bytes(mut self, key: &'static str, value: Vec<u8>) -> Error {
        self.details.push((key, Detail::Bytes(value)));
        self
    }
}

impl Error {
    /// Whether the guest exited with status 0.
    pub(crate) fn is_good_exit(&self) -> bool {
        let status = ("status", Detail::Number(0.0));
        self.code == ErrorCode::Exit && self.details.contains(&status)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code.as_str(), self.message)
    }
}

impl std::error::Error for Error {}

/// The result of every fallible operation of this crate.
pub type Result<T> = std::result::Result<T, Error>;
