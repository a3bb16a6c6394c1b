"""The page of a deployment while it runs and afterwards, its waterfall and its log; lists, comparisons,
replays..
"""
