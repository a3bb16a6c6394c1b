"""The router of the operations about who may do what."""

from __future__ import annotations

from ninja import Router

router = Router(tags=["Access"])
