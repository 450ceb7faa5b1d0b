"""Calls a service with the client that openapi-python-client makes: `python client.py BASE_URL`."""

import json
import sys

from generated import AuthenticatedClient
from generated.api.reading_tasks import get_pending_task_headers, get_pending_tasks, get_task_status, get_task_status_list
from generated.api.reporting_and_changing_tasks import (
    clear_task_statuses,
    report_task_status,
    report_task_statuses,
    update_task_status,
)
from generated.models import (
    CompletionStatus,
    CompletionStatusOperation,
    CompletionStatusOperationOp,
    CompletionStatusOperationPath,
    IdentifiedTask,
    ReplaceOperation,
    ReplaceOperationOp,
    TaskReport,
    TaskType,
)

client = AuthenticatedClient(base_url=sys.argv[1], token="a-token")
report = {"type_": TaskType.QPOC, "unique_name": "n", "launcher": "l"}
patch = ReplaceOperation(op=ReplaceOperationOp.REPLACE, path="/completionStatus", value="ERROR")
completion = CompletionStatusOperation(
    op=CompletionStatusOperationOp.REPLACE,
    path=CompletionStatusOperationPath.VALUE_0,
    value=CompletionStatus.ERROR,
)

put = report_task_status.sync_detailed("a", client=client, body=TaskReport(**report))
batch = report_task_statuses.sync(client=client, body=[IdentifiedTask(id=id, **report) for id in ("b", "c")])
pending = get_pending_tasks.sync(client=client, limit=2)
count = get_pending_task_headers.sync_detailed(client=client, count=True)
patched = update_task_status.sync("a", client=client, body=[patch])
task = get_task_status.sync("a", client=client)
cleared = clear_task_statuses.sync(client=client, filters='id in ("b", "c")', body=[completion])
error = get_task_status_list.sync_detailed(client=client, filters="x")

print(
    json.dumps({
        "put": [put.status_code, put.parsed.unique_name, put.parsed.completion_status],
        "batch": [reported.outcome for reported in batch],
        "list": [pending_task.id for pending_task in pending],
        "count": count.headers["x-total-count"],
        "patch": [patched.completion_status, patched.target],
        "get": task.completion_status,
        "cleared": [cleared.completed, cleared.remaining],
        "error": [error.status_code, error.parsed.detail_code, len(error.parsed.causes)],
    })
)
