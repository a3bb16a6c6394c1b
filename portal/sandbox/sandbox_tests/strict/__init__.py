"""AWS's rules that the sandbox enforces, each with its source and a minimal template or call against it.

docs/sandbox.md lists them by id, with the name of the test.
"""
