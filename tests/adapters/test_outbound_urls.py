"""URLs that are no URLs, or lead where they must not: what is seen before anybody connects to anything."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from otpvoice.adapters.outbound.agreed import agreed
from otpvoice.adapters.outbound.answers import Unreached
from otpvoice.adapters.outbound.client import GuardedClient
from otpvoice.settings.addresses import webhook_url
from otpvoice.trust.addresses import UrlAllow, parse_allow
from otpvoice.trust.urls import BadUrl, read_location, read_url

CLIENT = GuardedClient(UrlAllow())

NO_SCHEME = """
    file:///etc/passwd file://localhost/etc/passwd gopher://example.com:70/_x ftp://example.com/a.wav
    dict://example.com:2628/d:x ldap://example.com/ tftp://example.com/a data:audio/wav;base64,UklGRg==
    javascript:alert(1) jar:http://example.com!/ unix:/run/x.sock http+unix://%2Frun%2Fx.sock/ ws://example.com/
    wss://example.com/ tcp://example.com/ //example.com/ /etc/passwd example.com http: http:/example.com
    http:example.com https;//example.com view-source:http://example.com/ phar://a.phar netdoc:///etc/passwd
"""
CHARACTERS = [
    "http://example.com\\@127.0.0.1/",
    "http://127.0.0.1\\.example.com/",
    "http:\\\\example.com\\",
    "http://example.com/a b",
    "http://exam\tple.com/",
    "http://example.com/\r\nX: y",
    "http://example.com/\n",
    " http://example.com/",
    "http://example.com/\x00",
    "http://example.com/\x7f",
    "http://１２７.0.0.1/",
    "http://127。0。0。1/",
    "http://127｡0｡0｡1/",
    "http://①②⑦.0.0.1/",
    "http://ⓛocalhost/",
    "http://٠.٠.٠.٠/",
    "http://bücher.example/",
    "http://exampleﬀ.com/",
    "http://example.com／@127.0.0.1/",
    "http://example.com\u200b/",
    "http://example.com\u2025/",
    "http://example.com/ü",
    "http://example.com/<script>",
    'http://example.com/"',
    "http://example.com/{x}",
    "http://example.com/a^b",
    "http://example.com/`id`",
    "http://example.com/%",
    "http://example.com/%zz",
    "http://127%2e0%2e0%2e1%/",
    "http://[fe80::1%eth0]/",
]
USER_INFO = """
    http://user@example.com/ http://user:password@example.com/ http://@example.com/ http://:@example.com/
    http://example.com@127.0.0.1/ http://127.0.0.1@example.com/ http://example.com:80@127.0.0.1/ http://a@b@example.com/
    http://[::1]@example.com/
"""
HOST = """
    http:// http:/// http://:80/ http://?x http://. http://.example.com/ http://example.com./ http://example..com/
    http://127.0.0.1./ http://localhost./ http://-example.com/ http://example-.com/ http://exa%6dple.com/
    http://127%2e0%2e0%2e1/ http://example.com:/ http://example.com:80:80/ http://example.com:-1/ http://example.com:0x50/
    http://example.com:+80/ http://example.com:8o/ http://example.com:999999/ http://[::1 http://::1/ http://[]/
    http://[::1]x/ http://[fe80::1%25eth0]/ http://[v1.x]/ http://[127.0.0.1]/ http://[::127.1]/
    http://[1::2::3]/ http://[:::]/ http://a,b/ http://a;b/ http://a=b/ http://$(id)/ http://*/ http://!/
    http://2130706433/ http://0x7f000001/ http://0x7f.0x0.0x0.0x1/ http://0177.0.0.1/ http://017700000001/ http://127.1/
    http://127.0.1/ http://0/ http://0x/ http://127.0.0.0x1/ http://127.0.0.01/ http://256.1.1.1/ http://1.2.3.4.5/
    http://127.0.0.1.1/ http://00000127.0.0.1/ http://4294967297/ http://example.0x1/ http://example.123/
