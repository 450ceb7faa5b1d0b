//! Parsing a request: its query, and the filter in it.

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use task_status::http::query::Query;
use task_status::listing::filter::Filter;
use task_status::listing::sorters::Sorters;
use task_status::pending::content_encoding::ContentEncoding;

const PENDING: &str = "offset=250&limit=250&count=true";
const LIST: &str = "filters=type+eq+%22QUARTZ%22+and+completionStatus+isnull&sorters=-modified&limit=250";
const SHORT: &str = r#"type eq "QUARTZ" and completionStatus isnull"#;
const LONG: &str = r#"(type in ("QUARTZ", "QPOC") or uniqueName sw "Cloud") and not (launcher eq "scheduler" and percentComplete ge 50) and created gt "2026-01-01T00:00:00Z" and sourceId in ("a", "b", "c", "d")"#;

fn parsing(criterion: &mut Criterion) {
    for (name, text) in [("query of pending tasks", PENDING), ("query of a list", LIST)] {
        criterion.bench_function(name, |bencher| bencher.iter(|| Query::parse(black_box(text))));
    }
    for (name, text) in [("short filter", SHORT), ("long filter", LONG)] {
        assert!(Filter::parse(text).is_ok(), "{name} is none");
        criterion.bench_function(name, |bencher| bencher.iter(|| Filter::parse(black_box(text))));
    }
    criterion.bench_function("sorters", |bencher| {
        bencher.iter(|| Sorters::parse(black_box("-modified,uniqueName")));
    });
    criterion.bench_function("Accept-Encoding", |bencher| {
        bencher.iter(|| ContentEncoding::negotiate([black_box("gzip, deflate, br, zstd")].into_iter()));
    });
}

criterion_group!(benches, parsing);
criterion_main!(benches);
