"""Webhooks over real HTTP: believed only if signed and fresh, noted once, never a traceback."""

from __future__ import annotations

import base64
import contextlib
import http.client
import json
import os
import signal
import socket
import sqlite3
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding
from hypothesis import given
from hypothesis import strategies as st
from support import seals
from support.deliveries import (
    NOW,
    SECRET,
    SUBJECT,
    Listening,
    alias_set,
    headers_of,
    listening,
    signed,
)

from audit import canonical
from audit.capture.listener import AT_ONCE, LARGEST, Listener, tls_context
from audit.capture.webhooks import (
    AHEAD_MS,
    OLDEST_MS,
    NotADeliveryError,
    Receiver,
    Signed,
    parse,
    signature,
)
from audit.cli import main
from audit.errors import EXIT_UNREAD, EXIT_USAGE, UsageError
from audit.facts import Delivery
from audit.ledger import WEBHOOK_RECEIVED, Ledger
from audit.period import system_clock


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/ledger.db"


@pytest.fixture
def listener(url: str) -> Iterator[Listening]:
    with listening(url) as running:
        yield running


# --- what is taken ---------------------------------------------------------------------


def test_a_delivery_is_noted(listener: Listening) -> None:
    sent = {**alias_set(), "timestamp": "2026-07-25T17:19:59.250750+00:00", "workspace": "risk"}
    assert listener.post(signed(sent)) == 200
    (event,) = listener.noted
    assert canonical.load(Delivery, dict(event.payload)) == Delivery(
        id="delivery-1",
        sent_at=NOW - 750,
        received_at=NOW,
        entity="model_version_alias",
        action="created",
        data={"name": "churn", "alias": "champion", "version": "3", "workspace": "risk"},
    )
    assert event.at == NOW
    listener.ledger.verify()


def test_the_signature_is_that_of_standard_webhooks() -> None:
    # The example that its libraries are tested with.
    secret = base64.b64decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    bare = Signed("msg_p5jXN8AQM9LWM0D4loKWxJek", "1614265330", "", b'{"test": 2432232314}')
    assert signature(secret, bare) == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_what_is_not_text_is_told_as_json(listener: Listening) -> None:
    data = {"name": "churn", "version": 3, "run_id": None, "tags": {"b": "\ud800", "a": "é"}}
    body = {"entity": "model_version", "action": "created", "data": data}
    assert listener.post(signed(body)) == 200
    (event,) = listener.noted
    assert event.payload["data"] == {
        "name": "churn",
        "version": "3",
        "tags": '{"a":"é","b":"\ud800"}',
    }
    listener.ledger.verify()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-07-25T17:20:00.250+00:00", NOW + 250),
        ("2026-07-25T19:20:00.250+02:00", NOW + 250),
        ("2026-07-25T17:20:00.250", NOW + 250),
        ("2026-07-25T17:20:02+00:00", NOW + 999),
        ("2026-07-25T16:20:00+00:00", NOW + 999),
        ("0001-01-01T00:00:00+23:59", NOW + 999),
        ("yesterday", NOW + 999),
        (7, NOW + 999),
        (None, NOW + 999),
    ],
)
def test_the_time_of_sending_is_not_before_the_action(text: Any, expected: int) -> None:
    delivery = parse(signed({**alias_set(), "timestamp": text}), NOW)
    assert delivery is not None
    assert delivery.sent_at == expected


@pytest.mark.parametrize("entity", ["prompt", "prompt_alias", "budget_policy"])
def test_what_is_not_about_the_registry_is_left_alone(listener: Listening, entity: str) -> None:
    assert listener.post(signed({**alias_set(), "entity": entity})) == 204
    assert listener.noted == []


# --- what is refused -------------------------------------------------------------------


