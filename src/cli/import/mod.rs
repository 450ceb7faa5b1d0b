//! `task-status import`: any number of tasks from a file or a pipe.
//!
//! 1. `compression` unpacks the input, `source` counts and hashes its bytes, `split` splits them into items.
//! 2. `read` is the thread that makes chunks of checked tasks from items.
//! 3. This module commits each chunk ([`crate::store::import`]), then writes its rejected items (`rejects`), then the
//!    position (`state`). If the program ends in between, at worst the last chunk is imported again, which changes
//!    nothing.

mod compression;
mod error;
mod read;
mod rejects;
mod source;
mod split;
mod state;

use std::fs::{self, File};
use std::io::{self, BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use sqlx::PgConnection;
use tokio_util::sync::CancellationToken;

use super::progress::{self, Progress};
use super::{CommandError, is_standard_stream, print};
use crate::cli::args::ImportArgs;
use crate::http::stop::Stop;
use crate::messages::cause::Cause;
use crate::store::bulk;
use crate::store::import::{Mode, import};
use crate::store::report::Outcome;
use crate::telemetry::error_chain;
use compression::is_compressed;
pub use error::ImportError;
use read::{Chunk, Event, Events};
use rejects::{Rejects, is_same_file};
use state::{Counts, State};

/// Exit status if some items were rejected.
const SOME_REJECTED: u8 = 3;
/// The size of a read.
const BUFFER: usize = 256 * 1024;

/// How an import ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    Complete,
    /// The array was incomplete or malformed.
    Broken,
    Stopped,
}

pub async fn run(args: ImportArgs) -> Result<ExitCode, CommandError> {
    let stop = Stop::on_signal(Duration::ZERO).map_err(CommandError::Signals)?;
    let options = args.database.hosts()?.resolve().await?;
    let input = Input::open(&args.file)?;
    // Before any file is written: without a database, the files of an earlier run must stay.
    let connection = bulk::connect(&options, Some(bulk::STATEMENT_TIMEOUT)).await?;
    let (state_path, earlier) = open_state(&args, &input)?;
    let rejects = Rejects::open(args.rejects.as_deref(), &args.file, earlier.is_some())?;

    let earlier = earlier.unwrap_or_default();
    let mut import = Import {
        connection,
        mode: if args.dry_run { Mode::DryRun } else { Mode::Write },
        rejects,
        counts: earlier.counts,
        line: earlier.line,
        progress: Progress::new(input.shown_length, earlier.counts.read),
        state_path,
    };
    let events = read::start(input.reader, earlier.clone(), args.chunk.get());
    let ended = import.run(events, &stop.closing).await;
    import.progress.finish();
    match ended {
        Ok(end) => {
            import.rejects.summarise();
            import.summarise(earlier.counts.read)?;
            import.explain(end);
            Ok(match end {
                End::Stopped => super::STOPPED.into(),
                _ if import.counts.rejected > 0 => SOME_REJECTED.into(),
                _ => ExitCode::SUCCESS,
            })
        }
        Err(error) => {
            if import.line > earlier.line {
                import.explain(End::Stopped);
            }
            Err(error)
        }
    }
}

/// The input.
struct Input {
    reader: Box<dyn BufRead + Send>,
    is_file: bool,
    /// The length of its items, if known.
    shown_length: Option<u64>,
}

impl Input {
    fn open(path: &Path) -> Result<Self, ImportError> {
        if is_standard_stream(path) {
            return Ok(Self {
                reader: Box::new(BufReader::with_capacity(BUFFER, io::stdin())),
                is_file: false,
                shown_length: None,
            });
        }
        let open = || {
            let file = File::open(path)?;
            let metadata = file.metadata()?;
            if metadata.is_dir() {
                return Err(io::ErrorKind::IsADirectory.into());
            }
            let mut reader = BufReader::with_capacity(BUFFER, file);
            // A pipe is not waited for here.
            let is_plain = metadata.is_file() && !is_compressed(reader.fill_buf()?);
            Ok(Self {
                reader: Box::new(reader),
                is_file: metadata.is_file(),
                shown_length: is_plain.then_some(metadata.len()),
            })
        };
        open().map_err(|source| ImportError::Open {
            path: path.to_owned(),
            source,
        })
    }
}

