//! Numbers as they are shown: histograms, and the tracker of memory.

mod histogram;
mod tracker;

pub(crate) use histogram::Histogram;
pub use histogram::{BOUNDS, HistogramSnapshot};
pub use tracker::TrackerSnapshot;
pub(crate) use tracker::process_account;
