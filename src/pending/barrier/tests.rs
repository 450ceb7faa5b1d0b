use std::sync::atomic::{AtomicUsize, Ordering};

use proptest::prelude::*;
use tokio::sync::{mpsc, oneshot};
use tokio::task::{JoinHandle, yield_now};
use tokio::time::{Instant, advance};

use super::*;

const PATIENCE: Duration = Duration::from_secs(2);

/// A request under way.
type Request = JoinHandle<Result<u32, StoreError>>;
/// How a read that has begun is ended.
type Answer = oneshot::Sender<Result<u32, StoreError>>;

/// A barrier whose reads begin and end when the test says so.
struct Stage {
    barrier: Arc<Barrier<u32>>,
    begun: mpsc::UnboundedReceiver<Answer>,
}

impl Stage {
    fn new() -> Self {
        let (begin, begun) = mpsc::unbounded_channel::<Answer>();
        let barrier = Barrier::new(PATIENCE, move || {
            let (answer, answered) = oneshot::channel();
            begin.send(answer).expect("a test");
            async { answered.await.unwrap_or_else(|_| panic!("a read that panics")) }
        });
        Self {
            barrier: Arc::new(barrier),
            begun,
        }
    }

    /// A request that has arrived, and has got as far as it can.
    async fn request(&self) -> Request {
        let [request] = self.requests().await;
        request
    }

    /// Requests that arrive together, before anything else can happen.
    async fn requests<const N: usize>(&self) -> [Request; N] {
        let requests = std::array::from_fn(|_| {
            let barrier = Arc::clone(&self.barrier);
            tokio::spawn(async move { barrier.pass().await })
        });
        settle().await;
        requests
    }

    /// The read that has begun, if one has.
    async fn read(&mut self) -> Option<Answer> {
        settle().await;
        self.begun.try_recv().ok()
    }
}

/// Lets every task go on until it can go no further.
async fn settle() {
    for _ in 0..20 {
        yield_now().await;
    }
}

async fn outcome(request: Request) -> Result<u32, String> {
    settle().await;
    assert!(request.is_finished(), "still waits");
    request
        .await
        .expect("no panic")
        .map_err(|error| error.to_string())
}

fn refused() -> String {
    StoreError::NotConfirmed { timeout: PATIENCE }.to_string()
}

#[tokio::test(start_paused = true)]
async fn who_comes_while_a_read_is_under_way_waits_for_the_next() {
    let mut stage = Stage::new();
    let first = stage.request().await;
    let read = stage.read().await.expect("a read");
    let late = [
        stage.request().await,
        stage.request().await,
        stage.request().await,
    ];
    assert!(stage.read().await.is_none(), "two reads at once");
    read.send(Ok(1)).expect("a reader");
    assert_eq!(outcome(first).await, Ok(1));
    assert!(late.iter().all(|request| !request.is_finished()));
    let next = stage.read().await.expect("a read");
    next.send(Ok(2)).expect("a reader");
    for request in late {
        assert_eq!(outcome(request).await, Ok(2));
    }
    assert!(stage.read().await.is_none(), "a read for nobody");
}

#[tokio::test(start_paused = true)]
async fn a_read_that_nobody_waits_for_is_not_begun() {
    let mut stage = Stage::new();
    let first = stage.request().await;
    let read = stage.read().await.expect("a read");
    let gone = stage.request().await;
    gone.abort();
    settle().await;
    read.send(Ok(1)).expect("a reader");
    assert_eq!(outcome(first).await, Ok(1));
    assert!(stage.read().await.is_none());
    // And who comes after that is not forgotten.
    let next = stage.request().await;
    stage.read().await.expect("a read").send(Ok(2)).expect("a reader");
    assert_eq!(outcome(next).await, Ok(2));
}

#[tokio::test(start_paused = true)]
async fn who_leaves_takes_nothing_from_those_who_stay() {
    let mut stage = Stage::new();
    let [gone, stays] = stage.requests().await;
    let read = stage.read().await.expect("a read");
    gone.abort();
    settle().await;
    read.send(Ok(1)).expect("a reader");
    assert_eq!(outcome(stays).await, Ok(1));
}

#[tokio::test(start_paused = true)]
async fn a_failure_is_for_those_who_waited_for_that_read() {
    let mut stage = Stage::new();
    let requests: [Request; 2] = stage.requests().await;
    let read = stage.read().await.expect("a read");
    let late = stage.request().await;
    read.send(Err(StoreError::KnownDown)).expect("a reader");
    for request in requests {
        assert_eq!(outcome(request).await, Err(StoreError::KnownDown.to_string()));
    }
    stage.read().await.expect("a read").send(Ok(2)).expect("a reader");
    assert_eq!(outcome(late).await, Ok(2));
}