/// The path of the state file, if there is one, and the state of an earlier run to resume.
fn open_state(args: &ImportArgs, input: &Input) -> Result<(Option<PathBuf>, Option<State>), ImportError> {
    let path = match &args.state {
        _ if args.dry_run => None,
        Some(path) => Some(path.clone()),
        None => input.is_file.then(|| state::default_path(&args.file)),
    };
    let Some(path) = path else {
        return if args.resume {
            Err(ImportError::NoState)
        } else {
            Ok((None, None))
        };
    };
    if is_same_file(&path, &args.file) {
        return Err(ImportError::OverInput { path });
    }
    if args.resume {
        if let Some(earlier) = State::read(&path)? {
            return Ok((Some(path), Some(earlier)));
        }
        tracing::info!(state = %path.display(), "no interrupted import found: starting from the beginning");
    }
    match State::default().write(&path) {
        Ok(()) => Ok((Some(path), None)),
        Err(error) if args.state.is_some() => Err(error),
        Err(error) => {
            tracing::warn!(
                error = error_chain(&error),
                "cannot save the position: after an interruption the import starts from the beginning"
            );
            Ok((None, None))
        }
    }
}

/// An import in progress.
struct Import {
    connection: PgConnection,
    mode: Mode,
    rejects: Rejects,
    state_path: Option<PathBuf>,
    counts: Counts,
    /// Number of the last committed item.
    line: u64,
    progress: Progress,
}

impl Import {
    async fn run(&mut self, mut events: Events, stop: &CancellationToken) -> Result<End, CommandError> {
        loop {
            let event = tokio::select! {
                biased;
                () = stop.cancelled() => return Ok(End::Stopped),
                event = events.recv() => event,
            };
            match event.transpose()? {
                Some(Event::Chunk(chunk)) => self.commit(*chunk).await?,
                Some(Event::Broken(reject)) => {
                    self.counts.rejected += 1;
                    self.counts.read += 1;
                    self.rejects.write(&[reject], &self.progress)?;
                    return Ok(End::Broken);
                }
                Some(Event::End) => {
                    if let Some(path) = &self.state_path {
                        fs::remove_file(path).map_err(|source| ImportError::State {
                            path: path.clone(),
                            source,
                        })?;
                    }
                    return Ok(End::Complete);
                }
                None => return Err(ImportError::Reader.into()),
            }
        }
    }

    async fn commit(&mut self, mut chunk: Chunk) -> Result<(), CommandError> {
        let outcomes = import(&mut self.connection, &chunk.reports, self.mode).await?;
        let mut rejects = std::mem::take(&mut chunk.rejects);
        for (index, outcome) in outcomes.into_iter().enumerate() {
            match outcome {
                Ok(Outcome::Created) => self.counts.created += 1,
                Ok(Outcome::Replaced) => self.counts.replaced += 1,
                Ok(Outcome::Superseded) => self.counts.superseded += 1,
                Err(refusal) => rejects.push(chunk.refused(index, &Cause::from(refusal))),
            }
        }
        rejects.sort_by_key(|reject| reject.line);
        self.counts.read += chunk.read;
        self.counts.rejected += rejects.len() as u64;
        self.line = chunk.end.number;
        self.rejects.write(&rejects, &self.progress)?;
        if let Some(path) = &self.state_path {
            State::new(&chunk.end, self.counts).write(path)?;
        }
        self.progress.update(self.counts.read, chunk.end.offset);
        Ok(())
    }

    /// Prints the result on stdout.
    fn summarise(&self, read_before: u64) -> Result<(), CommandError> {
        let Counts {
            read,
            created,
            replaced,
            superseded,
            rejected,
        } = self.counts;
        let kind = match self.mode {
            Mode::Write => "",
            Mode::DryRun => "dry run, nothing was changed: ",
        };
        let elapsed = self.progress.elapsed();
        print(format_args!(
            "{kind}read {read}, created {created}, replaced {replaced}, superseded {superseded}, \
             rejected {rejected}; {seconds:.1} seconds, {rate} rows/s\n",
            seconds = elapsed.as_secs_f64(),
            rate = progress::rate(read - read_before, elapsed),
        ))
    }

    /// Logs how to continue.
    fn explain(&self, end: End) {
        let reason = match end {
            End::Complete => return,
            End::Broken => "the array is incomplete or malformed; the rest was not read",
            End::Stopped => "it stopped before its end",
        };
        let line = self.line;
        let advice = match (&self.state_path, self.mode) {
            (_, Mode::DryRun) => String::new(),
            (Some(path), _) => format!(
                "; everything up to number {line} is committed. The same command with --resume continues after it ({})",
                path.display()
            ),
            (None, _) => format!(
                "; everything up to number {line} is committed. Import the input again from the start: no task is changed twice"
            ),
        };
        tracing::warn!("the import is incomplete: {reason}{advice}");
    }
}
