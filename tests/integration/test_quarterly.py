"""The quarterly export, whole: a real registry, real git and DVC, sealed and checked."""

import csv
import json
import shutil
import subprocess
from pathlib import Path

import pytest
from support.quarters import Quarters, Quiet, quarters
from support.services import tool
from support.world import demo_world

from audit import canonical, config, factsfile, pipeline, rerender, typeset
from audit.archive.verify import verify_bundle
from audit.cli import main
from audit.demo import showcase
from audit.render.json import render_json
from audit.report.build import build

__all__ = ["demo_world", "quarters"]
pytestmark = pytest.mark.xdist_group("quarters")


def table(bundle: Path, name: str) -> list[dict[str, str]]:
    with (bundle / "data" / "csv" / f"{name}.csv").open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def verdicts(bundle: Path) -> dict[tuple[str, str, str], str]:
    rows = table(bundle, "controls")
    return {(row["model"], row["version"], row["control"]): row["verdict"] for row in rows}


def test_every_version_has_its_own_raw_data_and_no_other(quarters: Quarters) -> None:
    nodes = table(quarters.second, "lineage_nodes")
    files = {
        (row["model"], row["version"], Path(row["label"]).name): row["digest"]
        for row in nodes
        if row["kind"] == "file"
    }
    checked = 0
    for truth in quarters.world.truth:
        for name, digest in truth.raw.items():
            found = files.get((truth.model, str(truth.version), name))
            if found is not None:
                assert found == f"md5:{digest}", truth.key
                checked += 1
    assert checked >= 12


def test_each_way_of_working_is_verified_by_bytes(quarters: Quarters) -> None:
    made = {
        (row["model"], row["version"]): row["grade"]
        for row in table(quarters.first, "lineage_edges")
        if row["from"].startswith("weights:") and row["to"].startswith("stage:")
    }
    trained = [
        truth for truth in quarters.world.truth if truth.workflow and truth.at < 1782770400000
    ]
    assert {truth.workflow for truth in trained} == {"after", "before", "rerun", "branch"}
    for truth in trained:
        assert made[truth.model, str(truth.version)] == "verified", truth.key


def test_what_is_odd_is_found_and_what_is_sound_passes(quarters: Quarters) -> None:
    found = verdicts(quarters.second)
    failing = {key for key, verdict in found.items() if verdict == "fail"}
    assert {
        ("churn", "1", "sources.dataset-input"),
        ("churn", "1", "sources.data-in-remote"),
        ("churn", "3", "lineage.weights-unchanged"),
        ("churn", "3", "lineage.not-contradicted"),
        ("churn", "5", "training.commit-on-branch"),
        ("fraud", "1", "training.run-finished"),
        ("fraud", "2", "sources.raw-data-in-dvc"),
        ("fraud", "2", "lineage.unbroken"),
        ("fraud", "5", "training.run-finished"),
    } <= failing
    assert found["churn", "2", "training.environment-pinned"] == "waived"
    for sound in (("churn", "4"), ("fraud", "4"), ("fraud-eu", "1"), ("fraud-eu", "2")):
        mine = {verdict for key, verdict in found.items() if key[:2] == sound}
        assert mine <= {"pass", "not_applicable"}, sound


def test_weights_changed_between_the_reports_are_named(quarters: Quarters) -> None:
    before, after = (
        {row["version"]: row for row in table(bundle, "versions") if row["model"] == "churn"}
        for bundle in (quarters.first, quarters.second)
    )
    assert before["3"]["weights_status"] == "verified"
    assert after["3"]["weights_status"] == "changed"
    assert after["3"]["lineage_status"] == "contradicted"
    # Its scores are shares of a small test set, rounded: they do not tell the data.
    assert after["3"]["dvc_status"] == "no_match"
    (row,) = [
        row
        for row in table(quarters.second, "controls")
        if (row["model"], row["version"], row["control"])
        == ("churn", "3", "lineage.weights-unchanged")
    ]
    assert "model.pkl" in row["reason"]


def test_the_second_report_tells_what_changed_since_the_first(quarters: Quarters) -> None:
    changes = {
        (row["change"], row["model"], row["version"]) for row in table(quarters.second, "changes")
    }
    assert ("new_failure", "churn", "3") in changes
    assert ("new_version", "churn", "4") in changes
    assert not table(quarters.first, "changes")


