"""The hash chain of audit records, which an auditor can compute from the documented rule alone."""

from __future__ import annotations

import hashlib
import json

from deployments.access.rules.audit_chain import (
    FIRST,
    ChainProblem,
    ChainRecord,
    Point,
    Walk,
    beyond,
    link_hash,
)


def chain(*names: str) -> list[ChainRecord]:
    links, previous = [], FIRST
    for seq, name in enumerate(names, 1):
        values = {"id": seq, "name": name, "details": {"b": 1, "a": "環境"}}
        previous = link_hash(previous, seq, values)
        links.append(ChainRecord(seq=seq, hash=previous, pk=seq, values=values))
    return links


def test_the_hash_follows_the_documented_rule() -> None:
    (first,) = chain("shop")

    text = json.dumps(
        {"id": 1, "name": "shop", "details": {"b": 1, "a": "環境"}, "seq": 1},
        sort_keys=True,
        separators=(",", ":"),
        ensure_ascii=False,
    )
    assert first.hash == hashlib.sha256(("0" * 64 + text).encode()).hexdigest()


def test_an_anchor_of_another_chain_is_found() -> None:
    links = chain("a", "b", "c")
    anchor = Point(seq=2, hash="f" * 64, day="2026-11-27")

    (found,) = Walk(start=Point(seq=0, hash=FIRST), points={2: [anchor]}).over(links)

    assert (found.problem, found.first, found.day) == (ChainProblem.ANCHOR, 2, "2026-11-27")


def test_the_latest_anchor_beyond_the_end_tells_how_many_are_missing() -> None:
    end = Point(seq=3, hash="a" * 64)
    anchors = [Point(seq=n, hash="b" * 64, day=f"2026-11-0{n}") for n in (2, 5, 7)]

    (found,) = beyond(end, anchors, ChainProblem.END_MISSING)

    assert (found.first, found.last, found.day) == (4, 7, "2026-11-07")
