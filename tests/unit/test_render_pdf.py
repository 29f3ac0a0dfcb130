"""The PDFs: what kind of file they are, what stands in them, and that they are the same again."""

from __future__ import annotations

import dataclasses
import logging
import os
import pickle
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pikepdf
import pytest
from support.golden import assert_golden
from support.pages import letter_sizes, open_pdf, page_texts, text_of
from support.samples import hostile_report, sample_dossier, sample_dossiers, sample_report

from audit.errors import AuditError
from audit.period import iso
from audit.render import pdf
from audit.render.html import dossier_page, report_page
from audit.render.pdf import render_dossier_pdf, render_report_pdf
from audit.verdicts import Verdict

ATTACHED = {"report.json": b'{"a":1}\n', "csv/models.csv": b"model\n", "csv/gaps.csv": b"model\n"}


class _Log(logging.Handler):
    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(record.getMessage())


@pytest.fixture(scope="module")
def log():
    """Collect what WeasyPrint complains about: missing glyphs, ignored rules, failed fetches."""
    pdf._forget()
    handler = _Log()
    logger = logging.getLogger("weasyprint")
    logger.addHandler(handler)
    yield handler.lines
    logger.removeHandler(handler)


@pytest.fixture(scope="module")
def report(log):
    log.clear()
    made = open_pdf(render_report_pdf(sample_report(), ATTACHED))
    assert log == []
    return made


@pytest.fixture(scope="module")
def dossier(log):
    log.clear()
    made = open_pdf(render_dossier_pdf(sample_dossier()))
    assert log == []
    return made


@pytest.fixture(params=["report", "dossier"])
def document(request):
    return request.getfixturevalue(request.param)


# --- the kind of file ------------------------------------------------------------------------


def test_it_says_pdf_a_3a_in_its_metadata(document):
    with document.open_metadata() as metadata:
        assert metadata["pdfaid:part"] == "3"
        assert metadata["pdfaid:conformance"] == "A"


def test_it_is_pdf_1_7_without_script_and_without_encryption(document):
    assert document.pdf_version == "1.7"
    assert not document.is_encrypted
    assert "/JavaScript" not in document.Root.get("/Names", {})
    assert "/OpenAction" not in document.Root
    assert "/AA" not in document.Root
    notes = [note for page in document.pages for note in page.get("/Annots", [])]
    assert all(note.Subtype == "/Link" and "/A" not in note for note in notes)


def test_it_has_an_output_intent_with_an_srgb_profile(document):
    (intent,) = document.Root.OutputIntents
    assert intent.S == "/GTS_PDFA1"
    assert "sRGB" in str(intent.OutputConditionIdentifier)
    assert intent.DestOutputProfile.read_bytes()


def test_it_is_tagged_and_says_its_language(document):
    assert document.Root.MarkInfo.Marked
    assert document.Root.StructTreeRoot.K
    assert str(document.Root.Lang) == "en"
    kinds = {
        str(item.S)
        for item in document.objects
        if isinstance(item, pikepdf.Dictionary) and item.get("/Type") == "/StructElem"
    }
    assert {"/H1", "/H2", "/P", "/Table", "/TD", "/Figure"} <= kinds


def test_the_tables_of_the_report_have_heads(report):
    assert any(
        isinstance(item, pikepdf.Dictionary) and item.get("/S") == "/TH" for item in report.objects
    )


def test_every_figure_has_words_for_those_who_do_not_see_it(document):
    figures = [
        item
        for item in document.objects
        if isinstance(item, pikepdf.Dictionary) and item.get("/S") == "/Figure"
    ]
    assert figures
    assert all(str(figure.get("/Alt", "")) for figure in figures)


def test_every_font_is_embedded_and_one_of_ours(document):
    fonts = [
        item
        for item in document.objects
        if isinstance(item, pikepdf.Dictionary) and item.get("/Type") == "/FontDescriptor"
    ]
    assert fonts
    for font in fonts:
        assert "/FontFile2" in font
        assert re.match(r"/[A-Z]{6}\+Audit-(Sans|Mono|Signs|Rest)", str(font.FontName))


def test_nothing_is_smaller_than_six_and_a_half_points(document):
    sizes = set().union(*(letter_sizes(page) for page in document.pages))
    assert min(sizes) >= 6.5
    assert max(sizes) <= 27


