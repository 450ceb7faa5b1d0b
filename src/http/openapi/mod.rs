//! The OpenAPI 3.1 document: the handlers' own descriptions, completed with everything that operations share.
//!
//! A handler states with `utoipa::path` its parameters, its content and its successful responses. Parameters and headers
//! that are stated by name alone are described once, in `parameters` and `headers`. [`errors`] derives the error
//! responses of an operation from what it takes. [`schemas`] is the content of requests, [`examples`] the tasks that are
//! shown.

pub mod errors;
pub mod examples;
mod headers;
mod parameters;
pub mod schemas;

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};
use utoipa::OpenApi as _;
use utoipa::openapi::OpenApi;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};

use crate::http::base_path::BasePath;
use crate::http::error_body::ErrorBody;
use crate::listing::page::MAX_LIMIT;

/// The tag of operations that read tasks.
pub const READING: &str = "Reading tasks";
/// The tag of operations that change tasks.
pub const WRITING: &str = "Reporting and changing tasks";
/// The tag of the description itself.
pub const DESCRIPTION: &str = "Description";
/// The name of the credentials that operations need.
pub const BEARER_TOKEN: &str = "bearerToken";

#[derive(utoipa::OpenApi)]
#[openapi(
    info(
        title = "Task status",
        description = include_str!("description.md"),
        license(name = "Apache-2.0", identifier = "Apache-2.0")
    ),
    components(schemas(ErrorBody, schemas::Timestamp)),
    tags(
        (name = READING, description = "Which tasks there are, and how they are doing."),
        (name = WRITING, description = "For executors that report tasks, and people who clear or correct them."),
        (name = DESCRIPTION, description = "This document."),
    )
)]
struct Base;

const BEARER_DESCRIPTION: &str = "A signed token (RFC 6750) whose `scope` has the scope that the operation names. \
    `idn:task-management:write` includes reading, and `sp:scopes:all` everything. If the token has `authorities`, one of \
    them must be ORG_ADMIN, CERT_ADMIN, REPORT_ADMIN, ROLE_ADMIN, ROLE_SUBADMIN, SOURCE_ADMIN, SOURCE_SUBADMIN or, for \
    reading, HELPDESK. A service behind a gateway reads the same from the gateway's headers. A service that was started \
    with `--auth none` needs no token.";

/// The document of these operations as text. They are served at the root and under the base paths.
pub fn document(operations: OpenApi, base_paths: &[BasePath]) -> String {
    let mut document = Base::openapi();
    document.info.contact = None;
    let scheme = HttpBuilder::new()
        .scheme(HttpAuthScheme::Bearer)
        .bearer_format("JWT")
        .description(Some(BEARER_DESCRIPTION));
    let components = document.components.get_or_insert_default();
    components.add_security_scheme(BEARER_TOKEN, SecurityScheme::Http(scheme.build()));
    document.merge(operations);

    // The rest is plain JSON: shorter than the builders of utoipa, which do not know every keyword either.
    let mut document = serde_json::to_value(document).unwrap_or_default();
    document["servers"] = servers(base_paths);
    let mut components = Components(document["components"].take());
    components.0["headers"] = headers::all();
    schemas::complete(&mut components.0["schemas"]);
    for (path, item) in members(&mut document["paths"]) {
        for (method, operation) in members(item) {
            components.complete(method, operation);
        }
        if item.get("get").is_some() {
            item["head"] = components.head(&item["get"]);
        }
        if !path.starts_with("/task-status") {
            item["servers"] = json!([{ "url": "." }]);
        }
    }
    document["components"] = components.0;
    format!("{document:#}\n")
}

/// Relative to the URL of the document, which a gateway may have put below a prefix.
fn servers(base_paths: &[BasePath]) -> Value {
    let root = json!({
        "url": ".",
        "description": "The root, for clients of this service and gateways that strip prefixes",
    });
    let versions = base_paths
        .iter()
        .map(|path| json!({ "url": format!(".{}", path.as_str()), "description": "The same, for clients of that version" }));
    std::iter::once(root).chain(versions).collect()
}

/// The components of the document: the parts that operations refer to.
struct Components(Value);

