//! Pages of lists as queries ask for them, remembered by the text of the query: clients ask the same again and again.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use quick_cache::sync::Cache;

use crate::http::error::ApiError;
use crate::http::page_headers::PageHeaders;
use crate::http::page_params::PageParams;
use crate::http::query::Query;
use crate::listing::filter::Filter;
use crate::listing::sorters::Sorters;
use crate::pending::content_encoding::ContentEncoding;
use crate::pending::page::{ListPage, ListQuery};

/// How many queries for a list are remembered.
const MAX_QUERIES: usize = 256;
/// A longer query is read each time.
const MAX_QUERY_BYTES: usize = 1024;

/// A page of a list as a query asks for it.
#[derive(Debug)]
pub struct Asked {
    pub page: ListQuery,
    pub counted: bool,
    query: Query,
    /// As they were last sent.
    headers: Mutex<Option<Arc<PageHeaders>>>,
}

/// The last queries for a list.
pub struct AskedPages(Cache<String, Arc<Asked>>);

/// Those of each list that is a resource.
#[derive(Debug, Default)]
pub struct AskedLists {
    pub pending: AskedPages,
    pub all: AskedPages,
}

impl Asked {
    fn read(
        query: &str,
        list: impl FnOnce(&mut PageParams<'_>) -> (Option<Filter>, Sorters),
    ) -> Result<Arc<Self>, ApiError> {
        let query = Query::read(query)?;
        let mut params = PageParams::new(&query);
        let (filter, order) = list(&mut params);
        let range = params.range(&order);
        params.check()?;
        Ok(Arc::new(Self {
            counted: range.pagination.count,
            page: ListQuery {
                filter: filter.map(Arc::new),
                order,
                after: range.after,
                offset: range.pagination.offset,
                limit: range.pagination.limit,
            },
            query,
            headers: Mutex::default(),
        }))
    }

    /// The headers of this state of the page in a coding.
    pub fn headers(&self, page: &ListPage, coding: ContentEncoding) -> Arc<PageHeaders> {
        let total = page.total.filter(|_| self.counted);
        // Replaced as a whole.
        let mut last = self.headers.lock().unwrap_or_else(PoisonError::into_inner);
        match &*last {
            Some(last) if last.are_of(&page.content, total, coding) => Arc::clone(last),
            _ => Arc::clone(last.insert(PageHeaders::new(&self.query, &page.content, total, coding).into())),
        }
    }
}

impl AskedPages {
    /// The page that the text of a query asks for. `list` reads which tasks, in which order, from its parameters.
    pub fn page(
        &self,
        query: &str,
        list: impl FnOnce(&mut PageParams<'_>) -> (Option<Filter>, Sorters),
    ) -> Result<Arc<Asked>, ApiError> {
        if query.len() > MAX_QUERY_BYTES {
            return Asked::read(query, list);
        }
        self.0.get_or_insert_with(query, || Asked::read(query, list))
    }
}

impl Default for AskedPages {
    fn default() -> Self {
        Self(Cache::new(MAX_QUERIES))
    }
}

impl fmt::Debug for AskedPages {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("AskedPages").field(&self.0.len()).finish()
    }
}
