"""The colors in the style sheets: contrast, and statuses that can be distinguished with any color vision.

Contrast: WCAG 2.2, 1.4.3 and 1.4.11. Color blindness: Machado, Oliveira and Fernandes 2009, severity 1.0.
Difference: CIE76 over normal, protan, deutan and tritan sight.
"""

from __future__ import annotations

import itertools
import math
import re
from typing import cast

import pytest
from django.conf import settings

from deployments.cloudformation.status import DisplayStatus

STATUSES = ("pending", "progress", "done", "rollback", "failed")
GROUNDS = ("bg", "surface", "raised")
SCHEMES = ("light", "dark")
Triple = tuple[float, float, float]
SIGHTS: dict[str, tuple[Triple, Triple, Triple]] = {
    "normal": ((1, 0, 0), (0, 1, 0), (0, 0, 1)),
    "protan": (
        (0.152286, 1.052583, -0.204868),
        (0.114503, 0.786281, 0.099216),
        (-0.003882, -0.048116, 1.051998),
    ),
    "deutan": (
        (0.367322, 0.860646, -0.227968),
        (0.280085, 0.672501, 0.047413),
        (-0.011820, 0.042940, 0.968881),
    ),
    "tritan": (
        (1.255528, -0.076749, -0.178779),
        (-0.078411, 0.930809, 0.147602),
        (0.004733, 0.691367, 0.303900),
    ),
}


def style(name: str) -> str:
    return (settings.BASE_DIR / "portal/static/portal" / name).read_text()


SHEETS = style("tokens.css") + style("palette.css")


def color(name: str, scheme: str) -> Triple:
    """Return the color of a custom property in a scheme, as linear sRGB."""
    value = re.search(rf"--{name}:\s*([^;]+);", SHEETS)
    assert value, f"--{name} is not named"
    if alias := re.fullmatch(r"var\(--([\w-]+)\)", value[1]):
        return color(alias[1], scheme)
    pair = re.findall(r"#([0-9a-f]{6})", value[1])
    code = pair[SCHEMES.index(scheme)]
    return cast(Triple, tuple(linear(int(code[i : i + 2], 16) / 255) for i in (0, 2, 4)))


def linear(channel: float) -> float:
    return channel / 12.92 if channel <= 0.04045 else ((channel + 0.055) / 1.055) ** 2.4


def contrast(one: Triple, other: Triple) -> float:
    dark, light = sorted(0.2126 * r + 0.7152 * g + 0.0722 * b for r, g, b in (one, other))
    return (light + 0.05) / (dark + 0.05)


def product(matrix: tuple[Triple, Triple, Triple], vector: Triple) -> Triple:
    return cast(Triple, tuple(math.fsum(a * b for a, b in zip(row, vector, strict=True)) for row in matrix))


def lab(rgb: Triple) -> Triple:
    """Return the CIE L*a*b* values (D65) of a linear sRGB color."""
    x, y, z = product(
        (
            (0.4124564, 0.3575761, 0.1804375),
            (0.2126729, 0.7151522, 0.0721750),
            (0.0193339, 0.1191920, 0.9503041),
        ),
        rgb,
    )
    fx, fy, fz = (
        t ** (1 / 3) if t > 216 / 24389 else 841 / 108 * t + 4 / 29 for t in (x / 0.95047, y, z / 1.08883)
    )
    return 116 * fy - 16, 500 * (fx - fy), 200 * (fy - fz)


def seen(rgb: Triple, sight: str) -> Triple:
    return lab(cast(Triple, tuple(min(1.0, max(0.0, c)) for c in product(SIGHTS[sight], rgb))))


def tinted(one: Triple, ground: Triple) -> Triple:
    """Return a background tinted with a badge's share of a color, as color-mix(in oklab) does."""
    share = int(re.search(r"--tint: (\d+)%", SHEETS)[1]) / 100  # type: ignore[index]  # a missing one fails the test
    mixed = [share * a + (1 - share) * b for a, b in zip(oklab(one), oklab(ground), strict=True)]
    return from_oklab(cast(Triple, tuple(mixed)))


def oklab(rgb: Triple) -> Triple:
    """https://bottosson.github.io/posts/oklab/"""
    lms = product(
        (
            (0.4122214708, 0.5363325363, 0.0514459929),
            (0.2119034982, 0.6806995451, 0.1073969566),
            (0.0883024619, 0.2817188376, 0.6299787005),
        ),
        rgb,
    )
    return product(
        (
            (0.2104542553, 0.7936177850, -0.0040720468),
            (1.9779984951, -2.4285922050, 0.4505937099),
            (0.0259040371, 0.7827717662, -0.8086757660),
        ),
        cast(Triple, tuple(c ** (1 / 3) for c in lms)),
    )


def from_oklab(lab_: Triple) -> Triple:
    lms = product(
        (
            (1, 0.3963377774, 0.2158037573),
            (1, -0.1055613458, -0.0638541728),
            (1, -0.0894841775, -1.2914855480),
        ),
        lab_,
    )
    return product(
        (
            (4.0767416621, -3.3077115913, 0.2309699292),
            (-1.2684380046, 2.6097574011, -0.3413193965),
            (-0.0041960863, -0.7034186147, 1.7076147010),
        ),
        cast(Triple, tuple(c**3 for c in lms)),
    )


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("name", [*STATUSES, "text", "muted", "accent", "critical"])
def test_every_text_has_a_contrast_of_4_5_on_every_background(name: str, scheme: str) -> None:
    ratios = {ground: contrast(color(name, scheme), color(ground, scheme)) for ground in GROUNDS}

    assert min(ratios.values()) >= 4.5, ratios


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("name", STATUSES)
def test_a_status_has_enough_contrast_on_its_badge(name: str, scheme: str) -> None:
    one = color(name, scheme)

    assert min(contrast(one, tinted(one, color(ground, scheme))) for ground in GROUNDS) >= 4.5


@pytest.mark.parametrize("scheme", SCHEMES)
def test_text_on_filled_buttons_has_enough_contrast(scheme: str) -> None:
    assert contrast(color("on-accent", scheme), color("accent", scheme)) >= 4.5
    assert contrast(color("surface", scheme), color("failed", scheme)) >= 4.5


@pytest.mark.parametrize("scheme", SCHEMES)
def test_borders_of_controls_have_a_contrast_of_3(scheme: str) -> None:
    assert min(contrast(color("edge", scheme), color(ground, scheme)) for ground in GROUNDS) >= 3


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("sight", SIGHTS)
def test_statuses_can_be_distinguished_with_any_color_vision(sight: str, scheme: str) -> None:
    differences = {
        (one, other): math.dist(seen(color(one, scheme), sight), seen(color(other, scheme), sight))
        for one, other in itertools.combinations(STATUSES, 2)
    }

    assert min(differences.values()) >= 20, differences


@pytest.mark.parametrize("name", ["waiting", "settling", "cancelled", "deleted", "attention"])
def test_statuses_with_the_same_meaning_share_a_color(name: str) -> None:
    for scheme in SCHEMES:
        assert color(name, scheme) in {color(status, scheme) for status in STATUSES}


def test_every_status_class_has_a_color() -> None:
    for sheet in (style("parts.css"), style("admin.css")):
        assert all(f".is-{shown.value}" in sheet for shown in DisplayStatus)
