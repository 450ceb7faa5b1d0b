// Works with the demo as somebody does who has set the three variables, and nothing else: `node demo.mjs`.

import { Configuration, Paginator, TaskManagementBetaApi, summarize } from "./client.mjs";

const { SAIL_BASE_URL: baseurl, SAIL_CLIENT_ID: client_id, SAIL_CLIENT_SECRET: client_secret } = process.env;
const tokenUrl = `${baseurl}/oauth/token`;
const whole = new TaskManagementBetaApi(new Configuration());

/** The same API with a token of the demo that is for reading only. */
async function reading() {
    const body = new URLSearchParams({ grant_type: "client_credentials", client_id, client_secret, scope: "idn:task-management:read" });
    const { access_token: accessToken } = await (await fetch(tokenUrl, { method: "POST", body })).json();
    return new TaskManagementBetaApi(new Configuration({ baseurl, tokenUrl, accessToken }));
}

const reader = await reading();
const forged = new TaskManagementBetaApi(new Configuration({ baseurl, tokenUrl, accessToken: "forged" }));
// The oldest are stuck: nobody but us changes them.
const [{ id }] = (await whole.getPendingTasks({ limit: 1 })).data;
const clear = { id, jsonPatchOperationBeta: [{ op: "replace", path: "/completionStatus", value: "Terminated" }] };
const status = (response) => ({ ...response, data: response.data.completionStatus });
const number = (response) => ({ ...response, data: response.data.length });

await summarize({
    read: () => reader.getTaskStatus({ id }).then(status),
    refused: () => reader.updateTaskStatus(clear),
    unknown: () => forged.getTaskStatus({ id }),
    unchanged: () => whole.getTaskStatus({ id }).then(status),
    written: () => whole.updateTaskStatus(clear).then(status),
    changed: () => reader.getTaskStatus({ id }).then(status),
    paginated: () => Paginator.paginate(whole, whole.getPendingTasks).then(number),
});
