"""What an environment of each size of a template set needs of an account and its region."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from deployments.aws.service_quotas import Limited
from deployments.cloudformation.region_needs import RegionNeeds


@dataclass(frozen=True, slots=True, kw_only=True)
class SizeNeeds:
    """What one size needs. `label` is the preset's, "" for the defaults.

    `needs` are what it creates of each quota, `region` what the region has to offer, `images` the names of
    the SSM parameters with its machine images.
    """

    label: str
    needs: Mapping[Limited, int] = field(default_factory=dict)
    region: RegionNeeds = field(default_factory=RegionNeeds)
    images: tuple[str, ...] = ()
