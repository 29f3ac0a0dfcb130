"""The statements that capture makes: they take any column name and any text."""

from __future__ import annotations

import sqlite3
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from audit.capture.install import check, install
from audit.capture.log import _unbroken, _values, open_log
from audit.capture.schema import LOG_TABLES, OPERATIONS, REGISTRY_TABLES, Dialect, folded
from audit.capture.schema.mysql import MySQL
from audit.capture.schema.postgresql import PostgreSQL
from audit.capture.schema.sqlite import SQLite

COLUMNS = dict.fromkeys(REGISTRY_TABLES, ("name", "key", "it's", 'a"b', "c`d"))
TEXT = st.text(st.characters(blacklist_categories=["Cs"], blacklist_characters="\0"))


@pytest.mark.parametrize("dialect", [SQLite(), PostgreSQL(), MySQL()])
def test_every_table_and_operation_has_a_trigger(dialect: Dialect) -> None:
    parts = dialect.parts(COLUMNS, "public")
    names = [part.name for part in parts]
    assert len(names) == len(set(names))
    for table in REGISTRY_TABLES:
        for operation in OPERATIONS:
            assert any(table in name and operation in name for name in names)
    assert len(dialect.tables()) == len(LOG_TABLES)
    assert all(part.create for part in parts)


def test_a_reader_is_quoted() -> None:
    assert 'TO "x"" y"' in PostgreSQL().grants('x" y')[0]
    assert "TO 'x'' y'@'%'" in MySQL().grants("x' y")[0]
    assert "TO 'x'@'10.0.0.%'" in MySQL().grants("x@10.0.0.%")[0]
    assert SQLite().grants("x") == ()


def test_definitions_are_compared_without_spacing_and_quotes() -> None:
    assert folded('CREATE  TRIGGER "x"\n ON `y`;END') == folded("CREATE TRIGGER x ON y ; END")


@settings(max_examples=15, deadline=None)
@given(names=st.lists(TEXT.filter(str.strip), min_size=1, max_size=4), value=TEXT)
def test_any_column_and_any_text_come_back(names: list[str], value: str) -> None:
    # SQLite folds ASCII letters of names, and only those.
    extra = {f"x{number} {name}".lower(): value for number, name in enumerate(names)}
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "registry.db"
        connection = sqlite3.connect(file, isolation_level=None)
        quoted = ", ".join('"{}"'.format(name.replace('"', '""')) for name in extra)
        connection.execute(f"CREATE TABLE registered_models (name TEXT, {quoted})")
        connection.execute("CREATE TABLE model_versions (name TEXT)")
        install(f"sqlite:///{file}")
        assert check(f"sqlite:///{file}", 1).whole
        marks = ", ".join("?" for _ in extra)
        connection.execute(
            f"INSERT INTO registered_models VALUES (NULL, {marks})", tuple(extra.values())
        )
        connection.close()
        log = open_log(f"sqlite:///{file}")
        assert log is not None
        (row,) = log.rows()
        log.close()
    assert row.new == {"name": None, **extra}


def test_rows_behind_a_number_left_out_wait() -> None:
    assert _unbroken([(4,), (5,), (7,), (8,)], 3) == [(4,), (5,)]
    assert _unbroken([(5,)], 3) == []
    assert _unbroken([], 3) == []


def test_values_are_text_whatever_the_database_gave() -> None:
    assert _values('{"a": 1, "b": null, "c": "x", "d": 1700000000123}') == {
        "a": "1",
        "b": None,
        "c": "x",
        "d": "1700000000123",
    }
    assert _values(None) is None
