//! Resident memory: fresh, and with a thousand connections.

use std::time::Duration;

use tokio::time::interval;

use crate::Error;
use crate::contender::{Contender, Running};
use crate::data::DataSet;
use crate::process::Resident;
use crate::row::target;
use crate::tools::Tools;
use crate::wrk::{self, Load, Request};

const CONNECTIONS: u16 = 1000;
/// How often is looked at what is resident.
const LOOK: Duration = Duration::from_millis(100);

/// The resident memory of a server, over all its processes.
#[derive(Debug, Clone, Copy)]
pub struct Memory {
    /// After the start.
    pub idle: Resident,
    /// The most while all connections ask for the same page.
    pub same: Resident,
    /// The peak under requests for pages all over the list; missing for contenders with one page only.
    pub anywhere: Option<Resident>,
    /// When they have gone.
    pub after: Resident,
    /// Answers that were errors, and connections that broke.
    pub errors: u64,
}

/// Starts a server anew and looks at it.
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
    Ok(Memory {
        idle,
        same,
        anywhere,
        after: running.server.memory(),
        errors,
    })
}

/// The most that a server keeps while it is driven.
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