impl Components {
    /// Adds to an operation everything that its handler does not say.
    fn complete(&mut self, method: &str, operation: &mut Value) {
        let id = operation["operationId"].as_str().unwrap_or_default().to_owned();
        let parameters = parameters::of(&id, &operation["parameters"]);
        let error_responses = errors::of(operation, &parameters);
        operation["parameters"] = parameters
            .iter()
            .map(|(name, parameter)| self.share("parameters", name, parameter))
            .collect();

        let mut responses = BTreeMap::new();
        for (status, response) in members(&mut operation["responses"]) {
            if !errors::is_error(status) {
                headers::complete(response);
                complete_tasks(method, response);
                responses.insert(status.clone(), (format!("{id}.{status}"), response.take()));
            }
        }
        for (status, response) in error_responses {
            // 400 depends on the operation; the others are the same everywhere.
            let name = if status == "400" {
                format!("{id}.400")
            } else {
                status.clone()
            };
            responses.insert(status, (name, response));
        }
        operation["responses"] = responses
            .into_iter()
            .map(|(status, (name, response))| (status, self.share("responses", &name, &response)))
            .collect();
        if let Some(mut content) = operation.get("requestBody").cloned() {
            content["required"] = true.into();
            operation["requestBody"] = self.share("requestBodies", &id, &content);
        }
    }

    /// HEAD responds as GET would, without content: so does its description.
    fn head(&mut self, get: &Value) -> Value {
        let id = get["operationId"].as_str().unwrap_or_default();
        let (base, version) = id.strip_suffix("V1").map_or((id, ""), |base| (base, "V1"));
        // The contract has a name of its own for one of them.
        let base = if base == "getPendingTasks" {
            "getPendingTask"
        } else {
            base
        };
        let head_id = format!("{base}Headers{version}");
        let mut head = get.clone();
        head["summary"] = format!("{}: headers only", get["summary"].as_str().unwrap_or_default()).into();
        head["description"] = format!("The response of `{id}` without the content.").into();
        for (status, response) in members(&mut head["responses"]) {
            let name = if errors::is_error(status) {
                format!("{status}.head")
            } else {
                format!("{head_id}.{status}")
            };
            let mut bare = self.resolved(response);
            if let Some(bare) = bare.as_object_mut() {
                bare.retain(|key, _| !["content", "links"].contains(&key.as_str()));
            }
            *response = self.share("responses", &name, &bare);
        }
        head["operationId"] = head_id.into();
        head
    }

    /// A reference to an equal component, which is added under this name if there is none.
    fn share(&mut self, kind: &str, name: &str, value: &Value) -> Value {
        let known = members(&mut self.0[kind]).find(|(_, known)| *known == value);
        let name = known.map_or(name, |(name, _)| name).to_owned();
        self.0[kind][&name] = value.clone();
        json!({ "$ref": format!("#/components/{kind}/{name}") })
    }

    fn resolved(&self, reference: &Value) -> Value {
        let pointer = reference["$ref"]
            .as_str()
            .and_then(|text| text.strip_prefix("#/components"));
        let component = pointer.and_then(|pointer| self.0.pointer(pointer));
        component.unwrap_or(reference).clone()
    }
}

/// Adds to a response with tasks the bound of a page, and the operations that take the ids of its tasks.
fn complete_tasks(method: &str, response: &mut Value) {
    let Some(schema) = response.pointer_mut("/content/application~1json/schema") else {
        return;
    };
    let task = json!({ "$ref": "#/components/schemas/TaskStatus" });
    let link = |operation: &str, id: &str| {
        json!({
            "operationId": operation,
            "parameters": { "id": id },
            "description": "The id of this task is the `id` of the other operation.",
        })
    };
    if schema.get("items") == Some(&task) {
        schema["maxItems"] = MAX_LIMIT.into();
        response["links"] = json!({ "first": link("getTaskStatus", "$response.body#/0/id") });
    } else if *schema == task && ["put", "post"].contains(&method) {
        let names = ["getTaskStatus", "updateTaskStatus", "reportTaskStatus"];
        let links = names.map(|name| (name.to_owned(), link(name, "$response.body#/id")));
        response["links"] = Map::from_iter(links).into();
    }
}

/// The members of an object; none of anything else.
fn members(value: &mut Value) -> impl Iterator<Item = (&String, &mut Value)> {
    value.as_object_mut().into_iter().flatten()
}
