"""Why no call can be placed on an Asterisk now: what ``/readyz`` tells, and the metric beside it, by one judgement.

It asks for nothing itself: whoever has the node hands it in.
"""

from __future__ import annotations

from typing import Final, Protocol

NO_MEDIA_LEG: Final = "no_media_leg"
"""Connected, and neither a free leg nor one that a call has. All of them taken is a busy node, not a broken one."""


class Pool(Protocol):
    """Media legs of an Asterisk (``ari.pool.LegPool``)."""

    @property
    def wedged(self) -> bool: ...
    @property
    def free(self) -> int: ...
    @property
    def taken(self) -> int: ...


class Node(Protocol):
    """One Asterisk (``ari.node.AsteriskNode``)."""

    @property
    def connected(self) -> bool: ...
    @property
    def replaced(self) -> bool: ...
    @property
    def pool(self) -> Pool: ...


def why_not_ready(node: Node) -> list[str]:
    """Return the codes of all that is in the way, in the order in which it is to be mended; none: it is ready."""
    pool = node.pool
    reasons = {
        "asterisk_unavailable": not node.connected,
        "replaced": node.replaced,
        "media_wedged": pool.wedged,
        NO_MEDIA_LEG: node.connected and not pool.free and not pool.taken,
    }
    return [code for code, holds in reasons.items() if holds]
