//! The parameters of requests: names, bounds and defaults come from the code that reads them.

use serde_json::json;
use utoipa::IntoParams;
use utoipa::openapi::path::{Parameter, ParameterBuilder, ParameterIn};
use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa::openapi::{KnownFormat, Required, SchemaFormat};

use super::headers::text;
use super::{examples, schemas};
use crate::http::middleware::limits::URI_BYTES;
use crate::listing::filter::{self, Operator, field};
use crate::listing::page::MAX_LIMIT;
use crate::listing::sorters::{Sorter, Sorters};

/// Of every request.
pub struct Everywhere;

/// Of `GET /task-status/pending-tasks`.
pub struct PendingPage;

/// Of `GET /task-status`.
pub struct Page;

/// Of the bulk clear.
pub struct Clear;

/// Of everything about one task.
pub struct OneTask;

/// Of what can be spared a client that has it.
pub struct IfNoneMatch;

/// Of what can be waited for.
pub struct PreferWait;

/// Of what is compressed.
pub struct AcceptEncoding;

/// Of what can be protected from a client that has not seen the latest.
pub struct IfMatch;

type Provided = Vec<Parameter>;

impl IntoParams for Everywhere {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Provided {
        vec![
            header(
                "Accept-Language",
                text().examples(["fr-CH, fr;q=0.9, en;q=0.8"]),
                "The languages of error texts, best first (RFC 9110). English is always there; the best match among de, \
                 es, fr, it, ja, ko, nl, pt-BR and zh-CN is added.",
            ),
            header(
                "SLPT-Request-ID",
                text().examples(["e7eab60924f64aa284175b9fa3309599"]),
                "A tracking id to keep: 32 lower-case hexadecimal digits. Any other value is replaced. `X-Request-ID` is \
                 read in the same way where this is missing.",
            ),
        ]
    }
}

impl IntoParams for PendingPage {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Provided {
        page(&Sorters::oldest_first())
    }
}

impl IntoParams for Page {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Provided {
        let mut parameters = page(&Sorters::default());
        let names = Sorter::ALL
            .map(|sorter| format!("`{}`", sorter.name()))
            .join(", ");
        parameters.insert(0, filters(false));
        parameters.insert(
            1,
            query(
                "sorters",
                text()
                    .format(Some(SchemaFormat::Custom("sorters".to_owned())))
                    .default(Some(json!(Sorters::default().to_string())))
                    .examples(["-created"]),
                &format!(
                    "What to order by, most important first, separated by commas: {names}, each once. A `-` before a name \
                     means descending. A time that is not set comes after all that are. `id` closes every order."
                ),
            ),
        );
        parameters
    }
}

impl IntoParams for Clear {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Provided {
        vec![
            filters(true),
            query(
                "dryRun",
                ObjectBuilder::new()
                    .schema_type(Type::Boolean)
                    .default(Some(json!(false)))
                    .examples([true]),
                "`true`: only count what would be completed.",
            ),
        ]
    }
}

impl IntoParams for OneTask {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Provided {
        vec![
            ParameterBuilder::new()
                .name("id")
                .parameter_in(ParameterIn::Path)
                .required(Required::True)
                .description(Some("The task's id, percent-encoded."))
                .schema(Some(schemas::id()))
                .build(),
        ]
    }
}

impl IntoParams for IfNoneMatch {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Provided {
        vec![etags(
            "If-None-Match",
            "The ETags that the client has, separated by commas: if one is current the answer is 304, without content.",
        )]
    }
}

impl IntoParams for PreferWait {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Provided {
        vec![header(
            "Prefer",
            text().examples(["wait=0"]),
            "`wait=N` (RFC 7240), with `If-None-Match`: where the answer about pending tasks would be 304 it is held until \
             the page changes, or the number of all with `count=true`, but for N seconds at most, and for no longer than \
             the service allows. `Preference-Applied` says that it was.",
        )]
    }
}

impl IntoParams for AcceptEncoding {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Provided {
        vec![header(
            "Accept-Encoding",
            text().examples(["gzip"]),
            "How pages of pending tasks may be compressed (RFC 9110): `zstd`, `br` or `gzip`, as the weights say. Short ones \
             are not.",
        )]
    }
}

impl IntoParams for IfMatch {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Provided {
        vec![etags(
            "If-Match",
            "The ETags of the states to change, separated by commas, or `*`: if none is current the answer is 412 and \
             nothing changes.",
        )]
    }
}

