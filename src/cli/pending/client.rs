//! The API as the command asks it.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use chrono::{DateTime, Utc};
use reqwest::header::{DATE, HeaderMap, IF_NONE_MATCH};
use reqwest::redirect::Policy;
use reqwest::{Response, StatusCode, Url};
use rustls::crypto::ring;
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use serde_json::value::RawValue;
use thiserror::Error;

use super::table::{self, Task};
use crate::cli::args::PendingArgs;
use crate::listing::page::MAX_LIMIT;
use crate::watched_file::read_text;

/// How long the service holds a request for a change. Ages on a screen are as old.
const WAIT: Duration = Duration::from_secs(15);
const TIMEOUT: Duration = Duration::from_mins(1);
/// The largest page.
const MAX_PAGE: usize = MAX_LIMIT.unsigned_abs() as usize;
/// More than a page that a service sends by default.
const MAX_BYTES: usize = 256 * 1024 * 1024;

/// The reason why tasks could not be listed.
#[derive(Debug, Error)]
pub enum PendingError {
    #[error("cannot make a client")]
    Client(#[source] reqwest::Error),
    #[error("cannot read {}", path.display())]
    Token {
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
    #[error("cannot reach {url}")]
    Unreachable {
        url: Url,
        #[source]
        source: reqwest::Error,
    },
    #[error("{url} responds {status}{said}")]
    Refused {
        url: Url,
        status: StatusCode,
        said: String,
    },
    #[error("{url} sends no list of tasks: is it the URL of the service?")]
    NotTasks { url: Url },
}

impl PendingError {
    /// Whether the same request may succeed later.
    pub fn passes(&self) -> bool {
        match self {
            Self::Unreachable { .. } => true,
            Self::Refused { status, .. } => {
                status.is_server_error() || *status == StatusCode::TOO_MANY_REQUESTS
            }
            _ => false,
        }
    }
}

pub struct Client {
    http: reqwest::Client,
    /// The list, without range.
    list: Url,
    token_file: Option<PathBuf>,
    token: Option<SecretString>,
}

/// A page of tasks.
pub struct Page {
    tasks: Vec<Box<RawValue>>,
    /// The number of tasks on all pages.
    pub total: Option<usize>,
    /// The time of the service: ages are right whatever the clock here.
    pub at: DateTime<Utc>,
    /// The cursor of the next page.
    pub next: Option<String>,
    etag: Option<String>,
    limit: usize,
    url: Url,
}

impl Client {
    pub fn new(args: &PendingArgs) -> Result<Self, PendingError> {
        // An error means that it is installed already.
        let _ = ring::default_provider().install_default();
        let http = reqwest::Client::builder()
            .user_agent(concat!("task-status/", env!("CARGO_PKG_VERSION")))
            .timeout(TIMEOUT)
            .redirect(Policy::none())
            .build()
            .map_err(PendingError::Client)?;
        let mut list = args.url.clone();
        let base = list.path().trim_end_matches('/').to_owned();
        match &args.filters {
            None => list.set_path(&format!("{base}/task-status/pending-tasks")),
            Some(filter) => {
                list.set_path(&format!("{base}/task-status"));
                list.query_pairs_mut()
                    .append_pair("filters", &format!("completionStatus isnull and ({filter})"))
                    .append_pair("sorters", "created");
            }
        }
        Ok(Self {
            http,
            list,
            token_file: args.token_file.clone(),
            token: args.token.clone(),
        })
    }

    /// The tasks after a cursor, which follows this many.
    pub async fn page(&self, limit: usize, listed: usize, after: Option<&str>) -> Result<Page, PendingError> {
        let range = match after {
            None => Vec::new(),
            // The service leaves out what would make the header too long.
            Some("…") => vec![("offset", listed.to_string())],
            Some(cursor) => vec![("after", cursor.to_owned())],
        };
        let response = self.send(limit, &range, None).await?;
        self.read(response, limit).await
    }

    /// Brings the first tasks up to date: as soon as they change, or after a while. Returns whether they have changed.
    pub async fn follow(&self, limit: usize, page: &mut Option<Page>) -> Result<bool, PendingError> {
        let known = page.as_mut().filter(|page| page.limit == limit);
        let etag = known.as_ref().and_then(|page| page.etag.as_deref());
        let response = self.send(limit, &[], etag).await?;
        if let (Some(known), StatusCode::NOT_MODIFIED) = (known, response.status()) {
            known.at = time(response.headers());
            return Ok(false);
        }
        *page = Some(self.read(response, limit).await?);
        Ok(true)
    }

    async fn send(
        &self,
        limit: usize,
        range: &[(&str, String)],
        known: Option<&str>,
    ) -> Result<Response, PendingError> {
        let mut url = self.list.clone();
        url.query_pairs_mut()
            .append_pair("limit", &limit.min(MAX_PAGE).to_string())
            .append_pair("count", "true")
            .extend_pairs(range);
        let mut request = self.http.get(url);
        if let Some(etag) = known {
            request = request
                .header(IF_NONE_MATCH, etag)
                .header("Prefer", format!("wait={}", WAIT.as_secs()));
        }
        if let Some(path) = &self.token_file {
            let token = read_text(path);
            let token = token.map_err(|source| PendingError::Token {
                path: path.clone(),
                source,
            })?;
            request = request.bearer_auth(token.trim());
        } else if let Some(token) = &self.token {
            request = request.bearer_auth(token.expose_secret());
        }
        request.send().await.map_err(|source| self.unreachable(source))
    }

    fn unreachable(&self, source: reqwest::Error) -> PendingError {
        PendingError::Unreachable {
            url: self.url(),
            source: source.without_url(),
        }
    }

    /// The URL for messages.
    fn url(&self) -> Url {
        let mut url = self.list.clone();
        url.set_query(None);
        url
    }

    async fn read(&self, mut response: Response, limit: usize) -> Result<Page, PendingError> {
        let (status, headers) = (response.status(), std::mem::take(response.headers_mut()));
        let mut body = Vec::new();
        while let Some(chunk) = response
            .chunk()
            .await
            .map_err(|source| self.unreachable(source))?
        {
            body.extend_from_slice(&chunk);
            if body.len() > MAX_BYTES {
                return Err(PendingError::NotTasks { url: self.url() });
            }
        }
        let tasks = match status {
            StatusCode::OK => {
                serde_json::from_slice(&body).map_err(|_| PendingError::NotTasks { url: self.url() })?
            }
            StatusCode::NO_CONTENT => Vec::new(),
            _ => {
                return Err(PendingError::Refused {
                    url: self.url(),
                    status,
                    said: said(&body),
                });
            }
        };
        let text = |name: &str| Some(headers.get(name)?.to_str().ok()?.to_owned());
        Ok(Page {
            tasks,
            total: text("x-total-count").and_then(|count| count.parse().ok()),
            at: time(&headers),
            next: text("link").and_then(|link| cursor(&self.list, &link)),
            etag: text("etag"),
            limit,
            url: self.url(),
        })
    }
}

impl Page {
    pub fn len(&self) -> usize {
        self.tasks.len()
    }

    /// Whether the service can say that nothing has changed.
    pub fn can_be_waited_for(&self) -> bool {
        self.etag.is_some()
    }

    pub fn tasks(&self) -> Result<Vec<Task>, PendingError> {
        let parsed = self.tasks.iter().map(|task| serde_json::from_str(task.get()));
        parsed
            .collect::<Result<_, _>>()
            .map_err(|_| PendingError::NotTasks {
                url: self.url.clone(),
            })
    }

    /// A task a line, as it was sent.
    pub fn lines(&self) -> String {
        self.tasks.iter().fold(String::new(), |mut text, task| {
            let _ = writeln!(text, "{}", table::harmless(task.get()));
            text
        })
    }

    /// One line with all tasks.
    pub fn array(&self) -> String {
        let tasks: Vec<_> = self
            .tasks
            .iter()
            .map(|task| table::harmless(task.get()))
            .collect();
        format!("[{}]\n", tasks.join(","))
    }
}

/// The time of a response.
fn time(headers: &HeaderMap) -> DateTime<Utc> {
    let date = headers
        .get(DATE)
        .and_then(|date| httpdate::parse_http_date(date.to_str().ok()?).ok());
    date.unwrap_or_else(SystemTime::now).into()
}

/// The cursor in a `Link` to the next page.
fn cursor(list: &Url, link: &str) -> Option<String> {
    let (target, _) = link.strip_prefix('<')?.split_once(">; rel=\"next\"")?;
    let next = list.join(target).ok()?;
    next.query_pairs()
        .find(|(name, _)| name == "after")
        .map(|(_, cursor)| cursor.into_owned())
}

/// The text of an error, in English.
fn said(body: &[u8]) -> String {
    let Ok(error) = serde_json::from_slice::<Value>(body) else {
        return String::new();
    };
    let texts = ["causes", "messages"].map(|key| error[key].as_array().cloned().unwrap_or_default());
    let texts = texts.iter().find(|texts| !texts.is_empty()).into_iter().flatten();
    texts
        .filter(|text| text["locale"] == "en-US")
        .filter_map(|text| text["text"].as_str())
        .fold(String::new(), |said, text| {
            format!("{said}: {}", table::harmless(text))
        })
}