"""
PORT_NUMBER = ["http://example.com:0/", "http://example.com:65536/", "http://example.com:00000/"]
PORT = [f"http://example.com:{port}/" for port in (22, 25, 110, 143, 587, 2049, 5038, 5060, 6000, 6379, 11211)]
ADDRESS = """
    http://127.0.0.1/ http://127.0.0.1:8088/ari http://127.255.255.254/ http://0.0.0.0/ http://0.0.0.0:80/ http://10.0.0.1/
    http://172.16.0.1/ http://192.168.0.1/ http://100.64.0.1/ http://100.100.100.200/latest/meta-data/
    http://169.254.169.254/latest/meta-data/ http://169.254.170.2/v2/credentials http://168.63.129.16/ http://192.0.0.192/
    http://192.0.0.8/ http://198.18.0.1/ http://192.88.99.1/ http://224.0.0.1/ http://240.0.0.1/ http://255.255.255.255/
    http://[::]/ http://[::1]/ http://[0:0:0:0:0:0:0:1]/ http://[::127.0.0.1]/ http://[::ffff:127.0.0.1]/
    http://[::ffff:7f00:1]/ http://[0:0:0:0:0:ffff:127.0.0.1]/ http://[::FFFF:169.254.169.254]/ http://[::ffff:0:127.0.0.1]/
    http://[64:ff9b::127.0.0.1]/ http://[64:ff9b::a9fe:a9fe]/ http://[64:ff9b:1::a9fe:a9fe]/ http://[2002:7f00:1::]/
    http://[2002:a9fe:a9fe::1]/ http://[2001:0:7f00:1::1]/ http://[fe80::1]/ http://[fec0::1]/ http://[fc00::1]/
    http://[fd00:ec2::254]/latest/meta-data/ http://[ff02::1]/ http://[2001:db8::1]/ http://[100::1]/
"""
THIS_MACHINE = """
    http://localhost/ http://LOCALHOST:8088/ http://a.localhost/ https://b.A.LocalHost/
