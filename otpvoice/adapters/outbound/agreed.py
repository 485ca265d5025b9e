"""What the library that connects makes of a URL that was read: the same, or nobody is asked."""

from __future__ import annotations

from functools import lru_cache

from yarl import URL

from otpvoice.trust.urls import BadUrl, Target


@lru_cache(maxsize=512)
def agreed(target: Target) -> URL:
    """Return it as the library's. Raises ``BadUrl`` where that reads another scheme, host or port than we did."""
    try:
        url = URL(target.url, encoded=True)
        if (url.scheme, url.raw_host, url.port, url.user) == (
            target.scheme,
            target.host.strip("[]"),
            target.port,
            None,
        ):
            return url
    except ValueError:
        pass
    raise BadUrl("must be a URL that can be read in one way only")
