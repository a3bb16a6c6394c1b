"""How the fields of parameters are named in the forms of environments."""

PREFIX = "parameter_"
"""Prefix of parameters' field names, so that they do not clash with other fields."""
