// Asks a service for its pending tasks in each way that the official SDK knows: `node pending-tasks.mjs BASE_URL`.

import { Paginator, beta, summarize, v2024 } from "./client.mjs";

// An id of the caller's, to find again in the error.
const tracked = { headers: { "SLPT-Request-ID": "0123456789abcdef0123456789abcdef" } };

await summarize({
    plain: () => beta.getPendingTasks(),
    everyParameter: () => beta.getPendingTasks({ offset: 590, limit: 7, count: true }),
    uncounted: () => beta.getPendingTasks({ offset: 0, limit: 1, count: false }),
    head: () => beta.getPendingTaskHeaders({ count: true }),
    refused: () => beta.getPendingTasks({ limit: 251 }, tracked),
    v2024: () => v2024.getPendingTasks({ offset: 590, limit: 7, count: true }),
    v2024Head: () => v2024.getPendingTaskHeaders({ xSailPointExperimental: "true", count: true }),
    paginated: () => Paginator.paginate(beta, beta.getPendingTasks),
    // A step that divides their number ends with a page past the end.
    paginatedEvenly: () => Paginator.paginate(v2024, v2024.getPendingTasks, { count: true }, 100),
});
