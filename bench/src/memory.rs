//! Resident memory: fresh, with a thousand connections, and after them.

use std::time::Duration;

use tokio::time::{interval, sleep};

use crate::Error;
use crate::contender::{Contender, Running};
use crate::data::DataSet;
use crate::process::Resident;
use crate::row::target;
use crate::tools::Tools;
use crate::wrk::{self, Load, Request};

const CONNECTIONS: u16 = 1000;
/// The interval between two samples.
const LOOK: Duration = Duration::from_millis(100);
/// The time in which a server may give back what the connections took, in units of that of a measurement: with the usual
/// four seconds, a minute.
const RELEASE: u32 = 15;

/// The resident memory of a server, over all its processes.
#[derive(Debug, Clone, Copy)]
pub struct Memory {
    pub idle: Resident,
    /// The peak under requests for the same page.
    pub same: Resident,
    /// The peak under requests for random pages; missing for contenders with one page only.
    pub anywhere: Option<Resident>,
    /// When the connections have just been closed, and then a minute later.
    pub after: Resident,
    pub released: Resident,
    /// Error responses and broken connections.
    pub errors: u64,
}

/// Starts a server and measures it.
pub async fn of(
    contender: Contender,
    tools: &Tools,
    data: &DataSet,
    service: &Running,
    seconds: u8,
) -> Result<Memory, Error> {
    let first = target(0, 250, true);
    let running = if contender == Contender::Bare {
        Contender::start_bare(tools, service.address, &first, false).await?
    } else {
        contender.start(tools, data, false).await?
    };
    let idle = running.server.memory();
    let request = |anywhere_in| Request {
        address: running.address,
        target: &first,
        headers: Vec::new(),
        connections: CONNECTIONS,
        seconds,
        anywhere_in,
    };
    let (same, load) = most_during(&running, wrk::drive(tools, request(None))).await?;
    let mut errors = load.errors;
    let anywhere = if contender == Contender::Bare {
        None
    } else {
        let pending = data.pending().await?;
        let (most, load) = most_during(&running, wrk::drive(tools, request(Some(pending)))).await?;
        errors += load.errors;
        Some(most)
    };
    data.settle().await?;
    let after = running.server.memory();
    sleep(Duration::from_secs(seconds.into()) * RELEASE).await;
    Ok(Memory {
        idle,
        same,
        anywhere,
        after,
        released: running.server.memory(),
        errors,
    })
}

/// The peak memory of a server under load.
async fn most_during(
    running: &Running,
    load: impl Future<Output = Result<Load, Error>>,
) -> Result<(Resident, Load), Error> {
    let mut load = std::pin::pin!(load);
    let mut looks = interval(LOOK);
    let mut most = Resident::default();
    loop {
        tokio::select! {
            load = &mut load => return Ok((most, load?)),
            _ = looks.tick() => {
                let now = running.server.memory();
                most.proportional = most.proportional.max(now.proportional);
                most.resident = most.resident.max(now.resident);
            }
        }
    }
}
