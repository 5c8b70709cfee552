//! The threads of an engine for jobs that block: loads, and keeping the cache in order.

use crate::executor::blocking::BlockingThreads;

/// The threads of an engine that are not its workers.
pub(crate) struct LoadThreads {
    /// Look for code in the cache: nobody waits for a compiler here.
    pub(crate) looking: BlockingThreads,
    pub(crate) compiling: BlockingThreads,
    /// Keep the cache in order.
    pub(crate) keeping: BlockingThreads,
}

/// Looks and compilations at once. Compiling itself uses every core, so more would only hold more memory.
const THREADS: usize = 2;

impl LoadThreads {
    /// `isolated`: code is compiled in processes of their own, for which threads only wait.
    pub(crate) fn new(isolated: bool) -> LoadThreads {
        let cores = std::thread::available_parallelism().map_or(1, |cores| cores.get());
        LoadThreads {
            looking: BlockingThreads::new(THREADS),
            compiling: BlockingThreads::new(if isolated {
                cores.max(THREADS)
            } else {
                THREADS
            }),
            keeping: BlockingThreads::new(1),
        }
    }
}
