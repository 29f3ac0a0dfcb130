"""A scripted quarter, told again: the history against what was really done.

Three users of a real server with basic authentication, one client that goes round it, and
somebody who writes SQL play ``support.script``; the database carries the capture log. The
same script is played where nothing is installed, and only looked at, by SQL and by REST.
"""

import contextlib
import csv
import datetime as dt
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import sqlalchemy as sa
from support import deeds as truth
from support import services
from support.deeds import Deed, Mark
from support.hands import Hand
from support.likeness import as_captured, as_looked_at, paired
from support.played import (
    OURS,
    Database,
    Played,
    Watcher,
    calm,
    client,
    engine,
    played,
    postgresql_database,
    sqlite,
)
from support.script import Book, now

from audit.archive.verify import verify_bundle
from audit.capture.install import install
from audit.cli import main
from audit.history.balance import balances
from audit.history.model import Action, ActionGrade, ActionKind, History
from audit.history.moments import state_at, tenures
from audit.history.reconstruct import reconstruct
from audit.period import iso
from audit.sources.registries import open_registry

pytestmark = pytest.mark.xdist_group("mlflow-servers")


@pytest.fixture(scope="session")
def on_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Played:
    folder = tmp_path_factory.mktemp("quarter-sqlite")
    return played(sqlite(folder), folder, OURS, "sql")


@pytest.fixture(scope="session")
def on_postgresql(
    postgresql: services.PostgreSQL, tmp_path_factory: pytest.TempPathFactory
) -> Played:
    folder = tmp_path_factory.mktemp("quarter-postgresql")
    return played(postgresql_database(postgresql, "quarter"), folder, OURS, "sql")


@pytest.fixture(scope="session")
def unwatched(tmp_path_factory: pytest.TempPathFactory) -> Played:
    """The script where nothing is installed, looked at by SQL and by REST."""
    folder = tmp_path_factory.mktemp("quarter-unwatched")
    return played(sqlite(folder), folder, "basic-auth", "sql", "rest")


@pytest.fixture(params=["sqlite", "postgresql"])
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
        for alias, held in model.aliases.items():
            assert entries["alias", *key, alias] == str(held)
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
        transactions=not quarter.database.audit.startswith("sqlite"),
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


Held = tuple[str, str, int, Deed, Deed | None]


def held(deeds: list[Deed]) -> list[Held]:
    """Return which version held which alias between which two deeds."""
    open_ones: dict[tuple[str, str], tuple[int, Deed]] = {}
    found: list[Held] = []
    for deed in sorted(deeds, key=lambda item: item.start):
        if not deed.alias:
            continue
        key = (deed.identity, deed.alias)
        if key in open_ones:
            number, start = open_ones.pop(key)
            found.append((*key, number, start, deed))
        if deed.after:
            open_ones[key] = (int(deed.after), deed)
    return found + [(*key, number, start, None) for key, (number, start) in open_ones.items()]


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


# --- triggers that were gone, and triggers that were silenced ----------------------------------


@dataclass
class Disturbed:
    """A small registry whose capture was broken twice; looks by what came before them."""

    book: Book
    watcher: Watcher
    looks: dict[str, int]
    installed: int
    """Just before capture was installed at all."""
    mended: tuple[int, int]
    """Before and after it was installed again."""

    @property
    def history(self) -> History:
        return reconstruct(self.watcher.observations)

    def between(self, start: str, end: str) -> list[Action]:
        """Return what is told of the time between two looks."""
        edges = self.looks[start], self.looks[end]
        return [item for item in self.history.actions if edges[0] < item.when.latest <= edges[1]]

    def deeds(self, start: str, end: str) -> list[Deed]:
        """Return what was done between two looks."""
        edges = self.looks[start], self.looks[end]
        return [item for item in self.book.deeds if edges[0] < item.start < edges[1]]


ALIASES = "registered_model_aliases"


