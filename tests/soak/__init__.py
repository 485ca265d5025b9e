"""Half an hour of calls while everything fails at random: ``python -m tests.soak``, and ``make soak``.

What is tried is decided before it begins, from a seed (``plan``); what is promised is judged at the end by the checker
of the crash matrix (``tests/faults/invariants.py``).
"""