"""


@pytest.mark.parametrize(
    ("url", "why"),
    [
        *((url, "must begin with http:// or https://") for url in NO_SCHEME.split()),
        *(
            (url, "has characters that must be percent-encoded, or a host that must be written as xn--")
            for url in CHARACTERS
        ),
        *((url, "must not have a user name or password") for url in USER_INFO.split()),
        *((f"http://example.com/{end}", "must not have a fragment") for end in ("#", "#x", "?a=b#@127.0.0.1/")),
        ("http://example.com#@127.0.0.1/", "must not have a fragment"),
        (f"http://example.com/{'a' * 2048}", "is longer than 2048 characters"),
        *((url, "must have a host name") for url in HOST.split()),
        (f"http://{'a' * 64}.example/", "must have a host name"),
        (f"http://{'a.' * 127}example/", "must have a host name"),
        *((url, "must have a port from 1 to 65535") for url in PORT_NUMBER),
        *((url, "must not have this port") for url in PORT),
        *((url, "must not lead to an address that is not public") for url in ADDRESS.split()),
        *((url, "must not lead to this machine") for url in THIS_MACHINE.split()),
    ],
)
async def test_a_hostile_url_is_not_tried(url: str, why: str) -> None:
    found = CLIENT.check(url)
    assert found is not None
    assert found.startswith(why)
    # Nor by who does not ask first: there is no resolver, and no connection, that could be asked.
    for request in (CLIENT.post(url, b"", {}, seconds=5), CLIENT.get(url, seconds=5, most=1)):
        with pytest.raises(Unreached) as unreached:
            await request
        blocked = why.startswith("must not lead") or why == "must not have this port"
        assert (unreached.value.reason, unreached.value.sent) == ("blocked" if blocked else "bad_url", False)
        assert unreached.value.__context__ is None


def test_there_are_at_least_sixty_of_them() -> None:
    hostile = [
        *NO_SCHEME.split(),
        *CHARACTERS,
        *USER_INFO.split(),
        *HOST.split(),
        *PORT_NUMBER,
        *PORT,
        *ADDRESS.split(),
        *THIS_MACHINE.split(),
    ]
    assert len(set(hostile)) == len(hostile) >= 60


@pytest.mark.parametrize(
    ("url", "read"),
    [
        ("http://example.com", "http://example.com/"),
        ("HTTPS://Hooks.Example.COM/A?b=%C3%BC&c=[1]", "https://hooks.example.com/A?b=%C3%BC&c=[1]"),
        ("https://example.com:443/", "https://example.com/"),
        ("http://example.com:443/", "http://example.com:443/"),
        ("https://example.com:8443/a//b/../c", "https://example.com:8443/a//b/../c"),
        ("http://8.8.8.8/", "http://8.8.8.8/"),
        ("http://[2606:4700::1111]:8080/", "http://[2606:4700::1111]:8080/"),
        ("http://[::ffff:8.8.8.8]/", "http://[::ffff:8.8.8.8]/"),
        ("http://xn--bcher-kva.example/", "http://xn--bcher-kva.example/"),
        ("http://api_v2.example/", "http://api_v2.example/"),
        ("http://metadata.google.internal/", "http://metadata.google.internal/"),  # seen at the socket
        ("http://hooks/", "http://hooks/"),
        ("http://example.com?a", "http://example.com/?a"),
        ("http://127.0.0.1.example/", "http://127.0.0.1.example/"),
    ],
)
def test_what_else_is_a_url_may_be_tried(url: str, read: str) -> None:
    assert CLIENT.check(url) is None
    assert str(read_url(url).url) == read


def test_which_schemes_there_are_is_said_by_who_asks() -> None:
    sockets = ("ws", "wss")
    assert CLIENT.check("wss://example.com/media", schemes=sockets) is None
    assert CLIENT.check("https://example.com/media", schemes=sockets) == "must begin with ws:// or wss://"
    assert CLIENT.check("ws://[::ffff:127.0.0.1]/", schemes=sockets) == "must not lead to an address that is not public"


def test_an_admin_opens_what_is_named_and_no_more() -> None:
    client = GuardedClient(parse_allow(["10.20.0.0/16", "127.0.0.1", "*.lan"]))
    for opened in ("http://10.20.0.1/", "http://127.0.0.1:8080/", "http://localhost/", "http://a.lan/"):
        assert client.check(opened) is None, opened
    for closed in ("http://10.21.0.1/", "http://127.0.0.2/", "http://[::1]/", "http://127.0.0.1:6379/"):
        assert client.check(closed) is not None, closed


PARTS = st.text("aZ0.-_~:/?[]%2fx@1é ", max_size=12)


@given(st.sampled_from(["http", "HTTPS"]), PARTS, st.sampled_from(["", ":1", ":6379", ":65535"]), PARTS)
@example("http", "[::ffff:1.2.3.4]", ":25", "a//../b?%5B")
@example("https", "xn--a", "", "?")
@example("http", "_a._b-c", ":80", "//:@x:1/")
def test_what_settings_take_for_a_webhook_can_be_posted_to(scheme: str, host: str, port: str, path: str) -> None:
    """One reader; and the library that connects says the same of all that it takes."""
    url = f"{scheme}://{host}{port}/{path}"
    try:
        assert webhook_url(url) == url
    except ValueError:
        with pytest.raises(ValueError, match=r"^must|^has"):
            webhook_url(url)
        return
    target = read_url(url)
    assert str(agreed(target)) == target.url


@given(st.text(max_size=40), st.sampled_from(["", "http://", "http://example.com", "https://[", "http://127.0.0."]))
def test_any_text_is_a_url_or_is_refused_in_words_of_our_own(text: str, start: str) -> None:
    found = CLIENT.check(start + text)
    assert found is None or found.isascii()


@pytest.mark.parametrize(
    ("location", "leads_to"),
    [
        ("/b", "https://example.com/b"),
        ("b?c", "https://example.com/a/b?c"),
        ("//other.example/x", "https://other.example/x"),
        ("https://other.example/x#part", "https://other.example/x"),
        ("", "https://example.com/a/"),
        ("#", "https://example.com/a/"),
        ("../../../x", "https://example.com/x"),
    ],
)
def test_where_a_redirect_leads(location: str, leads_to: str) -> None:
    assert str(read_location(read_url("https://example.com/a/"), location).url) == leads_to


@pytest.mark.parametrize(
    "location",
    [
        "http://example.com/",
        "file:///etc/passwd",
        "ftp://example.com/",
        "https:///x",
        "https:x",
        "https:/x",
        "https://user@example.com/",
        "//127.1/",
        "\thttps://example.com/",
        "ht\ntps://example.com/",
        "/ü",
        "\udcff",
        "https://[::1",
        "https://[x]/",
    ],
)
def test_where_no_redirect_leads(location: str) -> None:
    with pytest.raises(BadUrl):
        read_location(read_url("https://example.com/a/"), location)