def recreate(raw: sa.Engine) -> None:
    """Do to a table what MLflow's migrations do: in SQLite they copy it and drop the old one."""
    from alembic.migration import MigrationContext
    from alembic.operations import Operations

    with raw.begin() as connection:
        operations = Operations(MigrationContext.configure(connection))
        how = "always" if connection.dialect.name == "sqlite" else "auto"
        with operations.batch_alter_table(ALIASES, recreate=how) as table:
            table.add_column(sa.Column("note", sa.String(10), nullable=True))
        if connection.dialect.name != "sqlite":
            query = "SELECT tgname FROM pg_trigger WHERE tgrelid = CAST(:t AS regclass)"
            names = connection.execute(
                sa.text(f"{query} AND NOT tgisinternal"), {"t": ALIASES}
            ).scalars()
            for name in list(names):
                connection.execute(sa.text(f"DROP TRIGGER {name} ON {ALIASES}"))


@contextlib.contextmanager
def silenced(raw: sa.Engine) -> Iterator[None]:
    """Take the triggers of the aliases away, and put them back as they were."""
    if raw.dialect.name == "sqlite":
        query = f"SELECT name, sql FROM sqlite_master WHERE type='trigger' AND tbl_name='{ALIASES}'"
        with raw.begin() as connection:
            found = connection.execute(sa.text(query)).all()
            for name, _ in found:
                connection.execute(sa.text(f"DROP TRIGGER {name}"))
        assert found
        yield
        with raw.begin() as connection:
            for _, statement in found:
                connection.exec_driver_sql(statement)
        return
    query = f"SELECT tgname FROM pg_trigger WHERE tgrelid = '{ALIASES}'::regclass"
    with raw.begin() as connection:
        found = list(connection.execute(sa.text(f"{query} AND NOT tgisinternal")).scalars())
        for name in found:
            connection.execute(sa.text(f"ALTER TABLE {ALIASES} DISABLE TRIGGER {name}"))
    assert found
    yield
    with raw.begin() as connection:
        for name in found:
            connection.execute(sa.text(f"ALTER TABLE {ALIASES} ENABLE ALWAYS TRIGGER {name}"))


def disturb(database: Database, folder: Path) -> Disturbed:
    """Change a registry with capture whole, dropped, mended, silenced, and whole again."""
    with calm():
        user, raw = client(database.mlflow), engine(database.owner)
        hand, writer = Hand(user, *database.direct), Hand(raw, *database.raw)
        book = Book()
        book.create_model(hand, "credit")
        for number in (1, 2, 3, 4, 5):
            book.add_version(hand, "credit", f"s3://models.example/credit/{number}")
        installed = now()
        install(database.owner)
        watcher = Watcher(database.audit, f"sqlite:///{folder / 'disturbed.ledger'}")
        looks: dict[str, int] = {}

        def look(name: str) -> None:
            book.mark(name)
            watcher.look()
            looks[name] = watcher.looks[-1]
            book.mark(name)

        # No value comes twice: what a row tells within seconds of a look, on whichever
        # side of it, is not held against the look.
        look("start")
        book.alias(hand, "credit", "champion", 1)
        look("watched")
        recreate(raw)
        book.alias(hand, "credit", "champion", 2)
        book.alias(hand, "credit", "passing", 1)
        book.unalias(hand, "credit", "passing")
        book.tag_version(hand, "credit", 2, "approved", "yes")  # its table is watched all along
        look("dropped")
        book.alias(hand, "credit", "champion", 3)
        book.mark("before mending")
        began = now()
        install(database.owner)
        mended = (began, now())
        book.mark("after mending")
        book.alias(hand, "credit", "challenger", 2)
        look("mended")
        with silenced(raw):
            book.sql_alias(writer, "credit", "champion", 4)
        look("silenced")
        book.alias(hand, "credit", "champion", 5)
        look("end")
        raw.dispose()
    return Disturbed(book, watcher, looks, installed, mended)


@pytest.fixture(scope="session")
def disturbed_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Disturbed:
    folder = tmp_path_factory.mktemp("disturbed-sqlite")
    return disturb(sqlite(folder), folder)


@pytest.fixture(scope="session")
def disturbed_postgresql(
    postgresql: services.PostgreSQL, tmp_path_factory: pytest.TempPathFactory
) -> Disturbed:
    folder = tmp_path_factory.mktemp("disturbed-postgresql")
    return disturb(postgresql_database(postgresql, "disturbed"), folder)


