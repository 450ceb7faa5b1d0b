//! `task-status export`: tasks as newline-delimited JSON or as an array.

use std::fs::{self, File};
use std::io::{self, BufWriter, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use futures_util::TryStreamExt;
use sqlx::PgConnection;
use thiserror::Error;
use tokio_util::sync::CancellationToken;

use super::progress::Progress;
use super::{CommandError, STOPPED, create_anew, is_standard_stream};
use crate::cli::args::{ExportArgs, ExportFormat};
use crate::http::stop::Stop;
use crate::store::export::Export;
use crate::store::{bulk, unreadable};

/// The size of a write.
const BUFFER: usize = 256 * 1024;

/// The reason why an export failed.
#[derive(Debug, Error)]
pub enum ExportError {
    #[error("cannot write {path}", path = path.display())]
    File {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("cannot write to standard output")]
    Stdout(#[source] io::Error),
}

/// How an export ended.
enum End {
    Complete { rows: u64 },
    Stopped { rows: u64 },
}

/// Writes the tasks. A closed standard output ends the command without an error.
pub async fn run(args: ExportArgs) -> Result<ExitCode, CommandError> {
    let stop = Stop::on_signal(Duration::ZERO).map_err(CommandError::Signals)?;
    let options = args.database.hosts()?.resolve().await?;
    // Without a statement timeout: the reader of a pipe may be slow.
    let mut connection = bulk::connect(&options, None).await?;

    let to_stdout = is_standard_stream(&args.file);
    // A device or a pipe is written directly: it cannot be replaced by a rename.
    let in_place = to_stdout || fs::metadata(&args.file).is_ok_and(|metadata| !metadata.is_file());
    let part = (!in_place).then(|| part(&args.file));
    let failed = |source| {
        let path = args.file.clone();
        if to_stdout {
            ExportError::Stdout(source)
        } else {
            ExportError::File { path, source }
        }
    };
    let output = open(&args.file, part.as_deref()).map_err(failed)?;
    let mut output = BufWriter::with_capacity(BUFFER, output);
    let progress = if to_stdout && io::stdout().is_terminal() {
        Progress::hidden()
    } else {
        Progress::new(None, 0)
    };
    let mut ended = write(
        &args,
        &mut connection,
        &mut output,
        &progress,
        &stop.closing,
        failed,
    )
    .await;
    // Discards what could not be written: dropping the buffer would try again.
    let _ = output.into_parts();
    progress.finish();
    if let (Ok(End::Complete { .. }), Some(part)) = (&ended, &part)
        && let Err(error) = publish(part, &args.file)
    {
        ended = Err(failed(error).into());
    }

    let file = args.file.display();
    match (&ended, &part) {
        (Ok(End::Complete { .. }), _) if to_stdout => {}
        (Ok(End::Complete { rows }), _) => tracing::info!(tasks = rows, %file, "the export is complete"),
        (_, Some(part)) if fs::remove_file(part).is_ok() => {
            tracing::warn!(%file, "the export is incomplete and was removed: the file is as it was before");
        }
        (Ok(End::Stopped { rows }), _) => {
            tracing::warn!(
                tasks = rows,
                "the export is incomplete: only the first tasks were written"
            );
        }
        (Err(_), _) => {}
    }
    match ended {
        Ok(End::Complete { .. }) => Ok(ExitCode::SUCCESS),
        Ok(End::Stopped { .. }) => Ok(STOPPED.into()),
        Err(CommandError::Export(ExportError::Stdout(error)))
            if error.kind() == io::ErrorKind::BrokenPipe =>
        {
            Ok(ExitCode::SUCCESS)
        }
        Err(error) => Err(error),
    }
}

fn open(path: &Path, part: Option<&Path>) -> io::Result<Box<dyn Write + Send>> {
    Ok(match part {
        _ if is_standard_stream(path) => Box::new(io::stdout()),
        Some(part) => Box::new(create_anew(part)?),
        None => Box::new(File::create(path)?),
    })
}

/// Gives a complete file its name.
fn publish(part: &Path, path: &Path) -> io::Result<()> {
    File::open(part)?.sync_all()?;
    fs::rename(part, path)
}

/// Names the task that cannot be read, if there is one.
async fn write(
    args: &ExportArgs,
    connection: &mut PgConnection,
    output: &mut impl Write,
    progress: &Progress,
    stop: &CancellationToken,
    failed: impl Fn(io::Error) -> ExportError,
) -> Result<End, CommandError> {
    let written = write_tasks(args, connection, output, progress, stop, failed).await;
    if let Err(CommandError::Store(error)) = &written
        && error.is_unreadable()
    {
        unreadable::log_tasks(connection).await;
    }
    written
}

async fn write_tasks(
    args: &ExportArgs,
    connection: &mut PgConnection,
    output: &mut impl Write,
    progress: &Progress,
    stop: &CancellationToken,
    failed: impl Fn(io::Error) -> ExportError,
) -> Result<End, CommandError> {
    let (open, between, close) = match args.format {
        ExportFormat::Ndjson => ("", "", ""),
        ExportFormat::Array => ("[\n", ",\n", "\n]\n"),
    };
    let mut export = Export::of(args.filter.as_ref());
    let mut tasks = std::pin::pin!(export.tasks(connection));
    let mut rows = 0_u64;
    output.write_all(open.as_bytes()).map_err(&failed)?;
    loop {
        let task = tokio::select! {
            biased;
            () = stop.cancelled() => {
                output.flush().map_err(&failed)?;
                return Ok(End::Stopped { rows });
            }
            task = tasks.try_next() => task?,
        };
        let Some(task) = task else { break };
        if rows > 0 {
            output.write_all(between.as_bytes()).map_err(&failed)?;
        }
        serde_json::to_writer(&mut *output, &task).map_err(|error| failed(error.into()))?;
        if args.format == ExportFormat::Ndjson {
            output.write_all(b"\n").map_err(&failed)?;
        }
        rows += 1;
        if rows.is_multiple_of(1000) {
            progress.update(rows, 0);
        }
    }
    output.write_all(close.as_bytes()).map_err(&failed)?;
    output.flush().map_err(&failed)?;
    Ok(End::Complete { rows })
}

/// The name of the file until it is complete.
fn part(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".part");
    name.into()
}
