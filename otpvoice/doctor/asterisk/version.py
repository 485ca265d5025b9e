"""Asterisk's version and its modules: is there all that otpvoice needs?"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

from otpvoice.doctor.finding import Check, Finding

VERSION = Check("asterisk.version", "Is Asterisk's version one that works?")
TOO_OLD = VERSION.fails(
    "too_old",
    "Asterisk {version} is too old",
    "Install 22.10.1 or a later 22.x. Before it, ARI users can write files (GHSA-vrfp-mg3q-3959), a call with SIP"
    " headers can lock Asterisk up, and media legs can't change their direction.",
)
UNTRIED = VERSION.warns(
    "untried",
    "Asterisk {version} is of a series that otpvoice is not tried with",
    "Use 22.x (from 22.10.1), or try all that you need: otpvoice doctor --call, and make test with OTPVOICE_ASTERISK.",
)
UNREADABLE = VERSION.unsure(
    "unreadable",
    "Asterisk calls itself {version!r}: which release that is can't be seen",
    "Make sure that it holds all of 22.10.1.",
)
LEAST: Final = (22, 10, 1)
SERIES: Final = 22

MODULES = Check("asterisk.modules", "Are all modules loaded that otpvoice needs?")
MISSING = MODULES.fails(
    "missing",
    "{module} is {state}: {why}",
    "Add load = {module} to modules.conf (asterisk/modules.conf is a whole list) and restart Asterisk; or try"
    " asterisk -rx 'module load {module}', which says what it lacks. If the file is not there, install the package that"
    " has it.",
)
LACKING = MODULES.warns(
    "lacking",
    "{module} is {state}: {why}",
    "Add load = {module} to modules.conf and restart Asterisk, unless you do without this.",
)
NO_TIMING = MODULES.fails(
    "no_timing",
    "no timing module runs: nothing would ever be spoken",
    "Add load = res_timing_timerfd.so to modules.conf and restart Asterisk.",
)

NEEDED: Final = {
    "res_http_websocket.so": "there are no events and no media sockets",
    "chan_websocket.so": "there are no media legs, so nothing can be spoken",
    "res_stasis.so": "there are no applications",
    "app_stasis.so": "no call gets into an application, neither one that we place nor one of the dialplan",
    "res_ari.so": "there is no REST interface",
    "res_ari_applications.so": "events can't be filtered, and nobody knows who is there",
    "res_ari_asterisk.so": "nobody can ask for the version",
    "res_ari_bridges.so": "no call gets to its media leg",
    "res_ari_channels.so": "no call can be placed",
    "res_ari_events.so": "no event is told",
    "bridge_simple.so": "no call gets to its media leg",
    "func_timeout.so": "a call whose otpvoice died is never ended (TIMEOUT(absolute))",
}
"""Each with what happens without it."""
FOR_PJSIP: Final = {
    "chan_pjsip.so": "no call can be placed by PJSIP/…",
    "res_pjsip.so": "no call can be placed by PJSIP/…",
    "res_pjsip_session.so": "no call can be placed by PJSIP/…",
    "res_pjsip_sdp_rtp.so": "calls have no audio",
    "res_rtp_asterisk.so": "calls have no audio",
}
WANTED: Final = {
    "func_hangupcause.so": "a trunk that does not answer passes for a callee who is unreachable",
    "res_stasis_snoop.so": "streams of two parties, and of calls that are the dialplan's, do not work",
    "bridge_softmix.so": "streams of two parties do not work",
    "codec_ulaw.so": "a phone with another codec hears nothing",
    "codec_alaw.so": "a phone with another codec hears nothing",
    "func_callerid.so": "numbers that callers withhold are not known as such",
    "res_ari_endpoints.so": "otpvoice doctor can't look at trunks",
}
WANTED_FOR_PJSIP: Final = {
    "res_pjsip_caller_id.so": "the callee sees no caller ID",
    "res_pjsip_header_funcs.so": "sip_headers of a request are lost",
    "res_pjsip_rfc3326.so": "reasons of the carrier why a call ended are lost",
}


def judge_version(info: Mapping[str, Any]) -> Finding:
    """``info``: what ``GET asterisk/info`` says."""
    version = str(info["system"]["version"])
    found = re.match(r"(?:certified/)?(\d+)\.(\d+)(?:\.(\d+))?", version)
    if found is None:
        return UNREADABLE(version=version)
    numbers = (int(found[1]), int(found[2]), int(found[3] or 0))
    if numbers < LEAST:
        return TOO_OLD(version=version)
    if numbers[0] != SERIES:
        return UNTRIED(version=version)
    return VERSION.ok(f"Asterisk {version}", version=version)


def judge_modules(modules: Iterable[Mapping[str, Any]], *, pjsip: bool) -> list[Finding]:
    """``modules``: what ``GET asterisk/modules`` says. ``pjsip``: is there a trunk of it?"""
    states = {str(module.get("name")): str(module.get("status")) for module in modules}
    running = {name for name, state in states.items() if state == "Running"}
    needed = NEEDED | (FOR_PJSIP if pjsip else {})
    wanted = WANTED | (WANTED_FOR_PJSIP if pjsip else {})
    found = [
        fault(module=module, why=why, state="there, and does not run" if module in states else "not loaded")
        for fault, which in ((MISSING, needed), (LACKING, wanted))
        for module, why in which.items()
        if module not in running
    ]
    if not any(name.startswith("res_timing_") for name in running):
        found.append(NO_TIMING())
    return found or [MODULES.ok(f"all {len(needed) + len(wanted)} run", running=len(running))]