@pytest.fixture(params=["sqlite", "postgresql"])
def disturbed(request: pytest.FixtureRequest) -> Disturbed:
    found: Disturbed = request.getfixturevalue(f"disturbed_{request.param}")
    return found


def test_a_stretch_without_triggers_is_a_gap_with_bounds(disturbed: Disturbed) -> None:
    looks, history = disturbed.looks, disturbed.history
    first, *gaps = history.gaps
    assert first.start is None
    assert disturbed.installed <= first.end <= looks["start"]
    assert [(gap.start, gap.end) for gap in gaps[:1]] == [(looks["watched"], looks["dropped"])]
    assert len(gaps) == 2
    assert gaps[1].start == looks["dropped"]
    assert disturbed.mended[0] <= gaps[1].end <= disturbed.mended[1]
    assert ALIASES in gaps[0].reason


def test_in_a_gap_the_snapshots_tell_what_the_triggers_missed(disturbed: Disturbed) -> None:
    actions = disturbed.between("watched", "dropped")
    told = {(item.kind, item.alias, item.key): item for item in actions}
    assert len(actions) == len(told) == 2
    moved = told[ActionKind.ALIAS_MOVED, "champion", ""]
    assert (moved.before, moved.after, moved.grade) == ("1", "2", ActionGrade.BRACKETED)
    assert (moved.actor, moved.actor_grade) == ("", ActionGrade.UNKNOWN)
    assert moved.when.earliest == disturbed.looks["watched"]
    assert moved.when.latest == disturbed.looks["dropped"]
    tagged = told[ActionKind.VERSION_TAG_SET, "", "approved"]
    assert tagged.grade is ActionGrade.RECORDED
    back, challenger = disturbed.between("dropped", "mended")
    assert (back.before, back.after, back.grade) == ("2", "3", ActionGrade.BRACKETED)
    assert back.when.earliest == disturbed.looks["dropped"]
    assert not as_captured([challenger], disturbed.deeds("dropped", "mended")[-1:])


def test_what_was_hidden_from_the_triggers_is_unexplained(disturbed: Disturbed) -> None:
    history = disturbed.history
    assert len(history.unexplained) == 1, history.unexplained
    change = history.unexplained[0]
    assert (change.model, change.what) == ("credit", "alias champion")
    assert (change.expected, change.observed) == ("3", "4")
    assert change.when.earliest == disturbed.looks["mended"]
    assert change.when.latest == disturbed.looks["silenced"]
    assert disturbed.between("mended", "silenced") == []
    hidden, after = disturbed.deeds("mended", "end")
    assert (hidden.before, hidden.after) == ("3", "4")
    wrong = as_captured(disturbed.between("silenced", "end"), [after])
    assert not wrong, wrong


def test_the_books_say_what_they_cannot_explain(disturbed: Disturbed) -> None:
    looks, history = disturbed.looks, disturbed.history
    (whole,) = balances(history, looks["start"], looks["mended"])
    assert whole.unexplained == ()
    assert whole.closing_expected == whole.closing_observed
    (broken,) = balances(history, looks["mended"], looks["end"])
    assert broken.unexplained == history.unexplained


# --- reported ---------------------------------------------------------------------------------


def table(bundle: Path, name: str) -> list[dict[str, str]]:
    with (bundle / "data" / "csv" / f"{name}.csv").open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


