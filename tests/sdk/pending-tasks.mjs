// Asks a service for its pending tasks in each way that the official SDK knows, and prints what came of it as one line
// of JSON: `node pending-tasks.mjs BASE_URL`.

import { Configuration, Paginator, TaskManagementBetaApi, TaskManagementV2024Api } from "sailpoint-api-client";

// The SDK tells its progress on stdout, which here is for the summary alone.
console.log = console.error;

const [baseurl] = process.argv.slice(2);

function configuration(settings) {
    // With a token given the SDK asks for none; the service has no such endpoint, so asking would fail every call.
    const given = { baseurl, tokenUrl: `${baseurl}/oauth/token`, accessToken: "a-token" };
    // The constructor takes over neither of the other settings. By default a 5xx is tried again, which would hide it.
    return Object.assign(new Configuration(given), { retriesConfig: { retries: 0 } }, settings);
}

const beta = new TaskManagementBetaApi(configuration({}));
const v2024 = new TaskManagementV2024Api(configuration({ experimental: true }));

// An id of the caller's, to find again in the error.
const tracked = { headers: { "SLPT-Request-ID": "0123456789abcdef0123456789abcdef" } };

const calls = {
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
};

/** A task is told by its id; whatever else the SDK gives is given on as it is. */
function answer({ status, headers, data }) {
    return {
        status,
        totalCount: headers["x-total-count"] ?? null,
        data: Array.isArray(data) ? data.map((task) => task.id) : data,
    };
}

function failure(error) {
    return error.response ? { error: error.name, ...answer(error.response) } : { error: error.name };
}

const summary = {};
for (const [name, call] of Object.entries(calls)) {
    summary[name] = await call().then(answer, failure);
}
process.stdout.write(`${JSON.stringify(summary)}\n`);
