"""The crash matrix: whoever dies, at whatever point of a call, what was promised holds.

``points`` says where, and what is promised there; ``driver`` tells one story; ``python -m tests.faults.matrix`` tells
all of them and writes the table of ``docs/faults.md``.
"""
