"""The Django project: settings, Celery app, shared interface and sandbox. Nothing imports it."""

from portal.celery_app import app as celery_app

__all__ = ["celery_app"]
