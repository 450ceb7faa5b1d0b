//! The barrier in many thousands of orders of events: wherever one task can come before another, shuttle decides which
//! does.
//!
//! What is explored is the barrier itself. Tasks, deadlines and the lock are shuttle's by way of [`Runtime`]; the channel is
//! tokio's and taken at its word, each use of it one step. Barriers with a fault are explored in the same way: what did not
//! find those would prove nothing.

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

const PATIENCE: Duration = Duration::from_secs(2);
/// The same orders in every run, so that none fails which passed before. `SHUTTLE_RANDOM_SEED` is another.
const SEED: u64 = 20_260_101;

/// What happens; shuttle decides when.
#[derive(Debug, Clone, Copy)]
struct Scene {
    /// How many come.
    come: usize,
    /// How many of them go away.
    leave: usize,
    /// How the first reads end. Those after them tell.
    ends: &'static [End],
}

/// How a read ends.
#[derive(Debug, Clone, Copy)]
enum End {
    Tells,
    Fails,
    Panics,
    /// Not before the time is up of everybody who has waited until then.
    Hangs,
}

/// What a read panics with.
struct Meant;

/// A barrier, or what shall be one.
trait Passable: Send + Sync + 'static {
    fn pass(&self) -> BoxFuture<'_, Result<u32, StoreError>>;
}

/// What everybody in a scene shares. Its own state is no matter of the schedule: only one task runs at a time.
struct Stage {
    ends: &'static [End],
    /// Grows with every event that the law speaks of.
    now: AtomicU32,
    /// When a read began that failed, at last.
    failed: AtomicU32,
    /// When a read panicked or time was up, at last.
    upset: AtomicU32,
    begun: AtomicUsize,
    under_way: AtomicUsize,
    waiting: AtomicUsize,
    time_is_up: watch::Sender<()>,
}

impl Stage {
    fn new(ends: &'static [End]) -> Arc<Self> {
        Arc::new(Self {
            ends,
            now: AtomicU32::new(0),
            failed: AtomicU32::new(0),
            upset: AtomicU32::new(0),
            begun: AtomicUsize::new(0),
            under_way: AtomicUsize::new(0),
            waiting: AtomicUsize::new(0),
            time_is_up: watch::Sender::new(()),
        })
    }

