//! Access to the description, and assertions that responses fit it.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::service::Answer;

/// An OpenAPI document.
pub struct Description {
    pub text: String,
    pub document: Value,
}

/// One operation of it.
pub struct Operation {
    pub id: String,
    pub path: String,
    method: String,
    value: Value,
}

impl Description {
    pub fn read(text: &str) -> Self {
        Self {
            text: text.to_owned(),
            document: serde_json::from_str(text).unwrap(),
        }
    }

    pub fn paths(&self) -> Vec<String> {
        self.document["paths"]
            .as_object()
            .unwrap()
            .keys()
            .cloned()
            .collect()
    }

    /// The methods of a path, in upper case.
    pub fn methods(&self, path: &str) -> Vec<String> {
        let item = self.document["paths"][path].as_object().unwrap();
        let methods = item.keys().filter(|key| *key != "servers");
        methods.map(|method| method.to_uppercase()).collect()
    }

    /// Every operation, without the paths that have the version last.
    pub fn operations(&self) -> Vec<Operation> {
        let of_path = |path: String| {
            let methods = self.methods(&path);
            methods
                .into_iter()
                .map(move |method| self.operation(&method, &path).unwrap())
        };
        let paths = self.paths().into_iter().filter(|path| !path.contains("/v1"));
        paths.flat_map(of_path).collect()
    }

    pub fn operation(&self, method: &str, path: &str) -> Option<Operation> {
        let value = self.document["paths"][path].get(method.to_lowercase())?;
        // Only the references of schemas remain.
        let mut value = value.clone();
        for parameter in value["parameters"].as_array_mut().unwrap() {
            *parameter = self.resolved(parameter);
        }
        if let Some(content) = value.get_mut("requestBody") {
            *content = self.resolved(content);
        }
        for response in value["responses"].as_object_mut().unwrap().values_mut() {
            *response = self.resolved(response);
            if let Some(headers) = response.get_mut("headers") {
                for header in headers.as_object_mut().unwrap().values_mut() {
                    *header = self.resolved(header);
                }
            }
        }
        Some(Operation {
            id: value["operationId"].as_str().unwrap().to_owned(),
            path: path.to_owned(),
            method: method.to_owned(),
            value,
        })
    }

    /// The examples of some content: its own, or else those of its schema.
    pub fn examples(&self, content: &Value) -> Vec<Value> {
        let named = content.get("examples").and_then(Value::as_object);
        let named = named.into_iter().flat_map(|examples| examples.values());
        let own: Vec<Value> = named
            .map(|example| example["value"].clone())
            .chain(content.get("example").cloned())
            .collect();
        if !own.is_empty() {
            return own;
        }
        let schema = self.resolved(&content["schema"]);
        let examples = schema.get("examples").and_then(Value::as_array);
        examples.cloned().unwrap_or_default()
    }

    fn resolved(&self, value: &Value) -> Value {
        let Some(reference) = value.get("$ref") else {
            return value.clone();
        };
        self.document
            .pointer(&reference.as_str().unwrap()[1..])
            .unwrap()
            .clone()
    }

    /// Every schema with its location.
    pub fn schemas(&self) -> Vec<(String, &Value)> {
        let mut found = Vec::new();
        walk(&self.document, "", &mut |place, value| {
            if place.ends_with("/schema")
                || place.starts_with("/components/schemas/") && place.matches('/').count() == 3
            {
                found.push((place.to_owned(), value));
            }
        });
        found
    }

    /// Every reference.
    pub fn references(&self) -> Vec<String> {
        let mut found = Vec::new();
        walk(&self.document, "", &mut |place, value| {
            if let Some(reference) = value.as_str().filter(|_| place.ends_with("/$ref")) {
                found.push(reference.to_owned());
            }
        });
        found
    }

    /// Fails unless a value fits a schema of the document.
    pub fn assert_valid(&self, schema: &Value, value: &Value, what: &str) {
        let whole = json!({ "allOf": [schema], "components": self.document["components"] });
        let validator = jsonschema::draft202012::options()
            .should_validate_formats(true)
            // Engines of clients may lack look-around.
            .with_pattern_options(jsonschema::PatternOptions::regex())
            .build(&whole)
            .unwrap();
        let faults: Vec<String> = validator
            .iter_errors(value)
            .map(|error| format!("{}: {error}", error.instance_path()))
            .collect();
        assert!(faults.is_empty(), "{what}: {faults:#?} in {value}");
    }