#[tokio::test(start_paused = true)]
async fn nobody_waits_longer_than_the_deadline_and_a_read_that_hangs_is_given_up() {
    let mut stage = Stage::new();
    let begun = Instant::now();
    let first = stage.request().await;
    let mut hangs = stage.read().await.expect("a read");
    advance(PATIENCE / 2).await;
    let late = stage.request().await;
    advance(PATIENCE / 2).await;
    assert_eq!(outcome(first).await, Err(refused()));
    assert_eq!(begun.elapsed(), PATIENCE);
    tokio::time::timeout(PATIENCE, hangs.closed())
        .await
        .expect("dropped");
    // The second has half of its time left, for a read of its own.
    let next = stage.read().await.expect("a read");
    next.send(Ok(2)).expect("a reader");
    assert_eq!(outcome(late).await, Ok(2));
}

#[tokio::test(start_paused = true)]
async fn a_read_that_panics_is_a_failure_and_the_next_is_another() {
    let mut stage = Stage::new();
    let first = stage.request().await;
    let read = stage.read().await.expect("a read");
    let late = stage.request().await;
    drop(read);
    assert_eq!(outcome(first).await, Err(refused()));
    assert_eq!(outcome(late).await, Err(refused()));
    let next = stage.request().await;
    stage.read().await.expect("a read").send(Ok(2)).expect("a reader");
    assert_eq!(outcome(next).await, Ok(2));
}

#[derive(Debug, Clone)]
enum Event {
    Arrive,
    /// Somebody who still waits goes away.
    Leave(prop::sample::Index),
    Answer,
    Fail,
    Pass(Duration),
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        4 => Just(Event::Arrive),
        2 => any::<prop::sample::Index>().prop_map(Event::Leave),
        3 => Just(Event::Answer),
        1 => Just(Event::Fail),
        1 => (1..1500_u64).prop_map(|millis| Event::Pass(Duration::from_millis(millis))),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    /// The number that a read says is that of the events until it began: who is told a smaller one than that of its own
    /// arrival was told of a time before it came.
    #[test]
    fn whatever_happens_nobody_is_told_of_a_time_before_it_came(events in prop::collection::vec(event(), 1..60)) {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .expect("a runtime");
        runtime.block_on(async {
            let mut stage = Stage::new();
            let mut now = 0;
            let told = Arc::new(AtomicUsize::new(0));
            let mut waiting: Vec<(u32, Instant, Request)> = Vec::new();
            let mut reading: Option<(u32, Answer)> = None;
            let mut arrived = 0;
            // At the end every read is answered, so that nobody is left.
            let rest = std::iter::repeat_n(Event::Answer, 4);
            for event in events.into_iter().chain(rest) {
                now += 1;
                match event {
                    Event::Arrive => {
                        arrived += 1;
                        waiting.push((now, Instant::now(), stage.request().await));
                    }
                    Event::Leave(index) if !waiting.is_empty() => {
                        waiting.swap_remove(index.index(waiting.len())).2.abort();
                        arrived -= 1;
                    }
                    Event::Leave(_) => {}
                    Event::Answer => {
                        if let Some((began, answer)) = reading.take() {
                            let _ = answer.send(Ok(began));
                        }
                    }
                    Event::Fail => {
                        if let Some((_, answer)) = reading.take() {
                            let _ = answer.send(Err(StoreError::KnownDown));
                        }
                    }
                    Event::Pass(time) => advance(time).await,
                }
                settle().await;
                if let Some(answer) = stage.read().await {
                    assert!(reading.as_ref().is_none_or(|(_, given_up)| given_up.is_closed()), "two reads at once");
                    reading = Some((now, answer));
                }
                let mut still = Vec::new();
                for (came, at, request) in waiting {
                    if !request.is_finished() {
                        assert!(at.elapsed() < PATIENCE, "waits beyond the deadline");
                        still.push((came, at, request));
                        continue;
                    }
                    told.fetch_add(1, Ordering::Relaxed);
                    if let Ok(began) = request.await.expect("no panic") {
                        assert!(began >= came, "told of {began}, came at {came}");
                    }
                }
                waiting = still;
            }
            assert_eq!((waiting.len(), told.load(Ordering::Relaxed)), (0, arrived), "somebody was forgotten");
        });
    }
}
