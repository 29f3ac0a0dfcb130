"""The data sources of all versions reported on, each content once."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from audit.report.version import DatasetRow, Dossier


def once(dossiers: Iterable[Dossier]) -> list[tuple[DatasetRow, tuple[Dossier, ...]]]:
    """Return each data source with the versions that used it, in the order first met.

    A file's schema is what some run logged for it, so that one version knows it and another
    does not: the same file is one source all the same, with the first schema that is known.
    """
    rows: dict[DatasetRow, DatasetRow] = {}
    users: dict[DatasetRow, dict[tuple[str, int], Dossier]] = {}
    for dossier in dossiers:
        for row in dossier.datasets:
            same = row if row.kind == "input" else replace(row, columns=())
            if not rows.setdefault(same, row).columns:
                rows[same] = row
            users.setdefault(same, {})[dossier.label, dossier.version] = dossier
    return [(row, tuple(users[same].values())) for same, row in rows.items()]
