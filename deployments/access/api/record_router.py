"""The router of the operations about accounts and audit records."""

from __future__ import annotations

from ninja import Router

router = Router(tags=["Accounts and audit"])
