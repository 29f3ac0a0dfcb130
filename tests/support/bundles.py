"""A small sealed bundle, made once and copied, and every way to tamper with it.

A ``Tampering`` is applied twice: as an accident leaves a bundle, and as somebody careful
leaves it, who then writes the BagIt manifests anew (that needs no key).
"""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import io
import shutil
from collections.abc import Callable
from pathlib import Path

from pyhanko.pdf_utils.generic import TextStringObject
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from support import seals

from audit.archive.bundle import Bundle, Payload, write_bundle
from audit.archive.lock import hold
from audit.archive.manifest import Manifest
from audit.canonical import sha256
from audit.seal.pades import sign_pdf

WHEN = seals.NOW + 30 * seals.DAY


def payload(sealer=None) -> list[Payload]:
    """Return a report's files in small: PDF, HTML, JSON and CSV."""
    pdf = seals.tiny_pdf()
    sealed = sign_pdf(pdf, sealer, WHEN) if sealer else pdf
    return [
        Payload("report.pdf", sealed, unsigned_sha256=sha256(pdf)),
        Payload("index.html", b"<!doctype html><title>Audit</title>\n", needs_cms=True),
        Payload("report.json", b'{"verdict":"pass"}\n', needs_cms=True),
        Payload("csv/models.csv", b"model,version\r\nchurn,1\r\n", needs_cms=True),
        Payload("models/churn/v1/dossier.html", b"<p>v1</p>\n", needs_cms=True),
    ]


def draft(period="2024-Q4", **changes) -> Manifest:
    """Return what a bundle is about."""
    return Manifest(
        job="quarterly",
        period=period,
        facts_sha256=sha256(b"facts"),
        organisation="Example Bank",
        retain_until="2035-01-31",
        renderer={"weasyprint": "70.0"},
        **changes,
    )


def write(folder: Path, who: str | None = "own", **changes) -> Bundle:
    """Write a bundle into a job folder, sealed by the authority ``who``."""
    sealer = seals.sealer(who) if who else None
    with hold(folder) as lock:
        return write_bundle(lock, draft(**changes), payload(sealer), sealer, WHEN)


@functools.cache
def pristine() -> Path:
    """Return a job folder with two chained bundles: 2024-Q3 and 2024-Q4."""
    folder = seals.scratch() / "quarterly"
    first = write(folder, period="2024-Q3")
    write(folder, previous_bundle="2024-Q3", previous_manifest_sha256=first.manifest_sha256)
    return folder


def copy(target: Path) -> Path:
    """Copy both bundles below ``target``, writable, and return the later one."""
    shutil.copytree(pristine(), target / "quarterly")
    for path in target.rglob("*"):
        path.chmod(0o755 if path.is_dir() else 0o644)
    return target / "quarterly" / "2024-Q4"


def relist(bundle: Path) -> None:
    """Write both BagIt manifests anew for what is there: no key is needed for that."""
    tags = ("manifest-sha256.txt", "tagmanifest-sha256.txt")
    files = sorted(
        path.relative_to(bundle).as_posix()
        for path in bundle.rglob("*")
        if path.is_file() and not path.is_symlink()
    )
    for name in tags:
        wanted = [
            path
            for path in files
            if path.startswith("data/") == (name == tags[0]) and path != tags[1]
        ]
        lines = [f"{digest(bundle / path)}  {path}\n" for path in wanted]
        (bundle / name).write_text("".join(lines))


