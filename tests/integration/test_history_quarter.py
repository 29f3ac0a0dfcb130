"""A scripted quarter, told again: the history against what was really done.

Three users of a real server with basic authentication, one client that goes round it, and
somebody who writes SQL play ``support.script``; the database carries the capture log. The
same script is played where nothing is installed, and only looked at, by SQL and by REST.
"""

import json

import pytest
from support import deeds as truth
from support.deeds import held
from support.likeness import as_captured, as_looked_at, paired
from support.played import Played, job_file

from audit import canonical
from audit.cli import main
from audit.history.balance import balances
from audit.history.model import Action, ActionKind
from audit.history.moments import state_at, tenures
from audit.history.reconstruct import reconstruct
from audit.period import iso
from audit.sources.registry.readers import open_registry

pytestmark = pytest.mark.xdist_group("mlflow-servers")


@pytest.fixture(params=["sqlite", "postgresql", "mariadb"])
def quarter(request: pytest.FixtureRequest) -> Played:
    found: Played = request.getfixturevalue(f"on_{request.param}")
    return found


# --- the script itself ------------------------------------------------------------------------


def test_the_script_does_every_kind_of_action_and_its_picture_is_mlflows(quarter: Played) -> None:
    assert {deed.kind for deed in quarter.book.deeds} == set(ActionKind)
    registry = open_registry(quarter.database.audit).read_models()
    state = quarter.book.marks[-1].state
    entries = truth.flat(state)
    assert {model.name for model in registry.models} == {model.name for model in state.values()}
    for model in registry.models:
        key = (model.workspace, model.name)
        assert entries.get(("model", *key, "description"), "") == model.description
        for alias, number in model.aliases.items():
            assert entries["alias", *key, alias] == str(number)
    living = [version for version in registry.versions if not version.deleted]
    assert len(living) == sum(len(model.versions) for model in state.values())
    for version in living:
        place = ("version", version.workspace, version.model, str(version.version))
        assert entries[*place, "source"] == version.source
        for key, text in version.tags.items():
            assert entries["version_tag", *place[1:], key] == text


# --- captured ---------------------------------------------------------------------------------


def test_the_history_is_what_was_done_by_whom_and_when(quarter: Played) -> None:
    wrong = as_captured(
        quarter.history.actions,
        quarter.book.deeds,
        transactions=quarter.database.audit.startswith("postgresql"),
    )
    assert not wrong, "\n".join([f"{len(wrong)} of {len(quarter.book.deeds)}", *wrong])


def test_there_is_nothing_unexplained_and_no_gap_but_before_the_first_look(
    quarter: Played,
) -> None:
    history = quarter.history
    assert history.unexplained == ()
    assert [(gap.start, gap.end) for gap in history.gaps] == [(None, history.first_observed)]
    assert quarter.watchers[0].observations.problems == ()
    looks = quarter.watchers[0].looks
    for start, end in [(looks[0], looks[-1]), (looks[3], looks[7])]:
        for balance in balances(history, start, end):
            assert balance.closing_expected == balance.closing_observed, balance
            assert balance.unexplained == ()


def test_refused_requests_are_told_and_did_nothing(quarter: Played) -> None:
    refused = [item for item in quarter.history.attempts if item.status >= 400]
    assert len(refused) >= len(quarter.book.refusals) >= 2
    for refusal in quarter.book.refusals:
        assert any(
            (item.user, item.status) == (refusal.actor, refusal.status)
            and refusal.start <= item.at <= refusal.end
            for item in refused
        ), refusal


def test_the_state_at_each_mark_is_as_it_was(quarter: Played) -> None:
    history = quarter.history
    assert history.first_observed is not None
    assert history.first_observed <= quarter.watchers[0].looks[0]
    assert state_at(history, history.first_observed - 1) is None
    for mark in quarter.book.marks:
        # The first look begins a moment after its mark, while nothing happens.
        found = state_at(history, max(mark.at, quarter.watchers[0].looks[0]))
        assert found is not None
        entries = {entry: text for entry, text in found.items() if not entry[-1].endswith("_at")}
        assert entries == truth.flat(mark.state), mark.name
        clock = {entry: int(text) for entry, text in found.items() if entry not in entries}
        spans = truth.times(mark.state)
        assert clock.keys() == spans.keys(), mark.name
        for entry, at in clock.items():
            assert spans[entry][0] <= at <= spans[entry][1], (mark.name, entry)


