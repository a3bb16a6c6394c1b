"""A program of an operator, a small template set and an environment."""

from tests.calling import _many_requests, operator, program, shop, template_set

__all__ = ["_many_requests", "operator", "program", "shop", "template_set"]
