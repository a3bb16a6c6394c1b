"""Senders of notifications: each makes one attempt in limited time, and returns its result."""

from deployments.senders.outcome import Outcome

__all__ = ["Outcome"]
