"""The Django project: settings, Celery app, shared interface and sandbox. Nothing imports it."""
