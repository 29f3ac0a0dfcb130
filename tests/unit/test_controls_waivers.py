"""The waiver file: every rule it is held to, and when a waiver holds."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from support.subjects import AS_OF

from audit.controls.pack import load_pack
from audit.controls.waivers import load_waivers, refuse_unknown, state
from audit.errors import ConfigError
from audit.facts import Waiver

WAIVER = {
    "id": "W-3",
    "control": "training.environment-pinned",
    "owner": "carol",
    "approver": "bob",
    "reason": "Two packages have no release yet.",
    "effective": "2026-07-01",
    "expires": "2026-12-31",
}


def _write(folder: Path, *waivers: dict[str, Any]) -> Path:
    path = folder / "waivers.yaml"
    path.write_text(yaml.safe_dump({"waivers": list(waivers)}), encoding="utf-8")
    return path


def test_a_waiver_with_everything(tmp_path: Path) -> None:
    path = _write(tmp_path, {**WAIVER, "models": ["fraud*"], "versions": [2, 3]})
    (waiver,) = load_waivers(path)
    assert waiver == Waiver(**WAIVER, models=("fraud*",), versions=(2, 3))
    assert waiver.scope == "fraud* v2, v3"


def test_dates_without_quotes_and_no_effective_date(tmp_path: Path) -> None:
    path = tmp_path / "waivers.yaml"
    path.write_text(
        "waivers:\n- {id: W, control: a, owner: b, approver: c, reason: d, expires: 2026-12-31}\n"
    )
    (waiver,) = load_waivers(path)
    assert (waiver.effective, waiver.expires, waiver.models) == ("", "2026-12-31", ("*",))


def test_no_waivers_at_all(tmp_path: Path) -> None:
    assert load_waivers(_write(tmp_path)) == ()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"owner": "  "}, "waivers.0.owner: string should have at least 1 character"),
        ({"approver": ""}, "waivers.0.approver: string should have at least 1 character"),
        ({"reason": None}, "waivers.0.reason: input should be a valid string"),
        ({"expires": None}, "waivers.0.expires: "),
        ({"expires": "next year"}, "waivers.0.expires: "),
        ({"approver": " Carol"}, "waiver W-3: the approver must not be its owner"),
        ({"expires": "2026-06-30"}, "waiver W-3 expires before it is effective"),
        ({"approvr": "bob"}, "unknown key. Did you mean 'approver'?"),
        ({"models": []}, "waivers.0.models: tuple should have at least 1 item"),
        ({"versions": [0]}, "waivers.0.versions.0: input should be greater than or equal to 1"),
    ],
)
def test_a_wrong_waiver_says_where_and_what(
    tmp_path: Path, change: dict[str, Any], message: str
) -> None:
    path = _write(tmp_path, {**WAIVER, **change})
    with pytest.raises(ConfigError) as caught:
        load_waivers(path)
    assert message in str(caught.value)
    assert str(caught.value).startswith(str(path))


@pytest.mark.parametrize("key", ["id", "control", "owner", "approver", "reason", "expires"])
def test_every_mandatory_key(tmp_path: Path, key: str) -> None:
    path = _write(tmp_path, {name: value for name, value in WAIVER.items() if name != key})
    with pytest.raises(ConfigError, match=rf"waivers\.0\.{key}: this key is required"):
        load_waivers(path)


def test_an_id_used_twice(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="two waivers have the id W-3"):
        load_waivers(_write(tmp_path, WAIVER, WAIVER))


@pytest.mark.parametrize("text", ["", "[]", "waivers: 3", "waivers: ["])
def test_a_file_that_holds_no_waivers(tmp_path: Path, text: str) -> None:
    path = tmp_path / "waivers.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError, match=r"waivers\.yaml"):
        load_waivers(path)
    with pytest.raises(ConfigError, match="no such waiver file"):
        load_waivers(tmp_path / "none.yaml")


def test_a_control_that_no_pack_has() -> None:
    packs = [load_pack("operating-checklist")]
    for control in ("training.environment-pinned", "training.*", "*"):
        refuse_unknown([Waiver(**{**WAIVER, "control": control})], packs, "waivers.yaml")
    with pytest.raises(ConfigError, match=r"Did you mean 'training.environment-pinned'\?"):
        refuse_unknown(
            [Waiver(**{**WAIVER, "control": "training.environment"})], packs, "waivers.yaml"
        )
    with pytest.raises(ConfigError, match=r"Controls: sources\.dataset-input, "):
        refuse_unknown([Waiver(**{**WAIVER, "control": "§"})], packs, "waivers.yaml")


@pytest.mark.parametrize(
    ("effective", "expires", "expected"),
    [
        ("", "2026-10-01", "active"),
        ("2026-10-01", "2026-10-01", "active"),
        ("", "2026-09-30", "expired"),
        ("2026-10-02", "2026-12-31", "not yet effective"),
    ],
)
def test_states_by_utc_day(effective: str, expires: str, expected: str) -> None:
    waiver = Waiver(**{**WAIVER, "effective": effective, "expires": expires})
    assert state(waiver, AS_OF) == expected
    assert state(waiver, AS_OF + 86_399_999) == expected


@given(st.dates(), st.dates(), st.integers(0, 2**41))
def test_a_waiver_has_one_state_and_expires_for_good(first: Any, last: Any, now: int) -> None:
    first, last = sorted((first, last))
    dates = {"effective": first.isoformat(), "expires": last.isoformat()}
    waiver = Waiver(**{**WAIVER, **dates})
    order = ["not yet effective", "active", "expired"]
    here, later = (order.index(state(waiver, moment)) for moment in (now, now + 86_400_000))
    assert here <= later
