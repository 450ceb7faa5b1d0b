//! The languages of error messages: negotiation, and the catalogues.
//!
//! The catalogues are Project Fluent files in `locales/`, embedded in the program. `en-US` is the system default.

use std::fmt::Display;
use std::sync::LazyLock;

use fluent_bundle::concurrent::FluentBundle;
use fluent_bundle::{FluentArgs, FluentResource};
use fluent_langneg::{NegotiationStrategy, negotiate_languages};
use unic_langid::LanguageIdentifier;

/// The tag and the catalogue of every locale, the system default first.
const SOURCES: [(&str, &str); 10] = [
    ("en-US", include_str!("../../locales/en-US.ftl")),
    ("de", include_str!("../../locales/de.ftl")),
    ("es", include_str!("../../locales/es.ftl")),
    ("fr", include_str!("../../locales/fr.ftl")),
    ("it", include_str!("../../locales/it.ftl")),
    ("ja", include_str!("../../locales/ja.ftl")),
    ("ko", include_str!("../../locales/ko.ftl")),
    ("nl", include_str!("../../locales/nl.ftl")),
    ("pt-BR", include_str!("../../locales/pt-BR.ftl")),
    ("zh-CN", include_str!("../../locales/zh-CN.ftl")),
];

/// Languages of an Accept-Language header beyond this number are ignored.
const MAX_REQUESTED: usize = 32;

/// The longest piece of a request that a message repeats, in characters.
const MAX_VALUE_LENGTH: usize = 80;

static LOCALES: LazyLock<Vec<Locale>> = LazyLock::new(|| {
    SOURCES
        .iter()
        .map(|(tag, source)| Locale::parse(tag, source))
        .collect()
});

/// A message with the values of its variables, not yet in a language.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    id: &'static str,
    variables: Vec<(&'static str, Variable)>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Variable {
    /// The same in every language.
    Text(String),
    /// Messages, translated and separated by commas.
    List(Vec<Message>),
}

impl Message {
    /// The message with this id in the catalogues.
    pub fn new(id: &'static str) -> Self {
        Self {
            id,
            variables: Vec::new(),
        }
    }

    /// The id, the same for messages that differ in their variables.
    pub fn id(&self) -> &'static str {
        self.id
    }

    /// Sets a variable, shortened: it may come from the request, and a response must not grow with the request. Numbers
    /// are passed as strings: they are part of a protocol and not formatted for a region.
    #[must_use]
    pub fn with(self, name: &'static str, value: impl Display) -> Self {
        self.with_whole(name, shortened(value.to_string()))
    }

    /// Sets a variable to a value that is the server's own, such as a list of what is allowed.
    #[must_use]
    pub fn with_whole(mut self, name: &'static str, value: impl Display) -> Self {
        self.variables.push((name, Variable::Text(value.to_string())));
        self
    }

    /// Sets a variable to other messages.
    #[must_use]
    pub fn with_list(mut self, name: &'static str, messages: Vec<Self>) -> Self {
        self.variables.push((name, Variable::List(messages)));
        self
    }
}

/// A supported language and its catalogue.
pub struct Locale {
    tag: &'static str,
    identifier: LanguageIdentifier,
    bundle: FluentBundle<FluentResource>,
}

impl Locale {
    /// The system default, `en-US`: the first language of every error response.
    pub fn system_default() -> &'static Self {
        &LOCALES[0]
    }

    /// The supported locale that best matches an Accept-Language header (RFC 9110, section 12.5.4). None if nothing
    /// matches, or the system default does.
    pub fn requested(accept_language: &str) -> Option<&'static Self> {
        let requested = by_preference(accept_language);
        let available: Vec<&LanguageIdentifier> = LOCALES.iter().map(|locale| &locale.identifier).collect();
        let best = *negotiate_languages(&requested, &available, None, NegotiationStrategy::Lookup).first()?;
        LOCALES
            .iter()
            .find(|locale| locale.identifier == **best)
            .filter(|locale| locale.tag != Self::system_default().tag)
    }

    /// BCP 47 tag.
    pub fn tag(&self) -> &'static str {
        self.tag
    }

    /// The message in this language.
    pub fn text(&self, message: &Message) -> String {
        self.format(message)
            .or_else(|| Self::system_default().format(message))
            .unwrap_or_else(|| message.id.to_owned())
    }

    fn format(&self, message: &Message) -> Option<String> {
        let pattern = self.bundle.get_message(message.id)?.value()?;
        let mut args = FluentArgs::new();
        for (name, value) in &message.variables {
            match value {
                Variable::Text(text) => args.set(*name, text.as_str()),
                Variable::List(messages) => {
                    let texts = messages
                        .iter()
                        .map(|message| self.format(message))
                        .collect::<Option<Vec<_>>>()?;
                    args.set(*name, texts.join(", "));
                }
            }
        }
        let mut errors = Vec::new();
        let text = self.bundle.format_pattern(pattern, Some(&args), &mut errors);
        errors.is_empty().then(|| text.into_owned())
    }

    /// A message that does not parse is left out. The tests make sure that there is none.
    fn parse(tag: &'static str, source: &str) -> Self {
        let resource = FluentResource::try_new(source.to_owned()).unwrap_or_else(|(partial, _)| partial);
        let identifier: LanguageIdentifier = tag.parse().unwrap_or_default();
        let mut bundle = FluentBundle::new_concurrent(vec![identifier.clone()]);
        // Isolation marks serve mixed text directions on a page; in JSON they are noise around every value.
        bundle.set_use_isolating(false);
        bundle.add_resource_overriding(resource);
        Self {
            tag,
            identifier,
            bundle,
        }
    }
}

