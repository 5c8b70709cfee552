//! What recording the durations of one call takes beside the call: in nanoseconds, as JSON.

#[path = "../src/metrics/histogram.rs"]
#[allow(dead_code, unreachable_pub, unused_imports)]
mod histogram;
#[path = "../src/executor/timestamp.rs"]
#[allow(dead_code, unreachable_pub, unused_imports)]
mod timestamp;

use histogram::Histogram;
use std::hint::black_box;
use std::time::Instant;
use timestamp::Timestamp;

const CALLS: u32 = 100_000;
const ROUNDS: usize = 50;

/// As it is done for a call: the time when it is submitted, and both histograms. When a lane takes it and when it has its
/// answer is looked up in any case, for the lane's own sake.
fn record(call: &Histogram, queue_wait: &Histogram) {
    let submitted = black_box(Timestamp::now());
    let (taken, answered) = black_box((later(submitted, 500), later(submitted, 2_000)));
    call.observe_nanos_alone(answered.nanos_since(submitted));
    queue_wait.observe_nanos_alone(taken.nanos_since(submitted));
}

fn later(submitted: Timestamp, ticks: u64) -> Timestamp {
    Timestamp::of(submitted.raw() + ticks)
}

fn main() {
    timestamp::begin();
    let (call, queue_wait) = (Histogram::new(), Histogram::new());
    let mut rounds = [0.0; ROUNDS];
    for round in &mut rounds {
        let began = Instant::now();
        for _ in 0..CALLS {
            record(&call, &queue_wait);
        }
        *round = began.elapsed().as_secs_f64() * 1e9 / f64::from(CALLS);
    }
    // The median: the core may be taken away in the middle of a round.
    rounds.sort_by(f64::total_cmp);
    println!("{{\"nanos\":{:.1}}}", rounds[ROUNDS / 2]);
}