def test_the_totals_agree_in_every_format(quarters: Quarters) -> None:
    report = json.loads((quarters.second / "data" / "report.json").read_bytes())
    counts = report["counts"]
    rows = table(quarters.second, "versions")
    tally = {
        name: sum(row["verdict"] == name for row in rows) for name in ("pass", "fail", "waived")
    }
    assert counts["in_scope"] == len(rows) == len(report["dossiers"])
    assert counts["passed"] == tally["pass"]
    assert counts["failed"] == tally["fail"]
    assert counts["waived"] == tally["waived"]
    total = counts["passed"] + counts["failed"] + counts["waived"] + counts["not_evaluated"]
    assert total == counts["in_scope"]
    pdf = subprocess.run(
        [
            tool("pdftotext", "poppler-utils"),
            "-layout",
            str(quarters.second / "data" / "report.pdf"),
            "-",
        ],
        capture_output=True,
        check=True,
        text=True,
    ).stdout
    html = (quarters.second / "data" / "index.html").read_text(encoding="utf-8")
    assert report["headline"] in html
    assert " ".join(report["headline"].split()) in " ".join(pdf.split())


def test_the_bundles_verify_and_are_chained(quarters: Quarters) -> None:
    for bundle in (quarters.first, quarters.second):
        found = verify_bundle(bundle, quarters.trust)
        assert found.ok, [str(item) for item in found.wrong]
        script = subprocess.run(
            ["sh", str(bundle / "verify.sh"), str(quarters.trust)], capture_output=True, check=False
        )
        assert script.returncode == 0, script.stdout + script.stderr
    manifest = json.loads((quarters.second / "data" / "manifest.json").read_bytes())
    first = canonical.sha256_file(quarters.first / "data" / "manifest.json")
    assert manifest["previous_manifest_sha256"] == first


def test_every_pdf_is_signed_and_no_key_is_in_a_bundle(quarters: Quarters) -> None:
    pdfs = sorted(quarters.second.rglob("*.pdf"))
    assert len(pdfs) == 1 + len(table(quarters.second, "versions"))
    for pdf in (pdfs[0], quarters.second / "data" / "report.pdf"):
        shown = subprocess.run(
            [tool("pdfsig", "poppler-utils"), "-nocert", str(pdf)],
            capture_output=True,
            text=True,
            check=False,
        )
        assert "Signature is Valid" in shown.stdout
        assert "Total document signed" in shown.stdout
    for path in quarters.second.rglob("*"):
        if path.is_file():
            assert b"PRIVATE KEY" not in path.read_bytes()


def test_the_same_facts_give_the_same_report(quarters: Quarters) -> None:
    data = (quarters.second / "data" / "facts.jsonl").read_bytes()
    facts = factsfile.loads(data)
    assert factsfile.dumps(facts) == data
    report = build(facts, canonical.sha256(data))
    sealed = (quarters.second / "data" / "report.json").read_bytes()
    assert render_json(report) == sealed


@pytest.mark.slow
def test_a_bundle_renders_again_to_the_same_bytes(quarters: Quarters, tmp_path: Path) -> None:
    result = rerender.render(quarters.first, tmp_path, typeset.Settings(), Quiet())
    assert result.same, result.text()
    assert not result.notes
    assert (tmp_path / "report.pdf").stat().st_size > 10_000


def test_a_sealed_period_is_left_alone_and_a_forced_one_is_a_new_revision(
    quarters: Quarters, tmp_path: Path
) -> None:
    job = config.load(quarters.world.job_file)
    output = tmp_path / "output"
    shutil.copytree(quarters.world.folder / "output", output)
    job = job.model_copy(
        update={
            "archive": job.archive.model_copy(update={"path": output}),
            "report": job.report.model_copy(update={"formats": ("html", "csv")}),
        }
    )
    now = showcase.morning(showcase.QUARTERS["2026-Q3"])
    again = pipeline.run(
        job, pipeline.Request(period="2026-Q3"), clock=lambda: now, messages=Quiet()
    )
    assert again.path.name == "2026-Q3"
    assert "--force" in again.headline
    later = now + 3_600_000
    forced = pipeline.run(
        job, pipeline.Request(period="2026-Q3", force=True), clock=lambda: later, messages=Quiet()
    )
    assert forced.path.name == "2026-Q3.r2"
    assert verify_bundle(forced.path, quarters.trust).ok
    # An hour later, and looked at once more in between: what is told of the past is the same.
    facts = [folder / "data/facts.jsonl" for folder in (forced.path, quarters.second)]
    assert facts[0].read_bytes() == facts[1].read_bytes()


def test_the_command_line_verifies_and_names_what_is_wrong(
    quarters: Quarters, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bundle = tmp_path / "2026-Q3"
    shutil.copytree(quarters.second, bundle)
    arguments = [
        "verify",
        str(bundle),
        "--trust",
        str(quarters.trust),
        "--previous",
        str(quarters.first),
    ]
    assert main(arguments) == 0
    target = bundle / "data" / "csv" / "versions.csv"
    target.chmod(0o644)
    target.write_bytes(target.read_bytes().replace(b"fail", b"pass", 1))
    assert main(arguments) == 4
    assert "data/csv/versions.csv" in capsys.readouterr().out
