//! An engine's threads for jobs that block: cache lookups, compilations, and maintenance of the cache.

use crate::executor::blocking::BlockingThreads;

/// The threads of an engine that are not its workers.
pub(crate) struct LoadThreads {
    /// Look for code in the cache. Compilations run on other threads, so that a cache hit never waits for one.
    pub(crate) lookup: BlockingThreads,
    pub(crate) compiling: BlockingThreads,
    /// Count, list, verify and remove files of the cache.
    pub(crate) maintenance: BlockingThreads,
}

/// How many lookups, and how many compilations, run at once. Each compilation uses every core, so more of them would
/// only hold more memory.
const THREADS: usize = 2;

impl LoadThreads {
    /// `isolated`: each compilation runs in a process of its own, for which a thread only waits.
    pub(crate) fn new(isolated: bool) -> LoadThreads {
        let cores = std::thread::available_parallelism().map_or(1, |cores| cores.get());
        LoadThreads {
            lookup: BlockingThreads::new(THREADS),
            compiling: BlockingThreads::new(if isolated {
                cores.max(THREADS)
            } else {
                THREADS
            }),
            maintenance: BlockingThreads::new(1),
        }
    }
}
