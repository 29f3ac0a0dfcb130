"""Whose word is taken for a user's name: a header, from configured peers only.

Behind a reverse proxy that signs people in, the user's name comes in a header, which anybody
can send. It is believed only when the connection itself comes from a trusted peer.

uvicorn replaces the peer's address by what the ``X-Forwarded-For`` header says if the
connection comes from an address that uvicorn trusts (loopback unless told otherwise); then
the address proves nothing. So a request with that header is believed only if uvicorn was
started with ``--no-proxy-headers``.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from audit.capture.server.calls import MAX_NAME

HEADER_SETTING = "MLFLOW_AUDIT_USER_HEADER"
PEERS_SETTING = "MLFLOW_AUDIT_TRUSTED_PEERS"
GENUINE_PEERS_OPTION = "--no-proxy-headers"
_FORWARDED_FOR = b"x-forwarded-for"

_Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Headers = Iterable[tuple[bytes, bytes]]


@dataclass(frozen=True, slots=True)
class Proxy:
    """Which header names the user, and from whom it is believed. Without a header, nobody is."""

    header: bytes = b""
    peers: tuple[_Network, ...] = ()
    genuine: bool = True
    """Whether the server never replaces a peer's address by a header's."""

    def user(self, peer: str, headers: Headers) -> str:
        """Return the user whom a trusted peer names; empty if there is no such word.

        A header that stands there twice, or is no name, is nobody's: one of the two may be
        the client's own.
        """
        if not self.header or not self.trusts(peer):
            return ""
        values = []
        for key, value in headers:
            name = key.lower()
            if name == self.header:
                values.append(value)
            elif name == _FORWARDED_FOR and not self.genuine:
                return ""
        return _name(values[0]) if len(values) == 1 else ""

    def trusts(self, peer: str) -> bool:
        """Return whether an address is a trusted peer's; what is no address is not."""
        try:
            address = ipaddress.ip_address(peer)
        except ValueError:
            return False
        if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
            address = address.ipv4_mapped
        return any(address in network for network in self.peers)


def proxy_of(
    environment: Mapping[str, str], arguments: Iterable[str] = (), *, rewrites: bool = True
) -> tuple[Proxy, tuple[str, ...]]:
    """Return the proxy that is configured, and what is wrong with the configuration.

    Whoever is named wrongly is not trusted. ``arguments`` are the server's own;
    ``rewrites`` is whether this kind of server replaces peers' addresses at all.
    """
    header = environment.get(HEADER_SETTING, "").strip()
    problems: list[str] = []
    peers: list[_Network] = []
    for text in environment.get(PEERS_SETTING, "").split(","):
        if not text.strip():
            continue
        try:
            peers.append(ipaddress.ip_network(text.strip()))
        except ValueError as error:
            problems.append(f"{PEERS_SETTING}: {error}; this peer is not trusted")
    if header and not peers:
        problems.append(f"{HEADER_SETTING} is ignored: {PEERS_SETTING} names nobody to believe")
    genuine = not rewrites or GENUINE_PEERS_OPTION in arguments
    if header and peers and not genuine:
        problems.append(
            f"{HEADER_SETTING} is ignored in requests with X-Forwarded-For: start the server "
            f'with --uvicorn-opts "{GENUINE_PEERS_OPTION}" so that peers are known'
        )
    return Proxy(header.lower().encode("latin-1", "replace"), tuple(peers), genuine), (*problems,)


def _name(value: bytes) -> str:
    try:
        name = value.decode("utf-8").strip()
    except UnicodeDecodeError:
        name = value.decode("latin-1").strip()
    return name if name.isprintable() and len(name) <= MAX_NAME else ""