def test_tenures_are_from_deed_to_deed(quarter: Played) -> None:
    expected = held(quarter.book.deeds)
    history = quarter.history
    found = list(tenures(history))
    assert len(found) == len(expected) > 20
    identities = {
        deed.identity: action.identity
        for deed, action in paired(history.actions, quarter.book.deeds).pairs
    }
    for identity, alias, version, start, end in expected:
        hits = [
            tenure
            for tenure in found
            if (tenure.identity, tenure.alias, tenure.version)
            == (identities[identity], alias, version)
            and tenure.start is not None
            and start.start <= (tenure.start.at or 0) <= start.end
        ]
        assert len(hits) == 1, (identity, alias, version, start.words())
        ended = hits[0].end
        if end is None:
            assert ended is None
        else:
            assert ended is not None
            assert end.start <= (ended.at or 0) <= end.end


# --- only looked at ---------------------------------------------------------------------------


@pytest.mark.parametrize("way", ["sql", "rest"])
def test_snapshots_alone_tell_the_net_changes(unwatched: Played, way: str) -> None:
    watcher = unwatched.watchers[("sql", "rest").index(way)]
    history = reconstruct(watcher.observations)
    book = unwatched.book
    wrong = as_looked_at(
        history.actions, book.deeds, book.marks, watcher.looks, tombstones=way == "sql"
    )
    assert not wrong, "\n".join([str(len(wrong)), *wrong])
    assert history.unexplained == ()
    edges = [(None, watcher.looks[0]), *zip(watcher.looks, watcher.looks[1:], strict=False)]
    assert [(gap.start, gap.end) for gap in history.gaps] == edges
    for mark, look in zip(book.marks, watcher.looks, strict=True):
        found = state_at(history, look)
        assert found is not None
        plain = {entry: text for entry, text in found.items() if not entry[-1].endswith("_at")}
        assert plain == truth.flat(mark.state, sql=way == "sql"), mark.name


# --- on the command line ----------------------------------------------------------------------


def test_the_command_tells_one_models_whole_history(
    on_sqlite: Played, capsys: pytest.CaptureFixture[str]
) -> None:
    job = job_file(on_sqlite, on_sqlite.folder / "asked")
    assert main(["history", "churn eu", "-c", str(job), "--format", "json"]) == 0
    (told,) = json.loads(capsys.readouterr().out)["models"]
    assert told["names"] == ["churn", "churn eu"]
    actions = canonical.load(list[Action], told["actions"])
    deeds = [deed for deed in on_sqlite.book.deeds if deed.identity == "churn#1"]
    wrong = as_captured(actions, deeds, transactions=False)
    assert not wrong, "\n".join([f"{len(wrong)} of {len(deeds)}", *wrong])
    assert main(["history", "fraud", "-c", str(job), "--format", "json"]) == 0
    lives = json.loads(capsys.readouterr().out)["models"]
    assert [len(life["actions"]) for life in lives] == [
        sum(deed.identity == identity for deed in on_sqlite.book.deeds)
        for identity in ("fraud#1", "fraud#2")
    ]


def test_the_command_tells_how_a_model_stood_at_a_moment(
    on_sqlite: Played, capsys: pytest.CaptureFixture[str]
) -> None:
    job = job_file(on_sqlite, on_sqlite.folder / "asked-at")
    mark = next(mark for mark in on_sqlite.book.marks if mark.name == "renamed")
    arguments = ["--at", iso(mark.at), "--format", "json"]
    assert main(["history", "churn", "-c", str(job), *arguments]) == 0
    (told,) = json.loads(capsys.readouterr().out)["models"]
    found = {
        (row["model"], row["version"], row["what"], row["key"], row["value"])
        for row in told["state"]
        if not row["key"].endswith("_at")
    }
    state = {"churn#1": mark.state["churn#1"]}
    expected = set()
    for (what, _, model, *rest), text in truth.flat(state).items():
        number = int(rest[0]) if what in ("version", "version_tag") else None
        expected.add((model, number, what, rest[-1], text))
    assert found == expected
    assert {row["model"] for row in told["state"]} == {"churn eu"}