@pytest.mark.parametrize(
    "change",
    [
        {"signature": ""},
        {"signature": "v1,"},
        {"signature": "é"},
        {"signature": signed(alias_set(), secret=b"guessed").signature},
        {"signature": signed(alias_set()).signature.replace("v1", "v2")},
        {"signature": signed(alias_set()).signature.removeprefix("v1,")},
        {"id": "delivery-2"},
        {"id": ""},
        {"id": "../x"},
        {"timestamp": str(NOW // 1000 + 1)},
        {"timestamp": "-1"},
        {"timestamp": "9" * 5000},
        {"timestamp": ""},
        {"body": json.dumps(alias_set(version="4")).encode()},
    ],
)
def test_what_is_not_signed_is_refused(listener: Listening, change: dict[str, Any]) -> None:
    assert listener.post(replace(signed(alias_set()), **change)) == 401
    assert listener.noted == []


@pytest.mark.parametrize(
    ("age", "status"),
    [
        (OLDEST_MS, 200),
        (OLDEST_MS + 1000, 401),
        (86_400_000, 401),
        (-AHEAD_MS, 200),
        (-AHEAD_MS - 1000, 401),
    ],
)
def test_only_what_is_fresh_is_taken(listener: Listening, age: int, status: int) -> None:
    assert listener.post(signed(alias_set(), at=NOW - age)) == status
    assert len(listener.noted) == (status == 200)


def test_the_same_delivery_is_noted_once(listener: Listening) -> None:
    with ThreadPoolExecutor(8) as pool:
        statuses = list(pool.map(listener.post, [signed(alias_set())] * 16))
    assert statuses == [200] * 16
    assert len(listener.noted) == 1


def test_a_restart_and_another_listener_know_what_was_noted(url: str) -> None:
    with listening(url) as one, listening(url) as other:
        assert one.post(signed(alias_set(), 1)) == 200
        assert other.post(signed(alias_set(), 1)) == 200
        assert other.post(signed(alias_set(), 2)) == 200
        assert one.post(signed(alias_set(), 2)) == 200
    with listening(url, clock=lambda: NOW + OLDEST_MS) as again:
        assert again.post(signed(alias_set(), 1)) == 200
        assert again.post(signed(alias_set(), 3)) == 200
        assert [event.payload["id"] for event in again.noted] == [
            "delivery-1",
            "delivery-2",
            "delivery-3",
        ]


def test_many_listeners_lose_and_double_nothing(url: str) -> None:
    with listening(url) as one, listening(url) as other, ThreadPoolExecutor(8) as pool:
        each = [signed(alias_set(), number) for number in range(40)]
        both = [*pool.map(one.post, each), *pool.map(other.post, each)]
        assert both == [200] * 80
        assert len({event.payload["id"] for event in one.noted}) == len(one.noted) == 40
        one.ledger.verify()


def test_ids_are_kept_only_as_long_as_they_matter(url: str) -> None:
    now = NOW
    receiver = Receiver(Ledger(url), SUBJECT, SECRET, clock=lambda: now)
    for number in range(5):
        receiver.take(signed(alias_set(), number, at=now))
        now += 400_000
    assert len(receiver._known) < 4


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\xff\xfe\x00",
        b"null",
        b"[]",
        b"{}",
        b"[" * 100_000,
        b'{"entity":"model_version"}',
        b'{"entity":7,"action":"created","data":{"name":"x"}}',
        b'{"entity":"model version","action":"created","data":{"name":"x"}}',
        b'{"entity":"model_version","action":null,"data":{"name":"x"}}',
        b'{"entity":"model_version","action":"created","data":[]}',
        b'{"entity":"model_version","action":"created","data":{"name":7}}',
        b'{"entity":"model_version","action":"created","data":{"name":"x","n":NaN}}',
        b'{"entity":"model_version","action":"set","data":{"name":"x","n":' + b"9" * 9000 + b"}}",
    ],
)
def test_garbage_that_is_signed_is_not_noted(listener: Listening, body: bytes) -> None:
    assert listener.post(signed(body)) == 400
    assert listener.noted == []


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    ),
    st.text(),
)
def test_any_data_is_taken_or_refused_and_can_be_noted(value: Any, name: str) -> None:
    body = {"entity": "model_version", "action": "created", "data": {"name": name, "x": value}}
    try:
        delivery = parse(signed(body), NOW)
    except NotADeliveryError:
        return
    assert delivery is not None
    assert canonical.load(Delivery, canonical.plain(delivery)) == delivery


