// Lists, shows, clears and pages through tasks of any state with the official SDK: `node task-management.mjs BASE_URL`.

import { Paginator, beta, summarize, v2024 } from "./client.mjs";

// As the SDK's own documentation clears a pending task.
const clear = [
    { op: "replace", path: "/completionStatus", value: "Error" },
    { op: "replace", path: "/completed", value: "2024-05-17T19:33:16.470Z" },
];

await summarize({
    list: () => beta.getTaskStatusList({ limit: 3, count: true }),
    filtered: () => beta.getTaskStatusList({ filters: 'completionStatus eq "Success"', sorters: "-created", limit: 3, count: true }),
    pendingOfSource: () => v2024.getTaskStatusList({ filters: 'completionStatus isnull and sourceId eq "source-1"', count: true }),
    unreadable: () => beta.getTaskStatusList({ filters: 'name eq "x"' }),
    get: () => beta.getTaskStatus({ id: "300" }).then(whole),
    missing: () => beta.getTaskStatus({ id: "none" }),
    patch: () => beta.updateTaskStatus({ id: "300", jsonPatchOperationBeta: clear }).then(whole),
    patched: () => v2024.getTaskStatus({ id: "300" }).then(whole),
    immutable: () => beta.updateTaskStatus({ id: "300", jsonPatchOperationBeta: [{ op: "replace", path: "/id", value: "x" }] }),
    paginated: () => Paginator.paginate(beta, beta.getTaskStatusList, { sorters: "created" }),
});

/** Of a single task, what a patch may have changed. */
function whole(response) {
    const { id, completionStatus, completed } = response.data;
    return { ...response, data: { id, completionStatus, completed } };
}
