"""What can go wrong between us and Asterisk, sorted by what the caller should do.

AriError
├── Unreachable        no byte left: it is safe to try again
│   └── NotBooted      Asterisk answers 503 until its modules are loaded, and in its last moments
├── AnswerLost         sent, and no answer of Asterisk's: look before doing anything else
└── Refused            Asterisk answered no; carries ``status``
    ├── ChannelGone    404: the channel (bridge, …) is not there any more; mostly good news
    ├── DuplicateId    409 on a create: an object with our id is alive
    ├── NotInStasis    409 or 422: the channel is not, or no longer, in an application
    └── EndpointMissing  500 "Allocation failed": no such endpoint, or it is not registered
"""

from __future__ import annotations

import traceback


class AriError(Exception):
    """Root of all that the ARI client raises."""


class Unreachable(AriError):
    """The request did not leave this machine."""


class NotBooted(Unreachable):
    """Asterisk is there and not ready, or not for long: it did nothing with the request, and said so."""


class AnswerLost(AriError):
    """The request was sent, whole or in part, and it is not known what became of it."""


class Refused(AriError):
    """Asterisk answered with an error ``status`` and its reason."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(f"{status} {reason}")
        self.status, self.reason = status, reason


class ChannelGone(Refused):
    """Nothing has this id (any more)."""


class DuplicateId(Refused):
    """Something alive has this id."""


class NotInStasis(Refused):
    """The channel is not in an application (yet, or any more)."""


class EndpointMissing(Refused):
    """The dial string names an endpoint that Asterisk does not know or can't reach."""


class MediaWedged(AriError):
    """Asterisk's media registry hangs: only a restart of Asterisk helps."""


def place_of(error: Exception) -> str:
    """Return where a fault of ours came from: ``file:line``, for the log.

    Never its traceback: rendered with its variables it would show keys, codes, and what is being said.
    """
    place = traceback.extract_tb(error.__traceback__)[-1]
    return f"{place.filename}:{place.lineno}"
