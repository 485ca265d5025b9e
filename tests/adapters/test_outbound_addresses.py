"""Which addresses a URL from a request may lead to, and what it takes to open the others."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otpvoice.trust.addresses import Reach, UrlAllow, parse_allow, reach, read_entry

PUBLIC = """
    8.8.8.8 1.1.1.1 100.63.255.255 100.128.0.0 126.255.255.255 128.0.0.0 172.15.255.255 172.32.0.0 192.167.255.255
    192.0.1.0 198.17.255.255 198.20.0.0 223.255.255.255 2606:4700::1111 2a00:1450::1 ::ffff:8.8.8.8 64:ff9b::8.8.8.8
"""
PRIVATE = """
    10.0.0.0 10.255.255.255 100.64.0.0 100.127.255.255 172.16.0.0 172.31.255.255 192.0.0.8 192.0.2.1 192.88.99.1
    192.168.0.1 198.18.0.0 198.19.255.255 198.51.100.7 203.0.113.7 240.0.0.1 255.255.255.254
    fc00::1 fd12:3456::1 100::1 2001:db8::1 2001:2::1 2001:10::1 2001:20::1 3fff::1 2002:808:808::1 4000::1 5f00::1
    ::ffff:10.0.0.1 64:ff9b::10.0.0.1 2a00::5efe:10.0.0.1
"""
LOCAL = """
    127.0.0.1 127.255.255.255 169.254.0.1 169.254.169.254 169.254.170.2 100.100.100.200 168.63.129.16 192.0.0.192
    ::1 fe80::1 fe80::1%eth0 febf::1 fec0::1 feff::1 fd00:ec2::254 fd00:ec2::23 fd20:ce::254 fd00:42::42
    ::127.0.0.1 ::8.8.8.8 ::ffff:0:8.8.8.8 ::ffff:127.0.0.1 ::ffff:169.254.169.254
    64:ff9b::127.0.0.1 64:ff9b::169.254.169.254 64:ff9b:1::8.8.8.8 64:ff9b:1:ffff::1
    2002:7f00:1::1 2002:a9fe:a9fe::1 2001::1:1 2001:0:808:808::f7f7:f7f7 2a00::5efe:127.0.0.1 2a00::200:5efe:7f00:1
"""
NEVER = """
    0.0.0.0 0.255.255.255 224.0.0.1 239.255.255.255 255.255.255.255 :: ff02::1 ff0e::1
    ::ffff:0.0.0.0 ::ffff:224.0.0.1 64:ff9b::0.0.0.0 64:ff9b::255.255.255.255 2002:e000:1::1