# --- HTTP ------------------------------------------------------------------------------


def test_other_paths_and_methods(listener: Listening) -> None:
    assert listener.post(signed(alias_set()), "/") == 404
    assert listener.post(signed(alias_set()), "/webhook/../webhook") == 404
    connection = listener.connect()
    connection.request("GET", "/webhook")
    assert connection.getresponse().status == 501
    assert listener.noted == []


def test_a_huge_body_is_not_read(listener: Listening) -> None:
    delivery = signed(alias_set())
    for length in (LARGEST + 1, 10**30):
        connection = listener.connect()
        connection.putrequest("POST", "/webhook")
        for name, value in {**headers_of(delivery), "Content-Length": str(length)}.items():
            connection.putheader(name, value)
        connection.endheaders()
        assert connection.getresponse().status == 413
        connection.close()


@pytest.mark.parametrize("length", ["-1", "abc", "", "1_0", "٣"])
def test_a_length_that_is_none(listener: Listening, length: str) -> None:
    assert listener.post(signed(b""), headers={"Content-Length": length.encode()}) == 411  # type: ignore[dict-item]


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\0\1\2\3",
        b"POST\r\n\r\n",
        b"POST /webhook HTTP/9.9\r\n\r\n",
        b"POST /webhook HTTP/1.1\r\nContent-Length: 50\r\n\r\nshort",
        b"POST /webhook HTTP/1.1\r\n" + b"X: y\r\n" * 200 + b"\r\n",
        b"POST /" + b"x" * 70_000 + b" HTTP/1.1\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    ],
)
def test_what_is_not_http_harms_nobody(
    listener: Listening, data: bytes, capfd: pytest.CaptureFixture[str]
) -> None:
    with socket.create_connection(("127.0.0.1", listener.server.server_port), timeout=20) as raw:
        raw.sendall(data)
        raw.shutdown(socket.SHUT_WR)
        try:
            answer = raw.makefile("rb").read()
        except ConnectionResetError:
            answer = b""
    assert b"Python" not in answer
    assert listener.post(signed(alias_set())) == 200
    out, err = capfd.readouterr()
    assert "Traceback" not in out + err


def test_a_body_that_drips_in_is_cut_off(listener: Listening) -> None:
    listener.server.patience = 0.5
    began = time.monotonic()
    with socket.create_connection(("127.0.0.1", listener.server.server_port), timeout=20) as raw:
        raw.sendall(b"POST /webhook HTTP/1.1\r\nContent-Length: 1000\r\n\r\n")
        raw.settimeout(0.1)
        answer = b""
        while not answer and time.monotonic() - began < 10:
            with contextlib.suppress(TimeoutError):
                raw.sendall(b"x")
                answer = raw.recv(100)
    assert b"408" in answer
    assert time.monotonic() - began < 5


def test_more_at_once_than_there_is_room_for(listener: Listening) -> None:
    place = ("127.0.0.1", listener.server.server_port)
    with contextlib.ExitStack() as idle:
        for _ in range(AT_ONCE):
            idle.enter_context(socket.create_connection(place))
        with pytest.raises((http.client.HTTPException, OSError)):
            listener.post(signed(alias_set()))
    for _ in range(50):
        with contextlib.suppress(http.client.HTTPException, OSError):
            assert listener.post(signed(alias_set())) == 200
            break
        time.sleep(0.1)
    assert len(listener.noted) == 1


def test_a_ledger_that_cannot_be_written_makes_mlflow_try_again(
    listener: Listening, tmp_path: Path
) -> None:
    with sqlite3.connect(tmp_path / "ledger.db") as connection:
        connection.execute("alter table mlflow_audit_events rename to away")
    assert listener.post(signed(alias_set())) == 503
    with sqlite3.connect(tmp_path / "ledger.db") as connection:
        connection.execute("alter table away rename to mlflow_audit_events")
    assert listener.post(signed(alias_set())) == 200
    assert len(listener.noted) == 1


