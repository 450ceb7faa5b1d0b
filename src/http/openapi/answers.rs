//! The answers to requests that succeed.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use utoipa::openapi::content::{Content, ContentBuilder};
use utoipa::openapi::example::ExampleBuilder;
use utoipa::openapi::link::{Link, LinkBuilder};
use utoipa::openapi::schema::{ArrayBuilder, Schema};
use utoipa::openapi::{Ref, RefOr, Response};
use utoipa::{IntoResponses, ToSchema};

use super::examples;
use super::headers::{
    CACHE_CONTROL, CONTENT_ENCODING, ETAG, LINK, LOCATION, PREFERENCE_APPLIED, TOTAL_COUNT, VARY, answer,
    page_etag, sometimes, text,
};
use crate::http::extract::{JSON, NDJSON};
use crate::http::routes::clear::Cleared;
use crate::http::routes::report::Reported;
use crate::listing::page::MAX_LIMIT;
use crate::task::TaskStatus;

type Responses = BTreeMap<String, RefOr<Response>>;

/// A page of pending tasks, or nothing.
pub struct PendingPage;
/// A page of any tasks.
pub struct Page;
/// One task.
pub struct Task;
/// One task, or nothing where the client has it.
pub struct TaskUnlessKnown;
/// A task that was stored by its id.
pub struct Stored;
/// Tasks that were stored.
pub struct AllStored;
/// What a bulk clear has done.
pub struct ClearedTasks;
/// The description of the API.
pub struct Document;
/// The description of the API, for people.
pub struct Documentation;

impl IntoResponses for PendingPage {
    fn responses() -> Responses {
        BTreeMap::from([
            (
                "200".to_owned(),
                page("A page of the pending tasks, oldest first.", &examples::pending()),
            ),
            (
                "204".to_owned(),
                answer(
                    "Nothing at all is pending. (A page past the end of something is 200 with `[]`. The setting \
                     `--empty-status 200` makes this 200 with `[]` too.)",
                    &[TOTAL_COUNT, CACHE_CONTROL, VARY, PREFERENCE_APPLIED],
                )
                .header(ETAG, page_etag())
                .into(),
            ),
            ("304".to_owned(), known_page()),
        ])
    }
}

impl IntoResponses for Page {
    fn responses() -> Responses {
        BTreeMap::from([
            (
                "200".to_owned(),
                page("A page of the tasks.", &examples::completed()),
            ),
            ("304".to_owned(), known_page()),
        ])
    }
}

impl IntoResponses for Task {
    fn responses() -> Responses {
        one(
            "200",
            task("The task as it is now.", examples::completed()).into(),
        )
    }
}

impl IntoResponses for TaskUnlessKnown {
    fn responses() -> Responses {
        let unchanged = answer(
            "The client has the task as it is now: see `If-None-Match`.",
            &[ETAG],
        );
        let mut responses = Task::responses();
        responses.insert("304".to_owned(), unchanged.into());
        responses
    }
}

impl IntoResponses for Stored {
    fn responses() -> Responses {
        let links = |response: Response| linked(response, "$request.path.id");
        BTreeMap::from([
            (
                "200".to_owned(),
                links(task(
                    "A task with this id was there. The answer is the task as it is stored now: what was reported, or \
                     what is newer by `modified`.",
                    examples::completed(),
                ))
                .into(),
            ),
            (
                "201".to_owned(),
                links(task("The task was new, and is stored.", examples::completed())).into(),
            ),
        ])
    }
}

impl IntoResponses for AllStored {
    fn responses() -> Responses {
        let mut new = linked(
            task("One new task was sent, and is stored.", examples::completed()),
            "$response.body#/id",
        );
        new.headers.extend(answer("", &[LOCATION]).build().headers);

        let batch =
            json!([{ "id": examples::ID, "outcome": "CREATED" }, { "id": "id12346", "outcome": "REPLACED" }]);
        let lines = "{\"line\":1,\"id\":\"id12345\",\"outcome\":\"CREATED\"}\n\
                     {\"created\":1,\"replaced\":0,\"superseded\":0,\"refused\":0}\n";
        let known = answer(
            "What became of what was sent. For one task that was there already: the task as it is stored now. For an \
             array: an outcome for each task, in their order. For newline-delimited JSON: a line for each task, as they \
             are stored, and a summary at the end, without which the answer is not complete.",
            &[],
        )
        .header(ETAG, sometimes(text(), "The tag of the task, if one was sent."))
        .header(LOCATION, sometimes(text(), "Where the task is, if one was sent."))
        .content(
            JSON,
            ContentBuilder::new()
                .schema(Some(
                    utoipa::openapi::schema::OneOfBuilder::new()
                        .item(Ref::from_schema_name(TaskStatus::name()))
                        .item(array_of::<Reported>()),
                ))
                .examples_from_iter([
                    ("task", example("One task that was there already", examples::completed())),
                    ("batch", example("An array of tasks", batch)),
                ])
                .build(),
        )
        .content(
            NDJSON[0],
            ContentBuilder::new()
                .schema(Some(text().description(Some(
                    "JSON values with newlines between them. `{\"line\", \"id\", \"outcome\"}`: a task was taken. \
                     `{\"line\", \"error\"}`: a line was refused, and nothing of it stored; the error has the form of \
                     any error. `{\"created\", \"replaced\", \"superseded\", \"refused\"}`: the end, and how often each \
                     happened. Lines count from 1.",
                ))))
                .example(Some(json!(lines)))
                .build(),
        );
        BTreeMap::from([("200".to_owned(), known.into()), ("201".to_owned(), new.into())])
    }
}

