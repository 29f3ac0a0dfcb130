"""Who changes a registry, and the client that they use."""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import requests

from audit.history.model import ActionGrade

SECONDS = 60


class RefusedError(Exception):
    """The server refused a request."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(f"{status}: {text}")
        self.status = status


class Web:
    """MLflow's REST interface by hand, with the method names of ``MlflowClient``.

    ``prefix`` is one of the two that MLflow serves.
    """

    def __init__(self, address: str, user: str, password: str, prefix: str = "api") -> None:
        self._base = f"{address}/{prefix}/2.0/mlflow/"
        self._auth = (user, password)
        self._local = threading.local()

    def call(self, method: str, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """Return the answer. Raises ``RefusedError`` where it is not 200."""
        session = getattr(self._local, "session", None)
        if session is None:
            session = self._local.session = requests.Session()
        answer = session.request(
            method,
            self._base + path,
            data=json.dumps({key: value for key, value in body.items() if value is not None}),
            headers={"Content-Type": "application/json"},
            auth=self._auth,
            timeout=SECONDS,
        )
        if answer.status_code != 200:
            raise RefusedError(answer.status_code, answer.text)
        result: dict[str, Any] = answer.json() if answer.content else {}
        return result

    def create_registered_model(
        self, name: str, tags: dict[str, str] | None = None, description: str | None = None
    ) -> None:
        body = {"name": name, "tags": _pairs(tags), "description": description}
        self.call("POST", "registered-models/create", body)

    def rename_registered_model(self, name: str, new_name: str) -> None:
        self.call("POST", "registered-models/rename", {"name": name, "new_name": new_name})

    def update_registered_model(self, name: str, description: str) -> None:
        self.call("PATCH", "registered-models/update", {"name": name, "description": description})

    def delete_registered_model(self, name: str) -> None:
        self.call("DELETE", "registered-models/delete", {"name": name})

    def set_registered_model_tag(self, name: str, key: str, value: str) -> None:
        body = {"name": name, "key": key, "value": value}
        self.call("POST", "registered-models/set-tag", body)

    def delete_registered_model_tag(self, name: str, key: str) -> None:
        self.call("DELETE", "registered-models/delete-tag", {"name": name, "key": key})

    def set_registered_model_alias(self, name: str, alias: str, version: str) -> None:
        body = {"name": name, "alias": alias, "version": version}
        self.call("POST", "registered-models/alias", body)

    def delete_registered_model_alias(self, name: str, alias: str) -> None:
        self.call("DELETE", "registered-models/alias", {"name": name, "alias": alias})

    def create_model_version(
        self,
        name: str,
        source: str,
        run_id: str | None = None,
        tags: dict[str, str] | None = None,
        description: str | None = None,
    ) -> Any:
        body = {"name": name, "source": source, "run_id": run_id, "tags": _pairs(tags)}
        answer = self.call("POST", "model-versions/create", {**body, "description": description})
        return _Numbered(int(answer["model_version"]["version"]))

    def update_model_version(self, name: str, version: str, description: str) -> None:
        body = {"name": name, "version": version, "description": description}
        self.call("PATCH", "model-versions/update", body)

    def delete_model_version(self, name: str, version: str) -> None:
        self.call("DELETE", "model-versions/delete", {"name": name, "version": version})

    def set_model_version_tag(self, name: str, version: str, key: str, value: str) -> None:
        body = {"name": name, "version": version, "key": key, "value": value}
        self.call("POST", "model-versions/set-tag", body)

    def delete_model_version_tag(self, name: str, version: str, key: str) -> None:
        body = {"name": name, "version": version, "key": key}
        self.call("DELETE", "model-versions/delete-tag", body)

    def transition_model_version_stage(
        self, name: str, version: int, stage: str, archive_existing_versions: bool = False
    ) -> None:
        body = {"name": name, "version": str(version), "stage": stage}
        archive = {"archive_existing_versions": archive_existing_versions}
        self.call("POST", "model-versions/transition-stage", {**body, **archive})


@dataclass(frozen=True, slots=True)
class _Numbered:
    version: int


def _pairs(tags: Mapping[str, str] | None) -> list[dict[str, str]] | None:
    return [{"key": key, "value": value} for key, value in tags.items()] if tags else None


@dataclass(frozen=True)
class Hand:
    """Somebody, the client that they use, and who a right history says they are."""

    client: Any
    """``Web`` or an ``MlflowClient``."""
    actor: str
    grade: ActionGrade


@dataclass(frozen=True)
class Cast:
    """Who plays: three users of the server, one who goes round it, one who writes SQL."""

    alice: Hand
    bob: Hand
    carol: Hand
    """May not change what others made."""
    direct: Hand
    raw: Hand
    """``client`` is an SQLAlchemy engine."""
    archivist: Hand
    """Who moves a version to a stage and all others out of it."""
