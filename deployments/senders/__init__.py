"""Senders of notifications: each makes one attempt in limited time, and returns what came of it."""

from deployments.senders.outcome import Outcome

__all__ = ["Outcome"]
