"""AWS identifiers are compared byte by byte on every database."""

from __future__ import annotations

import pytest
from django.db import IntegrityError, transaction

from tests.builders import make_deployment, make_resource, make_stack


@pytest.mark.django_db
def test_logical_ids_that_differ_only_in_case_are_two_resources() -> None:
    stack = make_stack(make_deployment())
    make_resource(stack, "Web")

    make_resource(stack, "web")

    with pytest.raises(IntegrityError), transaction.atomic():
        make_resource(stack, "web")
