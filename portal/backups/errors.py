"""What can be wrong with a backup or with the place where it is to be restored."""

from __future__ import annotations


class BackupError(Exception):
    """Raised when a backup cannot be written or restored. The message is a sentence for the operator."""
