// The official SDK, set up to call the service of the command line, and how a call's outcome is summed up.

import { Configuration, Paginator, TaskManagementBetaApi, TaskManagementV2024Api } from "sailpoint-api-client";

export { Configuration, Paginator, TaskManagementBetaApi };

// The SDK tells its progress on stdout, which here is for the summary alone.
console.log = console.error;

const [baseurl] = process.argv.slice(2);

function configuration(settings) {
    // With a token given the SDK asks for none; the service has no such endpoint, so asking would fail every call.
    const given = { baseurl, tokenUrl: `${baseurl}/oauth/token`, accessToken: "a-token" };
    // The constructor takes over neither of the other settings. By default a 5xx is tried again, which would hide it.
    return Object.assign(new Configuration(given), { retriesConfig: { retries: 0 } }, settings);
}

export const beta = new TaskManagementBetaApi(configuration({}));
export const v2024 = new TaskManagementV2024Api(configuration({ experimental: true }));

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

/** Makes the calls one after the other and prints what came of each, by its name, as one line of JSON. */
export async function summarize(calls) {
    const summary = {};
    for (const [name, call] of Object.entries(calls)) {
        summary[name] = await call().then(answer, failure);
    }
    process.stdout.write(`${JSON.stringify(summary)}\n`);
}
