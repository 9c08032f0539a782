"""The families whose every sample is held against the truth."""

FIELDS = {
    "outbound_task_customers": "customers",
    "outbound_task_completed_customers": "completed",
    "outbound_task_connected_customers": "connected",
    "outbound_task_calls": "calls",
}
"""Those of one sample a task, each with the value that it shows."""
COUNTED = (*FIELDS, "outbound_task_jobs")
