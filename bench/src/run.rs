//! The sequence of a run, from an empty folder to the report.

use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

use private_postgres::PrivatePostgres;
use tokio::signal::unix::{SignalKind, signal};
use tokio::task::spawn_blocking;

use crate::args::Args;
use crate::contender::{Contender, Running};
use crate::data::{self, DataSet, DataSize};
use crate::figures::Figures;
use crate::progress::Progress;
use crate::report::{self, Circumstances};
use crate::row::{Form, Part, ROWS, Row};
use crate::tools::Tools;
use crate::verify::{self, Reference};
use crate::writers::{Known, Writers};
use crate::wrk::{self, Load, Request};
use crate::{Error, chart, cold, machine, memory, tax, waiters};

/// The file name of the chart.
const CHART: &str = "ratios.svg";
/// Cold pages of each depth per second of `--seconds`.
const COLD_TURNS: u32 = 15;
/// The factor of the duration with a thousand connections.
const CROWDED: u8 = 3;
/// The warm-up of each contender, in seconds.
const WARM_UP: u8 = 1;

/// Compares, prints the report and writes it. All started programs have ended when this returns.
pub async fn run(args: Args) -> Result<(), Error> {
    let began = chrono::Utc::now();
    let load = machine::load();
    let tools = Tools::install().await?;
    let postgres = data::start(args.pg_bin_dir.clone(), args.keep.clone()).await?;
    let compared = tokio::select! {
        compared = Comparison::new(&args, &tools, &postgres).run() => compared,
        error = postgres.exited() => Err(error.into()),
        interrupted = interrupted() => Err(interrupted),
    };
    let mut facts = vec![
        ("begun", began.format("%Y-%m-%d %H:%M UTC").to_string()),
        ("command", command_line()),
        (
            "rounds, seconds",
            format!("{}, {}", args.rounds(), args.seconds()),
        ),
        (
            "processor",
            format!("{}, {} cores", machine::processor(), machine::cores()),
        ),
        ("memory", format!("{} MiB", machine::memory_mib())),
        ("load before", load),
        (
            "load generator",
            format!("wrk with {} threads, on the same cores", wrk::threads()),
        ),
        (
            "PostgreSQL",
            format!("{}; {}", postgres.version(), data::server_options().join(", ")),
        ),
    ];
    spawn_blocking(move || postgres.stop()).await??;
    let figures = compared?;
    facts.extend(tools.versions().await);
    let about = Circumstances {
        sizes: args.data(),
        facts,
        is_trial: args.quick,
        notes: fs::read_to_string(folder().join("NOTES.md")).unwrap_or_default(),
        chart: CHART,
    };
    let text = report::markdown(&figures, &about);
    println!("{text}");
    if args.quick && args.output.is_none() {
        return Ok(());
    }
    let output = args.output.clone().unwrap_or_else(folder);
    write(&output.join("RESULTS.md"), &text)?;
    write(&output.join(CHART), &chart::svg(&figures, &about.sizes))
}

/// The folder of this package.
fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn write(path: &Path, text: &str) -> Result<(), Error> {
    fs::write(path, text).map_err(Error::io(format!("write {}", path.display())))
}

/// The command line without folders, which depend on the machine.
fn command_line() -> String {
    let mut words = vec!["bench/run".to_owned()];
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        let name = argument.split('=').next().unwrap_or_default();
        if ["--keep", "--output", "--pg-bin-dir"].contains(&name) {
            if name == argument {
                arguments.next();
            }
        } else {
            words.push(argument);
        }
    }
    format!("`{}`", words.join(" "))
}

/// Resolves on SIGINT and SIGTERM.
pub async fn interrupted() -> Error {
    let signals = signal(SignalKind::interrupt()).and_then(|interrupt| {
        let terminate = signal(SignalKind::terminate())?;
        Ok((interrupt, terminate))
    });
    match signals {
        Ok((mut interrupt, mut terminate)) => {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
            Error::Interrupted
        }
        Err(source) => Error::io("wait for signals")(source),
    }
}

/// The state of a run.
struct Comparison<'a> {
    args: &'a Args,
    tools: &'a Tools,
    postgres: &'a PrivatePostgres,
    progress: Progress,
    figures: Figures,
    /// Cold pages requested at each depth.
    asked: i64,
}

/// A data set and its contenders.
struct Stage {
    data: DataSet,
    /// The tasks that are written to.
    known: Known,
    service: Running,
    peers: Vec<Running>,
}

