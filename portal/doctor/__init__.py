"""`manage.py doctor`: the problems of this installation, and how to fix each.

Each module reads facts and judges them, in separate functions: `read` makes no decision, and `judge` reads
nothing.
"""
