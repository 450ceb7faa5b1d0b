//! The barrier under shuttle: wherever one task can come before another, shuttle chooses which does.
//!
//! The barrier itself is explored. Its tasks, timeouts and lock are shuttle's, by way of [`Runtime`]; each use of
//! tokio's channel counts as one step. `tests/broken/` breaks the barrier on purpose: these tests must then fail.

use std::future::{pending, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::pin;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::task::Poll;
use std::thread::panicking;

use futures_util::future::{Either, select};
use shuttle::future::{JoinHandle, block_on, spawn};
use shuttle::scheduler::{DfsScheduler, PctScheduler, RandomScheduler, Scheduler};
use shuttle::{Config, FailurePersistence, Runner};

use super::*;

const TIMEOUT: Duration = Duration::from_secs(2);
/// The same schedules in every run. `SHUTTLE_RANDOM_SEED` overrides it.
const SEED: u64 = 20_260_101;

/// What happens; shuttle decides when.
#[derive(Debug, Clone, Copy)]
struct Scene {
    requests: usize,
    /// How many of the requests are cancelled.
    cancelled: usize,
    /// How the first reads end. Later ones succeed.
    ends: &'static [End],
}

/// How a read ends.
#[derive(Debug, Clone, Copy)]
enum End {
    Succeeds,
    Fails,
    Panics,
    /// Not before every request that has waited until then times out.
    Hangs,
}

/// The payload of a panic that belongs to the scene.
struct Intended;

/// The state of a scene. Shuttle runs one task at a time, so the atomics here are no part of the schedule.
struct Stage {
    ends: &'static [End],
    /// Grows with every event that the assertions compare.
    now: AtomicU32,
    /// When the last read that failed began.
    last_failure: AtomicU32,
    /// When a read last panicked, or requests last timed out.
    last_loss: AtomicU32,
    begun: AtomicUsize,
    in_flight: AtomicUsize,
    waiting: AtomicUsize,
    timed_out: watch::Sender<()>,
}

impl Stage {
    fn new(ends: &'static [End]) -> Arc<Self> {
        Arc::new(Self {
            ends,
            now: AtomicU32::new(0),
            last_failure: AtomicU32::new(0),
            last_loss: AtomicU32::new(0),
            begun: AtomicUsize::new(0),
            in_flight: AtomicUsize::new(0),
            waiting: AtomicUsize::new(0),
            timed_out: watch::Sender::new(()),
        })
    }

    fn tick(&self) -> u32 {
        self.now.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// A request, which checks the barrier's promise.
    async fn request(self: Arc<Self>, barrier: Barrier<u32, Arc<Self>>) -> bool {
        let arrived = self.tick();
        let waiting = Counted::one(&self.waiting);
        let outcome = barrier.pass().await;
        drop(waiting);
        match &outcome {
            Ok(began) => assert!(*began > arrived, "a read from before the request"),
            Err(StoreError::Shared(error)) if matches!(**error, StoreError::KnownDown) => {
                assert!(
                    self.last_failure.load(Ordering::Relaxed) > arrived,
                    "a failure from before the request"
                );
            }
            Err(_) => assert!(
                self.last_loss.load(Ordering::Relaxed) > arrived,
                "refused for no reason"
            ),
        }
        outcome.is_ok()
    }

    /// Begins a read, which returns when it began.
    fn begin(self: &Arc<Self>) -> impl Future<Output = Result<u32, StoreError>> + Send + use<> {
        assert!(self.waiting.load(Ordering::Relaxed) > 0, "a read for nobody");
        let number = self.begun.fetch_add(1, Ordering::Relaxed);
        let end = self.ends.get(number).copied().unwrap_or(End::Succeeds);
        Arc::clone(self).read(self.tick(), end)
    }

    async fn read(self: Arc<Self>, began: u32, end: End) -> Result<u32, StoreError> {
        let _in_flight = Counted::one(&self.in_flight);
        assert_eq!(self.in_flight.load(Ordering::Relaxed), 1, "two reads at once");
        step();
        match end {
            End::Succeeds => Ok(began),
            End::Fails => {
                self.last_failure.store(began, Ordering::Relaxed);
                Err(StoreError::KnownDown)
            }
            End::Panics => {
                self.last_loss.store(self.tick(), Ordering::Relaxed);
                resume_unwind(Box::new(Intended))
            }
            End::Hangs => {
                self.last_loss.store(self.tick(), Ordering::Relaxed);
                self.timed_out.send_replace(());
                pending().await
            }
        }
    }
}

/// Counts as long as it lives.
struct Counted<'a>(&'a AtomicUsize);

impl<'a> Counted<'a> {
    fn one(count: &'a AtomicUsize) -> Self {
        count.fetch_add(1, Ordering::Relaxed);
        Self(count)
    }
}

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A point at which another task may run. Shuttle has no clock: a sleep only yields.
fn step() {
    shuttle::thread::sleep(Duration::ZERO);
}

impl Runtime for Arc<Stage> {
    /// Runs a task. An intended panic ends the task and does not fail the test.
    fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        let mut task = Box::pin(task);
        let _detached = spawn(poll_fn(move |context| {
            let poll = catch_unwind(AssertUnwindSafe(|| task.as_mut().poll(context)));
            match poll {
                Ok(poll) => poll,
                Err(panic) if panic.is::<Intended>() => Poll::Ready(()),
                Err(panic) => resume_unwind(panic),
            }
        }));
    }

    async fn within<F>(&self, _: Duration, work: F) -> Option<F::Output>
    where
        F: Future<Output: Send> + Send,
    {
        let mut timed_out = self.timed_out.subscribe();
        step();
        match select(pin!(work), pin!(timed_out.changed())).await {
            Either::Left((output, _)) => Some(output),
            Either::Right(_) => None,
        }
    }

    fn lock<'a, S>(&self, state: &'a Mutex<S>) -> MutexGuard<'a, S> {
        // A task that panics cannot yield.
        if !panicking() {
            step();
        }
        state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Plays a scene once.
