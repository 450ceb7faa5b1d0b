//! The description of the API: OpenAPI 3.1, put together from the handlers' attributes, the types on the wire, and the
//! code that reads parameters and writes errors.
//!
//! Each handler says with `utoipa::path` what it takes and answers; [`parameters`], [`answers`], [`errors`] and
//! [`headers`] are what several share. [`schemas`] is the content of requests, [`examples`] the tasks that are shown.
//! Here the parts become one document.

pub mod answers;
pub mod errors;
pub mod examples;
pub mod headers;
pub mod parameters;
pub mod schemas;

use utoipa::openapi::path::Operation;
use utoipa::openapi::schema::Schema;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::server::ServerBuilder;
use utoipa::openapi::{OpenApi, PathItem, RefOr, Response, Server};
use utoipa::{Modify, OpenApi as _};

use crate::http::base_path::BasePath;
use crate::http::error_body::ErrorBody;
use crate::http::routes::clear::Cleared;
use crate::http::routes::report::Reported;
use crate::task::TaskStatus;

/// What people ask about tasks.
pub const READING: &str = "Reading tasks";
/// What executors report, and what people mend.
pub const WRITING: &str = "Reporting and changing tasks";
/// What describes the rest.
pub const DESCRIPTION: &str = "Description";

/// What the operations do not say each by itself.
#[derive(utoipa::OpenApi)]
#[openapi(
    info(
        title = "Task status",
        description = include_str!("description.md"),
        license(name = "Apache-2.0", identifier = "Apache-2.0")
    ),
    components(schemas(TaskStatus, Reported, Cleared, ErrorBody)),
    modifiers(&Credentials),
    tags(
        (name = READING, description = "Which tasks there are, and how they are doing."),
        (name = WRITING, description = "What executors report, and what people clear or correct."),
        (name = DESCRIPTION, description = "What you are reading."),
    )
)]
struct Base;

/// What operations mean by the credentials that they name.
struct Credentials;

impl Modify for Credentials {
    fn modify(&self, document: &mut OpenApi) {
        let scheme = HttpBuilder::new()
            .scheme(HttpAuthScheme::Bearer)
            .bearer_format("JWT")
            .description(Some(
                "A signed token (RFC 6750) whose `scope` has the scope that the operation names. \
                 `idn:task-management:write` includes reading, and `sp:scopes:all` everything. Where the token has \
                 `authorities`, one of them must be ORG_ADMIN, CERT_ADMIN, REPORT_ADMIN, ROLE_ADMIN, ROLE_SUBADMIN, \
                 SOURCE_ADMIN, SOURCE_SUBADMIN or, for reading, HELPDESK. A service behind a gateway is told the same \
                 by it, and one that is started with `--auth none` asks nobody.",
            ))
            .build();
        document
            .components
            .get_or_insert_default()
            .add_security_scheme("bearerToken", SecurityScheme::Http(scheme));
    }
}

/// The document of these operations, served under these paths besides the root.
pub fn document(mut operations: OpenApi, base_paths: &[BasePath]) -> OpenApi {
    let mut document = Base::openapi();
    document.info.contact = None;
    document.servers = Some(servers(base_paths));
    document.merge(std::mem::take(&mut operations));

    let mut components = document.components.take().unwrap_or_default();
    components
        .headers
        .extend(headers::all().map(|(name, header)| (name.to_owned(), header.into())));
    components
        .responses
        .extend(errors::components().map(|(name, response)| (name.to_owned(), response.into())));
    if let Some(RefOr::T(Schema::Object(task))) = components.schemas.get_mut("TaskStatus") {
        task.examples = vec![examples::completed(), examples::pending()];
    }
    if let Some(RefOr::T(Schema::Object(error))) = components.schemas.get_mut("ErrorResponseDto") {
        error.examples = errors::elsewhere();
    }
    if let Some(RefOr::T(Schema::Object(report))) = components.schemas.get_mut("TaskReport") {
        report.extensions = schemas::completed_needs_status();
    }

    for (path, item) in &mut document.paths.paths {
        if !path.starts_with("/task-status") {
            item.servers = Some(vec![Server::new("/")]);
        }
        describe_head(item, |status| components.responses.get(status));
    }
    document.components = Some(components);
    document
}

/// The document as text.
pub fn text(document: &OpenApi) -> String {
    // Texts, numbers and maps with texts for keys can always be written as JSON.
    let mut text = serde_json::to_string_pretty(document).unwrap_or_default();
    text.push('\n');
    text
}

fn servers(base_paths: &[BasePath]) -> Vec<Server> {
    let root = ServerBuilder::new()
        .url("/")
        .description(Some(
            "The root, for clients of this service and gateways that strip prefixes",
        ))
        .build();
    let versions = base_paths.iter().map(|path| {
        ServerBuilder::new()
            .url(path.as_str())
            .description(Some("The same, where clients of that version look for it"))
            .build()
    });
    std::iter::once(root).chain(versions).collect()
}

/// HEAD answers what GET would, without content: so does its description.
fn describe_head<'a>(item: &mut PathItem, component: impl Fn(&str) -> Option<&'a RefOr<Response>>) {
    let Some(get) = &item.get else { return };
    let mut head: Operation = get.clone();
    let id = get.operation_id.as_deref().unwrap_or_default();
    head.operation_id = Some(match id {
        // The contract's name.
        "getPendingTasks" => "getPendingTaskHeaders".to_owned(),
        other => format!("{other}Headers"),
    });
    head.summary = get
        .summary
        .as_ref()
        .map(|summary| format!("{summary}: headers only"));
    head.description = Some(format!("What `{id}` would answer, without the content."));
    for (status, response) in &mut head.responses.responses {
        if matches!(response, RefOr::Ref(_))
            && let Some(shared) = component(status)
        {
            *response = shared.clone();
        }
        if let RefOr::T(response) = response {
            response.content.clear();
            response.links.clear();
        }
    }
    item.head = Some(head);
}
