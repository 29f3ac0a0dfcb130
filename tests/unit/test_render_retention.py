"""What became of data in its remotes, in words."""

from dataclasses import replace

import pytest
from support.sample_dossiers import sample_dossier

from audit.facts import DataObject, FolderList, ObjectState
from audit.render import records, retention

FOLDER = FolderList("d.dir", "r", total=30)
UNREAD = FolderList("d.dir", "r", reason="not in the remote")


@pytest.mark.parametrize(
    ("item", "folder", "told"),
    [
        (DataObject("d", "r", "s", ObjectState.PRESENT, checked="exists"), None, ""),
        (
            DataObject("d.dir", "r", "s", ObjectState.PRESENT, checked="rehashed"),
            FOLDER,
            "A folder of 30 files. Read again in full: its bytes have the digest.",
        ),
        (
            DataObject("d.dir", "r", "s", ObjectState.MISSING, "10 … are gone", lost=tuple("abc")),
            FOLDER,
            "10 … are gone: a, b, c.",
        ),
        (
            DataObject(
                "d.dir", "r", "s", ObjectState.DAMAGED, "9 … differ", lost=tuple("abcdefghi")
            ),
            FOLDER,
            "9 … differ: the first of them: a, b, c, d, e, f, g, h.",
        ),
        (
            DataObject("d.dir", "r", "s", ObjectState.MISSING, "not in the remote"),
            UNREAD,
            "Not in the remote.",
        ),
        (
            DataObject("d.dir", "r", "s", ObjectState.NOT_CHECKED, "no credentials"),
            UNREAD,
            "No credentials. What is in it is not known: not in the remote.",
        ),
        (
            DataObject("d", "r", "", ObjectState.NOT_APPLICABLE, "kept in git"),
            None,
            "Belongs in no remote: kept in git.",
        ),
    ],
)
def test_a_data_object_in_words(item: DataObject, folder: FolderList | None, told: str) -> None:
    folders = (folder,) if folder else ()
    dossier = replace(sample_dossier(), objects=(item,), folders=folders)
    assert retention.remarks(dossier)[item.repository, item.digest] == told


def test_the_data_section_says_what_is_gone() -> None:
    dossier = sample_dossier()
    digest = dossier.datasets[0].digest
    lost = DataObject(digest, "r", "s", ObjectState.MISSING, "1 of … is gone", lost=("a\nb",))
    shown = records.data(replace(dossier, objects=(lost,)), 10)
    assert "1 of … is gone: a b." in shown.rows[0].remark
