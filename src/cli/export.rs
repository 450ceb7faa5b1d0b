//! `task-status export`: tasks as newline-delimited JSON or as an array.

use std::fs::{self, File};
use std::io::{self, BufWriter, IsTerminal, Write};
use std::path::{Path, PathBuf};

use futures_util::TryStreamExt;
use thiserror::Error;

use super::progress::Progress;
use super::{CommandError, create_anew, is_standard_stream};
use crate::cli::args::{ExportArgs, ExportFormat};
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

/// Writes the tasks. A closed standard output ends the command without an error.
pub async fn run(args: ExportArgs) -> Result<(), CommandError> {
    let options = args.database.hosts()?.resolve().await?;
    // Without a statement timeout: the reader of a pipe may be slow.
    let mut connection = bulk::connect(&options, None).await?;
    if is_standard_stream(&args.file) {
        let stdout = io::stdout();
        let progress = if stdout.is_terminal() {
            Progress::hidden()
        } else {
            Progress::new(None, 0)
        };
        let mut output = BufWriter::with_capacity(BUFFER, stdout);
        let written = write(
            &args,
            &mut connection,
            &mut output,
            &progress,
            ExportError::Stdout,
        )
        .await;
        progress.finish();
        return match written {
            Err(CommandError::Export(ExportError::Stdout(error)))
                if error.kind() == io::ErrorKind::BrokenPipe =>
            {
                // Discards the buffer: dropping it would write again and fail.
                let _ = output.into_parts();
                Ok(())
            }
            other => other.map(drop),
        };
    }

    let failed = |source| ExportError::File {
        path: args.file.clone(),
        source,
    };
    // A device or a pipe is written directly: it cannot be replaced by a rename.
    let in_place = fs::metadata(&args.file).is_ok_and(|metadata| !metadata.is_file());
    let path = if in_place {
        args.file.clone()
    } else {
        part(&args.file)
    };
    let file = if in_place {
        File::create(&path)
    } else {
        create_anew(&path)
    };
    let mut output = BufWriter::with_capacity(BUFFER, file.map_err(failed)?);
    let progress = Progress::new(None, 0);
    let rows = write(&args, &mut connection, &mut output, &progress, failed).await?;
    if !in_place {
        output.get_ref().sync_all().map_err(failed)?;
        fs::rename(&path, &args.file).map_err(failed)?;
    }
    progress.finish();
    eprintln!("{rows} tasks were written to {}", args.file.display());
    Ok(())
}

/// Names the task that cannot be read, if there is one.
async fn write(
    args: &ExportArgs,
    connection: &mut sqlx::PgConnection,
    output: &mut impl Write,
    progress: &Progress,
    failed: impl Fn(io::Error) -> ExportError,
) -> Result<u64, CommandError> {
    let written = write_tasks(args, connection, output, progress, failed).await;
    if let Err(CommandError::Store(error)) = &written
        && error.is_unreadable()
    {
        unreadable::log_tasks(connection).await;
    }
    written
}

async fn write_tasks(
    args: &ExportArgs,
    connection: &mut sqlx::PgConnection,
    output: &mut impl Write,
    progress: &Progress,
    failed: impl Fn(io::Error) -> ExportError,
) -> Result<u64, CommandError> {
    let (open, between, close) = match args.format {
        ExportFormat::Ndjson => ("", "", ""),
        ExportFormat::Array => ("[\n", ",\n", "\n]\n"),
    };
    let mut export = Export::of(args.filter.as_ref());
    let mut tasks = std::pin::pin!(export.tasks(connection));
    let mut rows = 0_u64;
    output.write_all(open.as_bytes()).map_err(&failed)?;
    while let Some(task) = tasks.try_next().await? {
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
    Ok(rows)
}

/// The name of the file until it is complete.
fn part(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".part");
    name.into()
}