@pytest.fixture(scope="session")
def reported(on_sqlite: Played) -> tuple[Played, dict[str, Path], Path]:
    """The bundles of a period as of several moments in the middle of the script."""
    folder = on_sqlite.folder / "reports"
    folder.mkdir()
    assert main(["keys", "new", str(folder / "keys")]) == 0
    bundles = {}
    day = dt.timedelta(days=1)
    today = dt.datetime.now(dt.UTC).date()
    for mark in on_sqlite.book.marks:
        if mark.name not in ("renamed", "fraud stands"):
            continue
        place = mark.name.replace(" ", "-")
        shutil.copyfile(on_sqlite.folder / "sql.ledger", folder / f"{place}.ledger")
        job = folder / f"{place}.yaml"
        job.write_text(
            f"job: {{name: {place}, title: Past, organisation: Example Bank}}\n"
            f"registry: {{uri: '{on_sqlite.database.audit}'}}\n"
            "period: {every: month, zone: UTC}\n"
            "data: {remotes: skip, weights: never}\n"
            f"ledger: sqlite:///{place}.ledger\n"
            "controls: {packs: [operating-checklist]}\n"
            "report: {formats: [html, csv], dossiers: [html]}\n"
            "signing: {key: 'file:keys/seal.key', certificate: keys/seal.pem,"
            " chain: [keys/ca.pem, keys/ca.crl.pem]}\n"
            "archive: {path: output, retain: 10y}\n"
            "execute: {executor: inline, cache: cache}\n"
        )
        code = main(
            ["run", str(job), "-q", "-p", f"{today - day}/{today + day}", "--as-of", iso(mark.at)]
        )
        assert code in (0, 1, 3)
        (bundles[mark.name],) = (folder / "output" / place).glob("20*")
    return on_sqlite, bundles, folder / "keys" / "ca.pem"


Reported = tuple[Played, dict[str, Path], Path]


def moment_of(reported: Reported, name: str) -> tuple[Mark, Path, list[Deed]]:
    mark = next(item for item in reported[0].book.marks if item.name == name)
    deeds = [deed for deed in reported[0].book.deeds if deed.end <= mark.at]
    return mark, reported[1][name], deeds


@pytest.mark.parametrize("name", ["renamed", "fraud stands"])
def test_a_past_report_shows_the_state_of_its_moment(reported: Reported, name: str) -> None:
    mark, bundle, _ = moment_of(reported, name)
    expected = {}
    for model in mark.state.values():
        for number, version in model.versions.items():
            held = sorted(alias for alias, holder in model.aliases.items() if holder == number)
            expected[model.name, str(number)] = (version.stage, "; ".join(held), version.source)
    found = {
        (row["model"], row["version"]): (row["stage"], row["aliases"], row["source"])
        for row in table(bundle, "versions")
        if row["status"] != "DELETED"
    }
    assert found == expected
    models = {row["model"]: row for row in table(bundle, "models")}
    for model in mark.state.values():
        if model.versions:
            assert models[model.name]["description"] == model.description
            tags = "; ".join(f"{key}={text}" for key, text in sorted(model.tags.items()))
            assert models[model.name]["tags"] == tags


@pytest.mark.parametrize("name", ["renamed", "fraud stands"])
def test_a_past_report_tells_the_actions_up_to_its_moment(reported: Reported, name: str) -> None:
    _, bundle, deeds = moment_of(reported, name)
    rows = table(bundle, "actions")
    found = sorted(
        (
            row["action"], row["model"], row["version"], row["alias"], row["key"],
            row["before"], row["after"], row["actor"], row["actor_grade"], row["grade"],
        )
        for row in rows
    )  # fmt: skip
    expected = sorted(
        (
            deed.kind.value, deed.model, "" if deed.version is None else str(deed.version),
            deed.alias, deed.key, deed.before, deed.after, deed.actor, deed.actor_grade.value,
            "recorded",
        )
        for deed in deeds
    )  # fmt: skip
    assert found == expected
    assert len({row["event"] for row in rows}) == len(rows)


@pytest.mark.parametrize("name", ["renamed", "fraud stands"])
def test_a_past_report_tells_tenures_and_balanced_books(reported: Reported, name: str) -> None:
    mark, bundle, deeds = moment_of(reported, name)
    names = {model.identity: model.name for model in mark.state.values()}
    expected = sorted(
        (names[identity], alias, str(version), end is None)
        for identity, alias, version, _, end in held(deeds)
        if identity in names
    )
    found = sorted(
        (row["model"], row["alias"], row["version"], not row["to"])
        for row in table(bundle, "tenures")
    )
    assert found == expected
    books = table(bundle, "reconciliation")
    assert {row["model"] for row in books} >= {model.name for model in mark.state.values()}
    for row in books:
        assert row["unexplained"] == "0"
        assert row["closing_expected"] == row["closing_observed"]


@pytest.mark.parametrize("name", ["renamed", "fraud stands"])
def test_a_past_report_is_sealed(reported: Reported, name: str) -> None:
    assert verify_bundle(moment_of(reported, name)[1], reported[2]).ok
