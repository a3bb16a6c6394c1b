"""From a form to its execution: new environments and changes, previews, approvals, schedules, the queue."""
