"""The work of a deployment, one short step at a time: no Celery, no HTTP."""
