"""An ``otpvoice`` that stands still at one point: it stops itself (SIGSTOP) in that step; the driver does the rest.

``nest`` starts it. The product has no code for this: its seams are wrapped here, in a process of its own. The driver
puts a file beside it that names the point; it is looked for at each seam, so that one process can go through many
points. What passed, by name, is left in another file.
"""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from otpvoice.adapters.outbound.client import GuardedClient
from otpvoice.adapters.store.redis.connection import Connection
from otpvoice.adapters.webhooks.dispatcher import Dispatcher
from otpvoice.adapters.webhooks.rounds import Bounds
from otpvoice.ari.leg import MediaLeg
from otpvoice.ari.rest import AriRest
from otpvoice.session import CallSession
from tests.faults.matrix import seams

ARMED: Final = Path("armed.json")
"""``{"nonce", "side", "seam", "word", "nth"}``; gone when the point was reached."""
SEEN: Final = Path("seams.txt")
"""Names of seams at which the world is changed, a line each, as they were passed for the first time."""
REACHED: Final = Path("reached.txt")
HURRIED: Final = Bounds(timeout=2.0)
"""A webhook that was taken by who died is anybody's again after 4 s, and not after 30: half a minute less a story."""


class Watch:
    """Stands at all seams. ``passes`` returns when the process may go on."""

    def __init__(self) -> None:
        self._seen: set[str] = set()
        self._nonce: str | None = None
        self._count = 0

    def passes(self, side: str, seam: str | None, words: frozenset[str] = frozenset(), *, changes: bool = True) -> None:
        """Somebody is about to pass a seam, or has passed it; None: one that is nobody's business."""
        if seam is None:
            return
        if changes and seam not in self._seen:
            self._seen.add(seam)
            with SEEN.open("a") as file:
                file.write(f"{seam}\n")
        try:
            armed = json.loads(ARMED.read_bytes())
        except FileNotFoundError:
            return
        if armed["nonce"] != self._nonce:
            self._nonce, self._count = armed["nonce"], 0
        if (armed["side"], armed["seam"]) != (side, seam) or (armed["word"] and armed["word"] not in words):
            return
        self._count += 1
        if self._count == armed["nth"]:
            ARMED.unlink()
            REACHED.write_text(armed["nonce"])
            # The whole process, and not this task: nothing happens any more until somebody says so.
            os.kill(os.getpid(), signal.SIGSTOP)


def wrap(watch: Watch) -> None:
    """Put the watch at the seams."""
    run, request, post = Connection.run, AriRest._request, GuardedClient.post
    tell, clean = CallSession.tell, MediaLeg.clean

    async def watched_run(self: Connection, script: str, account: str, *arguments: Any) -> Any:
        seam, words = seams.of_script(script), seams.words_of(arguments)
        watch.passes("before", seam, words)
        answer = await run(self, script, account, *arguments)
        watch.passes("after", seam, words)
        return answer

    async def watched_request(
        self: AriRest, method: str, path: str, body: Mapping[str, Any] | None = None, **options: Any
    ) -> Any:
        seam = seams.of_request(method, path, body)
        watch.passes("before", seam)
        answer = await request(self, method, path, body, **options)
        watch.passes("after", seam)
        return answer

    async def watched_post(self: GuardedClient, url: str, body: bytes, *more: Any, **options: Any) -> Any:
        seam, words = seams.of_post(body)
        watch.passes("before", seam, words)
        answer = await post(self, url, body, *more, **options)
        watch.passes("after", seam, words)
        return answer

    def watched_tell(self: CallSession, event: Any) -> None:
        watch.passes("before", *seams.of_event(event), changes=False)
        tell(self, event)

    async def watched_clean(self: MediaLeg) -> bool:
        watch.passes("before", "leg clean")
        proven = await clean(self)
        watch.passes("after", "leg clean")
        return proven

    Connection.run, AriRest._request = watched_run, watched_request  # type: ignore[method-assign]
    GuardedClient.post, CallSession.tell = watched_post, watched_tell  # type: ignore[method-assign]
    MediaLeg.clean = watched_clean  # type: ignore[method-assign]
    assert Dispatcher.__init__.__kwdefaults__ is not None
    Dispatcher.__init__.__kwdefaults__["bounds"] = HURRIED