impl<'a> Comparison<'a> {
    fn new(args: &'a Args, tools: &'a Tools, postgres: &'a PrivatePostgres) -> Self {
        let rows: usize = rows(args).map(|row| row.contenders().len()).sum();
        let cold = if args.wants(Part::Cold) { 4 } else { 0 };
        let memory = if args.wants(Part::Memory) { 5 } else { 0 };
        let tax = if args.wants(Part::Tax) {
            usize::from(args.rounds())
        } else {
            0
        };
        let waiters = usize::from(args.wants(Part::Waiters));
        let sets = args.data().len();
        let steps = sets * (1 + usize::from(args.rounds()) * (rows + cold) + memory + waiters) + tax;
        Self {
            args,
            tools,
            postgres,
            progress: Progress::new(steps),
            figures: Figures::default(),
            asked: 0,
        }
    }

    async fn run(mut self) -> Result<Figures, Error> {
        let mut stages = Vec::new();
        for size in self.args.data() {
            stages.push(self.stage(size).await?);
        }
        for round in 0..self.args.rounds() {
            for (data, stage) in stages.iter().enumerate() {
                self.round(round, data, stage).await?;
            }
        }
        if self.args.wants(Part::Memory) {
            for (data, stage) in stages.iter().enumerate() {
                self.memory(data, stage).await?;
            }
        }
        if self.args.wants(Part::Waiters) {
            for (data, stage) in stages.iter().enumerate() {
                self.waiters(data, stage).await?;
            }
        }
        // A data set with connections cannot be copied.
        let smallest = stages
            .iter()
            .map(|stage| stage.data.clone())
            .min_by_key(|data| data.size.all);
        drop(stages);
        if let (true, Some(data)) = (self.args.wants(Part::Tax), smallest) {
            self.tax(&data).await?;
        }
        Ok(self.figures)
    }

    /// Loads a data set and starts its contenders.
    async fn stage(&mut self, size: DataSize) -> Result<Stage, Error> {
        let data = DataSet::load(self.postgres, size, &mut self.progress).await?;
        let service = Contender::Service.start(self.tools, &data, false).await?;
        let mut peers = Vec::new();
        for peer in Contender::PEERS {
            peers.push(peer.start(self.tools, &data, false).await?);
        }
        for running in peers.iter().chain([&service]) {
            let target = ROWS[0].target(size.pending);
            self.drive(running, &ROWS[0], &target, Vec::new(), WARM_UP)
                .await?;
        }
        self.progress.step(&format!("{size}: all serve it"));
        let known = Known::any(&data).await?;
        Ok(Stage {
            data,
            known,
            service,
            peers,
        })
    }

    async fn round(&mut self, round: u8, data: usize, stage: &Stage) -> Result<(), Error> {
        for row in rows(self.args) {
            self.row(round, data, stage, row).await?;
        }
        if self.args.wants(Part::Cold) {
            self.cold(round, data, stage).await?;
        }
        Ok(())
    }

    /// Measures a row once for each contender, after a check that all responses agree.
    async fn row(&mut self, round: u8, data: usize, stage: &Stage, row: &'static Row) -> Result<(), Error> {
        let pending = stage.data.pending().await?;
        let target = row.target(pending);
        let offset = row.depth.offset(pending, row.limit);
        let gzip = row.form == Form::Gzip;
        let reference = Reference::new(&stage.service, row, &target).await?;
        let bare = Contender::start_bare(self.tools, stage.service.address, &target, gzip).await?;
        let mut own_peers = Vec::new();
        if gzip {
            for peer in Contender::PEERS {
                own_peers.push(peer.start(self.tools, &stage.data, true).await?);
            }
        }
        let peers = if gzip { &own_peers } else { &stage.peers };
        let mut contenders = row.contenders();
        let serving: Vec<&Running> = peers
            .iter()
            .chain([&stage.service, &bare])
            .filter(|running| contenders.contains(&running.contender))
            .collect();
        for running in &serving {
            reference.check(running, row).await?;
        }
        // The order rotates from round to round.
        let places = contenders.len();
        contenders.rotate_left(usize::from(round) % places);
        for contender in contenders {
            stage.data.settle().await?;
            let writers = match row.writes {
                Some(writes) => {
                    Some(Writers::start(&stage.data, &stage.known, writes, offset, row.limit).await?)
                }
                None => None,
            };
            let running = serving.iter().find(|running| running.contender == contender);
            let load = if let Some(running) = running {
                let headers = verify::headers(row.form, Some(&reference.tag));
                self.drive(running, row, &target, headers, self.args.seconds())
                    .await?
            } else {
                reference.check_statement(&stage.data, row, offset).await?;
                let (bin_dir, seconds) = (self.postgres.bin_dir(), self.args.seconds());
                wrk::page_by_pgbench(self.tools, bin_dir, &stage.data, row, offset, seconds).await?
            };
            if let Some(writers) = writers {
                self.figures.add_written(data, row.key, writers.stop().await?);
            }
            self.figures.add_load(data, row.key, contender, load);
            self.progress.step(&format!(
                "round {}/{}, {}, {}, {}: {:.0}/s",
                round + 1,
                self.args.rounds(),
                stage.data.size,
                row.key,
                contender.name(),
                load.rate
            ));
        }
        Ok(())
    }

