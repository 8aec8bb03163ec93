"""`xstilts checklist`: the behavioural tests of MultiCheckList, and what a checkpoint gets wrong."""

CASES = 200
"""Cases of a test in one language: google-research/xtreme @ 838c13b, `multichecklist/generate_tests.py:35`."""
SEED = 1