fn play(scene: Scene) {
    block_on(async {
        let stage = Stage::new(scene.ends);
        let reads = Arc::clone(&stage);
        let barrier = Barrier::on(Arc::clone(&stage), TIMEOUT, move || reads.begin());
        let request = || Arc::clone(&stage).request(barrier.clone());
        let requests: Vec<JoinHandle<bool>> = (0..scene.requests).map(|_| spawn(request())).collect();
        for cancelled in &requests[..scene.cancelled] {
            cancelled.abort();
        }
        // A request that is never answered is a deadlock, which shuttle detects.
        for request in requests {
            let _ = request.await;
        }
        // The barrier recovers once the reads that end badly are used up.
        for _ in scene.ends {
            request().await;
        }
        assert!(request().await, "refused although every read succeeds");
    });
}

/// Plays a scene in every schedule of a scheduler; returns how many those were.
fn explore(scheduler: impl Scheduler + 'static, scene: Scene) -> usize {
    let mut config = Config::new();
    config.failure_persistence = FailurePersistence::Print;
    Runner::new(scheduler, config).run(move || play(scene))
}

/// Requests, some of them cancelled, with each way in which reads can end.
fn scenes() -> impl Iterator<Item = Scene> {
    use End::{Fails, Hangs, Panics, Succeeds};
    let ends: [&[End]; 8] = [
        &[],
        &[Fails],
        &[Panics],
        &[Hangs],
        &[Succeeds, Panics],
        &[Fails, Hangs, Fails],
        &[Panics, Succeeds, Hangs],
        &[Hangs, Panics, Fails],
    ];
    [(2, 0), (2, 1), (3, 1), (4, 2)]
        .into_iter()
        .flat_map(move |(requests, cancelled)| {
            ends.map(|ends| Scene {
                requests,
                cancelled,
                ends,
            })
        })
}

#[test]
fn a_request_and_its_successor_hold_in_every_order() {
    for (cancelled, ends, min) in [(0, &[][..], 800), (0, &[End::Panics], 8000), (1, &[], 20_000)] {
        let scene = Scene {
            requests: 1,
            cancelled,
            ends,
        };
        let schedules = explore(DfsScheduler::new(None, false), scene);
        assert!(schedules >= min, "{schedules} schedules of {scene:?}");
    }
}

#[test]
fn many_requests_hold_in_random_orders() {
    for scene in scenes() {
        explore(RandomScheduler::new_from_seed(SEED, 400), scene);
    }
}

#[test]
fn many_requests_hold_in_orders_with_few_switches() {
    for scene in scenes() {
        explore(PctScheduler::new_from_seed(SEED, 3, 400), scene);
    }
}
