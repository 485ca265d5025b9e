"""Who is connected to Asterisk under our names? Asterisk gives an application to whoever connected last."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from otpvoice.ari import errors
from otpvoice.ari.rest import AriRest
from otpvoice.doctor.finding import Check, Finding
from otpvoice.doctor.service import Readiness

APPLICATIONS = Check("asterisk.applications", "Is otpvoice connected to Asterisk, and nobody else under its names?")
NOBODY = APPLICATIONS.warns(
    "nobody",
    "nobody is connected as {app} and {own}: callers whom a dialplan sends there go on with STASISSTATUS=FAILED",
    "Start otpvoice (systemctl start otpvoice, docker compose up -d otpvoice). If it runs, its log says why it is not"
    " connected: ari.not_connected.",
)
OTHER_INSTANCE = APPLICATIONS.warns(
    "other_instance",
    "the otpvoice at {url} is the instance {theirs}, and these settings say {instance}: nobody is connected as {own}",
    "Give the doctor the settings that otpvoice runs with: OTPVOICE_INSTANCE={theirs}. Where none is set it is the"
    " host's name, and each container has its own: run the doctor where otpvoice runs, or set it.",
)
HALF = APPLICATIONS.warns(
    "half",
    "only {there} is connected, and {missing} is not",
    "Does otpvoice run on another host, or in another container, without OTPVOICE_INSTANCE? Its instance is that host's"
    " name then: run the doctor there, or set OTPVOICE_INSTANCE to the same for both. Else some other program is"
    " connected as {there}: stop it, or give this otpvoice an OTPVOICE_ARI_APP of its own, and say Stasis() with that"
    " name in its dialplan.",
)
SOMEBODY = APPLICATIONS.warns(
    "somebody_else",
    "somebody is connected as {own}, and no otpvoice answers at {url}: one that starts here takes the name from it",
    "Where two otpvoice share an Asterisk they must differ in OTPVOICE_INSTANCE and in OTPVOICE_ARI_APP. If it is this"
    " one on another address, name that: --admin-url.",
)
REPLACED = APPLICATIONS.fails(
    "replaced",
    "{app} or {own} is connected, and not by the otpvoice at {url}: another process has taken the name from it",
    "Stop one of them. It does not fight for the name: if the one at {url} is to stay, stop the other and restart this"
    " one. Two on one Asterisk must differ in OTPVOICE_INSTANCE and in OTPVOICE_ARI_APP.",
)

LEG: Final = re.compile(r"otpvoice-(?P<instance>.+)-leg-[0-9]+", re.ASCII)


@dataclass(frozen=True, slots=True)
class Tenants:
    """Who is on an Asterisk. ``legs``: media legs by the instance that holds them; ``apps``: the applications.

    ``doctors``: those that measure a leg, by the names of their applications.
    """

    apps: frozenset[str]
    legs: Mapping[str, int]
    doctors: frozenset[str] = frozenset()

    def holders(self, app: str) -> Sequence[str]:
        """Return what of otpvoice may be making or ending media legs right now: applications, and holders of legs."""
        ours = {name for name in self.apps if name == app or name.startswith((f"{app}-", "otpvoice"))}
        return sorted({name for name in ours if not name.startswith(DOCTOR)} | set(self.legs))


DOCTOR: Final = "otpvoice-doctor-"
"""What the name of any doctor's application begins with."""
MEASURES: Final = f"{DOCTOR}media-"
"""What that of one begins with which makes a media leg."""


async def tenants(rest: AriRest) -> Tenants:
    """Ask who is there. Raises ``AriError``."""
    apps, channels = await rest.get("applications"), await rest.get("channels")
    if not isinstance(apps, list) or not isinstance(channels, list):
        raise errors.AnswerLost("applications, channels: no lists")
    return seen(frozenset(str(app["name"]) for app in apps), legs_in(str(channel["id"]) for channel in channels))


def seen(apps: frozenset[str], legs: Mapping[str, int]) -> Tenants:
    """Tell doctors from those that they look at. A leg of theirs counts, too, where its application is gone."""
    doctors = {f"otpvoice-{instance}" for instance in legs if f"otpvoice-{instance}".startswith(DOCTOR)}
    others = {instance: count for instance, count in legs.items() if f"otpvoice-{instance}" not in doctors}
    return Tenants(apps, others, frozenset(doctors | {name for name in apps if name.startswith(MEASURES)}))


def legs_in(channels: Iterable[str]) -> dict[str, int]:
    """Return how many media legs each instance has, by the ids of channels."""
    legs: dict[str, int] = {}
    for channel in channels:
        if (found := LEG.fullmatch(channel)) is not None:
            legs[found["instance"]] = legs.get(found["instance"], 0) + 1
    return legs


def judge(there: Tenants, *, app: str, instance: str, url: str, service: Readiness | None) -> Finding:
    """``service``: what answers at ``url``; None: nothing does."""
    own = f"{app}-{instance}"
    if service is not None and service.replaced:
        return REPLACED(app=app, own=own, url=url)
    connected = [name for name in (app, own) if name in there.apps]
    if not connected:
        return NOBODY(app=app, own=own)
    if len(connected) == 1:
        theirs = str(service.document.get("instance")) if service is not None else instance
        if theirs != instance and f"{app}-{theirs}" in there.apps:
            return OTHER_INSTANCE(url=url, theirs=theirs, instance=instance, own=own)
        [missing] = {app, own} - set(connected)
        return HALF(there=connected[0], missing=missing)
    if service is None:
        return SOMEBODY(own=own, url=url)
    return APPLICATIONS.ok(f"{app} and {own} are connected", applications=_json(there))


def _json(there: Tenants) -> dict[str, Any]:
    return {"all": sorted(there.apps), "legs": dict(there.legs)}
