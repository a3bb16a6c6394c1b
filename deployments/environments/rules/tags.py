"""The tag in AWS that tells what a first contact creates from everything else."""

from __future__ import annotations

from typing import Final

CONTACT_TAG: Final = "sanso:first-contact"
"""Its value is that of one run."""