def digest(path: Path) -> str:
    """Return a file's SHA-256."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


# --- tampering ------------------------------------------------------------------------


@dataclasses.dataclass(frozen=True)
class Tampering:
    """Something done to a bundle, and the file that has to be named for it."""

    name: str
    do: Callable[[Path], None]
    names: str
    careful: bool = True
    """Whether it makes sense to write the BagIt manifests anew afterwards."""


def _flip(path: str, at: int = -3) -> Callable[[Path], None]:
    def do(bundle: Path) -> None:
        data = bytearray((bundle / path).read_bytes())
        data[at] ^= 1
        (bundle / path).write_bytes(data)

    return do


def _digit(path: str) -> Callable[[Path], None]:
    """Change the first digit of the last line of a list, which stays a list."""

    def do(bundle: Path) -> None:
        *lines, last = (bundle / path).read_text().splitlines(keepends=True)
        (bundle / path).write_text("".join(lines) + ("1" if last[0] == "0" else "0") + last[1:])

    return do


def _remove(path: str) -> Callable[[Path], None]:
    return lambda bundle: (bundle / path).unlink()


def _add(path: str) -> Callable[[Path], None]:
    def do(bundle: Path) -> None:
        (bundle / path).parent.mkdir(parents=True, exist_ok=True)
        (bundle / path).write_text("added\n")

    return do


def _append(path: str, data: bytes) -> Callable[[Path], None]:
    return lambda bundle: (bundle / path).write_bytes((bundle / path).read_bytes() + data)


def _replace(path: str, old: bytes, new: bytes) -> Callable[[Path], None]:
    def do(bundle: Path) -> None:
        data = (bundle / path).read_bytes()
        assert old in data
        (bundle / path).write_bytes(data.replace(old, new, 1))

    return do


def _swap(one: str, other: str) -> Callable[[Path], None]:
    def do(bundle: Path) -> None:
        first = (bundle / one).read_bytes()
        (bundle / one).write_bytes((bundle / other).read_bytes())
        (bundle / other).write_bytes(first)

    return do


def _rename(bundle: Path) -> None:
    (bundle / "data/index.html").rename(bundle / "data/home.html")


def _retitle(bundle: Path) -> None:
    path = bundle / "data/report.pdf"
    writer = IncrementalPdfFileWriter(io.BytesIO(path.read_bytes()))
    writer.trailer["/Info"]["/Title"] = TextStringObject("All controls pass")
    writer.mark_update(writer.trailer.raw_get("/Info"))
    output = io.BytesIO()
    writer.write(output)
    path.write_bytes(output.getvalue())


def _link(bundle: Path) -> None:
    (bundle / "data/index.html").unlink()
    (bundle / "data/index.html").symlink_to("/dev/zero")


def _foreign_seal(bundle: Path) -> None:
    """Replace the bundle by one that a stranger sealed whole, under the same names."""
    job = bundle.parent
    first = digest(job / "2024-Q3/data/manifest.json")
    shutil.rmtree(bundle)
    write(job, "foreign", previous_bundle="2024-Q3", previous_manifest_sha256=first)
    for path in bundle.rglob("*"):
        path.chmod(0o755 if path.is_dir() else 0o644)


CONTENTS = (
    "data/report.pdf",
    "data/index.html",
    "data/report.json",
    "data/csv/models.csv",
    "data/models/churn/v1/dossier.html",
    "data/index.html.p7s",
    "data/manifest.json",
    "data/manifest.json.p7s",
    "bagit.txt",
    "bag-info.txt",
    "VERIFY.md",
    "verify.sh",
    "evidence/ca.pem",
    "evidence/chain.pem",
    "evidence/crl.pem",
    "evidence/seal.pem",
    "evidence/trust-and-crl.pem",
)

CSV = "data/csv/models.csv"
PDF = "data/report.pdf"
MANIFEST = "data/manifest.json"
LISTS = ("manifest-sha256.txt", "tagmanifest-sha256.txt")

TAMPERINGS = (
    *(Tampering(f"changed {path}", _flip(path), path) for path in CONTENTS),
    *(Tampering(f"removed {path}", _remove(path), path) for path in CONTENTS),
    *(Tampering(f"changed {path}", _digit(path), path, careful=False) for path in LISTS[:1]),
    *(Tampering(f"changed {path}", _digit(path), "verify.sh", careful=False) for path in LISTS[1:]),
    *(Tampering(f"removed {path}", _remove(path), path, careful=False) for path in LISTS),
    Tampering("added to data", _add("data/extra.html"), "data/extra.html"),
    Tampering("added in a new folder", _add("data/new/extra.csv"), "data/new/extra.csv"),
    Tampering("added beside data", _add("README.md"), "README.md", careful=False),
    Tampering("added to evidence", _add("evidence/x.pem"), "evidence/x.pem", careful=False),
    Tampering("added hidden", _add("data/.hidden"), "data/.hidden", careful=False),
    Tampering("added with a line break", _add("data/a\nb"), "b", careful=False),
    Tampering("renamed", _rename, "data/home.html"),
    Tampering("rows of a table edited", _replace(CSV, b"churn,1", b"churn,2"), CSV),
    Tampering("manifest edited", _replace(MANIFEST, b"2035-01-31", b"2025-01-31"), MANIFEST),
    Tampering("signatures swapped", _swap("data/index.html.p7s", f"{CSV}.p7s"), f"{CSV}.p7s"),
    Tampering("contents swapped", _swap("data/index.html", CSV), CSV),
    Tampering("bytes behind %%EOF", _append(PDF, b"\n% later\n"), PDF),
    Tampering("title of the PDF changed", _retitle, PDF),
    Tampering("a link in place of a file", _link, "data/index.html", careful=False),
    Tampering("sealed by a stranger", _foreign_seal, "data/manifest.json.p7s"),
)

CASES = tuple(
    (case, careful)
    for case in TAMPERINGS
    for careful in ((False, True) if case.careful else (False,))
)
"""Each tampering as it is and, where that makes sense, with the lists written anew."""


def apply(case: Tampering, careful: bool, bundle: Path) -> None:
    """Tamper with a bundle."""
    case.do(bundle)
    if careful:
        relist(bundle)


def case_name(value: object) -> str:
    """Return a readable id for pytest."""
    if isinstance(value, Tampering):
        return value.name
    return "lists written anew" if value else "as it is"
