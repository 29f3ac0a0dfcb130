"""Schemas as MLflow writes them, compared column by column."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit.facts.schema import Column, columns_of, differing, inputs_of, shortened, unmet

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(["name", "type", "x"]), inner),
)


def test_columns_are_those_that_mlflow_wrote() -> None:
    schema = columns_of(
        '{"mlflow_colspec": [{"type": "double", "name": "amount", "required": true},'
        ' {"type": "array", "items": {"type": "string"}, "name": "tags", "required": false}]}'
    )
    assert schema == (Column("amount", "double"), Column("tags", "array of string", required=False))
    assert inputs_of('{"inputs": [{"type": "long", "name": "y"}]}') == (Column("y", "long"),)


@pytest.mark.parametrize(
    "text", ["", "no JSON", "[]", '{"mlflow_tensorspec": {}}', '{"mlflow_colspec": {"a": 1}}']
)
def test_other_schemas_have_no_named_columns(text: str) -> None:
    assert columns_of(text) == inputs_of(text) == ()


def test_deeply_nested_json_is_no_schema() -> None:
    assert columns_of("[" * 100_000) == ()


@given(JSON)
def test_no_schema_breaks_the_reading(spec: object) -> None:
    for column in columns_of(json.dumps({"mlflow_colspec": spec})):
        assert isinstance(column.name, str)
        assert isinstance(column.type, str)


def test_what_a_signature_asks_for_and_a_data_set_lacks() -> None:
    needed = (
        Column("there", "double"),
        Column("narrower", "double"),
        Column("wider", "integer"),
        Column("gone", "string"),
        Column("may be gone", "string", required=False),
    )
    found = (Column("there", "double"), Column("narrower", "long"), Column("wider", "long"))
    told = [item.told for item in unmet(needed, (*found, Column("target", "long")))]
    assert told == ["wider is long, not integer", "lacks gone (string)"]
    assert unmet(found, found) == ()


def test_a_logged_schema_beside_the_data_itself() -> None:
    logged = (Column("a", "long"), Column("b", "string"), Column("c", "double"))
    assert differing(logged, (Column("a", "long"), Column("b", "long"), Column("d", "long"))) == (
        "b is logged as string, and long in the data",
        "c is logged, and not in the data",
        "d is in the data, and not logged",
    )
    assert differing(logged, logged) == ()


def test_a_thousand_differences_are_not_all_told() -> None:
    phrases = [f"lacks {number}" for number in range(1000)]
    assert shortened(phrases)[20:] == ("980 more columns differ",)
    assert shortened(phrases[:21]) == tuple(phrases[:21])
