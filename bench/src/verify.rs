//! Checks that all contenders respond alike.

use std::io::Read;

use flate2::read::GzDecoder;
use hyper::StatusCode;
use serde_json::Value;
use sqlx::{Connection, PgConnection};

use crate::Error;
use crate::contender::{Contender, Running};
use crate::data::DataSet;
use crate::http::Answer;
use crate::row::{Form, Row};
use crate::tools::PAGE;

/// The service's response to the request of a row: the others must equal it.
#[derive(Debug)]
pub struct Reference {
    target: String,
    page: Value,
    total: Option<String>,
    /// The tag of the page, as sent.
    pub tag: String,
}

impl Reference {
    pub async fn new(service: &Running, row: &Row, target: &str) -> Result<Self, Error> {
        let form = if row.form == Form::NotModified {
            Form::Plain
        } else {
            row.form
        };
        let answer = ask(service, form, target, None).await?;
        let wrong = |why: &str| other(service.contender, target, why);
        let page = json(&answer).ok_or_else(|| wrong("no JSON"))?;
        let length = page.as_array().map_or(0, Vec::len);
        if i64::try_from(length) != Ok(row.limit) {
            return Err(wrong(&format!("{length} tasks")));
        }
        let total = answer.header("x-total-count").map(str::to_owned);
        if row.count != total.is_some() {
            return Err(wrong("X-Total-Count is not as requested"));
        }
        Ok(Self {
            target: target.to_owned(),
            page,
            total,
            tag: answer.header("etag").ok_or_else(|| wrong("no ETag"))?.to_owned(),
        })
    }

    /// Compares the response of another contender.
    pub async fn check(&self, other_one: &Running, row: &Row) -> Result<(), Error> {
        let answer = ask(other_one, row.form, &self.target, Some(&self.tag)).await?;
        let wrong = |why: &str| Err(other(other_one.contender, &self.target, why));
        if row.form == Form::NotModified {
            return match answer.status {
                StatusCode::NOT_MODIFIED if answer.body.is_empty() => Ok(()),
                status => wrong(&format!("{status} instead of 304")),
            };
        }
        if answer.header("x-total-count") != self.total.as_deref() {
            return wrong("another X-Total-Count");
        }
        let is_coded = answer.header("content-encoding") == Some("gzip");
        if is_coded != (row.form == Form::Gzip) {
            return wrong("the compression is not as requested");
        }
        match json(&answer) {
            Some(page) if page == self.page => Ok(()),
            _ => wrong("another page"),
        }
    }

    /// Compares the result of the statement, which pgbench ignores.
    pub async fn check_statement(&self, data: &DataSet, row: &Row, offset: i64) -> Result<(), Error> {
        let mut connection = PgConnection::connect_with(&data.options).await?;
        let page: String = sqlx::query_scalar(PAGE)
            .bind(row.limit)
            .bind(offset)
            .fetch_one(&mut connection)
            .await?;
        let page: Option<Value> = serde_json::from_str(&page).ok();
        if page.as_ref() == Some(&self.page) {
            Ok(())
        } else {
            Err(other(Contender::Pgbench, &self.target, "another page"))
        }
    }
}

/// The headers of a request in a form.
pub fn headers(form: Form, tag: Option<&str>) -> Vec<(&'static str, String)> {
    match (form, tag) {
        (Form::Gzip, _) => vec![("accept-encoding", "gzip".to_owned())],
        (Form::NotModified, Some(tag)) => vec![("if-none-match", tag.to_owned())],
        (Form::Plain | Form::NotModified, _) => Vec::new(),
    }
}

/// The response to a request of a form, over a connection of its own.
pub async fn ask(of: &Running, form: Form, target: &str, tag: Option<&str>) -> Result<Answer, Error> {
    let mut client = of.client().await?;
    let answer = client.get(target, &headers(form, tag)).await;
    answer.map_err(no_answer(of.contender, target))
}

/// For `map_err`.
pub fn no_answer(server: Contender, target: &str) -> impl FnOnce(hyper::Error) -> Error {
    let (server, target) = (server.name(), target.to_owned());
    move |source| Error::NoAnswer {
        server,
        target,
        source,
    }
}

/// The error of a response that is not as it should be.
pub fn other(server: Contender, target: &str, why: &str) -> Error {
    Error::OtherAnswer {
        server: server.name(),
        target: target.to_owned(),
        why: why.to_owned(),
    }
}

/// The JSON of a response, compressed or not.
fn json(answer: &Answer) -> Option<Value> {
    if answer.header("content-encoding") == Some("gzip") {
        let mut plain = Vec::new();
        GzDecoder::new(&answer.body[..]).read_to_end(&mut plain).ok()?;
        serde_json::from_slice(&plain).ok()
    } else {
        serde_json::from_slice(&answer.body).ok()
    }
}
