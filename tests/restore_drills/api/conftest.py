"""A program of an operator, and a small template set."""

from tests.calling import _many_requests, operator, program, template_set

__all__ = ["_many_requests", "operator", "program", "template_set"]
