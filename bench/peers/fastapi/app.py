"""The pending tasks by FastAPI and asyncpg: the JSON is made by PostgreSQL and passed on as bytes."""

import os
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated

import asyncpg
from fastapi import FastAPI, Query, Request, Response
from fastapi.middleware.gzip import GZipMiddleware

PAGE = Path(os.environ["BENCH_PAGE_SQL"]).read_text()
# As bytes: what is text would be decoded here only to be encoded again.
BARE = f"select convert_to(body, 'UTF8') as body from ({PAGE}) as page"
COUNTED = f"""
    select convert_to(body, 'UTF8') as body,
        (select count(*) from task_status where completion_status is null) as total
    from ({PAGE}) as page
"""


async def keep_as_it_is(_connection):
    """Reading leaves nothing behind: a connection that is given back needs no statement to reset it."""


@asynccontextmanager
async def lifespan(app):
    size = int(os.environ["BENCH_POOL"])
    # The PG variables of the environment name the database. Statements are prepared once a connection.
    async with asyncpg.create_pool(min_size=size, max_size=size, reset=keep_as_it_is) as pool:
        app.state.pool = pool
        yield


app = FastAPI(lifespan=lifespan)
if os.environ.get("BENCH_GZIP"):
    app.add_middleware(GZipMiddleware, minimum_size=1024, compresslevel=6)


@app.get("/task-status/pending-tasks")
async def pending_tasks(
    request: Request,
    offset: Annotated[int, Query(ge=0, le=2_147_483_647)] = 0,
    limit: Annotated[int, Query(ge=0, le=250)] = 250,
    count: bool = False,
):
    page = await request.app.state.pool.fetchrow(COUNTED if count else BARE, limit, offset)
    headers = {"X-Total-Count": str(page["total"])} if count else None
    return Response(page["body"], media_type="application/json", headers=headers)