    fn tick(&self) -> u32 {
        self.now.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// One who comes, and holds the barrier to its word.
    async fn request(self: Arc<Self>, barrier: Arc<dyn Passable>) -> bool {
        let came = self.tick();
        let waiting = Counted::one(&self.waiting);
        let outcome = barrier.pass().await;
        drop(waiting);
        match &outcome {
            Ok(began) => assert!(*began > came, "told of a time before it came"),
            Err(StoreError::Shared(error)) if matches!(**error, StoreError::KnownDown) => {
                assert!(
                    self.failed.load(Ordering::Relaxed) > came,
                    "told of a failure before it came"
                );
            }
            Err(_) => assert!(self.upset.load(Ordering::Relaxed) > came, "refused for no reason"),
        }
        outcome.is_ok()
    }

    /// A read. It says when it began.
    async fn read(self: Arc<Self>, began: u32, end: End) -> Result<u32, StoreError> {
        let _under_way = Counted::one(&self.under_way);
        assert_eq!(self.under_way.load(Ordering::Relaxed), 1, "two reads at once");
        step();
        match end {
            End::Tells => Ok(began),
            End::Fails => {
                self.failed.store(began, Ordering::Relaxed);
                Err(StoreError::KnownDown)
            }
            End::Panics => {
                self.upset.store(self.tick(), Ordering::Relaxed);
                resume_unwind(Box::new(Meant))
            }
            End::Hangs => {
                self.upset.store(self.tick(), Ordering::Relaxed);
                self.time_is_up.send_replace(());
                pending().await
            }
        }
    }

    fn begin(self: &Arc<Self>) -> impl Future<Output = Result<u32, StoreError>> + Send + use<> {
        assert!(self.waiting.load(Ordering::Relaxed) > 0, "a read for nobody");
        let number = self.begun.fetch_add(1, Ordering::Relaxed);
        let end = self.ends.get(number).copied().unwrap_or(End::Tells);
        Arc::clone(self).read(self.tick(), end)
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

/// Somebody else may come first. Shuttle knows no time: to sleep is to let others go on, or not.
fn step() {
    shuttle::thread::sleep(Duration::ZERO);
}

/// A task, in which a panic that is meant is the end of the task and no failure of the test.
fn run(task: impl Future<Output = ()> + Send + 'static) {
    let mut task = Box::pin(task);
    let _detached = spawn(poll_fn(move |context| {
        let poll = catch_unwind(AssertUnwindSafe(|| task.as_mut().poll(context)));
        match poll {
            Ok(poll) => poll,
            Err(panic) if panic.is::<Meant>() => Poll::Ready(()),
            Err(panic) => resume_unwind(panic),
        }
    }));
}

impl Runtime for Arc<Stage> {
    fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        run(task);
    }

    async fn within<F>(&self, _: Duration, work: F) -> Option<F::Output>
    where
        F: Future<Output: Send> + Send,
    {
        let mut time_is_up = self.time_is_up.subscribe();
        step();
        match select(pin!(work), pin!(time_is_up.changed())).await {
            Either::Left((output, _)) => Some(output),
            Either::Right(_) => None,
        }
    }

    fn lock<'a, S>(&self, state: &'a Mutex<S>) -> MutexGuard<'a, S> {
        // Nobody can be let through by one who panics.
        if !panicking() {
            step();
        }
        state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Passable for Barrier<u32, Arc<Stage>> {
    fn pass(&self) -> BoxFuture<'_, Result<u32, StoreError>> {
        Box::pin(Barrier::pass(self))
    }
}

fn barrier(stage: &Arc<Stage>) -> Arc<dyn Passable> {
    let reads = Arc::clone(stage);
    Arc::new(Barrier::on(Arc::clone(stage), PATIENCE, move || reads.begin()))
}

/// Plays a scene once.
fn play(scene: Scene, barrier: impl Fn(&Arc<Stage>) -> Arc<dyn Passable>) {
    block_on(async {
        let stage = Stage::new(scene.ends);
        let barrier = barrier(&stage);
        let request = || Arc::clone(&stage).request(Arc::clone(&barrier));
        let requests: Vec<JoinHandle<bool>> = (0..scene.come).map(|_| spawn(request())).collect();
        for leaves in &requests[..scene.leave] {
            leaves.abort();
        }
        // Where one is never answered shuttle finds that nothing can go on.
        for request in requests {
            let _ = request.await;
        }
        // Whatever was, it is over when the last reads have ended.
        for _ in scene.ends {
            request().await;
        }
        assert!(request().await, "refused when all is well");
    });
}

/// Plays a scene in all the orders that a scheduler thinks of, and returns how many those were.
fn explore(
    scheduler: impl Scheduler + 'static,
    scene: Scene,
    barrier: impl Fn(&Arc<Stage>) -> Arc<dyn Passable> + Send + Sync + 'static,
) -> usize {
    let mut config = Config::new();
    config.failure_persistence = FailurePersistence::Print;
    Runner::new(scheduler, config).run(move || play(scene, &barrier))
}

/// What shall be explored: who comes and goes, with all the ways in which reads can end.
fn scenes() -> impl Iterator<Item = Scene> {
    use End::{Fails, Hangs, Panics, Tells};
    let ends: [&[End]; 8] = [
        &[],
        &[Fails],
        &[Panics],
        &[Hangs],
        &[Tells, Panics],
        &[Fails, Hangs, Fails],
        &[Panics, Tells, Hangs],
        &[Hangs, Panics, Fails],
    ];
    [(2, 0), (2, 1), (3, 1), (4, 2)]
        .into_iter()
        .flat_map(move |(come, leave)| ends.map(|ends| Scene { come, leave, ends }))
}

#[test]
fn one_request_and_the_next_in_every_order() {
    for (leave, ends, least) in [(0, &[][..], 800), (0, &[End::Panics], 8000), (1, &[], 20_000)] {
        let scene = Scene { come: 1, leave, ends };
        let orders = explore(DfsScheduler::new(None, false), scene, barrier);
        assert!(orders >= least, "{orders} orders of {scene:?}");
    }
}

#[test]
fn many_requests_in_orders_by_chance() {
    for scene in scenes() {
        explore(RandomScheduler::new_from_seed(SEED, 400), scene, barrier);
    }
}

#[test]
fn many_requests_in_orders_with_few_surprises() {
    for scene in scenes() {
        explore(PctScheduler::new_from_seed(SEED, 3, 400), scene, barrier);
    }
}

/// What can be wrong with a barrier.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    None,
    JoinsTheReadInFlight,
    /// Who came while it ended is forgotten.
    EndsWithoutALook,
    ReadsForNobody,
    OutlivesNoPanic,
}

