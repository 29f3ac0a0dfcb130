"""The ledger on database servers: guarded, and whole under writers in several processes."""

from collections.abc import Iterator

import pytest
import sqlalchemy as sa
from support import services
from support.writers import EACH, at_once, seen

from audit.errors import SourceError, VerificationError
from audit.ledger import WEIGHTS_SEEN, Event, Ledger

pytestmark = pytest.mark.service
WRITERS = 4


@pytest.fixture(scope="module")
def postgresql() -> Iterator[services.PostgreSQL]:
    with services.postgresql() as server:
        yield server


@pytest.fixture
def url(postgresql: services.PostgreSQL, request: pytest.FixtureRequest) -> str:
    """The address of an empty database."""
    name = f"ledger_{abs(hash(request.node.name)):x}"
    postgresql.run("postgres", f"create database {name}")
    return postgresql.uri(name)


def run(url: str, statement: str) -> None:
    """Run a statement as the owner, without the ledger."""
    engine = sa.create_engine(url.replace("postgresql:", "postgresql+psycopg:"))
    try:
        with engine.begin() as connection:
            connection.exec_driver_sql(statement)
    finally:
        engine.dispose()


def test_processes_that_open_a_fresh_ledger_at_once(url: str) -> None:
    at_once(url, WRITERS)
    ledger = Ledger(url)
    assert ledger.guarded
    assert len(ledger.first(WEIGHTS_SEEN)) == ledger.head()[1] == WRITERS * EACH
    ledger.verify()


def test_a_stricter_isolation_keeps_nobody_from_writing(
    postgresql: services.PostgreSQL, url: str
) -> None:
    database = url.rpartition("/")[2]
    postgresql.run(
        "postgres", f"alter database {database} set default_transaction_isolation = serializable"
    )
    at_once(url, 2)
    assert Ledger(url).head()[1] == 2 * EACH


@pytest.mark.parametrize(
    "statement",
    [
        "update mlflow_audit_events set at = 7",
        "delete from mlflow_audit_events where seq = 2",
        "truncate mlflow_audit_events",
    ],
)
def test_the_database_refuses_changes(url: str, statement: str) -> None:
    ledger = Ledger(url)
    head = ledger.append([seen(1), seen(2)])
    with pytest.raises(sa.exc.DBAPIError, match="append-only"):
        run(url, statement)
    assert ledger.verify(head, 2) == head


def test_a_ledger_of_an_earlier_version_gets_its_trigger(url: str) -> None:
    ledger = Ledger(url)
    head = ledger.append([seen(1)])
    run(url, "drop function mlflow_audit_events_refuse cascade")
    assert not Ledger(url, make=False).guarded
    assert Ledger(url).guarded
    run(url, "alter table mlflow_audit_events disable trigger all")
    assert not Ledger(url).guarded, "a trigger that somebody switched off does not guard"
    run(url, "update mlflow_audit_events set at = 7")
    with pytest.raises(VerificationError):
        ledger.verify(head, 1)


def test_an_account_that_may_only_add(postgresql: services.PostgreSQL, url: str) -> None:
    database = url.rpartition("/")[2]
    Ledger(url).close()
    postgresql.run(
        database,
        f"create role adder login password '{services.PASSWORD}'",
        "grant select, insert on mlflow_audit_events to adder",
        "grant usage on sequence mlflow_audit_events_seq_seq to adder",
    )
    ledger = Ledger(postgresql.uri(database, "adder"))
    assert ledger.guarded
    head = ledger.append([seen(1)])
    assert ledger.verify(head, 1) == head
    run(url, "drop function mlflow_audit_events_refuse cascade")
    unguarded = Ledger(postgresql.uri(database, "adder"))
    assert not unguarded.guarded
    unguarded.append([seen(2)])
    unguarded.verify(head, 1)


def test_an_account_that_may_not_make_the_table_is_told(
    postgresql: services.PostgreSQL, url: str
) -> None:
    database = url.rpartition("/")[2]
    postgresql.run(database, f"create role nobody login password '{services.PASSWORD}'")
    with pytest.raises(SourceError, match="cannot be opened"):
        Ledger(postgresql.uri(database, "nobody"))


def test_ten_thousand_events_and_a_long_one(url: str) -> None:
    ledger = Ledger(url)
    ledger.append([seen(number) for number in range(10_000)])
    head = ledger.append([Event(1, WEIGHTS_SEEN, "long", {"text": "x\0é" * 1_000_000})])
    assert ledger.verify(head, 10_001) == head


# --- MariaDB ---------------------------------------------------------------------------


@pytest.fixture(scope="module")
def mariadb() -> Iterator[services.MariaDB]:
    with services.mariadb() as server:
        yield server


def test_the_ledger_on_mariadb(mariadb: services.MariaDB) -> None:
    mariadb.run("", "create database audit character set latin1")
    url = mariadb.uri("audit")
    at_once(url.replace("mysql+pymysql:", "mysql:"), WRITERS)
    ledger = Ledger(url)
    assert ledger.guarded
    assert len(ledger.first(WEIGHTS_SEEN)) == ledger.head()[1] == WRITERS * EACH
    ledger.append(
        [Event(1, WEIGHTS_SEEN, "S3://über/\N{PILE OF POO}", {"text": "\0é" * 1_000_000})]
    )
    assert ledger.events("s3://über/\N{PILE OF POO}") == []
    assert len(ledger.events("S3://über/\N{PILE OF POO}")) == 1
    head = ledger.append([seen(number, "many") for number in range(10_000)])
    for statement in (
        "update mlflow_audit_events set at = 7",
        "delete from mlflow_audit_events where seq = 2",
        "replace into mlflow_audit_events select * from mlflow_audit_events where seq = 1",
    ):
        with pytest.raises(sa.exc.DBAPIError, match="append-only"):
            run(url, statement)
    assert ledger.verify(*ledger.head()) == head


def test_an_account_of_mariadb_that_may_only_add(mariadb: services.MariaDB) -> None:
    mariadb.run("", "create database adding")
    Ledger(mariadb.uri("adding")).close()
    mariadb.run(
        "adding",
        f"create user adder@'127.0.0.1' identified by '{services.PASSWORD}'",
        "grant select, insert on adding.mlflow_audit_events to adder@'127.0.0.1'",
    )
    ledger = Ledger(mariadb.uri("adding", "adder"))
    assert ledger.guarded
    assert ledger.verify(ledger.append([seen(1)]), 1)
