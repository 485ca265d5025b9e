"""A Stasis application, as Asterisk knows it: who is in it.

Not read from what a channel says that it executes: ``Stasis("otpvoice",…)`` is the same application, and a channel with
a name that is no UTF-8 says nothing at all.
"""

from __future__ import annotations

from otpvoice.ari import errors
from otpvoice.ari.rest import AriRest


async def channels_in(rest: AriRest, app: str) -> set[str]:
    """Return the ids of all channels that an application has, ringing ones included. Raises ``AriError``.

    Asterisk forgets an application that nobody is connected to and that has no channels (``res/stasis/app.c``).
    One may be among them that is in Stasis no more, or never was: where ``Stasis()`` could not tell of it
    (``res_stasis.c``, ``stasis_app_exec``) its subscription stays.
    """
    try:
        application = await rest.get(f"applications/{app}")
    except errors.ChannelGone:
        return set()
    if not isinstance(application, dict):
        raise errors.AnswerLost(f"applications/{app}: no object")
    return set(application["channel_ids"])
