//! `task-status import`: very many tasks from a file or a pipe.
//!
//! 1. `source` counts bytes, `split` cuts them into items.
//! 2. `read` is the thread that makes chunks of checked tasks out of items.
//! 3. Here each chunk is committed ([`crate::store::import`]), then what was rejected is written (`rejects`), then how
//!    far it came (`state`). Whatever ends the program in between, nothing is lost: at worst the last chunk is done
//!    once more, which changes nothing.

mod error;
mod read;
mod rejects;
mod source;
mod split;
mod state;

use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use chrono::Utc;
use sqlx::PgConnection;
use tokio_util::sync::CancellationToken;

use super::progress::{self, Progress};
use super::{CommandError, is_standard_stream};
use crate::cli::args::ImportArgs;
use crate::http::server;
use crate::messages::cause::Cause;
use crate::store::bulk;
use crate::store::import::{Mode, import};
use crate::store::report::Outcome;
use crate::telemetry::error_chain;
pub use error::ImportError;
use read::{Chunk, Event, Events};
use rejects::{Rejects, is_same_file};
use state::{Counts, State};

/// Exit status where some items were rejected.
const SOME_REJECTED: u8 = 3;
/// Exit status where a signal stopped the import, as shells have it for SIGINT.
const STOPPED: u8 = 130;
/// What is read from the input at a time.
const BUFFER: usize = 256 * 1024;

/// How the input came to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    Complete,
    /// An array that is not whole.
    Broken,
    Stopped,
}

/// Imports, and says how it went: 0, 3 where some items were rejected, 130 where a signal stopped it.
pub async fn run(args: ImportArgs) -> Result<ExitCode, CommandError> {
    let stop = server::stop_on_signal().map_err(CommandError::Signals)?;
    let options = args.database.database_url.options()?;
    let input = Input::open(&args.file)?;
    // Before any file is written: where there is no database, what an earlier run has left is worth keeping.
    let connection = bulk::connect(&options, Some(bulk::STATEMENT_TIMEOUT)).await?;
    let mut place = Remembered::open(&args, &input)?;
    let rejects = Rejects::open(args.rejects.as_deref(), &args.file, place.begins.is_some())?;

    let begins = place.begins.take().unwrap_or_default();
    let mut import = Import {
        connection,
        mode: if args.dry_run { Mode::DryRun } else { Mode::Write },
        rejects,
        counts: begins.counts,
        // Counted in the state of the runs before.
        line: begins.line,
        progress: Progress::new(input.length, begins.counts.read),
        place,
    };
    let events = read::start(input.reader, begins.known(), args.chunk.get(), Utc::now());
    let ended = import.run(events, &stop).await;
    import.progress.finish();
    match ended {
        Ok(end) => {
            import.summarise(begins.counts.read);
            import.explain(end);
            Ok(match end {
                End::Stopped => STOPPED.into(),
                _ if import.counts.rejected > 0 => SOME_REJECTED.into(),
                _ => ExitCode::SUCCESS,
            })
        }
        Err(error) => {
            if import.line > begins.line {
                import.explain(End::Stopped);
            }
            Err(error)
        }
    }
}

/// What is read.
struct Input {
    reader: Box<dyn BufRead + Send>,
    /// If it is a file.
    length: Option<u64>,
}

impl Input {
    fn open(path: &Path) -> Result<Self, ImportError> {
        if is_standard_stream(path) {
            return Ok(Self {
                reader: Box::new(BufReader::with_capacity(BUFFER, io::stdin())),
                length: None,
            });
        }
        let open = || {
            let file = File::open(path)?;
            let metadata = file.metadata()?;
            if metadata.is_dir() {
                return Err(io::ErrorKind::IsADirectory.into());
            }
            Ok(Self {
                reader: Box::new(BufReader::with_capacity(BUFFER, file)),
                length: metadata.is_file().then_some(metadata.len()),
            })
        };
        open().map_err(|source| ImportError::Open {
            path: path.to_owned(),
            source,
        })
    }
}

