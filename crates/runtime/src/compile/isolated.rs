//! Compiling in a process of its own, with limits on time and memory: this process's side.

use super::child::{self, Bounds, FAILURE, SUCCESS};
use super::limits::exceeded;
use super::options::IsolatedOptions;
use super::settings::Settings;
use crate::error::{Error, ErrorCode, Result};
use crate::random::random_number;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::process::{Child, Command, ExitStatus};
use std::time::{Duration, Instant};

/// How often the process is checked: its memory grows by some tens of megabytes in between.
const LOOK: Duration = Duration::from_millis(5);

/// The environment variables that a process needs to find its libraries. Any other could change what it does.
const KEPT: [&str; 4] = ["PATH", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "SystemRoot"];

/// Environment variable of a compiling process: a process that has it must not start another one, or this would never
/// end.
const MARK: &str = "RIPTIDE_WASM_COMPILING";

/// How many bytes are read from the end of the process's standard error.
const COMPLAINT: u64 = 4096;

/// Compiles, and returns the artefact.
///
/// # Errors
/// Those of [`super::compile`], [`ErrorCode::CompileLimit`] for time and memory, [`ErrorCode::Compile`] if the process
/// crashed, and [`ErrorCode::Internal`] if it cannot be started or ends otherwise without an answer.
pub(super) fn compile(
    options: &IsolatedOptions,
    settings: &Settings,
    bytes: &[u8],
) -> Result<Vec<u8>> {
    let failed = |what: &str, error: io::Error| {
        Error::new(
            ErrorCode::Internal,
            format!("the compiling process {what}: {error}"),
        )
    };
    let files = Files::with(bytes).map_err(|error| failed("got no files", error))?;
    let mut running =
        start(options, settings, &files).map_err(|error| failed("could not be started", error))?;
    let status = running.end(options)?;
    let mut answer = files
        .answer()
        .map_err(|error| failed("left no answer to read", error))?;
    match answer.pop() {
        Some(SUCCESS) if status.success() => Ok(answer),
        Some(FAILURE) if status.success() => Err(child::failure(&answer)),
        _ => Err(ended(options, status, &files.complaint())),
    }
}

/// The process's three standard files, in memory or without a name, so that no file is left behind. They are no pipes,
/// so that neither process waits for the other to read.
struct Files {
    input: File,
    output: File,
    errors: File,
}

impl Files {
    fn with(bytes: &[u8]) -> io::Result<Files> {
        let mut input = nameless()?;
        input.write_all(bytes)?;
        input.seek(SeekFrom::Start(0))?;
        Ok(Files {
            input,
            output: nameless()?,
            errors: nameless()?,
        })
    }

    fn answer(&self) -> io::Result<Vec<u8>> {
        let mut answer = Vec::new();
        (&self.output).seek(SeekFrom::Start(0))?;
        (&self.output).read_to_end(&mut answer)?;
        Ok(answer)
    }

    /// The end of its standard error; empty if that cannot be read.
    fn complaint(&self) -> String {
        let read = || -> io::Result<Vec<u8>> {
            let length = (&self.errors).seek(SeekFrom::End(0))?;
            (&self.errors).seek(SeekFrom::Start(length.saturating_sub(COMPLAINT)))?;
            let mut end = Vec::new();
            (&self.errors).read_to_end(&mut end)?;
            Ok(end)
        };
        String::from_utf8_lossy(&read().unwrap_or_default()).into_owned()
    }
}

/// A file without a name: in memory if the system has such files and allows them.
fn nameless() -> io::Result<File> {
    #[cfg(target_os = "linux")]
    {
        use rustix::fs::{MemfdFlags, memfd_create};
        if let Ok(file) = memfd_create("riptide-wasm-compile", MemfdFlags::CLOEXEC) {
            return Ok(file.into());
        }
    }
    let name = format!("riptide-wasm-{:032x}", random_number()?);
    let path = std::env::temp_dir().join(name);
    let file = File::options()
        .read(true)
        .write(true)
        .create_new(true)
        .open(&path)?;
    std::fs::remove_file(&path)?;
    Ok(file)
}

