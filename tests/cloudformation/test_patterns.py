"""Patterns of templates mean what they mean in Java, or are left to CloudFormation, and take linear time."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployments.cloudformation import patterns
from deployments.cloudformation.parameters import MAX_VALUE, Parameter, problem
from deployments.cloudformation.patterns import MAX_PATTERN, is_checked, matches
from deployments.common.errors import Message
from deployments.common.message_codes import Code


@pytest.mark.parametrize(
    ("pattern", "good", "bad"),
    [
        (r"[a-z][a-z0-9-]{1,5}", ["ab", "a-9"], ["a", "A9", "abcdefg", "ab\n"]),
        (r"^$|arn:(aws|aws-cn):iam::\d{12}:role/.+", ["", "arn:aws:iam::123456789012:role/a"], ["arn:"]),
        (r"(?:a|b)+?c*", ["a", "abac"], ["c", ""]),
        (r"\p{Alnum}+\p{Punct}\P{Space}", ["a9!x"], ["a9! ", "é!x"]),
        (r"[\w.-]+@[^\s@]+", ["a.b-c@x"], ["a b@x", "é@x"]),
        (r"[\s\S]{2}", ["\n\n", "あ\x0b"], ["x"]),
        (r"\s\S", ["\x0ba", " é"], ["aa", "\xa0a"]),
        (r".", ["a", "あ", "😀"], ["\n", "\r", "\x85", "\u2028", ""]),
        (r"\d", ["7"], ["٧", "x"]),
        (r"[-a]|[a-]|[$.|^]", ["-", "a", "$", "^"], ["b"]),
        (r"[+--]", ["+", ",", "-"], ["."]),
        (r"\x41\u0042\t\-\/\.", ["AB\t-/."], ["AB\t-/x"]),
        (r"(^b$)|c", ["b", "c"], ["bc"]),
        (r"[^a-z&]", ["A", "あ"], ["q", "&"]),
        (r"a{0}b{2,}c{1,2}", ["bbc", "bbbcc"], ["abbc", "bc"]),
        (r"]}", ["]}"], ["]"]),
    ],
)
def test_a_pattern_means_what_it_means_in_java(pattern: str, good: list[str], bad: list[str]) -> None:
    for value in good:
        assert matches(pattern, value) is True, value
    for value in bad:
        assert matches(pattern, value) is False, value


@pytest.mark.parametrize(
    "pattern",
    [
        *(
            r"[a-z&&[^b]]",
            r"[a-d[m-p]]",
            r"[[:alpha:]]",
            r"[]a]",
            r"[^]a]",
            r"[a-\d]",
            r"[z-a]",
            r"[a",
            r"[]",
        ),
        *(
            r"a++",
            r"a*+",
            r"a{2}+",
            r"(?>a)",
            r"(?=.*[A-Z]).{8,}",
            r"(?!x)a",
            r"(?<=a)b",
            r"(a)\1",
            r"(?<n>a)\k<n>",
        ),
        *(
            r"a\Z",
            r"\Ga",
            r"\bword\b",
            r"a\R",
            r"\h",
            r"\v",
            r"\X",
            r"\Q.\E",
            r"\N{DIGIT ONE}",
            r"\07",
            r"\cA",
        ),
        *(r"\p{L}", r"\p{IsGreek}", r"\pL", r"\p{javaLowerCase}", r"\P{InGreek}", r"\p", r"\p{Alnum"),
        *(r"(?i)abc", r"(?s).*", r"(?x) a", r"(?i:a)", r"\ud83d\ude00", r"\x4", r"\u123", r"\x{41}", r"\y"),
        *("a**", "*a", "(*a)", "a|*", "^*", "$+", "a{,3}", "a{x}", "{1}", "a{1", "a{3}{2}", "a{1001}"),
        *("(a", "a)", ")(", "\\", "[\\", "a" * (MAX_PATTERN + 1), "(" * 600 + ")" * 400, "(.{1000}){1000}"),
    ],
)
def test_what_re2_lacks_or_reads_in_another_way_is_left_to_cloudformation(pattern: str) -> None:
    parameter = Parameter(name="P", allowed_pattern=pattern)

    assert not is_checked(pattern)
    assert matches(pattern, "anything") is None
    assert parameter.has_unchecked_pattern
    assert problem(parameter, "anything") is None
    assert problem(parameter, "") is None


def test_a_dollar_inside_stands_before_a_final_line_end_in_java_only() -> None:
    assert matches("(a$)\n", "a\n") is None
    assert matches("(a$)b?", "a") is True
    assert matches("(a$)b", "ab") is False
    assert matches("a$", "a\n") is False


@pytest.mark.parametrize("pattern", ["(a+)+$", "(a|a)*b", "(a*)*b", "(.*)*x", "(a?){30}a{30}b", "([a-z]+)*!"])
def test_a_pattern_that_backtracking_never_ends_has_a_result(pattern: str) -> None:
    assert matches(pattern, "a" * 34 + "!") is (pattern == "([a-z]+)*!")
    assert matches(pattern, "a" * (MAX_VALUE - 1) + "?") is False


def test_only_re2_sees_patterns_of_templates_and_only_short_values(monkeypatch: pytest.MonkeyPatch) -> None:
    lengths = []

    def seen(pattern: str, value: str) -> bool:
        lengths.append(len(value))
        return True

    monkeypatch.setattr(patterns, "matches", seen)
    for kind in ("String", "CommaDelimitedList"):
        parameter = Parameter(name="P", type=kind, allowed_pattern="(a+)+")
        assert problem(parameter, "a" * MAX_VALUE) is None
        for value in ("a" * (MAX_VALUE + 1), "あ" * (MAX_VALUE // 3 + 1), "a" * 10_000_000):
            found = problem(parameter, value)
            assert found is not None
            assert found == Message(Code.PARAMETER_TOO_LARGE, {"max": str(MAX_VALUE)})

    assert lengths == [MAX_VALUE, MAX_VALUE]


@given(st.text(alphabet="ab.\\[]^$-&{}()|*+?,019pPdDsSwWxuQEzZ", max_size=12), st.text(max_size=8))
def test_any_pattern_and_value_have_a_result(pattern: str, value: str) -> None:
    assert matches(pattern, value) in (True, False, None)
