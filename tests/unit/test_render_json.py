"""The report and dossiers as JSON: canonical, readable back, and as their schema says."""

from __future__ import annotations

import dataclasses
import json

import jsonschema
import pytest
from support.samples import hostile_report, sample_dossier, sample_report

from audit import canonical
from audit.render.json import render_dossier_json, render_json, report_schema
from audit.report.model import Dossier, Report

REPORTS = pytest.mark.parametrize(
    "report", [sample_report(), hostile_report()], ids=["plain", "hostile"]
)


def test_the_report_reads_back_as_it_was() -> None:
    data = render_json(sample_report())
    assert canonical.load(Report, json.loads(data)) == sample_report()


@REPORTS
def test_what_is_read_back_gives_the_same_bytes(report: Report) -> None:
    data = render_json(report)
    assert render_json(canonical.load(Report, json.loads(data))) == data


@REPORTS
def test_the_report_keeps_to_its_schema(report: Report) -> None:
    schema = json.loads(report_schema())
    validator = jsonschema.Draft202012Validator
    validator.check_schema(schema)
    validator(schema).validate(json.loads(render_json(report)))
    dossier = {"$ref": "#/$defs/Dossier", "$defs": schema["$defs"]}
    validator(dossier).validate(json.loads(render_dossier_json(report.dossiers[0])))


def test_the_schema_names_itself_and_refuses_other_things() -> None:
    schema = json.loads(report_schema())
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert schema["$id"] == "urn:mlflow-audit:report:1"
    assert schema["$defs"]["Run"]["description"].startswith("A training (or consuming) run.")
    assert "counts" in schema["required"]
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({"schema": "mlflow-audit/report/1"}, schema)


def test_layout() -> None:
    data = render_json(sample_report())
    assert data.startswith(b'{\n "advisory_files": ')
    assert data.endswith(b"\n}\n")
    assert b"\r" not in data
    keys = list(json.loads(data))
    assert keys == sorted(keys)


def test_a_lone_surrogate_is_escaped_and_comes_back() -> None:
    dossier = dataclasses.replace(sample_dossier(), description="a\ud800b é 模")
    data = render_dossier_json(dossier)
    assert rb"a\ud800b" in data
    assert "é 模".encode() in data
    assert canonical.load(Dossier, json.loads(data)) == dossier


def test_not_a_number_is_refused() -> None:
    run = sample_dossier().run
    assert run is not None
    bad = dataclasses.replace(run, metrics={"loss": float("nan")})
    with pytest.raises(ValueError, match="not JSON compliant"):
        render_dossier_json(dataclasses.replace(sample_dossier(), run=bad))