def test_bookmarks_name_chapters_and_versions(report):
    with report.open_outline() as outline:
        titles = [item.title for item in outline.root]
        inner = [child.title for item in outline.root for child in item.children]
    assert titles[:4] == ["Executive summary", "Contents", "Exceptions", "Models and versions"]
    assert titles[-1] == "Approvals"
    assert "fraud, version 7" in inner


def test_files_are_attached_by_name_with_what_they_are_to_the_report(report):
    assert sorted(report.attachments) == ["gaps.csv", "models.csv", "report.json"]
    assert report.attachments["report.json"].get_file().read_bytes() == ATTACHED["report.json"]
    kinds = {str(item.UF): str(item.AFRelationship) for item in report.Root.AF}
    assert kinds == {"gaps.csv": "/Data", "models.csv": "/Data", "report.json": "/Source"}


def test_dates_are_those_of_the_facts(report, dossier):
    as_of, made = iso(sample_report().as_of), iso(sample_dossier().created_at)
    for document, moment in ((report, as_of), (dossier, made)):
        digits = re.sub(r"\D", "", moment)[:14]
        assert str(document.docinfo.CreationDate).startswith(f"D:{digits}")
        assert document.docinfo.ModDate == document.docinfo.CreationDate


def test_links_lead_to_pages(report):
    contents = report.pages[2]
    targets = {str(item.Dest) for item in contents.Annots if item.Subtype == "/Link"}
    assert len(targets) == 11 + len(sample_report().dossiers)


# --- what stands in it -----------------------------------------------------------------------


def test_the_executive_summary_is_page_two_alone(report):
    texts = page_texts(report)
    assert texts[1].startswith("Executive summary")
    assert texts[2].startswith("Contents")
    assert "= 2" in re.sub(r"\s+", " ", texts[1])


def test_what_is_cut_in_the_summary_does_not_come_back_when_it_is_read(report):
    """WeasyPrint's own cut gives the ellipsis the text behind it, on every page."""
    summary = re.sub(r"\s+", " ", page_texts(report)[1])
    first = sample_report().exceptions[0].what
    assert first[:40] in summary
    assert "…" in summary
    assert first[70:85] not in summary


def test_drawings_can_be_searched_for_whole_words(dossier):
    assert "transactions.csv" in "".join(page_texts(dossier))
    assert "featurize@train" in "".join(page_texts(dossier))


def test_the_report_reads_as_it_did():
    assert_golden("report.txt", text_of(report_page(sample_report())).encode())


@pytest.mark.parametrize(("model", "version"), [("fraud", 7), ("churn", 3), ("churn", 1)])
def test_the_dossier_reads_as_it_did(model, version):
    page = dossier_page(sample_dossier(model, version), "pdf")
    assert_golden(f"dossier-{model}-{version}.txt", text_of(page).encode())


def test_no_value_is_printed_raw():
    text = text_of(report_page(sample_report()))
    assert not re.search(r"\b(None|nan|NaN|True, |not_applicable|first_seen)\b", text)


def test_a_cut_table_says_how_many_rows_there_are():
    report = dataclasses.replace(sample_report(), table_rows=3)
    text = text_of(report_page(report))
    assert "3 of 8 exceptions shown; all of them stand in controls.csv." in text
    assert "3 of 35 data sources shown; all of them stand in datasets.csv." in text
    assert "3 of 4 waivers shown; all of them stand in waivers.csv." in text


def test_versions_with_exceptions_have_pages_before_others():
    report = dataclasses.replace(sample_report(), version_pages=3)
    text = text_of(report_page(report))
    assert "3 versions have pages of their own here" in text
    assert "5 more have a dossier each" in text
    for title in ("churn, version 3", "churn, version 2", "churn, version 1"):
        assert f"\n{title}\n" in text
    assert "\nfraud, version 6\n" not in text


def test_what_is_missing_is_said_and_leaves_no_empty_heading():
    empty = dataclasses.replace(
        sample_report(),
        dossiers=(), models=(), exceptions=(), waivers=(), changes=(), gaps=(), families=(),
        repositories=(), unregistered_runs=(), left_out=(), job_results=(), packs=(),
        score_before=None, score_after=None, compared_with="",
    )  # fmt: skip
    text = text_of(report_page(empty))
    assert "There is no exception in this period." in text
    assert "The registry has no model in scope." in text
    assert "No waiver is on file." in text
    assert "This is the first report: there is nothing to compare it with." in text
    assert "Changes since the last report" not in text
    assert "No control pack was applied." in text
    render_report_pdf(empty)


