"""What a call costs: the product against a bare loop that does the same on the wire, in one run and in turns.

Run it with ``make bench``; what is measured, and why so, is said in ``docs/benchmarks.md``.
"""
