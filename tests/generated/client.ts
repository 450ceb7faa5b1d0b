// Calls a service with the client that openapi-typescript and openapi-fetch make: `node out/client.js BASE_URL`.

import createClient from "openapi-fetch";
import type { components, paths } from "./schema.js";

declare const process: { argv: string[] };

const client = createClient<paths>({ baseUrl: process.argv[2] ?? "" });
const report: components["schemas"]["TaskReport"] = { type: "QPOC", uniqueName: "n", launcher: "l" };
const path = (id: string) => ({ params: { path: { id } } });
const clear = { op: "replace", path: "/completionStatus", value: "ERROR" } as const;

const put = await client.PUT("/task-status/{id}", { ...path("a"), body: report });
const batch = await client.POST("/task-status", { body: ["b", "c"].map((id) => ({ ...report, id })) });
const list = await client.GET("/task-status/pending-tasks", { params: { query: { limit: 2 } } });
const count = await client.HEAD("/task-status/pending-tasks", { params: { query: { count: true } } });
const patch = await client.PATCH("/task-status/{id}", { ...path("a"), body: [clear] });
const get = await client.GET("/task-status/{id}", path("a"));
const cleared = await client.PATCH("/task-status", { params: { query: { filters: 'id in ("b", "c")' } }, body: [clear] });
const error = await client.GET("/task-status", { params: { query: { filters: "x" } } });

const outcomes = Array.isArray(batch.data) ? batch.data.map((reported) => reported.outcome) : null;
console.log(JSON.stringify({
    put: [put.response.status, put.data?.uniqueName, put.data?.completionStatus],
    batch: outcomes,
    list: list.data?.map((task) => task.id),
    count: count.response.headers.get("x-total-count"),
    patch: [patch.data?.completionStatus, patch.data?.target],
    get: get.data?.completionStatus,
    cleared: [cleared.data?.completed, cleared.data?.remaining],
    error: [error.response.status, error.error?.detailCode, error.error?.causes?.length],
}));