/// Where the place is remembered, and the place where this run begins.
struct Remembered {
    /// None where nothing is remembered.
    path: Option<PathBuf>,
    begins: Option<State>,
}

impl Remembered {
    fn open(args: &ImportArgs, input: &Input) -> Result<Self, ImportError> {
        let path = match &args.state {
            _ if args.dry_run => None,
            Some(path) => Some(path.clone()),
            None => input.length.map(|_| state::beside(&args.file)),
        };
        let Some(path) = path else {
            return if args.resume {
                Err(ImportError::NoState)
            } else {
                Ok(Self {
                    path: None,
                    begins: None,
                })
            };
        };
        if is_same_file(&path, &args.file) {
            return Err(ImportError::OverInput { path });
        }
        let begins = if args.resume { State::read(&path)? } else { None };
        if args.resume && begins.is_none() {
            tracing::info!(state = %path.display(), "nothing was interrupted: beginning at the start");
        }
        if begins.is_none()
            && let Err(error) = State::default().write(&path)
        {
            if args.state.is_some() {
                return Err(error);
            }
            tracing::warn!(
                error = error_chain(&error),
                "after an interruption the import begins at the start again"
            );
            return Ok(Self { path: None, begins });
        }
        Ok(Self {
            path: Some(path),
            begins,
        })
    }
}

/// An import under way.
struct Import {
    connection: PgConnection,
    mode: Mode,
    rejects: Rejects,
    place: Remembered,
    counts: Counts,
    /// The last one that is committed.
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
                    if let Some(path) = &self.place.path {
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
        let outcomes = import(&mut self.connection, &chunk.tasks, self.mode).await?;
        let mut rejects = std::mem::take(&mut chunk.rejects);
        for (index, outcome) in outcomes.into_iter().enumerate() {
            match outcome {
                Ok(Outcome::Created) => self.counts.created += 1,
                Ok(Outcome::Replaced) => self.counts.replaced += 1,
                Ok(Outcome::Superseded) => self.counts.superseded += 1,
                Err(constraint) => rejects.push(chunk.refused(index, &Cause::Constraint { constraint })),
            }
        }
        rejects.sort_by_key(|reject| reject.line);
        self.counts.read += chunk.read;
        self.counts.rejected += rejects.len() as u64;
        self.line = chunk.end.number;
        self.rejects.write(&rejects, &self.progress)?;
        if let Some(path) = &self.place.path {
            State::new(&chunk.end, self.counts).write(path)?;
        }
        self.progress.at(self.counts.read, chunk.end.offset);
        Ok(())
    }

    /// The result, on stdout.
    fn summarise(&self, read_before: u64) {
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
        // Where stdout is closed the exit status says it all.
        let _ = writeln!(
            io::stdout(),
            "{kind}read {read}, created {created}, replaced {replaced}, superseded {superseded}, \
             rejected {rejected}; {seconds:.1} seconds, {rate} rows/s",
            seconds = elapsed.as_secs_f64(),
            rate = progress::rate(read - read_before, elapsed),
        );
    }

    /// How to go on, on stderr.
    fn explain(&self, end: End) {
        let what = match end {
            End::Complete => return,
            End::Broken => "the array is not whole, the rest was not read",
            End::Stopped => "the import stopped before its end",
        };
        let line = self.line;
        let how = match (&self.place.path, self.mode) {
            (_, Mode::DryRun) => String::new(),
            (Some(path), _) => format!(
                "; number {line} was the last to be committed. The same command with --resume goes on after it ({})",
                path.display()
            ),
            (None, _) => format!(
                "; number {line} was the last to be committed. Import it again from the start, which changes nothing twice"
            ),
        };
        // There is nowhere left to say that stderr is closed.
        let _ = writeln!(io::stderr(), "{what}{how}");
    }
}