    async fn drive(
        &self,
        running: &Running,
        row: &Row,
        target: &str,
        headers: Vec<(&'static str, String)>,
        seconds: u8,
    ) -> Result<Load, Error> {
        let request = Request {
            address: running.address,
            target,
            headers,
            connections: row.connections,
            // A thousand connections take time to open, and a slow peer needs seconds to serve each once.
            seconds: if row.is_crowded() {
                seconds.saturating_mul(CROWDED)
            } else {
                seconds
            },
            anywhere_in: None,
        };
        wrk::drive(self.tools, request).await
    }

    async fn cold(&mut self, round: u8, data: usize, stage: &Stage) -> Result<(), Error> {
        let turns = COLD_TURNS * u32::from(self.args.seconds());
        for running in stage.peers.iter().chain([&stage.service]) {
            stage.data.settle().await?;
            let medians = cold::latencies(running, &stage.data, &stage.known, turns, &mut self.asked).await?;
            let mut told = String::new();
            for (depth, millis) in medians {
                self.figures.add_cold(data, depth, running.contender, millis);
                let _ = write!(told, " {} {millis:.2} ms", depth.name());
            }
            self.progress.step(&format!(
                "round {}/{}, {}, cold, {}:{told}",
                round + 1,
                self.args.rounds(),
                stage.data.size,
                running.contender.name()
            ));
        }
        Ok(())
    }

    async fn memory(&mut self, data: usize, stage: &Stage) -> Result<(), Error> {
        for contender in Contender::ALL
            .into_iter()
            .filter(|one| *one != Contender::Pgbench)
        {
            stage.data.settle().await?;
            let seconds = self.args.seconds() * 2;
            let memory = memory::of(contender, self.tools, &stage.data, &stage.service, seconds).await?;
            self.figures.memory.insert((data, contender), memory);
            self.progress
                .step(&format!("{}, memory, {}", stage.data.size, contender.name()));
        }
        Ok(())
    }

    async fn waiters(&mut self, data: usize, stage: &Stage) -> Result<(), Error> {
        stage.data.settle().await?;
        let millis = waiters::last_answers(&stage.service, &stage.data, self.args.waiters()).await?;
        self.progress
            .step(&format!("{}, waiters: {millis:.0?} ms", stage.data.size));
        self.figures.waiters.insert(data, millis);
        Ok(())
    }

    async fn tax(&mut self, data: &DataSet) -> Result<(), Error> {
        self.progress
            .say(&format!("{}: a copy to be written to", data.size));
        let copy = tax::Copy::of(self.postgres, data).await?;
        for round in 0..self.args.rounds() {
            let seconds = self.args.seconds().saturating_mul(2);
            let turns = copy
                .round(self.tools, self.postgres.bin_dir(), seconds, round)
                .await?;
            self.figures.tax.extend(turns);
            let told: Vec<_> = turns
                .iter()
                .map(|turn| format!("{:.2}", turn.with / turn.without))
                .collect();
            self.progress.step(&format!(
                "round {}/{}, writes with the triggers against without: {}",
                round + 1,
                self.args.rounds(),
                told.join(", without flushing ")
            ));
        }
        copy.remove(self.postgres).await
    }
}

/// The requested rows.
fn rows(args: &Args) -> impl Iterator<Item = &'static Row> {
    ROWS.iter().filter(|row| args.wants(Part::Row(row.key)))
}
