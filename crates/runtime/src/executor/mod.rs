//! Threads: those that run guests, the ticker of their epochs and deadlines, and those for blocking jobs.

pub(crate) mod background_quota;
pub(crate) mod blocking;
pub(crate) mod cpu_time;
pub(crate) mod deadlines;
pub(crate) mod epoch;
pub(crate) mod fair_queue;
pub(crate) mod task;
pub(crate) mod timestamp;
pub(crate) mod worker;
