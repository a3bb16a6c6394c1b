"""The error of backups and restores."""

from __future__ import annotations


class BackupError(Exception):
    """Raised when a backup cannot be written or restored. The message is a sentence for the operator."""
