"""Tests of deployments/wording: words for every code, in every language, and for rows of earlier releases."""
