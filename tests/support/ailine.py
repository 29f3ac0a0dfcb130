"""AIline databases as its three forms of the table ``tree`` have them, with snapshots beside.

Written from the documented columns; a real installation cannot be had from a package index.
"""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path
from typing import Any

FIRST = "id type parent mlflow_run dvc_version snapshot_path timestamp git_url"
SECOND = (
    f"{FIRST} manifest_path metadata_path archive_bytes included_file_count excluded_file_count "
    "large_file_pointer_count diff_path dvc_linkage_json dvc_linkage_status env_fingerprint_json "
    "env_fingerprint_status run_command_json run_command_summary"
)
THIRD = f"{SECOND} record_name status started_at finished_at exit_code"
"""The columns of an old database, of one in between, and of a new one."""

_NUMBERS = {"archive_bytes", "included_file_count", "excluded_file_count", "exit_code"}

DIFF = """\
diff --git a/src/train.py b/src/train.py
index 3f1c2aa..9b0e6c1 100644
--- a/src/train.py
+++ b/src/train.py
@@ -1,2 +1,2 @@
 import sys
--- a/not/a/header.py
+diff --git a/not/a/file b/not/a/file
diff --git "a/data/\\303\\244.csv.dvc" "b/data/\\303\\244.csv.dvc"
index 3f1c2aa..9b0e6c1 100644
--- "a/data/\\303\\244.csv.dvc"
+++ "b/data/\\303\\244.csv.dvc"
@@ -1 +1 @@
-a
+b
diff --git a/old name.txt b/new name.txt
similarity index 100%
rename from old name.txt
rename to new name.txt
diff --git a/logo.png b/logo.png
index 3f1c2aa..9b0e6c1 100644
Binary files a/logo.png and b/logo.png differ
"""


def write_ailine(path: Path, *records: dict[str, Any], columns: str = THIRD) -> Path:
    """Write a database of one form with these records, and return its path."""
    names = columns.split()
    path.parent.mkdir(parents=True, exist_ok=True)
    with sqlite3.connect(path) as database:
        typed = ", ".join(f"{name} {'INTEGER' if name in _NUMBERS else 'TEXT'}" for name in names)
        database.execute(
            f"CREATE TABLE tree ({typed.replace('id TEXT', 'id TEXT PRIMARY KEY', 1)})"
        )
        for record in records:
            known = {key: value for key, value in record.items() if key in names}
            marks = ", ".join("?" * len(known))
            database.execute(
                f"INSERT OR REPLACE INTO tree ({', '.join(known)}) VALUES ({marks})",
                tuple(known.values()),
            )
    database.close()
    return path


def record(**values: Any) -> dict[str, Any]:
    """Return a record of a run on a clean tree, some of its columns replaced."""
    return {
        "id": "5f" * 20,
        "type": "git",
        "timestamp": "2026-08-14T10:05:00.250000",
        "git_url": "https://alice:secret@git.example.com/churn.git",
        "dvc_linkage_json": json.dumps(
            {
                "status": "remote_ready",
                "items": [{"path": "data/raw.csv", "hash_value": "ab" * 16}, {"path": "model.pkl"}],
            }
        ),
        "dvc_linkage_status": "remote_ready",
        "env_fingerprint_json": json.dumps(
            {"python_version": "3.11.7", "packages": {"mlflow": "3.17.2", "dvc": None}}
        ),
        "env_fingerprint_status": "complete",
        "run_command_json": json.dumps(
            {
                "argv": ["python", "src/train.py", "--password", "hunter2"],
                "captured_at": "2026-08-14T10:00:00",
            }
        ),
        "run_command_summary": "python src/train.py --password hunter2",
        "record_name": "brave-otter",
        "status": "done",
        "started_at": "2026-08-14T10:00:00.500000",
        "finished_at": "2026-08-14T10:05:00.250000",
        "exit_code": 0,
        **values,
    }


def write_snapshot(folder: Path, name: str, diff: str = DIFF) -> dict[str, Any]:
    """Write a snapshot's diff and list of untracked files; return the columns that name them."""
    folder.mkdir(parents=True, exist_ok=True)
    patch, about = folder / f"{name}.diff.patch", folder / f"{name}.metadata.json"
    patch.write_text(diff, encoding="utf-8")
    about.write_text(json.dumps({"snapshot_id": name, "untracked_files": ["notes.md"]}))
    return {"diff_path": str(patch), "metadata_path": str(about)}
