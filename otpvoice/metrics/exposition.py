"""What is measured as text, for Prometheus or as OpenMetrics, whichever the client names first.

All of it in one go: the event loop has no turn between two numbers, and none of them goes back.
"""

from __future__ import annotations

from typing import Final

from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector

_OPENMETRICS: Final = "application/openmetrics-text"
_PLAIN: Final = "text/plain"
_AS_THEY_ARE: Final = "escaping=allow-utf-8"


def exposition(collector: Collector, accept: str) -> tuple[bytes, str]:
    """Return the text and its content type."""
    encoder, content_type = choose_encoder(chosen(accept))
    return encoder(collector), content_type


def chosen(accept: str) -> str:
    """Return the one media type that is answered with.

    Not what the client sent: the library repeats the version in it, and stumbles over one that is none.
    """
    for each in accept.split(","):
        kind, *parameters = (part.strip() for part in each.lower().split(";"))
        if kind == _PLAIN:
            return _PLAIN
        version = next((part for part in parameters if part.startswith("version=")), "version=1.0.0")
        if kind == _OPENMETRICS and version == "version=1.0.0":
            # All names of ours are plain: it is the same text, of which the library then need not spell each name.
            return "; ".join((_OPENMETRICS, version, *(part for part in parameters if part == _AS_THEY_ARE)))
    return _PLAIN
