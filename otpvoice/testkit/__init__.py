"""Real parts in folders of their own: Asterisk, Redis, a SIP callee, for the tests, the demo and the benchmarks.

Refuses to touch what already runs: free ports of loopback, own folders, and nothing left behind.
"""

from __future__ import annotations