@pytest.mark.parametrize("interim", [True, False])
def test_the_cover_says_what_kind_of_report_it_is(interim):
    text = text_of(report_page(dataclasses.replace(sample_report(), interim=interim)))
    assert ("Interim report" in text) is interim
    assert "Self-issued" in text


# --- the same again --------------------------------------------------------------------------

_SCRIPT = """
import hashlib, sys
from support.samples import sample_dossier, sample_report
from audit.render.pdf import render_dossier_pdf, render_report_pdf
import dataclasses
small = dataclasses.replace(sample_report(), version_pages=1)
print(hashlib.sha256(render_report_pdf(small, {"report.json": b"{}"})).hexdigest())
print(hashlib.sha256(render_dossier_pdf(sample_dossier())).hexdigest())
"""


def test_the_same_report_gives_the_same_bytes_in_another_process():
    def run(seed: str) -> str:
        path = os.pathsep.join(entry for entry in sys.path if entry)
        environment = {**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": path}
        environment.pop("SOURCE_DATE_EPOCH", None)
        done = subprocess.run(
            [sys.executable, "-c", _SCRIPT], env=environment, capture_output=True, text=True,
            check=True,
        )  # fmt: skip
        assert done.stderr == ""
        return done.stdout

    assert run("1") == run("2")


def test_a_dossier_is_the_same_whatever_was_made_before_it(monkeypatch):
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1")
    first = render_dossier_pdf(sample_dossier())
    render_dossier_pdf(sample_dossiers()[3])
    assert render_dossier_pdf(sample_dossier()) == first
    assert os.environ["SOURCE_DATE_EPOCH"] == "1"


def test_the_renderers_can_be_sent_to_another_process():
    assert pickle.loads(pickle.dumps(render_dossier_pdf)) is render_dossier_pdf
    assert pickle.loads(pickle.dumps(render_report_pdf)) is render_report_pdf


# --- hostile text ----------------------------------------------------------------------------


@pytest.mark.slow
def test_hostile_text_is_inert(log):
    log.clear()
    report = dataclasses.replace(hostile_report(), version_pages=2)
    document = open_pdf(render_report_pdf(report, {"report.json": b"{}"}))
    texts = page_texts(document)
    assert log == []
    assert list(document.attachments) == ["report.json"]
    assert texts[1].startswith("Executive summary")
    assert texts[2].startswith("Contents")
    whole = "".join(texts)
    assert "<script>alert(1)</script>" in whole.replace("\n", "")
    assert "{{7*7}}" in whole
    assert "‹U+202E›" in whole
    assert min(set().union(*(letter_sizes(page) for page in document.pages))) >= 6.5


def test_a_page_that_asks_for_a_file_is_not_written():
    page = '<html lang="en"><body><img src="file:///etc/hostname" alt="x"/></body></html>'
    with pytest.raises(AuditError, match="file:///etc/hostname"):
        pdf._write(page, 0, {})


def test_verdicts_are_told_by_sign_and_word(report):
    whole = "".join(page_texts(report))
    for verdict, words in ((Verdict.PASS, "✓"), (Verdict.FAIL, "✕"), (Verdict.WAIVED, "◐")):
        assert re.search(rf"{words}\s+{verdict.value}", whole)


RENDER_IN_A_PROCESS = """
from support.samples import sample_dossier
from audit.execute import Task, Workers
from audit.render.pdf import prepare, render_dossier_pdf

if __name__ == "__main__":
    with Workers("process", 1, prepare) as workers:
        (made,) = workers.run([Task("page", render_dossier_pdf, (sample_dossier(),))])
    assert made.value[:5] == b"%PDF-", made.error
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    "name", ["t", "a-temporary-folder-with-a-path-too-long-for-a-unix-socket" * 2]
)
def test_no_font_folder_is_left_behind_by_the_processes(tmp_path, name):
    script = tmp_path / "render.py"
    script.write_text(RENDER_IN_A_PROCESS)
    left = tmp_path / name if len(name) > 1 else Path(tempfile.mkdtemp(dir="/tmp"))
    left.mkdir(exist_ok=True)
    paths = os.pathsep.join([str(Path(__file__).parents[1]), str(Path(__file__).parents[2])])
    environment = {**os.environ, "TMPDIR": str(left), "PYTHONPATH": paths}
    subprocess.run([sys.executable, str(script)], env=environment, check=True)
    deadline = time.monotonic() + 10  # the server that forks them ends a little later
    while list(left.iterdir()) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert list(left.iterdir()) == []
    left.rmdir()
