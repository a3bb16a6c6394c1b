"""`manage.py doctor`: what is wrong with this installation, and how to fix each.

Each module reads facts and judges them: what reads makes no decision, and what decides reads nothing.
"""
