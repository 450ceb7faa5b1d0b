//! The privileges of the service: its role does not own the tables, and is granted what the program's statements need
//! and nothing else.
//!
//! `TABLES` and `FUNCTIONS` list them. `task-status migrate --grant-to` grants them ([`grant`]), and a service that lacks
//! one refuses to start ([`check`]).

use std::time::Duration;

use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, Connection, PgConnection};

use super::StoreError;
use super::session::Settings;

/// The tables, and the privileges on each. A migration that adds a table adds a line here.
const TABLES: [(&str, &str); 6] = [
    ("task_status", "select, insert, update, delete"),
    // Written by triggers and by folding, as the owner.
    ("task_status_tally", "select"),
    ("task_status_pending_delta", "select"),
    ("task_status_pending_minute", "select"),
    ("task_status_pending_hour", "select"),
    // The migrations that have been applied.
    ("_sqlx_migrations", "select"),
];
/// The functions that the service calls, and those that constraints, indexes and triggers call with the privileges of the writer.
/// Trigger functions are missing: PostgreSQL checks the privilege on them when a trigger is created, not when it fires.
const FUNCTIONS: [&str; 12] = [
    "task_status_messages_are_valid",
    "task_status_json_is_bounded",
    "task_status_returns_are_valid",
    "task_status_definition_summary_is_valid",
    "task_status_latest",
    "task_status_advanced",
    "task_status_kind",
    "task_status_hour",
    "task_status_minute",
    "task_status_fold_tally",
    "task_status_fold_pending",
    "task_status_shrink_tally",
];

/// The key of the advisory lock: any number that nothing else uses.
const LOCK: i64 = 0x7461_736b_5f67_726e;
/// The statement timeout, which includes the wait for another process that grants.
const TIMEOUT: Duration = Duration::from_mins(1);

/// Grants a role what `serve` without migrations, `import`, `export` and `prune` need. Afterwards it has no other privilege
/// on the tables, and PUBLIC has none. This happens in one transaction, and repeating it changes nothing.
pub async fn grant(options: &PgConnectOptions, role: &str) -> Result<(), StoreError> {
    let settings = Settings {
        statement_timeout: TIMEOUT,
    };
    let mut connection = settings.connect(options).await?;
    let mut transaction = connection.begin().await?;
    // PostgreSQL refuses one of two concurrent changes to the same privileges.
    sqlx::query!("select pg_advisory_xact_lock($1)", LOCK)
        .execute(&mut *transaction)
        .await?;
    let grantee = find(&mut transaction, role).await?;
    let statements = statements(&mut transaction, role).await?;
    // If a privilege cannot be granted PostgreSQL only warns; the check below finds it.
    sqlx::raw_sql("set local client_min_messages = error")
        .execute(&mut *transaction)
        .await?;
    sqlx::raw_sql(AssertSqlSafe(statements))
        .execute(&mut *transaction)
        .await?;
    if let Some(lacking) = lacking(&mut transaction, Some(role)).await?.lacking {
        return Err(StoreError::NotGranted {
            role: grantee.name,
            lacking,
        });
    }
    transaction.commit().await?;
    connection.close().await?;
    if let Some(schema) = grantee.creates_in {
        let Grantee { name: role, .. } = grantee;
        tracing::warn!(
            "{role} may create objects in the schema {schema}, which the service does not need; unless something else \
             needs it: revoke create on schema {schema} from public, {role}"
        );
    }
    Ok(())
}

/// Refuses a role that lacks a privilege of `serve`, before any request fails because of it.
pub async fn check(connection: &mut PgConnection) -> Result<(), StoreError> {
    let Held { role, lacking } = lacking(connection, None).await?;
    match lacking {
        Some(lacking) => Err(StoreError::Privileges { role, lacking }),
        None => Ok(()),
    }
}

/// A role that can be granted privileges.
struct Grantee {
    /// As an SQL identifier.
    name: String,
    /// The schema of the tables, if the role may create objects in it.
    creates_in: Option<String>,
}

