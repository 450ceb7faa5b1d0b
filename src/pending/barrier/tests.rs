use proptest::prelude::*;
use tokio::sync::{mpsc, oneshot};
use tokio::task::{JoinHandle, yield_now};
use tokio::time::{Instant, advance};

use super::*;

const TIMEOUT: Duration = Duration::from_secs(2);

/// A request in flight.
type Request = JoinHandle<Result<u32, StoreError>>;
/// Ends a read that has begun.
type Answer = oneshot::Sender<Result<u32, StoreError>>;

/// A barrier whose reads begin and end when the test says so.
struct Stage {
    barrier: Barrier<u32>,
    begun: mpsc::UnboundedReceiver<Answer>,
}

impl Stage {
    fn new() -> Self {
        let (begin, begun) = mpsc::unbounded_channel::<Answer>();
        let barrier = Barrier::new(TIMEOUT, move || {
            let (answer, answered) = oneshot::channel();
            begin.send(answer).expect("a test");
            async { answered.await.unwrap_or_else(|_| panic!("a read that panics")) }
        });
        Self { barrier, begun }
    }

    /// A request that has arrived and waits.
    async fn request(&self) -> Request {
        let [request] = self.requests().await;
        request
    }

    /// Requests that arrive together.
    async fn requests<const N: usize>(&self) -> [Request; N] {
        let requests = std::array::from_fn(|_| {
            let barrier = self.barrier.clone();
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

/// Lets every task run until it waits.
async fn settle() {
    for _ in 0..20 {
        yield_now().await;
    }
}

async fn outcome(request: Request) -> Result<u32, String> {
    settle().await;
    assert!(request.is_finished(), "still waiting");
    request
        .await
        .expect("no panic")
        .map_err(|error| error.to_string())
}

fn not_confirmed() -> String {
    StoreError::NotConfirmed { timeout: TIMEOUT }.to_string()
}

#[tokio::test(start_paused = true)]
async fn a_request_during_a_read_waits_for_the_next_read() {
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
async fn a_read_without_waiters_does_not_begin() {
    let mut stage = Stage::new();
    let first = stage.request().await;
    let read = stage.read().await.expect("a read");
    let gone = stage.request().await;
    gone.abort();
    settle().await;
    read.send(Ok(1)).expect("a reader");
    assert_eq!(outcome(first).await, Ok(1));
    assert!(stage.read().await.is_none());
    // A later request starts another read.
    let next = stage.request().await;
    stage.read().await.expect("a read").send(Ok(2)).expect("a reader");
    assert_eq!(outcome(next).await, Ok(2));
}

#[tokio::test(start_paused = true)]
async fn a_request_that_leaves_does_not_disturb_others() {
    let mut stage = Stage::new();
    let [gone, stays] = stage.requests().await;
    let read = stage.read().await.expect("a read");
    gone.abort();
    settle().await;
    read.send(Ok(1)).expect("a reader");
    assert_eq!(outcome(stays).await, Ok(1));
}

#[tokio::test(start_paused = true)]
async fn a_failure_reaches_only_the_waiters_of_that_read() {
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
async fn requests_and_hanging_reads_time_out() {
    let mut stage = Stage::new();
    let begun = Instant::now();
    let first = stage.request().await;
    let mut hangs = stage.read().await.expect("a read");
    advance(TIMEOUT / 2).await;
    let late = stage.request().await;
    advance(TIMEOUT / 2).await;
    assert_eq!(outcome(first).await, Err(not_confirmed()));
    assert_eq!(begun.elapsed(), TIMEOUT);
    tokio::time::timeout(TIMEOUT, hangs.closed())
        .await
        .expect("dropped");
    // The second request has half of its time left, for the next read.
    let next = stage.read().await.expect("a read");
    next.send(Ok(2)).expect("a reader");
    assert_eq!(outcome(late).await, Ok(2));
}

#[tokio::test(start_paused = true)]
async fn a_read_that_panics_fails_its_waiters_and_the_next_succeeds() {
    let mut stage = Stage::new();
    let first = stage.request().await;
    let read = stage.read().await.expect("a read");
    let late = stage.request().await;
    drop(read);
    assert_eq!(outcome(first).await, Err(not_confirmed()));
    assert_eq!(outcome(late).await, Err(not_confirmed()));
    let next = stage.request().await;
    stage.read().await.expect("a read").send(Ok(2)).expect("a reader");
    assert_eq!(outcome(next).await, Ok(2));
}

#[derive(Debug, Clone)]
enum Event {
    Arrive,
    /// A waiting request is cancelled.
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

    /// A read returns the number of events before it began. A request must never get a smaller number than that of its
    /// own arrival.
    #[test]
    fn no_request_gets_a_read_from_before_it(events in prop::collection::vec(event(), 1..60)) {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .expect("a runtime");
        runtime.block_on(async {
            let mut stage = Stage::new();
            let mut now = 0;
            let mut answered = 0;
            let mut waiting: Vec<(u32, Instant, Request)> = Vec::new();
            let mut reading: Option<(u32, Answer)> = None;
            let mut arrived = 0;
            // At the end every read is answered, so that no request is left.
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
                for (arrival, at, request) in waiting {
                    if !request.is_finished() {
                        assert!(at.elapsed() < TIMEOUT, "waits beyond the deadline");
                        still.push((arrival, at, request));
                        continue;
                    }
                    answered += 1;
                    if let Ok(began) = request.await.expect("no panic") {
                        assert!(began >= arrival, "read at {began}, arrived at {arrival}");
                    }
                }
                waiting = still;
            }
            assert_eq!((waiting.len(), answered), (0, arrived), "a request was forgotten");
        });
    }
}
