"""Tests of the portal's templates, gateways and documents against the sandbox; its own are beside it."""
