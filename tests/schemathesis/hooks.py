"""What JSON Schema cannot say about the API: its filter language, its orders, what goes together.

Filters are made from the tables in the description itself, so that every field, value and operator that is documented
is tried.
"""

import datetime
import json
import re

import schemathesis
from hypothesis import strategies as st
from hypothesis.internal import lambda_sources

# Only names of strategies in messages. To find them Hypothesis parses source code however deep it is in calls, and
# CPython 3.11 may fail at that with a SystemError (its issue 106905).
lambda_sources.lambda_description = lambda function: "lambda: ..."

ROW = re.compile(r"^\| (.+?) \| (.+) \|$", re.MULTILINE)
RESERVED_IDS = ("pending-tasks", "suggestions", "summary", "v1", ".", "..")
CODE = re.compile(r"`([^`]+)`")


def text():
    """A text in quotes, as the language has it."""
    plain = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=20)
    return plain.map(lambda value: '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"')


def moment():
    """A time in one of the forms that a filter may have."""
    times = st.datetimes().map(datetime.datetime.isoformat)
    return st.one_of(times.map("{}Z".format), times.map(lambda time: time[:10]), times.map(lambda time: time[:4]))


def values(described):
    """What a field is compared with, by the middle column of the table of fields."""
    named = CODE.findall(described)
    if named:
        return st.sampled_from(named).flatmap(lambda name: st.sampled_from([name, name.lower()])).map('"{}"'.format)
    return {"text": text(), "time": moment(), "number": st.integers(-1000, 1000).map(str)}[described]


def comparison(row):
    """One comparison of a field, with any of its operators."""
    field, described, operators = row

    def written(operator):
        if operator == "pr":
            return st.just(f"pr {field}")
        if operator == "isnull":
            return st.just(f"{field} isnull")
        if operator in ("in", "ca"):
            some = st.lists(values(described), min_size=1, max_size=4)
            return some.map(lambda chosen: f"{field} {operator} ({', '.join(chosen)})")
        return values(described).map(lambda value: f"{field} {operator} {value}")

    return st.sampled_from(operators).flatmap(written)


def filters(description):
    """The whole language, from the tables of its description."""
    rows = []
    for field, rest in ROW.findall(description):
        if CODE.fullmatch(field) and " | " in rest:
            described, operators = rest.rsplit(" | ", 1)
            rows.append((field.strip("`"), described, CODE.findall(operators)))
    assert len(rows) > 10, "the table of fields is not where it was"
    return st.recursive(
        st.sampled_from(rows).flatmap(comparison),
        lambda inner: st.one_of(
            inner.map("not ({})".format),
            st.tuples(inner, st.sampled_from(["and", "or"]), inner).map(" ".join),
            inner.map("({})".format),
        ),
        max_leaves=6,
    )


def sorters(description):
    """Some of the documented names, each once."""
    names = CODE.findall(description.split(":", 1)[1].split(", each once")[0])
    assert len(names) > 3, "the names of the orders are not where they were"
    chosen = st.lists(st.sampled_from(names), min_size=1, unique=True)
    return chosen.flatmap(
        lambda some: st.tuples(*(st.sampled_from([name, f"-{name}"]) for name in some)).map(",".join)
    )


@schemathesis.hook
def after_load_schema(context, schema):
    """Says how the formats of the document are made that nobody else knows."""
    document = schema.raw_schema
    references = [parameter["$ref"] for parameter in document["paths"]["/task-status"]["get"]["parameters"]]
    components = [document["components"]["parameters"][reference.rpartition("/")[2]] for reference in references]
    described = {parameter["name"]: parameter for parameter in components}
    schemathesis.openapi.format("filter", filters(described["filters"]["description"]))
    schemathesis.openapi.format("sorters", sorters(described["sorters"]["description"]))
    schemathesis.openapi.format("cursor", st.sampled_from(described["after"]["schema"]["examples"]))
    schemathesis.openapi.format("etags", st.sampled_from(["*", '"x"', '"x", *', 'W/"x"']))


@schemathesis.hook
def filter_case(context, case):
    """A reserved id is the path of another operation, which has tests of its own. Unknown parameters are ignored."""
    is_reserved = (case.path_parameters or {}).get("id") in RESERVED_IDS
    return not is_reserved and "x-schemathesis-unknown-property" not in (case.query or {})


@schemathesis.serializer("application/x-ndjson")
def ndjson(context, value):
    """A text is sent as it is, anything else is a line."""
    return value.encode() if isinstance(value, str) else json.dumps(value).encode()


@schemathesis.hook
def before_call(context, case, **kwargs):
    """A cursor belongs to one order, and to no offset. What is reported was not changed in the future."""
    for task in case.body if isinstance(case.body, list) else [case.body]:
        modified = task.get("modified") if isinstance(task, dict) else None
        if isinstance(modified, str) and modified[:4] >= str(datetime.date.today().year):
            del task["modified"]
    query = case.query
    if query and "after" in query and case.meta and case.meta.generation.mode.is_positive:
        query.pop("offset", None)
        query.pop("sorters", None)
        if "pending" in case.path:
            query.pop("after")