fn shortened(mut value: String) -> String {
    if let Some((end, _)) = value.char_indices().nth(MAX_VALUE_LENGTH) {
        value.truncate(end);
        value.push('…');
    }
    value
}

/// The languages of an Accept-Language header, most preferred first. The negotiation library knows no weights (RFC 9110,
/// section 12.4.2), so they are turned into an order here.
fn by_preference(accept_language: &str) -> Vec<LanguageIdentifier> {
    let mut weighted: Vec<(f32, LanguageIdentifier)> = accept_language
        .split(',')
        .take(MAX_REQUESTED)
        .filter_map(|range| {
            let mut parts = range.split(';').map(str::trim);
            let language = parts.next()?.parse().ok()?;
            let weight = parts
                .find_map(|parameter| parameter.strip_prefix("q="))
                .map_or(Some(1.0), |weight| weight.parse().ok())?;
            (weight > 0.0 && weight <= 1.0).then_some((weight, language))
        })
        .collect();
    weighted.sort_by(|(left, _), (right, _)| right.total_cmp(left));
    weighted.into_iter().map(|(_, language)| language).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};
    use std::fs;
    use std::path::Path;

    use super::*;

    fn requested(header: &str) -> Option<&'static str> {
        Locale::requested(header).map(Locale::tag)
    }

    #[test]
    fn the_best_match_is_chosen() {
        assert_eq!(requested("de"), Some("de"));
        assert_eq!(requested("de-AT"), Some("de"));
        assert_eq!(requested("fr;q=0.5, ja;q=0.9"), Some("ja"));
        assert_eq!(requested("sv, fr;q=0.3"), Some("fr"));
        assert_eq!(requested("pt-PT"), Some("pt-BR"));
        assert_eq!(requested("zh-Hans"), Some("zh-CN"));
        assert_eq!(requested("DE-de , en;q=0.8"), Some("de"));
    }

    #[test]
    fn no_other_locale_is_chosen_without_a_match() {
        for header in [
            "en-US",
            "en-GB, de;q=0.9",
            "*",
            "sv",
            "",
            ",;q=,",
            "de;q=0",
            "de;q=nan",
            "de;q=2",
        ] {
            assert_eq!(requested(header), None, "{header}");
        }
    }

    /// The ids of the messages of a catalogue, each with its variables.
    fn messages(source: &str) -> BTreeMap<String, Vec<String>> {
        use fluent_syntax::ast::{Entry, Expression, InlineExpression, PatternElement};
        let resource = fluent_syntax::parser::parse(source).expect("the file parses");
        resource
            .body
            .iter()
            .filter_map(|entry| match entry {
                Entry::Message(message) => Some(message),
                Entry::Junk { content } => panic!("not Fluent: {content}"),
                _ => None,
            })
            .map(|message| {
                let pattern = message.value.as_ref().expect("a message has a text");
                let mut variables: Vec<String> = pattern
                    .elements
                    .iter()
                    .filter_map(|element| match element {
                        PatternElement::Placeable {
                            expression: Expression::Inline(InlineExpression::VariableReference { id }),
                        } => Some(id.name.to_owned()),
                        PatternElement::TextElement { .. } => None,
                        PatternElement::Placeable { .. } => panic!("{}: only variables", message.id.name),
                    })
                    .collect();
                variables.sort();
                (message.id.name.to_owned(), variables)
            })
            .collect()
    }

    #[test]
    fn every_locale_has_the_same_messages_and_variables() {
        let default = messages(SOURCES[0].1);
        assert!(default.len() > 20);
        for (tag, source) in SOURCES {
            assert_eq!(messages(source), default, "{tag}");
        }
    }

    /// The string literals of all source files in a folder.
    fn literals(folder: &Path, found: &mut BTreeSet<String>) {
        for entry in fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                literals(&path, found);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let source = fs::read_to_string(path).expect("a source file");
                found.extend(source.split('"').map(str::to_owned));
            }
        }
    }

    #[test]
    fn the_program_uses_exactly_these_messages() {
        let mut literals = BTreeSet::new();
        self::literals(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut literals);
        let known: BTreeSet<String> = messages(SOURCES[0].1).into_keys().collect();
        let unused: Vec<&String> = known.difference(&literals).collect();
        assert!(unused.is_empty(), "unused: {unused:?}");
        let is_id = |literal: &&String| {
            let prefixed = ["cause-", "expected-", "kind-"]
                .iter()
                .any(|prefix| literal.starts_with(prefix));
            prefixed
                && literal
                    .bytes()
                    .all(|byte| byte.is_ascii_lowercase() || byte == b'-')
                && !literal.ends_with('-')
        };
        let missing: Vec<&String> = literals.difference(&known).filter(is_id).collect();
        assert!(missing.is_empty(), "in no locale: {missing:?}");
    }

    #[test]
    fn a_long_value_is_shortened_at_a_character() {
        assert_eq!(shortened("abc".to_owned()), "abc");
        let long = "é".repeat(MAX_VALUE_LENGTH);
        assert_eq!(shortened(long.clone()), long);
        assert_eq!(shortened(long.clone() + "é"), long + "…");
    }

    #[test]
    fn a_message_is_formatted_without_isolation_marks() {
        let message = Message::new("cause-uri-too-long").with("limit", 8192);
        assert_eq!(
            Locale::system_default().text(&message),
            "The target of the request may have at most 8192 bytes."
        );
    }
}