    /// Fails unless a response fits the operation: its status, its headers, its content.
    pub fn assert_described(&self, operation: &Operation, answer: &Answer) {
        let what = format!("{} {}", operation.id, answer.status);
        let response = &operation.value["responses"][answer.status.as_str()];
        assert!(response.is_object(), "{what} is not described: {answer:?}");
        let described = response["headers"].as_object().unwrap();
        for (name, header) in described {
            let Some(given) = answer.header(name) else {
                assert_ne!(header["required"], true, "{what} has no {name}");
                continue;
            };
            let value = match header["schema"]["type"].as_str() {
                Some("integer") => given.parse::<u64>().unwrap().into(),
                _ => given.into(),
            };
            self.assert_valid(&header["schema"], &value, &format!("{name} of {what}"));
        }
        // Headers that every HTTP server sends, or only browsers read, are not described.
        let common = [
            "content-length",
            "content-type",
            "connection",
            "date",
            "transfer-encoding",
            "referrer-policy",
            "x-content-type-options",
            "x-frame-options",
            "cross-origin-opener-policy",
            "cross-origin-resource-policy",
        ];
        for name in answer
            .headers
            .keys()
            .filter(|name| !common.contains(&name.as_str()))
        {
            let known = described
                .keys()
                .any(|key| key.eq_ignore_ascii_case(name.as_str()));
            assert!(known, "{what} has {name}, which is not described");
        }
        let Some(content) = response.get("content") else {
            assert_eq!(answer.body, "", "{what} has content");
            return;
        };
        let given = answer.header("content-type").unwrap();
        let media_type = given.split(';').next().unwrap();
        let schema = &content[media_type]["schema"];
        assert!(
            schema.is_object(),
            "{what} is {media_type}, which is not described"
        );
        let value = match media_type {
            "application/json" => answer.json(),
            _ => answer.body.as_str().into(),
        };
        self.assert_valid(schema, &value, &what);
    }
}

impl Operation {
    pub fn method(&self) -> Method {
        self.method.parse().unwrap()
    }

    /// The described statuses.
    pub fn statuses(&self) -> Vec<String> {
        self.value["responses"]
            .as_object()
            .unwrap()
            .keys()
            .cloned()
            .collect()
    }

    /// Whether a request has content.
    pub fn has_content(&self) -> bool {
        self.value.get("requestBody").is_some()
    }

    /// Name, location and schema of each parameter.
    pub fn parameters(&self) -> Vec<(String, String, Value)> {
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        self.value["parameters"]
            .as_array()
            .unwrap()
            .iter()
            .map(|parameter| {
                assert!(parameter["description"].is_string(), "{parameter}");
                (
                    text(&parameter["name"]),
                    text(&parameter["in"]),
                    parameter["schema"].clone(),
                )
            })
            .collect()
    }

    /// The described content of responses.
    pub fn answered(&self) -> Vec<&Value> {
        let responses = self.value["responses"].as_object().unwrap().values();
        responses
            .filter_map(|response| response.get("content"))
            .flat_map(|content| content.as_object().unwrap().values())
            .collect()
    }

    /// The described content of requests, with its media type.
    pub fn sent(&self) -> Vec<(&String, &Value)> {
        let body = self.value.get("requestBody");
        body.map(|body| body["content"].as_object().unwrap().iter().collect())
            .unwrap_or_default()
    }
}

fn walk<'a>(value: &'a Value, place: &str, visit: &mut impl FnMut(&str, &'a Value)) {
    visit(place, value);
    match value {
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                walk(item, &format!("{place}/{index}"), visit);
            }
        }
        Value::Object(members) => {
            for (key, member) in members {
                // Examples hold data.
                if !["example", "examples", "value"].contains(&key.as_str()) {
                    walk(member, &format!("{place}/{key}"), visit);
                }
            }
        }
        _ => {}
    }
}
