"""Whose word the server plugin takes for a user's name."""

from __future__ import annotations

import pytest

from audit.capture.server.proxy import GENUINE_PEERS_OPTION, Proxy, proxy_of

HEADER = b"x-forwarded-user"
SETTINGS = {
    "MLFLOW_AUDIT_USER_HEADER": "X-Forwarded-User",
    "MLFLOW_AUDIT_TRUSTED_PEERS": "10.0.0.0/8, 127.0.0.1,2001:db8::/32",
}
ALICE = [(b"host", b"x"), (HEADER, b"alice")]


@pytest.fixture
def proxy() -> Proxy:
    made, problems = proxy_of(SETTINGS, [GENUINE_PEERS_OPTION])
    assert problems == ()
    return made


@pytest.mark.parametrize(
    ("peer", "user"),
    [
        ("10.1.2.3", "alice"),
        ("127.0.0.1", "alice"),
        ("::ffff:10.1.2.3", "alice"),
        ("2001:db8::1", "alice"),
        ("127.0.0.2", ""),
        ("11.0.0.1", ""),
        ("2001:db9::1", ""),
        ("", ""),
        ("localhost", ""),
        ("/run/proxy.sock", ""),
        ("10.0.0.0/8", ""),
    ],
)
def test_only_trusted_peers_are_believed(proxy: Proxy, peer: str, user: str) -> None:
    assert proxy.user(peer, ALICE) == user


@pytest.mark.parametrize(
    ("headers", "user"),
    [
        ([(b"X-Forwarded-User", b"alice")], "alice"),
        ([(HEADER, "zoë".encode())], "zoë"),
        ([(HEADER, "zoë".encode("latin-1"))], "zoë"),
        ([(HEADER, b" CN=alice,O=Example Bank ")], "CN=alice,O=Example Bank"),
        ([(HEADER, b"alice"), (HEADER, b"bob")], ""),
        ([(HEADER, b"alice"), (HEADER, b"alice")], ""),
        ([(b"x_forwarded_user", b"alice")], ""),
        ([(HEADER, b"")], ""),
        ([(HEADER, b"a\x1b[2J")], ""),
        ([(HEADER, "a\u202eb".encode())], ""),
        ([(HEADER, b"a" * 257)], ""),
        ([], ""),
    ],
)
def test_one_name_or_nobody(proxy: Proxy, headers: list[tuple[bytes, bytes]], user: str) -> None:
    assert proxy.user("10.0.0.1", headers) == user


def test_an_address_that_a_header_may_have_replaced_proves_nothing() -> None:
    proxy, problems = proxy_of(SETTINGS, ["uvicorn"])
    forwarded = (b"X-Forwarded-For", b"10.0.0.1:443")
    assert "--no-proxy-headers" in problems[0]
    assert proxy.user("10.0.0.1", [*ALICE, forwarded]) == ""
    assert proxy.user("10.0.0.1", ALICE) == "alice"
    genuine, problems = proxy_of(SETTINGS, ["uvicorn"], rewrites=False)
    assert problems == ()
    assert genuine.user("10.0.0.1", [*ALICE, forwarded]) == "alice"


def test_nothing_configured_is_nobody_believed() -> None:
    proxy, problems = proxy_of({})
    assert problems == ()
    assert proxy.user("127.0.0.1", ALICE) == ""
    assert proxy.user("127.0.0.1", [(b"", b"alice")]) == ""


def test_a_wrong_setting_is_told_and_trusts_nobody() -> None:
    proxy, problems = proxy_of({**SETTINGS, "MLFLOW_AUDIT_TRUSTED_PEERS": "10.0.0.1/8,proxy"})
    assert [problem.split(":")[0] for problem in problems] == [
        "MLFLOW_AUDIT_TRUSTED_PEERS",
        "MLFLOW_AUDIT_TRUSTED_PEERS",
        "MLFLOW_AUDIT_USER_HEADER is ignored",
    ]
    assert proxy.user("10.0.0.1", ALICE) == ""
