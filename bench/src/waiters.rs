//! Many long polls of one page: the time from the commit of a change to the last response.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use sqlx::{Connection, PgConnection};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use crate::Error;
use crate::contender::{METRICS_HOST, Running};
use crate::data::DataSet;
use crate::http::{Answer, Client};
use crate::row::{Form, target};
use crate::verify::{ask, no_answer, other};

/// The changes, one after the other.
const CHANGES: usize = 5;
/// The tasks of the page.
const LIMIT: i64 = 10;
/// The requests that are sent at once.
const AT_ONCE: usize = 250;
/// The time limit until they are held, and the interval between two looks.
const HELD: Duration = Duration::from_secs(10);
const LOOK: Duration = Duration::from_millis(10);
const CHANGE: &str = "
    update task_status set percent_complete = (coalesce(percent_complete, 0) + 1) % 100
    where id = (select id from task_status where completion_status is null order by created, id limit 1)";

/// Milliseconds from the commit of each change to the last of so many responses. Each of them has to show the change.
pub async fn last_answers(service: &Running, data: &DataSet, number: usize) -> Result<Vec<f64>, Error> {
    let (target, server) = (target(0, LIMIT, false), service.contender);
    let mut connection = PgConnection::connect_with(&data.options).await?;
    let mut clients = Vec::with_capacity(number);
    for _ in 0..number {
        clients.push(service.client().await?);
    }
    let mut millis = Vec::with_capacity(CHANGES);
    for _ in 0..CHANGES {
        let known = tag(&ask(service, Form::Plain, &target, None).await?);
        let mut polls = JoinSet::new();
        while !clients.is_empty() {
            for mut client in clients.drain(..AT_ONCE.min(clients.len())) {
                let headers = [("if-none-match", known.clone()), ("prefer", "wait=60".to_owned())];
                let target = target.clone();
                polls.spawn(async move {
                    let answer = client.get(&target, &headers).await;
                    (Instant::now(), client, answer)
                });
            }
            all_held(service, polls.len()).await?;
        }
        sqlx::query(CHANGE).execute(&mut connection).await?;
        let committed = Instant::now();
        let (mut last, mut tags) = (committed, Vec::with_capacity(number));
        while let Some(polled) = polls.join_next().await {
            let (then, client, answer) = polled?;
            tags.push(tag(&answer.map_err(no_answer(server, &target))?));
            clients.push(client);
            last = last.max(then);
        }
        let now = tag(&ask(service, Form::Plain, &target, None).await?);
        if now == known || tags.iter().any(|tag| *tag != now) {
            return Err(other(server, &target, "a response without the change"));
        }
        millis.push((last - committed).as_secs_f64() * 1e3);
    }
    Ok(millis)
}

/// Waits until the service holds so many long polls, by its own count.
async fn all_held(service: &Running, number: usize) -> Result<(), Error> {
    let (target, server) = ("/metrics", service.contender);
    let held = format!("\ntask_status_long_polls {number}\n");
    let metrics = SocketAddr::new(METRICS_HOST, service.address.port());
    let looks = async {
        let why = "no connection";
        let mut client = Client::connect(metrics)
            .await
            .ok_or_else(|| other(server, target, why))?;
        loop {
            let answer = client.get(target, &[]).await.map_err(no_answer(server, target))?;
            if String::from_utf8_lossy(&answer.body).contains(&held) {
                return Ok(());
            }
            sleep(LOOK).await;
        }
    };
    let late = |_| Err(other(server, target, "not all long polls are held"));
    timeout(HELD, looks).await.unwrap_or_else(late)
}

fn tag(answer: &Answer) -> String {
    answer.header("etag").unwrap_or_default().to_owned()
}