fn start(options: &IsolatedOptions, settings: &Settings, files: &Files) -> io::Result<Running> {
    let bounds = Bounds {
        parent: std::process::id(),
        memory_bytes: options.memory_bytes,
        timeout: options.timeout,
    };
    let mut command = Command::new(&options.program);
    command
        .args(&options.arguments)
        .arg(settings.to_string())
        .arg(bounds.to_string())
        .stdin(files.input.try_clone()?)
        .stdout(files.output.try_clone()?)
        .stderr(files.errors.try_clone()?)
        .env_clear()
        // In Electron, the program must run as Node, not as an application.
        .env("ELECTRON_RUN_AS_NODE", "1")
        .env(MARK, "1");
    // A process group of its own: a signal from the terminal is for the process that waits, which may go on.
    #[cfg(unix)]
    std::os::unix::process::CommandExt::process_group(&mut command, 0);
    for name in KEPT {
        if let Some(value) = std::env::var_os(name) {
            command.env(name, value);
        }
    }
    Ok(Running(command.spawn()?))
}

/// A process that does not outlive its guard.
struct Running(Child);

impl Running {
    /// Waits for its end within the limits.
    fn end(&mut self, options: &IsolatedOptions) -> Result<ExitStatus> {
        let began = Instant::now();
        loop {
            match self.0.try_wait() {
                Ok(Some(status)) => return Ok(status),
                Ok(None) => {}
                Err(error) => {
                    let message = format!("the compiling process cannot be waited for: {error}");
                    return Err(Error::new(ErrorCode::Internal, message));
                }
            }
            if began.elapsed() > options.timeout {
                let limit = options.timeout.as_millis() as u64;
                let what = "compiling took longer than it may, in milliseconds";
                return Err(exceeded("compile.timeoutMillis", limit, what));
            }
            if child::resident_bytes(self.0.id()) > options.memory_bytes {
                return Err(out_of_memory(options));
            }
            std::thread::sleep(LOOK);
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Both fail if it has ended and was waited for.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn out_of_memory(options: &IsolatedOptions) -> Error {
    let what = "compiling took more memory than it may, in bytes";
    exceeded("compile.memoryBytes", options.memory_bytes, what)
}

/// Why the process ended without an answer. Only a crash of the compiler is blamed on the code.
fn ended(options: &IsolatedOptions, status: ExitStatus, complaint: &str) -> Error {
    // What Rust, C++ and V8 print if the system grants no more memory.
    let memory = ["memory allocation of", "bad_alloc", "out of memory"];
    if memory.iter().any(|sign| complaint.contains(sign)) {
        return out_of_memory(options);
    }
    let code = if crashed(status) {
        ErrorCode::Compile
    } else {
        ErrorCode::Internal
    };
    let mut lines = complaint.lines().rev().map(str::trim);
    let error = lines.clone().find(|line| line.contains("Error: "));
    let last = lines.find(|line| !line.is_empty() && !line.starts_with("Node.js v"));
    let said = error.or(last).unwrap_or("it said nothing");
    Error::new(
        code,
        format!("the compiling process ended with {status}: {said}"),
    )
}

#[cfg(unix)]
fn crashed(status: ExitStatus) -> bool {
    use libc::{SIGABRT, SIGBUS, SIGFPE, SIGILL, SIGSEGV};
    let signal = std::os::unix::process::ExitStatusExt::signal(&status);
    signal.is_some_and(|signal| [SIGABRT, SIGBUS, SIGFPE, SIGILL, SIGSEGV].contains(&signal))
}

#[cfg(not(unix))]
fn crashed(status: ExitStatus) -> bool {
    // Node's own exit codes are small; those of processor exceptions are negative here.
    status.code().is_some_and(|code| code < 0)
}
