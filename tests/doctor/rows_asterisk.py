"""Facts about Asterisk, each with the fault that they are: a row a fault, and one where nothing is wrong."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import aiohttp
from multidict import CIMultiDict, CIMultiDictProxy
from yarl import URL

from otpvoice.ari import errors
from otpvoice.doctor.addresses import Nearness
from otpvoice.doctor.asking import Answered, Unanswered, Why
from otpvoice.doctor.asterisk import (
    credentials,
    exposure,
    files,
    http_conf,
    logger,
    media,
    reach,
    tenants,
    version,
)
from otpvoice.doctor.asterisk.exposure import Knock
from otpvoice.doctor.asterisk.files import Files
from otpvoice.doctor.asterisk.media import Measured, NotUp
from otpvoice.doctor.asterisk.tenants import Tenants
from otpvoice.doctor.finding import Finding
from otpvoice.doctor.service import Readiness
from tests.doctor.words import Row, answered, row

URL_OF_ARI: Final = "http://asterisk:8088"
INFO: Final = {"system": {"version": "22.10.1+dfsg"}, "status": {}, "config": {}}
RUNNING: Final = frozenset(
    {
        *version.NEEDED,
        *version.FOR_PJSIP,
        *version.WANTED,
        *version.WANTED_FOR_PJSIP,
        "res_timing_timerfd.so",
        files.MODULE,
    }
)
READY: Final = Readiness({"reasons": [], "instance": "a"})
STANDS_ASIDE: Final = Readiness({"reasons": [{"code": "replaced"}], "instance": "a"})
ELSEWHERE: Final = Readiness({"reasons": [], "instance": "here"})
THERE: Final = Tenants(frozenset({"otpvoice", "otpvoice-a"}), {"a": 8})


def reached(answer: Answered | Unanswered) -> Finding:
    return reach.judge(answer, url=URL_OF_ARI, user="otpvoice")


def unreached(why: Why) -> Finding:
    return reached(Unanswered(why, "said the system"))


def modules(*without: str, **states: str) -> list[Finding]:
    running = [{"name": name, "status": "Running"} for name in sorted(RUNNING) if name not in without]
    other = [{"name": f"{name}.so", "status": state} for name, state in states.items()]
    return version.judge_modules([*running, *other], pjsip=True)


def read(*, log: str = "notice,warning,error,verbose", **changes: Any) -> Files:
    """Files as we ship them, but for some values: ``ari_type="x"``; lists for what may stand there twice.

    ``log``: what ``logger.conf`` says of both logs.
    """
    single: dict[files.Place, str | None] = {
        ("http.conf", "general", "sessionlimit"): "1000",
        ("http.conf", "/ari", "type"): "restriction",
        ("http.conf", "/media", "type"): "restriction",
        ("http.conf", "general", "bindport"): "8088",
        ("http.conf", "general", "tlsbindaddr"): None,
        ("ari.conf", "general", "websocket_write_timeout"): "5000",
        ("ari.conf", "general", "channelvars"): "HANGUPCAUSE_KEYS()",
        ("asterisk.conf", "options", "verbose"): "0",
        ("asterisk.conf", "options", "debug"): "0",
    }
    lists: dict[files.Place, Sequence[str]] = {place: [] for place in files.LISTS}
    for section in ("/ari", "/media"):
        lists["http.conf", section, "deny"] = ["0.0.0.0/0.0.0.0,::/0"]
        lists["http.conf", section, "permit"] = ["10.0.0.5"]
    for name, value in changes.items():
        [place] = [place for place in (*single, *lists) if "_".join(place[1:]).strip("/") == name]
        if isinstance(value, list):
            lists[place] = value
        else:
            single[place] = value
    return Files(files.FILES.ok("read"), single, lists, {"console": [log], "messages.log": [log]})


UNREAD: Final = Files(files.NO_FUNCTION())


def judged_files(**changes: Any) -> list[Finding]:
    return http_conf.judge(read(**changes), running=RUNNING)


def logs(configuration: str, channel: str = "", **changes: Any) -> list[Finding]:
    said = {"channel": channel, "type": "File" if channel else "Console", "configuration": configuration}
    return logger.judge([said], read(**changes))


def exposed(near: Nearness, *knocks: Knock, url: str = URL_OF_ARI, **changes: Any) -> list[Finding]:
    return exposure.judge(url, near, knocks, read(**changes))


TLS: Final = Knock("https://10.0.0.9:8089", ("/ari",))


def handshake(status: int) -> aiohttp.WSServerHandshakeError:
    headers = CIMultiDictProxy(CIMultiDict[str]())
    info = aiohttp.RequestInfo(URL("http://x"), "GET", headers, URL("http://x"))
    return aiohttp.WSServerHandshakeError(info, (), status=status, message="Invalid response status")


def leg(error: Exception) -> Finding:
    return media.judge(media.not_up(error), "ulaw")


ROWS: Final[Sequence[Row]] = (
    # ari: reached
    row("ari.ok", lambda: reached(answered(200, INFO))),
    row("ari.dns", lambda: unreached("dns")),
    row("ari.refused", lambda: unreached("refused")),
    row("ari.unroutable", lambda: unreached("unroutable")),
    row("ari.timeout", lambda: unreached("timeout")),
    row("ari.certificate", lambda: unreached("certificate")),
    row("ari.tls", lambda: unreached("tls")),
    row("ari.closed", lambda: unreached("closed")),
    row("ari.closed", lambda: unreached("reset")),
    row("ari.no_http", lambda: unreached("protocol")),
    row("ari.unauthorized", lambda: reached(answered(401, {"message": "Authentication required"}))),
    row("ari.acl", lambda: reached(answered(403, Server="Asterisk"))),
    row("ari.not_loaded", lambda: reached(answered(404, Server="Asterisk/22.10.1"))),
    row("ari.not_loaded", lambda: reached(answered(404, {"message": "Resource not found"}))),
    row("ari.not_loaded", lambda: reached(Answered(404, {}, b"<p>No.</p>\r\n<hr />\r\n<address>x</address>", 0, 1))),
    row("ari.not_booted", lambda: reached(answered(503, server="Asterisk"))),
    row("ari.other", lambda: reached(answered(404, Server="nginx"))),
    row("ari.other", lambda: reached(answered(401, {"detail": "Not authenticated"}, Server="uvicorn"))),
    row("ari.other", lambda: reached(answered(503))),
    row("ari.other", lambda: reached(answered(302))),
    row("ari.other", lambda: reached(answered(200, {"hello": "world"}))),
    row("ari.other", lambda: reached(Answered(200, {}, b"<html>", 0, 1))),
    # ari.credentials
    row("ari.credentials.ok", lambda: credentials.judge("otpvoice", [], read_only=False)),
    row("ari.credentials.well_known", lambda: credentials.judge("otpvoice", ["asterisk"], read_only=False)),
    row("ari.credentials.read_only", lambda: credentials.judge("otpvoice", [], read_only=True)),
    # asterisk.version
    *(
        row(f"asterisk.version.{fault}", lambda said=said: version.judge_version({"system": {"version": said}}))  # type: ignore[misc]
        for said, fault in (
            ("22.10.1", "ok"),
            ("22.10.1+dfsg+~cs6.17.60671434-1", "ok"),
            ("22.11.0-rc1", "ok"),
            ("22.10.0", "too_old"),
            ("22.9.0", "too_old"),
            ("certified/20.7-cert3", "too_old"),
            ("23.1.0", "untried"),
            ("GIT-master-7f3c", "unreadable"),
        )
    ),
    # asterisk.modules
    row("asterisk.modules.ok", modules),
    row("asterisk.modules.missing", lambda: modules("chan_websocket.so")),
    row("asterisk.modules.missing", lambda: modules("app_stasis.so", app_stasis="Not Running")),
    row("asterisk.modules.lacking", lambda: modules("func_hangupcause.so")),
    row("asterisk.modules.no_timing", lambda: modules("res_timing_timerfd.so")),
    # asterisk.applications
    *(
        row(
            f"asterisk.applications.{fault}",
            lambda apps=apps, ready=ready: tenants.judge(  # type: ignore[misc]
                Tenants(frozenset(apps), {}), app="otpvoice", instance="a", url="http://x", service=ready
            ),
        )
        for apps, ready, fault in (
            (("otpvoice", "otpvoice-a"), READY, "ok"),
            (("otpvoice-b",), None, "nobody"),
            (("otpvoice",), READY, "half"),
            (("otpvoice-a",), READY, "half"),
            (("otpvoice", "otpvoice-here"), ELSEWHERE, "other_instance"),
            (("otpvoice", "otpvoice-b"), ELSEWHERE, "half"),
            (("otpvoice", "otpvoice-a"), None, "somebody_else"),
            (("otpvoice", "otpvoice-a"), STANDS_ASIDE, "replaced"),
        )
    ),
    # asterisk.files
    row("asterisk.files.ok", lambda: read().finding),
    row("asterisk.files.no_function", lambda: UNREAD.finding),
    row("asterisk.files.unread", lambda: files.UNREAD(reason="403 Write access denied")),
    # http.conf, ari.conf
    row("asterisk.sessions.ok", judged_files),
    row("asterisk.sessions.too_few", lambda: judged_files(general_sessionlimit="40")),
    row("asterisk.sessions.few", lambda: judged_files(general_sessionlimit=None)),
    row("asterisk.sessions.few", lambda: judged_files(general_sessionlimit="many")),
    row("asterisk.sessions.skipped", lambda: http_conf.judge(UNREAD, running=RUNNING)),
    row("asterisk.write_timeout.ok", judged_files),
    row("asterisk.write_timeout.short", lambda: judged_files(general_websocket_write_timeout=None)),
    row("asterisk.write_timeout.short", lambda: judged_files(general_websocket_write_timeout="500")),
    row("asterisk.channelvars.ok", lambda: judged_files(general_channelvars="A, HANGUPCAUSE_KEYS()")),
    row("asterisk.channelvars.untold", lambda: judged_files(general_channelvars=None)),
    row("asterisk.channelvars.logged", lambda: http_conf.judge(read(), running=RUNNING - {"func_hangupcause.so"})),
    # logger.conf
    row("asterisk.logger.ok", lambda: logs("NOTICE WARNING ERROR VERBOSE ")),
    row("asterisk.logger.ok", lambda: logger.judge([], read())),
    row(
        "asterisk.logger.ok",
        lambda: logger.judge([{"channel": "old", "status": "Disabled", "configuration": "DTMF"}], read()),
    ),
    row("asterisk.logger.dtmf", lambda: logs("NOTICE DTMF ")),
    row("asterisk.logger.debug", lambda: logs("DEBUG", options_debug="1")),
    row("asterisk.logger.debug", lambda: logs("DEBUG", options_debug="yes")),
    row("asterisk.logger.debug_ready", lambda: logs("DEBUG")),
    row("asterisk.logger.debug_ready", lambda: logger.judge([{"channel": "x", "configuration": "DEBUG"}], UNREAD)),
    row("asterisk.logger.verbose", lambda: logs("VERBOSE", options_verbose="3")),
    row("asterisk.logger.verbose", lambda: logs("VERBOSE", "/var/log/asterisk/messages.log", log="verbose(5)")),
    row("asterisk.logger.verbose", lambda: logs("VERBOSE", log="[json]notice, Verbose( 3 )", options_verbose="0")),
    row("asterisk.logger.verbose", lambda: logs("VERBOSE DTMF", log="*", options_verbose="4")),
    row("asterisk.logger.ok", lambda: logs("NOTICE", options_verbose="5")),
    row("asterisk.logger.ok", lambda: logs("VERBOSE", log="verbose(1)", options_verbose="5")),
    row("asterisk.logger.verbose_unseen", lambda: logs("VERBOSE", "/var/log/asterisk/made-at-the-console")),
    row(
        "asterisk.logger.verbose_unseen",
        lambda: logger.judge([{"channel": "", "type": "Console", "configuration": "VERBOSE"}], UNREAD),
    ),
    # exposure
    row("asterisk.exposure.ok", lambda: exposed(Nearness.HERE)),
    row("asterisk.exposure.ok", lambda: exposed(Nearness.HERE, Knock("10.0.0.9", ("/ari", "/media")))),
    row("asterisk.exposure.ok", lambda: exposed(Nearness.PRIVATE)),
    row("asterisk.exposure.ok", lambda: exposed(Nearness.PUBLIC, url="https://ast.example")),
    row("asterisk.exposure.open", lambda: exposed(Nearness.HERE, Knock("10.0.0.9", ("/media",)), media_type=None)),
    row(
        "asterisk.exposure.open",
        lambda: exposed(Nearness.HERE, Knock("10.0.0.9", ("/ari",)), ari_permit=["10.0.0.5", "0.0.0.0/0"]),
    ),
    row("asterisk.exposure.no_list", lambda: exposed(Nearness.PRIVATE, ari_deny=[])),
    row("asterisk.exposure.ok", lambda: exposed(Nearness.PRIVATE, ari_deny=[], ari_acl=["inside"])),
    row(
        "asterisk.exposure.maybe_open",
        lambda: exposure.judge(URL_OF_ARI, Nearness.HERE, [Knock("10.0.0.9", ("/ari",))], UNREAD),
    ),
    row("asterisk.exposure.skipped", lambda: exposure.judge(URL_OF_ARI, Nearness.PRIVATE, [], UNREAD)),
    row("asterisk.exposure.in_the_clear", lambda: exposed(Nearness.PUBLIC)),
    row("asterisk.exposure.open", lambda: exposed(Nearness.HERE, TLS, ari_permit=["0.0.0.0/0"])),
    # media
    row("media.ok", lambda: media.judge(Measured(9.5, 21.0), "ulaw")),
    row("media.slow", lambda: media.judge(Measured(9.5, 80.0), "ulaw")),
    row("media.slow", lambda: media.judge(Measured(900.0, 20.0), "ulaw")),
    row("media.late", lambda: media.judge(Measured(9.5, None), "ulaw")),
    row("media.wedged", lambda: leg(TimeoutError())),
    row("media.wedged", lambda: leg(errors.AnswerLost("POST channels/externalMedia: TimeoutError"))),
    row("media.slow_answers", lambda: media.judge(NotUp("channel", "", timeout=True, answer_ms=1200.0), "ulaw")),
    row("media.no_channel", lambda: leg(errors.Refused(500, "An internal error"))),
    row("media.no_socket", lambda: leg(handshake(403))),
    row("media.no_socket", lambda: leg(aiohttp.ClientConnectionError())),
    row("media.no_socket", lambda: media.judge(NotUp("socket", "reset"), "ulaw")),
    row("media.no_events", lambda: media.NO_EVENTS(reason="404")),
    row("media.ok", lambda: media.judge_there(THERE, ["a"], READY)),
    row("media.skipped", lambda: media.judge_there(Tenants(frozenset(), {}), ["otpvoice-doctor-media-1"], None)),
    row("media.skipped", lambda: media.judge_there(Tenants(frozenset({"otpvoice"}), {}), ["otpvoice"], None)),
    row(
        "media.wedged_there",
        lambda: media.judge_there(THERE, ["a"], Readiness({"reasons": [{"code": "media_wedged"}], "instance": "a"})),
    ),
)