fn page(order: &Sorters) -> Provided {
    let integer = |max: i32, default: i32| {
        ObjectBuilder::new()
            .schema_type(Type::Integer)
            .format(Some(SchemaFormat::KnownFormat(KnownFormat::Int32)))
            .minimum(Some(0))
            .maximum(Some(max))
            .default(Some(json!(default)))
    };
    vec![
        query(
            "offset",
            integer(i32::MAX, 0).examples([0]),
            "How many tasks of the full result precede the page. A page past the end is empty.",
        ),
        query(
            "limit",
            integer(MAX_LIMIT, MAX_LIMIT).examples([10]),
            "How many tasks the page may hold. More than the maximum is refused, not clamped; 0 is an empty page that \
             can still count.",
        ),
        query(
            "count",
            ObjectBuilder::new()
                .schema_type(Type::Boolean)
                .default(Some(json!(false)))
                .examples([true]),
            "`true`: the answer says in `X-Total-Count` how many tasks there are without `offset` and `limit`.",
        ),
        query(
            "after",
            text()
                .format(Some(SchemaFormat::Custom("cursor".to_owned())))
                .examples([examples::cursor(order)]),
            "Where the page begins: the cursor of a `Link` header, of the same list with the same order. Unlike an \
             `offset`, with which it cannot be given, it neither skips nor repeats a task while others come and go.",
        ),
    ]
}

fn filters(required: bool) -> Parameter {
    let operators = Operator::ALL
        .map(|operator| format!("| `{operator}` | {} |\n", operator.meaning()))
        .concat();
    let description = format!(
        "{}\n\n\
         A comparison is `field operator value`, such as `launcher eq \"sweep\"`; `in` and `ca` take a list, \
         `type in (\"QUARTZ\", \"QPOC\")`; `pr` stands before the field, `isnull` after it. `not`, `and` and `or` combine \
         them, in this order of precedence; parentheses change it. Names and operators are written as they are here; \
         texts are compared without regard to case, and a comparison with what is not set is false.\n\n\
         Texts stand in double quotes, with `\\\"` and `\\\\` for a double quote and a backslash. Times (RFC 3339, a date, \
         or a year) may, numbers may not.\n\n\
         {}\n\
         | Operator | Meaning |\n|---|---|\n{operators}\n\
         `sourceId` is `target.id` where `target.type` is `APPLICATION`. `type` also matches the kind of a task: the \
         name of its definition, or else its own, in upper snake case.\n\n\
         At most {} characters, {} comparisons, {} values in a list, {} characters in a text, and {} levels of \
         parentheses and `not`. The whole target of a request may have {URI_BYTES} bytes.",
        if required {
            "Which pending tasks to complete; there must be one."
        } else {
            "Which tasks to list; all of them unless given."
        },
        field::markdown(),
        filter::MAX_LENGTH,
        filter::MAX_COMPARISONS,
        filter::MAX_VALUES,
        filter::MAX_TEXT_LENGTH,
        filter::MAX_DEPTH,
    );
    let mut parameter = query(
        "filters",
        text()
            .min_length(required.then_some(1))
            .format(Some(SchemaFormat::Custom("filter".to_owned())))
            .examples([
                "completionStatus isnull",
                "type eq \"CLOUD_ACCOUNT_AGGREGATION\" and completionStatus isnull",
                "sourceId in (\"2c9180835d2e5168015d32f890ca1581\") and created gt 2026-01-01T00:00:00Z",
                "not (launcher sw \"nightly\" or percentComplete ge 90)",
            ]),
        &description,
    );
    if required {
        parameter.required = Required::True;
    }
    parameter
}

fn etags(name: &str, description: &str) -> Parameter {
    header(
        name,
        text()
            .format(Some(SchemaFormat::Custom("etags".to_owned())))
            .examples([examples::etag()]),
        description,
    )
}

fn query(name: &str, schema: ObjectBuilder, description: &str) -> Parameter {
    parameter(ParameterIn::Query, name, schema, description)
}

fn header(name: &str, schema: ObjectBuilder, description: &str) -> Parameter {
    parameter(ParameterIn::Header, name, schema, description)
}

fn parameter(place: ParameterIn, name: &str, schema: ObjectBuilder, description: &str) -> Parameter {
    ParameterBuilder::new()
        .name(name)
        .parameter_in(place)
        .required(Required::False)
        .description(Some(description))
        .schema(Some(schema))
        .build()
}
