"""Which hosts are everybody's: a name brought into one form, and an address judged. Looking names up is others'.

`ipaddress.is_global` differs between 3.11, 3.12 and 3.13 (and within 3.11); the lists here make the verdict the same.
"""

from __future__ import annotations

import ipaddress
import re
from urllib.parse import SplitResult

import idna

# IANA's special-purpose registry (2025), and what lies in global space but belongs to the machine's own provider.
_REFUSED_V4 = tuple(
    ipaddress.IPv4Network(one)
    for one in (
        "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24",
        "192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24",
        "224.0.0.0/4", "240.0.0.0/4",
        "168.63.129.16/32",  # Azure's host agent
    )
)  # fmt: skip
# All that has been given out for everybody's use (RFC 4291 2.4, IANA); without protocol assignments with Teredo,
# documentation and 6to4, whose packets end at an IPv4 address that nobody has judged.
_GLOBAL_V6 = ipaddress.IPv6Network("2000::/3")
_REFUSED_V6 = tuple(ipaddress.IPv6Network(one) for one in ("2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20"))
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")

_NUMBER = re.compile(r"0[xX][0-9a-fA-F]*|[0-9]+")


class NoHost(ValueError):
    """Not a name that anybody can look up."""


def is_public(address: str) -> bool:
    """Whether an IP address is everybody's; IPv4 in IPv6 (mapped, NAT64) counts as the IPv4 address that it is."""
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    if isinstance(found, ipaddress.IPv4Address):
        return found.is_global and not any(found in one for one in _REFUSED_V4)
    if found.ipv4_mapped is not None:
        return is_public(str(found.ipv4_mapped))
    if found in _NAT64:
        return is_public(str(ipaddress.IPv4Address(int(found) & 0xFFFFFFFF)))
    return found in _GLOBAL_V6 and found.is_global and not any(found in one for one in _REFUSED_V6)


def normalise_host(host: str) -> str:
    """One form for all ways to write a host: ASCII, lower case, no dot at the end, addresses in their usual figures.

    Raises NoHost. As browsers do (WHATWG URL, host parsing), so that nobody reads another host out of it later.
    """
    if "%" in host:
        # A zone means an interface of this machine.
        raise NoHost(host)
    try:
        address = ipaddress.ip_address(host.strip("[]") if ":" in host else host)
    except ValueError:
        if ":" in host:
            raise NoHost(host) from None
    else:
        mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
        return str(mapped or address)
    name = _ascii(host).removesuffix(".")
    last = name.rpartition(".")[2]
    if _NUMBER.fullmatch(last):
        return str(_ipv4(name))
    return name


def host_of(parts: SplitResult) -> str:
    """The host of an address in that form. Raises NoHost."""
    return normalise_host(parts.hostname or "")


def _ascii(host: str) -> str:
    try:
        if host.isascii():
            name = host.lower()
            # Underscores and the like are names that resolvers know; what is no host's letter at all is not.
            if re.fullmatch(r"[a-z0-9_-]+(\.[a-z0-9_-]+)*\.?", name) and len(name) <= 254:
                return name
            raise NoHost(host)
        # uts46 folds full-width letters, figures and dots before it encodes.
        return idna.encode(host, uts46=True).decode().lower()
    except (idna.IDNAError, UnicodeError) as error:
        raise NoHost(host) from error


def _ipv4(name: str) -> ipaddress.IPv4Address:
    """Of figures in any notation that a C library reads: 127.1, 0x7f.1, 0177.0.0.1, 2130706433."""
    labels = name.split(".")
    if len(labels) > 4 or not all(_NUMBER.fullmatch(one) for one in labels):
        raise NoHost(name)
    try:
        *first, last = [_figure(one) for one in labels]
    except ValueError as error:  # 08 is no octal figure
        raise NoHost(name) from error
    if any(one > 255 for one in first) or last >= 256 ** (4 - len(first)):
        raise NoHost(name)
    return ipaddress.IPv4Address(last + sum(one << 8 * (3 - at) for at, one in enumerate(first)))


def _figure(label: str) -> int:
    if label[:2] in ("0x", "0X"):
        return int(label[2:] or "0", 16)
    return int(label, 8) if len(label) > 1 and label[0] == "0" else int(label)
