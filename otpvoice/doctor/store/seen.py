"""What was seen of a Redis: the facts that the checks of this room judge. No address and no password is among them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal, TypeAlias

Why: TypeAlias = Literal["dns", "refused", "timeout", "tls", "password", "protected", "loading", "other"]
UNTOLD: Final = "not told to our user (INFO, CONFIG)"


@dataclass(frozen=True, slots=True)
class NoRedis:
    """Why it was not reached. ``detail``: the system's or the server's word for it; of a timeout, after how many s."""

    why: Why
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Seen:
    """What a Redis said. ``info``, ``config``: {} where we may not know. ``latency``: the shortest answer's, s.

    ``forbidden``: commands that our user may not give. ``refused``: the code with which the first of the others failed,
    ``refused_at``; "" where all were taken.
    """

    info: Mapping[str, Any] = field(default_factory=dict)
    config: Mapping[str, str] = field(default_factory=dict)
    latency: float = 0.0
    user: str = "default"
    forbidden: Sequence[str] = ()
    refused: str = ""
    refused_at: str = ""

    @property
    def plain_port(self) -> int | None:
        """Its TCP port without TLS; 0: it has none, None: not told."""
        port = self.info.get("tcp_port")
        return None if port is None else int(port)
