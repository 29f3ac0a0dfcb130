"""Reading a registry of 1,000 versions: SQL, REST, and a loop of calls per version."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from bench import best, build_registry, show, timed
from support.registry import mlflow_at
from support.services import mlflow_server

from audit.sources.registry.readers import open_registry


def loop(uri: str) -> int:
    """Read every version, run and logged model by a call of its own, as most scripts do."""
    with mlflow_at(uri) as client:
        read = 0
        for model in client.search_registered_models(max_results=1000):
            for found in client.search_model_versions(f"name = '{model.name}'"):
                version: Any = client.get_model_version(model.name, found.version)
                client.get_run(version.run_id)
                client.get_logged_model(version.source.removeprefix("models:/"))
                read += 1
        return read


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        uri = build_registry(folder, models=50, versions=20)
        sql, registry = best(lambda: open_registry(uri).read())
        with mlflow_server(uri, folder / "server") as address:
            open_registry(address).read()
            rest, over_http = best(lambda: open_registry(address).read())
            calls, read = timed(lambda: loop(address))
        versions = len(registry.versions)
        if not versions == len(over_http.versions) == read:
            raise SystemExit("the readers did not see the same versions")
        rows = [
            (how, f"{seconds:.2f}", f"{versions / seconds:,.0f}", f"{calls / seconds:.0f} x")
            for how, seconds in (("SQL", sql), ("REST", rest), ("loop over REST", calls))
        ]
        columns = ("reader", "seconds", "versions/s", "against the loop")
        show(f"{versions} versions of {len(registry.models)} models", columns, rows)


if __name__ == "__main__":
    main()
