//! Compiling in a process of its own: that process's side.

use super::diagnosis::classify;
use super::kind::{Kind, kind_of};
use super::settings::Settings;
use super::threads::with_threads;
use crate::error::{Detail, Error, ErrorCode, Result};
use std::fmt;
use std::io::{self, Read, Write};
use std::str::FromStr;
use std::time::Duration;
use wasmtime::Engine;

/// The last byte of an answer, which comes after an artefact or a failure.
pub(super) const SUCCESS: u8 = b'+';
pub(super) const FAILURE: u8 = b'-';

/// Bytes of address space beyond the memory limit: allocators reserve some that they never touch.
const SPARE: u64 = 2 << 30;

/// Compiles the WebAssembly on standard input, and writes the answer to standard output. A compiling process does only
/// this.
///
/// # Errors
/// The system's error for the two files; also for `bounds` that cannot be parsed.
pub fn serve(settings: &str, bounds: &str) -> io::Result<()> {
    let bounds: Bounds = bounds
        .parse()
        .map_err(|error: Error| io::Error::other(error.message))?;
    if !confine(&bounds) {
        return Ok(());
    }
    let mut bytes = Vec::new();
    io::stdin().lock().read_to_end(&mut bytes)?;
    let mut output = io::stdout().lock();
    match artefact(settings, &bytes) {
        Ok(artefact) => {
            output.write_all(&artefact)?;
            output.write_all(&[SUCCESS])?;
        }
        Err(error) => {
            let detail = |name| {
                let found = error.details.iter().find(|(key, _)| *key == name);
                match found {
                    Some((_, Detail::Number(number))) => number.to_string(),
                    Some((_, Detail::Text(text))) => text.clone(),
                    _ => String::new(),
                }
            };
            let (code, offset, feature) =
                (error.code.as_str(), detail("offset"), detail("feature"));
            write!(output, "{code}\n{offset}\n{feature}\n{}", error.message)?;
            output.write_all(&[FAILURE])?;
        }
    }
    output.flush()
}

/// The failure that an answer holds; `answer` comes without its last byte.
pub(super) fn failure(answer: &[u8]) -> Error {
    let text = String::from_utf8_lossy(answer);
    let mut parts = text.splitn(4, '\n');
    let (code, offset, feature) = (parts.next(), parts.next(), parts.next());
    let known = ErrorCode::ALL
        .iter()
        .find(|known| code == Some(known.as_str()));
    let error = Error::new(
        known.copied().unwrap_or(ErrorCode::Internal),
        parts.next().unwrap_or("the compiling process failed"),
    );
    let error = match feature {
        Some(feature) if !feature.is_empty() => error.text("feature", feature),
        _ => error,
    };
    match offset.and_then(|offset| offset.parse().ok()) {
        Some(offset) => error.number("offset", offset),
        None => error,
    }
}

fn artefact(settings: &str, bytes: &[u8]) -> Result<Vec<u8>> {
    let settings: Settings = settings.parse()?;
    let engine = Engine::new(&settings.config()?)
        .map_err(|error| Error::new(ErrorCode::Internal, format!("no engine: {error:#}")))?;
    let kind = kind_of(bytes)?;
    let precompile = || match kind {
        Kind::Module => engine.precompile_module(bytes),
        Kind::Component => engine.precompile_component(bytes),
    };
    with_threads(bytes.len(), || {
        precompile().map_err(|error| classify(&engine, bytes, &error))
    })
}

/// The limits of a compiling process, and its parent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Bounds {
    pub(super) parent: u32,
    pub(super) memory_bytes: u64,
    pub(super) timeout: Duration,
}

impl fmt::Display for Bounds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let millis = self.timeout.as_millis();
        write!(f, "{} {} {millis}", self.parent, self.memory_bytes)
    }
}

impl FromStr for Bounds {
    type Err = Error;

    fn from_str(text: &str) -> Result<Bounds> {
        let bad = || Error::new(ErrorCode::Internal, format!("no bounds: {text:?}"));
        let mut words = text.split(' ').map(|word| word.parse::<u64>().ok());
        let mut next = || words.next().flatten().ok_or_else(bad);
        Ok(Bounds {
            parent: u32::try_from(next()?).map_err(|_| bad())?,
            memory_bytes: next()?,
            timeout: Duration::from_millis(next()?),
        })
    }
}

/// Sets this process to end with its parent and to leave no core dump, and limits its processor time (if the parent
/// cannot end it) and its address space (so that it cannot take all of the machine's memory between two checks of its
/// parent). Returns whether the parent is still there. On systems without these limits, the parent's timeout remains.
fn confine(bounds: &Bounds) -> bool {
    #[cfg(target_os = "linux")]
    {
        use rustix::process::{
            Resource, Rlimit, Signal, getppid, set_parent_process_death_signal, setrlimit,
        };
        let _ = set_parent_process_death_signal(Some(Signal::KILL));
        // The parent may have ended before that call.
        let parent = getppid().map(|parent| parent.as_raw_nonzero().get() as u32);
        if parent != Some(bounds.parent) {
            return false;
        }
        let limit = |resource, most| {
            let limit = Rlimit {
                current: Some(most),
                maximum: Some(most),
            };
            let _ = setrlimit(resource, limit);
        };
        let cores = std::thread::available_parallelism().map_or(1, |cores| cores.get() as u64);
        let seconds = bounds.timeout.as_secs().saturating_add(1);
        limit(
            Resource::Cpu,
            seconds.saturating_mul(cores).saturating_add(1),
        );
        limit(Resource::Core, 0);
        if let Some([size, _]) = pages(std::process::id()) {
            let most = size
                .saturating_add(bounds.memory_bytes)
                .saturating_add(SPARE);
            limit(Resource::As, most);
        }
    }
    #[cfg(not(target_os = "linux"))]
    let _ = (bounds, SPARE);
    true
}

/// Bytes of memory that a process has; 0 if the system does not report them.
pub(super) fn resident_bytes(process: u32) -> u64 {
    pages(process).map_or(0, |[_, resident]| resident)
}

/// Address space and memory of a process, in bytes.
fn pages(process: u32) -> Option<[u64; 2]> {
    let statm = std::fs::read_to_string(format!("/proc/{process}/statm")).ok()?;
    let mut words = statm.split(' ').map(|word| word.parse::<u64>().ok());
    let page = page_bytes();
    Some([words.next()?? * page, words.next()?? * page])
}

#[cfg(unix)]
fn page_bytes() -> u64 {
    rustix::param::page_size() as u64
}

#[cfg(not(unix))]
fn page_bytes() -> u64 {
    4096
}
