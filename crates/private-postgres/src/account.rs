//! The account that runs the server. PostgreSQL refuses to run as root, so root runs it as an unprivileged account.

use std::env;
use std::ffi::OsStr;
use std::fs::{self, DirBuilder, Permissions};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};

use super::Error;

/// Accounts that root may run the server as, in order of preference; the second is macOS's.
const LENT: [&str; 3] = ["postgres", "_postgres", "nobody"];

/// The environment variables passed to PostgreSQL's programs: no secrets, no `PG...` variable that would change their
/// behaviour, and no locale that would translate their messages.
const ENVIRONMENT: [&str; 4] = [
    "PATH",
    "LD_LIBRARY_PATH",
    "DYLD_LIBRARY_PATH",
    "DYLD_FALLBACK_LIBRARY_PATH",
];

/// The account that runs the server.
#[derive(Debug, Clone)]
pub(super) enum Account {
    /// The account of this process, which is not root.
    Own { uid: u32 },
    /// Another account, since this process is root.
    Lent { name: String, uid: u32, gid: u32 },
}

impl Account {
    /// The account for a cluster in `data`, which may not exist yet. As root, existing data is run by its owner, so that
    /// no file changes its owner.
    pub(super) fn choose(data: Option<&Path>) -> Result<Self, Error> {
        let uid = rustix::process::geteuid().as_raw();
        if uid != 0 {
            return Ok(Self::Own { uid });
        }
        let owner = data
            .and_then(|data| fs::metadata(data).ok())
            .filter(|owner| owner.uid() != 0);
        let passwd = fs::read_to_string("/etc/passwd").unwrap_or_default();
        if let Some(owner) = owner {
            let name = accounts(&passwd).find(|(_, uid, _)| *uid == owner.uid());
            let name = name.map_or_else(|| owner.uid().to_string(), |(name, ..)| name.to_owned());
            return Ok(Self::Lent {
                name,
                uid: owner.uid(),
                gid: owner.gid(),
            });
        }
        let lent = LENT
            .iter()
            .find_map(|wanted| accounts(&passwd).find(|(name, ..)| name == wanted));
        let (name, uid, gid) = lent.ok_or(Error::NoAccount)?;
        Ok(Self::Lent {
            name: name.to_owned(),
            uid,
            gid,
        })
    }

    /// Whether this process is root.
    pub(super) fn is_lent(&self) -> bool {
        matches!(self, Self::Lent { .. })
    }

    pub(super) fn uid(&self) -> u32 {
        match self {
            Self::Own { uid } | Self::Lent { uid, .. } => *uid,
        }
    }

    /// A command that runs as this account, in a process group of its own: Ctrl-C in the terminal must reach this process
    /// only, which then stops the server.
    pub(super) fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new(program);
        command.env_clear().envs(
            ENVIRONMENT
                .iter()
                .filter_map(|name| Some((name, env::var_os(name)?))),
        );
        command.env("LC_ALL", "C").stdin(Stdio::null()).process_group(0);
        // The account may not be allowed to enter the current folder.
        command.current_dir("/");
        if let Self::Lent { uid, gid, .. } = self {
            // std also drops root's supplementary groups when it changes the user.
            command.uid(*uid).gid(*gid);
        }
        command
    }

    /// Creates a folder that only this account (and root) can enter.
    pub(super) fn create_folder(&self, path: &Path) -> Result<(), Error> {
        DirBuilder::new()
            .mode(0o700)
            .create(path)
            .map_err(Error::io("create the folder", path))?;
        if let Self::Lent { uid, gid, .. } = self {
            chown(path, Some(*uid), Some(*gid)).map_err(Error::io("change the owner of", path))?;
        }
        Ok(())
    }

    /// Lets the account pass through a folder of this process, but not write to it: root writes there, and must not follow
    /// a link that the account made.
    pub(super) fn admit(&self, path: &Path) -> Result<(), Error> {
        let mode = match self {
            Self::Own { .. } => 0o700,
            Self::Lent { gid, .. } => {
                chown(path, Some(0), Some(*gid)).map_err(Error::io("change the group of", path))?;
                0o710
            }
        };
        fs::set_permissions(path, Permissions::from_mode(mode))
            .map_err(Error::io("set the permissions of", path))
    }

    /// Checks that the account can enter `folder` and all folders above it, on the way to `path`. Without this check, the
    /// server would fail with a "permission denied" that makes no sense to root.
    pub(super) fn check_can_enter(&self, folder: &Path, path: &Path) -> Result<(), Error> {
        let Self::Lent { name, uid, gid } = self else {
            return Ok(());
        };
        for ancestor in folder.ancestors() {
            let meta = fs::metadata(ancestor).map_err(Error::io("inspect", ancestor))?;
            let bit = if meta.uid() == *uid {
                0o100
            } else if meta.gid() == *gid {
                0o010
            } else {
                0o001
            };
            if meta.mode() & bit == 0 {
                let (path, blocker) = (path.to_owned(), ancestor.to_owned());
                return Err(Error::ClosedToAccount {
                    path,
                    blocker,
                    account: name.clone(),
                });
            }
        }
        Ok(())
    }
}

/// Name, user id and group id of each line of /etc/passwd.
fn accounts(passwd: &str) -> impl Iterator<Item = (&str, u32, u32)> {
    passwd.lines().filter_map(|line| {
        let mut fields = line.split(':');
        let (name, uid, gid) = (fields.next()?, fields.nth(1)?, fields.next()?);
        Some((name, parse_id(uid)?, parse_id(gid)?))
    })
}

/// macOS writes the ids of `nobody` as -2.
fn parse_id(text: &str) -> Option<u32> {
    text.parse()
        .ok()
        .or_else(|| text.parse::<i32>().ok().map(i32::cast_unsigned))
}
