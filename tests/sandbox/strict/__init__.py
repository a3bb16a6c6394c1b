"""Rules of AWS that the sandbox keeps, each with its source and a minimal template or call that breaks it.

docs/sandbox.md lists them by id, with the name of the test.
"""