/// Finds a role that can be limited.
async fn find(connection: &mut PgConnection, role: &str) -> Result<Grantee, StoreError> {
    let found = sqlx::query!(
        r#"
        select
            quote_ident($1) as "name!",
            role.oid is not null as "exists!",
            coalesce(pg_has_role(role.oid, tables.relowner, 'member'), false) as "owns!",
            case when has_schema_privilege(role.oid, tables.relnamespace, 'create')
                then tables.relnamespace::regnamespace::text end as creates_in
        from pg_class as tables left join pg_roles as role on role.rolname = $1
        where tables.oid = to_regclass('task_status')
        "#,
        role,
    )
    .fetch_one(connection)
    .await?;
    match found {
        found if !found.exists => Err(StoreError::NoSuchRole { role: found.name }),
        // A superuser is a member of every role.
        found if found.owns => Err(StoreError::RoleOwnsTables { role: found.name }),
        found => Ok(Grantee {
            name: found.name,
            creates_in: found.creates_in,
        }),
    }
}

/// The statements that revoke and grant, with names quoted by PostgreSQL.
async fn statements(connection: &mut PgConnection, role: &str) -> Result<String, StoreError> {
    let (tables, privileges) = tables();
    let statements = sqlx::query_scalar!(
        r#"
        select string_agg(statement, ';') as "statements!" from (
            select format(
                'revoke all on table %1$s from public, %2$I; grant %3$s on table %1$s to %2$I',
                to_regclass(name), $1::text, privileges) as statement
            from unnest($2::text[], $3::text[]) as tables (name, privileges)
            union all
            select format('grant execute on function %s to %I', to_regproc(name), $1)
            from unnest($4::text[]) as functions (name)
            union all
            select format('grant usage on schema %s to %I', relnamespace::regnamespace, $1)
            from pg_class where oid = to_regclass('task_status')
            union all
            select format('grant connect on database %I to %I', current_database(), $1)
        ) as statements
        "#,
        role,
        &tables,
        &privileges,
        &functions(),
    )
    .fetch_one(connection)
    .await?;
    Ok(statements)
}

struct Held {
    /// As an SQL identifier.
    role: String,
    /// The missing privileges, as text.
    lacking: Option<String>,
}

/// The privileges that a role lacks: of all that [`grant`] gives, or, without a role, those that the connection's role needs
/// to serve.
async fn lacking(connection: &mut PgConnection, role: Option<&str>) -> Result<Held, StoreError> {
    let (tables, privileges) = tables();
    let held = sqlx::query_as!(
        Held,
        r#"
        select quote_ident(role) as "role!", (
            select string_agg(privileges || ' on ' || object, '; ' order by object) from (
                select object, upper(string_agg(privilege, ', ')) as privileges from (
                    select privilege, name as object, has_table_privilege(role, to_regclass(name), privilege) as held
                    from unnest($2::text[], $3::text[]) as tables (name, privileges),
                        string_to_table(privileges, ', ') as privilege
                    union all
                    select 'execute', name, has_function_privilege(role, to_regproc(name), 'execute')
                    from unnest($4::text[]) as functions (name)
                    union all
                    select 'usage', 'schema ' || relnamespace::regnamespace,
                        has_schema_privilege(role, relnamespace, 'usage')
                    from pg_class where oid = to_regclass('task_status') and $1::text is not null
                    union all
                    select 'connect', 'database ' || current_database(),
                        has_database_privilege(role, current_database(), 'connect')
                    where $1 is not null
                ) as needed
                where held is not true group by object
            ) as lacking
        ) as lacking
        from coalesce($1::name, current_user) as role
        "#,
        role,
        &tables,
        &privileges,
        &functions(),
    )
    .fetch_one(connection)
    .await?;
    Ok(held)
}

/// [`TABLES`] as PostgreSQL's `unnest` takes it.
fn tables() -> (Vec<String>, Vec<String>) {
    TABLES
        .map(|(name, privileges)| (name.to_owned(), privileges.to_owned()))
        .into_iter()
        .unzip()
}

fn functions() -> Vec<String> {
    FUNCTIONS.map(str::to_owned).into()
}
