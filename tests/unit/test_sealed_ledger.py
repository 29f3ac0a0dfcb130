"""The ledger's head in a bundle: carried, held against the ledger, contradicted by another."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path

import pytest
from support import bundles, seals
from support.writers import seen

from audit.archive import manifest
from audit.archive.manifest import LedgerHead
from audit.archive.previous import previous_bundle
from audit.archive.verify import verify_bundle
from audit.cli import main
from audit.errors import EXIT_OK, EXIT_SEAL, EXIT_UNREAD, VerificationError
from audit.facts import PreviousBundle
from audit.ledger import Ledger
from audit.period import parse
from audit.seal.trust import trust_of


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/ledger.db"


@pytest.fixture
def bundle(tmp_path: Path, url: str) -> Path:
    """A bundle sealed when the ledger held two events; a third one came later."""
    ledger = Ledger(url)
    head = ledger.append([seen(1), seen(2)])
    folder = tmp_path / "quarterly"
    folder.mkdir()
    written = bundles.write(folder, ledger=LedgerHead(head, 2))
    ledger.append([seen(3)])
    ledger.close()
    return written.path


def rewrite(url: str) -> None:
    """Write the ledger anew, chained as it ought to be, with another second event."""
    path = Path(url.removeprefix("sqlite:///"))
    with sqlite3.connect(path) as connection:
        connection.execute("drop table mlflow_audit_events")
    Ledger(url).append([seen(1), seen(2, "s3://models/other"), seen(3)])


def before(bundle: Path, ledger: Ledger) -> PreviousBundle:
    return previous_bundle(bundle.parent, parse("2024-Q4"), trust_of(seals.sealer()), ledger)


def verify(bundle: Path, *options: str) -> int:
    return main(["verify", str(bundle), *options])


def test_a_ledger_that_goes_on(bundle: Path, url: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert verify(bundle, "--ledger", url, "-v") == EXIT_OK
    assert "holds the 2 events sealed" in capsys.readouterr().out
    assert before(bundle, Ledger(url)).ledger == "continues"


def test_a_ledger_written_anew_contradicts_the_bundle(
    bundle: Path, url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    rewrite(url)
    assert verify(bundle, "--ledger", url) == EXIT_SEAL
    wrong = [line for line in capsys.readouterr().out.splitlines() if line.startswith("wrong")]
    assert len(wrong) == 1
    assert "event number 2 is another than when the bundle was sealed" in wrong[0]
    found = before(bundle, Ledger(url))
    assert found.verified
    assert "event number 2 is another" in found.ledger


def test_no_ledger_at_the_address(
    bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert verify(bundle, "--ledger", f"sqlite:///{tmp_path}/other.db") == EXIT_UNREAD
    assert "there is no ledger" in capsys.readouterr().err
    assert not (tmp_path / "other.db").exists()


def test_a_bundle_of_an_earlier_version_carries_no_head(tmp_path: Path, url: str) -> None:
    ledger = Ledger(url)
    ledger.append([seen(1)])
    old = bundles.copy(tmp_path)
    assert b"ledger" not in (old / "data/manifest.json").read_bytes()
    found = verify_bundle(old, ledger=ledger)
    assert found.ok
    assert any("no head of a ledger" in note.what for note in found.notes)
    assert before(old, ledger).ledger == ""


def test_an_unverified_bundle_is_not_believed_on_the_ledger(bundle: Path, url: str) -> None:
    (bundle / "data/index.html").chmod(0o644)
    (bundle / "data/index.html").write_text("changed")
    assert before(bundle, Ledger(url)).ledger == ""


@pytest.mark.parametrize(
    "ledger",
    [None, {}, {"head": "0" * 64}, {"head": "x" * 64, "events": 1}, {"head": "", "events": 0}, 1],
)
def test_a_head_that_none_can_have_is_refused(ledger: object) -> None:
    value = json.loads(manifest.dump(bundles.draft())) | {"ledger": ledger}
    with pytest.raises(VerificationError):
        manifest.parse(json.dumps(value, sort_keys=True, separators=(",", ":")).encode())