"""


@pytest.mark.parametrize(
    ("written", "level"),
    [
        (written, level)
        for level, addresses in (
            (Reach.PUBLIC, PUBLIC),
            (Reach.PRIVATE, PRIVATE),
            (Reach.LOCAL, LOCAL),
            (Reach.NEVER, NEVER),
        )
        for written in addresses.split()
    ],
)
def test_what_it_takes_to_reach_an_address(written: str, level: Reach) -> None:
    address = ip_address(written)
    assert reach(address) is level
    nothing, everything = UrlAllow(), parse_allow(["0.0.0.0/0", "::/0"])
    assert nothing.opens(address) is (level is Reach.PUBLIC)
    assert nothing.opens(address, named=True) is (level <= Reach.PRIVATE)
    if written != "64:ff9b::10.0.0.1":  # in the network of its own family
        assert everything.opens(address) is (level <= Reach.PRIVATE)
    assert everything.opens(address, named=True) is (level <= Reach.PRIVATE)


@pytest.mark.parametrize("written", LOCAL.split())
def test_what_is_local_is_opened_by_its_own_name_and_by_nothing_else(written: str) -> None:
    address = ip_address(written)
    assert parse_allow([written.partition("%")[0]]).opens(address)
    assert not parse_allow(["127.0.0.2", "::2"]).opens(address)


@pytest.mark.parametrize("written", NEVER.split())
def test_what_is_no_single_machine_is_opened_by_nothing(written: str) -> None:
    with pytest.raises(ValueError, match=r"^unspecified, broadcast and multicast addresses can't be reached$"):
        parse_allow([written])


@given(st.integers(0, 2**32 - 1).map(IPv4Address), st.sampled_from([0xFFFF << 32, 0x64FF9B << 96]))
def test_an_address_in_another_costume_is_never_easier_to_reach(inner: IPv4Address, costume: int) -> None:
    assert reach(IPv6Address(costume | int(inner))) is reach(inner)


@given(st.integers(0, 2**32 - 1).map(IPv4Address))
def test_what_python_calls_private_is_not_public(address: IPv4Address) -> None:
    if not address.is_global or address.is_multicast or address.is_loopback or address.is_link_local:
        assert reach(address) > Reach.PUBLIC


# --- the allow list ---------------------------------------------------------------------------------------------------


def test_entries_are_hosts_domains_networks_and_addresses() -> None:
    allow = parse_allow(["Hooks.Corp.example", "*.lan", " 10.20.0.0/16 ", "127.0.0.1", "::1", "fd00:1::/64"])
    assert [allow.names(host) for host in ("hooks.corp.example", "a.lan", "a.b.lan")] == [True] * 3
    assert [allow.names(host) for host in ("corp.example", "x.hooks.corp.example", "lan", "plan")] == [False] * 4
    for opened in ("10.20.0.0", "10.20.255.255", "127.0.0.1", "::1", "fd00:1::9", "::ffff:10.20.0.1"):
        assert allow.opens(ip_address(opened)), opened
    for closed in ("10.21.0.0", "127.0.0.2", "fd00:2::9", "169.254.169.254", "::ffff:127.0.0.2", "192.168.0.1"):
        assert not allow.opens(ip_address(closed)), closed
    assert allow.opens_loopback
    assert not UrlAllow().opens_loopback


def test_the_name_of_a_host_opens_its_private_addresses_only() -> None:
    allow = parse_allow(["hooks.corp.example"])
    assert allow.opens(ip_address("10.1.2.3"), named=True)
    assert not allow.opens(ip_address("10.1.2.3"))
    for closed in ("127.0.0.1", "::1", "169.254.169.254", "fe80::1", "fd00:ec2::254", "0.0.0.0"):
        assert not allow.opens(ip_address(closed), named=True), closed


@pytest.mark.parametrize(
    ("entry", "rule"),
    [
        *((entry, "named one by one") for entry in ("127.0.0.0/8", "127.0.0.0/31", "169.254.0.0/16", "fe80::/10")),
        *((entry, "named one by one") for entry in ("fd00:ec2::/48", "224.0.0.0/4", "ff00::/8", "0.0.0.0/8")),
        *((entry, "ends where its prefix ends") for entry in ("10.20.0.1/16", "fd00::1/8")),
        *((entry, "not opened by a name") for entry in ("localhost", "LOCALHOST", "a.localhost", "*.localhost")),
        *(
            (entry, "an entry is a host name")
            for entry in (
                *("", "*", "*.", "*.*", "a.*", "https://hooks.corp.example", "hooks.corp.example:8080", "a b", "a/b"),
                *("hooks.corp.example.", "127.1", "0x7f000001", "2130706433", "010.0.0.1", "10.0.0.0/33", "bücher.de"),
                *("user@host", "-a", "a-", "a..b", "10.0.0.1:80", "*.10.0.0.1", "*.1", "[::1]", "fe80::1%eth0"),
            )
        ),
    ],
)
def test_an_entry_that_opens_nothing_is_refused_with_its_rule(entry: str, rule: str) -> None:
    with pytest.raises(ValueError, match=rule) as refused:
        parse_allow(["hooks.corp.example", entry])
    assert refused.value.__context__ is None


@given(
    st.one_of(
        st.ip_addresses().map(str),
        st.text("*.aZ0-:/[]%1 ", max_size=12),
        st.tuples(st.ip_addresses(), st.integers(0, 128)).map("{0[0]}/{0[1]}".format),
    )
)
def test_an_entry_is_read_the_same_when_it_was_read_before(text: str) -> None:
    """Settings keep what an entry is as text, and it is read again where it is needed."""
    try:
        entry = read_entry(text)
    except ValueError:
        return
    assert read_entry(str(entry)) == entry
