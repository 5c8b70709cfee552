//! The threads of one compilation.

use crate::error::{Error, ErrorCode, Result};
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Niceness added to compiler threads, so that they give way to running guests.
#[cfg(target_os = "linux")]
const NICE: i32 = 10;

/// Bytes of WebAssembly for which starting another thread pays.
const BYTES_A_THREAD: usize = 16 << 10;

/// Runs the compilation of `bytes` bytes on a thread for each core, or on fewer if there are few bytes. The threads
/// have a lower priority, and end with the compilation.
pub(super) fn with_threads<T: Send>(
    bytes: usize,
    work: impl FnOnce() -> Result<T> + Send,
) -> Result<T> {
    let cores = std::thread::available_parallelism().map_or(1, |cores| cores.get());
    let threads = rayon::ThreadPoolBuilder::new()
        .num_threads(cores.min(1 + bytes / BYTES_A_THREAD))
        .thread_name(|_| "wasm-compiler".into())
        .start_handler(|_| give_way())
        .build();
    match threads {
        // A panic there is the compiler's, caused by this code, and leaves no state behind.
        Ok(threads) => {
            catch_unwind(AssertUnwindSafe(|| threads.install(work))).unwrap_or_else(|_| {
                let message = "the code could not be compiled: the compiler panicked";
                Err(Error::new(ErrorCode::Compile, message))
            })
        }
        Err(error) => {
            let message = format!("the compiler's threads could not be started: {error}");
            Err(Error::new(ErrorCode::Internal, message))
        }
    }
}

/// Lowers this thread's priority. If that fails, guests only have less of the machine meanwhile.
fn give_way() {
    #[cfg(target_os = "linux")]
    let _ = rustix::process::nice(NICE);
}
