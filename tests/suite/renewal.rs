//! A page that is read again: unchanged tasks are not read, and an unchanged page is the same object.

use std::sync::Arc;

use task_status::listing::filter::Filter;
use task_status::listing::page::{Limit, Offset};
use task_status::listing::sorters::Sorters;
use task_status::memory::Reserved;
use task_status::pending::page::ListQuery;
use task_status::pending::{Pending, PendingConfig};
use task_status::store::list::{Entry, Known, Page, PageQuery, Version, XidEpoch, page};
use tokio_util::sync::CancellationToken;

use crate::support::database::TestDatabase;
use crate::support::service::Service;
use crate::support::tasks;

const TASKS: usize = 100;

async fn with_tasks() -> (TestDatabase, Service) {
    let database = TestDatabase::new().await;
    database
        .insert_many(TASKS, "'t' || n", "n * interval '1 second'")
        .await;
    let service = Service::start(&database).await;
    (database, service)
}

fn range(offset: i32, limit: i32) -> (Offset, Limit) {
    (Offset::new(offset).unwrap(), Limit::new(limit).unwrap())
}

/// The known versions of a page, and its ids.
struct Reader {
    service: Service,
    order: Sorters,
    offset: i32,
    limit: i32,
    known: Option<(XidEpoch, Vec<Version>)>,
    ids: Vec<String>,
}

impl Reader {
    async fn read(&self, known: bool) -> Page {
        let (offset, limit) = range(self.offset, self.limit);
        let query = PageQuery {
            filter: Some(&Filter::pending()),
            order: &self.order,
            after: None,
            offset,
            limit,
            count: false,
        };
        let known = self.known.as_ref().filter(|_| known);
        let known = known.map(|(epoch, versions)| Known { epoch, versions });
        page(
            &self.service.database,
            query,
            None,
            known,
            &mut Reserved::default(),
        )
        .await
        .unwrap()
    }

    /// Reads again, checks the page, and returns the ids of the tasks that were read.
    async fn read_again(&mut self) -> Vec<String> {
        let page = self.read(true).await;
        let (mut read, mut ids, mut versions) = (Vec::new(), Vec::new(), Vec::new());
        for entry in page.tasks {
            match entry {
                Entry::Known(index) => {
                    let (_, known) = self.known.as_ref().unwrap();
                    ids.push(self.ids[index].clone());
                    versions.push(known[index].clone());
                }
                Entry::Read(task, version) => {
                    read.push(task.id.clone());
                    ids.push(task.id);
                    versions.push(version);
                }
            }
        }
        let fresh = self.read(false).await;
        let expected: Vec<String> = fresh
            .tasks
            .into_iter()
            .map(|entry| entry.into_task().unwrap().id)
            .collect();
        assert_eq!((&ids, &page.next), (&expected, &fresh.next));
        (self.ids, self.known) = (ids, Some((page.epoch, versions)));
        read
    }
}

#[tokio::test]
async fn only_changed_tasks_are_read_again() {
    for (offset, first) in [(0, 1), (30, 31), (90, 91)] {
        let (database, service) = with_tasks().await;
        let mut reader = Reader {
            service,
            order: Sorters::oldest_first(),
            offset,
            limit: 10,
            known: None,
            ids: Vec::new(),
        };
        let id = |place: i32| format!("t{}", first + place);
        let all: Vec<String> = (0..10).map(id).collect();
        assert_eq!(reader.read_again().await, all);
        assert!(reader.read_again().await.is_empty());

        for (changes, read) in [
            // Outside the page.
            (tasks::insert(&["new"]), vec![]),
            (format!("update task_status set progress = 'p' where id not in ('{}')", all.join("', '")), vec![]),
            // A task of the page, once or twice in a transaction.
            (format!("update task_status set progress = 'p' where id = '{}'", id(3)), vec![id(3)]),
            (
                format!("update task_status set progress = 'q' where id = '{0}'; update task_status set progress = 'r' where id = '{0}'", id(3)),
                vec![id(3)],
            ),
            // Nothing visible changes.
            (format!("update task_status set progress = progress where id = '{}'", id(4)), vec![id(4)]),
            // The task is replaced.
            (
                format!(
                    "begin; create temporary table gone on commit drop as select * from task_status where id = '{0}';
                     delete from task_status where id = '{0}';
                     insert into task_status select * from gone; commit",
                    id(5)
                ),
                vec![id(5)],
            ),
            (format!("begin; update task_status set progress = 's' where id = '{}'; rollback", id(6)), vec![]),
            (
                format!(
                    "begin; update task_status set progress = 't' where id = '{0}'; savepoint s;
                     update task_status set progress = 'u' where id = '{0}'; rollback to s; commit",
                    id(7)
                ),
                vec![id(7)],
            ),
            // Two tasks swap positions.
            (
                format!(
                    "update task_status set created = timestamptz '2026-01-01Z' + {first} * interval '1 second' + interval '1 ms'
                     where id = '{}'",
                    id(8)
                ),
                vec![id(8)],
            ),
        ] {
            database.execute(&changes).await;
            assert_eq!(reader.read_again().await, read, "at {offset}: {changes}");
        }
        // One task leaves, and the next one moves up.
        database
            .execute(&format!(
                "update task_status set completion_status = 'SUCCESS' where id = '{}'",
                id(2)
            ))
            .await;
        let come = if offset == 90 { "new".to_owned() } else { id(10) };
        assert_eq!(reader.read_again().await, [come]);
        database.execute("truncate task_status").await;
        assert!(reader.read_again().await.is_empty());
        assert!(reader.ids.is_empty());
    }
}

#[tokio::test]
async fn an_unchanged_page_is_not_copied() {
    let (database, service) = with_tasks().await;
    let pending = Pending::new(
        service.database.clone(),
        PendingConfig::default(),
        CancellationToken::new(),
    );
    let page = async |offset, limit| {
        let (offset, limit) = range(offset, limit);
        let query = ListQuery {
            filter: Some(Arc::new(Filter::pending())),
            order: Sorters::oldest_first(),
            after: None,
            offset,
            limit,
        };
        pending.page(&query, false).await.unwrap()
    };
    let (first, last) = (page(0, 10).await, page(90, 10).await);
    database
        .execute("update task_status set progress = 'p' where id = 't50'")
        .await;
    for (before, after) in [(&first, page(0, 10).await), (&last, page(90, 10).await)] {
        assert_ne!(before.revision, after.revision);
        assert!(Arc::ptr_eq(&before.content, &after.content));
    }
    database.execute("delete from task_status where id = 't50'").await;
    assert!(Arc::ptr_eq(&first.content, &page(0, 10).await.content));
    // The tasks are the same, but there is no next page.
    database
        .execute("delete from task_status where created > timestamptz '2026-01-01 00:00:10Z'")
        .await;
    let after = page(0, 10).await;
    assert_eq!(after.content.body, first.content.body);
    assert!(first.content.next.is_some() && after.content.next.is_none());
}
