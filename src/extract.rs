//! What handlers take from a request: parsed, within bounds, and refused in the envelope otherwise.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;

use crate::collection::Collection;
use crate::error::ApiError;
use crate::query::Query;

/// The collection parameters of the query.
impl<S: Sync> FromRequestParts<S> for Collection {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let query = Query::from_request_parts(parts, state).await?;
        Collection::from_query(&query).map_err(ApiError::BadContent)
    }
}

/// The whole query, decoded.
impl<S: Sync> FromRequestParts<S> for Query {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        Query::parse(parts.uri.query().unwrap_or_default()).map_err(|cause| ApiError::BadSyntax(vec![cause]))
    }
}