impl IntoResponses for ClearedTasks {
    fn responses() -> Responses {
        let content = ContentBuilder::new()
            .schema(Some(Ref::from_schema_name(Cleared::name())))
            .example(Some(json!({ "completed": 250, "remaining": 0, "dryRun": false })))
            .build();
        one("200", answer("What was done.", &[]).content(JSON, content).into())
    }
}

impl IntoResponses for Document {
    fn responses() -> Responses {
        let object = Schema::Object(utoipa::openapi::schema::Object::default());
        let content = ContentBuilder::new().schema(Some(object)).build();
        one(
            "200",
            answer("The document, in OpenAPI 3.1.", &[])
                .content(JSON, content)
                .into(),
        )
    }
}

impl IntoResponses for Documentation {
    fn responses() -> Responses {
        let content = ContentBuilder::new().schema(Some(text())).build();
        let policy = sometimes(
            text(),
            "Lets the page do nothing but run its own script and styles.",
        );
        one(
            "200",
            answer("The page. It needs no network.", &[])
                .header("Content-Security-Policy", policy)
                .content("text/html", content)
                .into(),
        )
    }
}

fn one(status: &str, response: RefOr<Response>) -> Responses {
    BTreeMap::from([(status.to_owned(), response)])
}

fn page(description: &str, task: &Value) -> RefOr<Response> {
    let tasks = ArrayBuilder::new()
        .items(Ref::from_schema_name(TaskStatus::name()))
        .max_items(usize::try_from(MAX_LIMIT).ok());
    let content = ContentBuilder::new()
        .schema(Some(tasks))
        .examples_from_iter([
            ("page", example("A page of one task", json!([task]))),
            ("past-the-end", example("A page past the end", json!([]))),
        ])
        .build();
    answer(
        description,
        &[
            TOTAL_COUNT,
            LINK,
            CACHE_CONTROL,
            VARY,
            CONTENT_ENCODING,
            PREFERENCE_APPLIED,
        ],
    )
    .header(ETAG, page_etag())
    .content(JSON, content)
    .link("first", link("getTaskStatus", "$response.body#/0/id"))
    .into()
}

fn known_page() -> RefOr<Response> {
    answer(
        "The client has this page of pending tasks as it is now: see `If-None-Match`. The number of all and the link to \
         the next page may be new to it.",
        &[TOTAL_COUNT, LINK, CACHE_CONTROL, VARY, PREFERENCE_APPLIED],
    )
    .header(ETAG, page_etag())
    .into()
}

fn task(description: &str, task: Value) -> Response {
    answer(description, &[ETAG])
        .content(JSON, content_of::<TaskStatus>(task))
        .build()
}

fn content_of<T: ToSchema>(example: Value) -> Content {
    ContentBuilder::new()
        .schema(Some(Ref::from_schema_name(T::name())))
        .example(Some(example))
        .build()
}

fn array_of<T: ToSchema>() -> ArrayBuilder {
    ArrayBuilder::new().items(Ref::from_schema_name(T::name()))
}

fn example(summary: &str, value: Value) -> ExampleBuilder {
    ExampleBuilder::new().summary(summary).value(Some(value))
}

/// Where a task that was stored can be read and changed.
fn linked(mut response: Response, id: &str) -> Response {
    for operation in ["getTaskStatus", "updateTaskStatus", "reportTaskStatus"] {
        response
            .links
            .insert(operation.to_owned(), link(operation, id).into());
    }
    response
}

fn link(operation: &str, id: &str) -> Link {
    LinkBuilder::new()
        .operation_id(operation)
        .parameter("id", id)
        .description("The id of this task is that of the other operation.")
        .build()
}
