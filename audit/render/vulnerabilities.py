"""What is published against a version's packages: a sentence, and a row for each advisory."""

from __future__ import annotations

from collections.abc import Iterable

from audit.facts import Advisory, AdvisoryFile
from audit.render import text, words
from audit.render.listing import Record, Records
from audit.report.model import Dossier, Report

_ALIASES = 4
_FIXES = 3


def sentence(dossier: Dossier) -> str:
    """Return how many vulnerabilities are known of the packages, and to whom."""
    environment = dossier.environment
    standing = [item for item in dossier.advisories if not item.withdrawn]
    packages = len({item.package for item in standing})
    found = (
        f"{words.counted(len(standing), 'known vulnerability', 'known vulnerabilities')} in "
        f"{words.counted(packages, 'package')}"
        if standing
        else "No known vulnerability"
    )
    open_ = len(environment.unpinned)
    left = f" {words.counted(open_, 'package')} without an exact version not evaluated."
    return f"{found}, by {sources(dossier.advisory_files)}.{left if open_ else ''}"


def sources(files: Iterable[AdvisoryFile]) -> str:
    """Return the advisory files with how new they are, as a phrase."""
    return "; ".join(
        f"{text.one_line(file.name)} ({words.counted(file.advisories, 'advisory', 'advisories')}, "
        f"the newest of {text.moment(file.newest_at)})"
        for file in files
    )


def rows(dossier: Dossier, limit: int) -> Records:
    """Return the vulnerabilities of a version's packages, the gravest of each package first."""
    found = [_row(item) for item in dossier.advisories[:limit]]
    titles = ("Package", "Version", "Advisory", "Severity", "Fixed in", "Published")
    return Records(titles, tuple(found), len(dossier.advisories))


def files(report: Report) -> Records:
    """Return the advisory files that a report used, with their digests and problems."""
    found = [
        Record(
            (
                text.one_line(file.name, 120),
                f"{file.advisories:,}",
                text.moment(file.newest_at),
                text.short_digest(file.sha256),
            ),
            " ".join((*file.problems, *_more(file.more_problems))),
        )
        for file in report.advisory_files
    ]
    return Records(("File", ">Advisories", "Newest of", "SHA-256"), tuple(found), len(found))


def _more(count: int) -> tuple[str, ...]:
    return (f"And {words.counted(count, 'more problem')}.",) if count else ()


def _day(at: int | None) -> str:
    return words.NOT_RECORDED if at is None else text.moment(at)[:10]


def _row(item: Advisory) -> Record:
    aliases = ", ".join(text.one_line(name, 40) for name in item.aliases[:_ALIASES])
    more = len(item.aliases) - _ALIASES
    also = f"Also {aliases}{f' and {more} more' if more > 0 else ''}." if aliases else ""
    summary = text.one_line(item.summary, 240).rstrip(".")
    return Record(
        (
            text.one_line(item.package),
            text.one_line(item.version, 40),
            text.one_line(item.id, 40),
            "withdrawn" if item.withdrawn else item.severity or "not stated",
            ", ".join(item.fixed[:_FIXES]) or "not fixed",
            _day(item.published_at),
        ),
        " ".join(part for part in (f"{summary}." if summary else "", also) if part),
        alarm=not item.withdrawn and item.severity in ("critical", "high", ""),
    )