/// A barrier as somebody might write it in a hurry, with a fault or none.
struct Faulty {
    stage: Arc<Stage>,
    fault: Fault,
    state: Mutex<State<u32>>,
}

impl Faulty {
    fn join(self: &Arc<Self>) -> watch::Receiver<Option<Outcome<u32>>> {
        let mut state = self.stage.lock(&self.state);
        let line = state.next.get_or_insert_with(|| watch::Sender::new(None));
        let line = line.subscribe();
        let is_reading = std::mem::replace(&mut state.is_reading, true);
        drop(state);
        if !is_reading {
            run(Arc::clone(self).read_for_all());
        }
        line
    }

    async fn read_for_all(self: Arc<Self>) {
        let outlives = (self.fault != Fault::OutlivesNoPanic).then(|| Outlives(Arc::clone(&self)));
        while let Some(line) = self.next_line() {
            let outcome = self.stage.within(PATIENCE, self.stage.begin()).await;
            let outcome = outcome.unwrap_or(Err(StoreError::NotConfirmed { timeout: PATIENCE }));
            if self.fault == Fault::JoinsTheReadInFlight {
                self.stage.lock(&self.state).next = None;
            }
            line.send_replace(Some(outcome.map_err(Arc::new)));
        }
        drop(outlives);
    }

    fn next_line(&self) -> Option<Line<u32>> {
        let mut state = self.stage.lock(&self.state);
        let line = match self.fault {
            Fault::JoinsTheReadInFlight => state.next.clone(),
            _ => state.next.take(),
        };
        let line = line.filter(|line| self.fault == Fault::ReadsForNobody || line.receiver_count() > 0);
        if self.fault == Fault::EndsWithoutALook {
            drop(state);
            state = self.stage.lock(&self.state);
        }
        state.is_reading = line.is_some();
        line
    }
}

/// Lets others go on where the reading panics.
struct Outlives(Arc<Faulty>);

impl Drop for Outlives {
    fn drop(&mut self) {
        if panicking() {
            let mut state = self.0.stage.lock(&self.0.state);
            state.next = None;
            state.is_reading = false;
        }
    }
}

impl Passable for Arc<Faulty> {
    fn pass(&self) -> BoxFuture<'_, Result<u32, StoreError>> {
        let joined = self.join();
        Box::pin(async move {
            match self.stage.within(PATIENCE, told(joined)).await.flatten() {
                Some(outcome) => outcome.map_err(StoreError::Shared),
                None => Err(StoreError::NotConfirmed { timeout: PATIENCE }),
            }
        })
    }
}

/// What the exploration says of a barrier with this fault: nothing, or why it has failed.
fn cache_stats(fault: Fault) -> Option<String> {
    let faulty = move |stage: &Arc<Stage>| -> Arc<dyn Passable> {
        Arc::new(Arc::new(Faulty {
            stage: Arc::clone(stage),
            fault,
            state: Mutex::new(State {
                next: None,
                is_reading: false,
            }),
        }))
    };
    let exploring = AssertUnwindSafe(|| {
        for scene in scenes() {
            explore(RandomScheduler::new_from_seed(SEED, 400), scene, faulty);
        }
    });
    let panic = catch_unwind(exploring).err()?;
    let said = panic.downcast_ref::<String>().cloned();
    Some(
        said.or_else(|| panic.downcast_ref::<&str>().map(|said| (*said).to_owned()))
            .unwrap_or_default(),
    )
}

#[test]
fn a_barrier_with_a_fault_is_found_out() {
    for (fault, says) in [
        (Fault::JoinsTheReadInFlight, "told of a time before it came"),
        (Fault::EndsWithoutALook, "deadlock"),
        (Fault::ReadsForNobody, "a read for nobody"),
        (Fault::OutlivesNoPanic, "deadlock"),
    ] {
        let said = cache_stats(fault).unwrap_or_default();
        assert!(said.contains(says), "{fault:?}: {said:?}");
    }
    assert_eq!(cache_stats(Fault::None), None);
}