def test_over_tls(url: str, tmp_path: Path) -> None:
    key = seals.rsa_key()
    pem = seals.certificate(key, usage=None, ca=True).public_bytes(Encoding.PEM)
    (tmp_path / "server.pem").write_bytes(pem + seals.key_pem(key))
    tls = tls_context(tmp_path / "server.pem", None)
    trusting = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    trusting.check_hostname = False
    trusting.load_verify_locations(cadata=pem.decode())
    with listening(url, tls=tls) as running:
        assert running.server.url.startswith("https://")
        with pytest.raises((http.client.HTTPException, OSError)):
            running.post(signed(alias_set()))
        assert running.post(signed(alias_set()), tls=trusting) == 200


def test_files_that_are_no_certificate(tmp_path: Path) -> None:
    (tmp_path / "x.pem").write_text("nothing")
    with pytest.raises(UsageError, match="cannot be used"):
        tls_context(tmp_path / "x.pem", None)


def test_a_port_that_is_taken(listener: Listening, url: str) -> None:
    receiver = Receiver(listener.ledger, SUBJECT, SECRET)
    with pytest.raises(UsageError, match="cannot listen"):
        Listener("127.0.0.1", listener.server.server_port, "/", receiver)


# --- the command -----------------------------------------------------------------------


@pytest.mark.parametrize("stop", [signal.SIGTERM, signal.SIGINT])
def test_the_command_listens_until_it_is_told_to_stop(
    url: str, tmp_path: Path, stop: signal.Signals
) -> None:
    (tmp_path / "secret").write_bytes(SECRET + b"\n")
    command = [
        sys.executable, "-m", "audit", "capture", "listen", "--ledger", url, "--port", "0", "-vv",
        "--registry", "https://alice:token@mlflow.example",
        "--secret-file", str(tmp_path / "secret"),
    ]  # fmt: skip
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stderr is not None
            line = process.stderr.readline()
            address = line.removeprefix("listening at http://").partition("/")[0]
            for number in (1, 1):
                delivery = signed(alias_set(), number, at=system_clock())
                connection = http.client.HTTPConnection(address, timeout=20)
                connection.request("POST", "/webhook", delivery.body, headers_of(delivery))
                assert connection.getresponse().status == 200
                connection.close()
        finally:
            process.send_signal(stop)
        rest = process.stderr.read()
        assert process.wait(20) == 0
    assert "stopped" in rest
    for hidden in (SECRET.decode(), "token", "Traceback", delivery.signature):
        assert hidden not in line + rest
    assert len(Ledger(url).events("https://***@mlflow.example", WEBHOOK_RECEIVED)) == 1


BOTH = ("--ledger", "sqlite://", "--registry", "x")


@pytest.mark.parametrize(
    ("options", "code", "words"),
    [
        ([], EXIT_USAGE, "neither a job file"),
        (["--ledger", "sqlite://"], EXIT_USAGE, "neither a job file"),
        (["absent.yaml"], EXIT_USAGE, "absent.yaml"),
        ([*BOTH], EXIT_USAGE, "no secret"),
        (
            [*BOTH, "--secret-file", "absent"],
            EXIT_USAGE,
            "cannot be read",
        ),
        (
            ["--ledger", "sqlite:////absent/x.db", "--registry", "x", "--secret-file", "secret"],
            EXIT_UNREAD,
            "cannot be opened",
        ),
        (
            [*BOTH, "--secret-file", "secret", "--path", "x"],
            EXIT_USAGE,
            "begins with /",
        ),
        (
            [*BOTH, "--secret-file", "secret", "--tls-key", "x"],
            EXIT_USAGE,
            "without its certificate",
        ),
        (
            [*BOTH, "--secret-file", "secret", "--host", "203.0.113.1"],
            EXIT_USAGE,
            "cannot listen",
        ),
    ],
)
def test_a_mistake_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], options: list[str], code: int, words: str
) -> None:
    (tmp_path / "secret").write_bytes(SECRET)
    before = Path.cwd()
    os.chdir(tmp_path)
    try:
        assert main(["capture", "listen", *options]) == code
    finally:
        os.chdir(before)
    (line,) = capsys.readouterr().err.splitlines()
    assert words in line
