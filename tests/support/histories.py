"""A model registry in memory that writes the rows MLflow's SQL would, and tells the truth.

Time goes on by whole minutes, so that nothing happens while a snapshot is read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from hypothesis import strategies as st

from audit.facts import (
    CaptureCheck,
    CapturedRow,
    ModelVersion,
    Observations,
    RegisteredModel,
    Registry,
    Snapshot,
    State,
)
from audit.history.state import difference, digest, state_of

START = 1_780_000_000_000
MINUTE = 60_000
ALIASES = ("champion", "challenger")
STAGES = ("None", "Staging", "Production")


@dataclass(frozen=True)
class Deed:
    """What was really done."""

    at: int
    kind: str
    model: str
    version: int | None = None
    alias: str = ""
    key: str = ""
    before: str = ""
    after: str = ""
    cause: str = ""
    """Kind of the deed that brought it about."""
    actor: str = ""


@dataclass
class World:
    """The registry. Where it stands in MySQL, a renamed model's children fire no triggers."""

    database: str = "postgresql"
    capture: bool = True
    user: str = ""
    account: str = ""
    now: int = START
    models: dict[str, dict[str, Any]] = field(default_factory=dict)
    rows: list[CapturedRow] = field(default_factory=list)
    truth: list[Deed] = field(default_factory=list)
    snapshots: list[Snapshot] = field(default_factory=list)
    checks: list[CaptureCheck] = field(default_factory=list)
    states: list[tuple[int, State]] = field(default_factory=list)
    """The state right after each operation."""
    seen: dict[str, State] = field(default_factory=dict)
    unseen: set[tuple[int, str]] = field(default_factory=set)
    """What changed and nothing has shown yet: a model (its birth and no key), or a tag of a
    version (that one's birth, and the tag's key)."""
    untold: set[tuple[int, str]] = field(default_factory=set)
    """What of this went before anything showed it: a model's inside, a version's tag. MLflow
    keeps a deleted version's tags where no row and no snapshot shows them."""
    lost: set[tuple[int, str]] = field(default_factory=set)
    """When, and under which name, such a model was deleted."""
    transaction: int = 0
    installed_at: int | None = None

    # Operations as MLflow's store carries them out.

    def create_model(self, name: str, description: str = "", **tags: str) -> None:
        with self._operation():
            self.models[name] = {
                "created": self.now,
                "updated": self.now,
                "description": description,
                "tags": {},
                "aliases": {},
                "versions": {},
            }
            self._row("registered_models", None, self._model(name))
            self._deed("model_created", name)
            for key, value in tags.items():
                self._tag(name, None, key, value, cause="model_created")

    def rename_model(self, name: str, new: str) -> None:
        with self._operation():
            model = self.models[name]
            before = self._children(name)
            old_row = self._model(name)
            old_versions = before.pop("model_versions")
            self.models[new] = self.models.pop(name)
            model["updated"] = self.now
            cascades = []
            for table, rows in {"model_versions": old_versions, **before}.items():
                cascades += [(table, row, {**row, "name": new}) for row in rows]
            told = self.database != "mysql"
            half = len(cascades) // 2 if told else 0
            for table, old, fresh in cascades[:half]:
                self._row(table, old, fresh)
            self._row("registered_models", old_row, self._model(new))
            for table, old, fresh in cascades[half:] if told else []:
                self._row(table, old, fresh)
            for number in model["versions"]:
                old = self._version(new, number)
                model["versions"][number]["updated"] = self.now
                self._row("model_versions", old, self._version(new, number))
            self._deed("model_renamed", new, before=name, after=new)

    def delete_model(self, name: str) -> None:
        with self._operation():
            for table, rows in self._children(name).items():
                for row in rows:
                    self._row(table, row, None)
            self._row("registered_models", self._model(name), None)
            model = self.models.pop(name)
            if (model["created"], "") in self.unseen:
                self.untold.add((model["created"], ""))
                self.lost.add((self.now, name))
            for alias, number in model["aliases"].items():
                self._deed(
                    "alias_removed", name, number, alias, before=str(number), cause="model_deleted"
                )
            for number, version in model["versions"].items():
                if version["stage"] != "Deleted_Internal":
                    source = version["source"]
                    self._deed(
                        "version_removed", name, number, before=source, cause="model_deleted"
                    )
            self._deed("model_deleted", name, before=name)

    def describe_model(self, name: str, text: str) -> None:
        with self._operation():
            old, model = self._model(name), self.models[name]
            before, model["description"], model["updated"] = model["description"], text, self.now
            self._row("registered_models", old, self._model(name))
            if before != text:
                self._deed("model_description_changed", name, before=before, after=text)

    def tag_model(self, name: str, key: str, value: str) -> None:
        with self._operation():
            self._tag(name, None, key, value)

    def untag_model(self, name: str, key: str) -> None:
        with self._operation():
            self._untag(name, None, key)

    def add_version(
        self, name: str, source: str = "", run_id: str = "r1", description: str = "", **tags: str
    ) -> int:
        with self._operation():
            model = self.models[name]
            old = self._model(name)
            model["updated"] = self.now
            self._row("registered_models", old, self._model(name))
            number = max(model["versions"], default=0) + 1
            source = source or f"models:/m-{len(self.truth):032x}"
            model["versions"][number] = {
                "created": self.now,
                "updated": self.now,
                "description": description,
                "stage": "None",
                "source": source,
                "storage_location": source if source.startswith("s3:") else f"/store/{source}",
                "run_id": run_id,
                "tags": {},
            }
            self._row("model_versions", None, self._version(name, number))
            self._deed("version_added", name, number, after=source)
            for key, value in tags.items():
                self._tag(name, number, key, value, cause="version_added")
        return number

    def delete_version(self, name: str, number: int, *, alias_first: bool = False) -> None:
        with self._operation():
            model = self.models[name]
            old = self._model(name)
            model["updated"] = self.now
            self._row("registered_models", old, self._model(name))
            held = [alias for alias, at in model["aliases"].items() if at == number]
            source = model["versions"][number]["source"]
            if alias_first:
                for alias in held:
                    self._unalias(name, alias, cause="version_removed")
            old = self._version(name, number)
            model["versions"][number] |= {
                "stage": "Deleted_Internal",
                "updated": self.now,
                "description": "",
                "source": "REDACTED-SOURCE-PATH",
                "run_id": "REDACTED-RUN-ID",
            }
            self._row("model_versions", old, self._version(name, number))
            self._deed("version_removed", name, number, before=source)
            born = model["versions"][number]["created"]
            self.untold |= {tag for tag in self.unseen if tag[0] == born and tag[1]}
            if not alias_first:
                for alias in held:
                    self._unalias(name, alias, cause="version_removed")

    def describe_version(self, name: str, number: int, text: str) -> None:
        self._set(name, number, "description", text, "version_description_changed")

    def stage(self, name: str, number: int, stage: str) -> None:
        self._set(name, number, "stage", stage, "stage_changed")

    def replace_source(self, name: str, number: int, source: str) -> None:
        self._set(name, number, "source", source, "version_source_changed", key="source")

    def tag_version(self, name: str, number: int, key: str, value: str) -> None:
        with self._operation():
            self._tag(name, number, key, value)

    def untag_version(self, name: str, number: int, key: str) -> None:
        with self._operation():
            self._untag(name, number, key)

    def set_alias(self, name: str, alias: str, number: int) -> None:
        with self._operation():
            aliases = self.models[name]["aliases"]
            before = aliases.get(alias)
            if before == number:
                return
            old = None if before is None else self._alias(name, alias)
            aliases[alias] = number
            self._row("registered_model_aliases", old, self._alias(name, alias))
            kind = "alias_added" if before is None else "alias_moved"
            past = "" if before is None else str(before)
            self._deed(kind, name, number, alias, before=past, after=str(number))

    def delete_alias(self, name: str, alias: str) -> None:
        with self._operation():
            if alias in self.models[name]["aliases"]:
                self._unalias(name, alias)

    # What observes it.

    def install(self) -> None:
        """Install the triggers; from now on rows are captured."""
        self.pass_time()
        self.capture, self.installed_at = True, self.now
        self.check()

    def check(self, *missing: str) -> None:
        self.checks.append(CaptureCheck(self.now, self.installed_at, missing))

    def look(self, reader: str = "sql") -> None:
        """Take a snapshot, as a run does, and check the triggers."""
        self.pass_time()
        state = self.state(reader)
        renames, changes = difference(self.seen.get("", {}), state)
        self.seen[""] = state
        self.unseen.clear()
        self.snapshots.append(
            Snapshot(self.now, reader, digest(state), len(state), changes, renames)
        )
        if self.installed_at is not None and self.capture:
            self.check()

    @contextmanager
    def hidden(self) -> Iterator[None]:
        """What is done meanwhile fires no trigger."""
        capture, self.capture = self.capture, False
        yield
        self.capture = capture

    def observations(self, **more: Any) -> Observations:
        given = {
            "snapshots": tuple(self.snapshots),
            "rows": tuple(self.rows),
            "checks": tuple(self.checks),
        }
        return Observations(**{**given, **more})

    def state(self, reader: str = "sql") -> State:
        models, versions = [], []
        for name, model in self.models.items():
            models.append(
                RegisteredModel(
                    name,
                    created_at=model["created"],
                    description=model["description"],
                    tags=dict(model["tags"]),
                    aliases=dict(model["aliases"]),
                )
            )
            for number, version in model["versions"].items():
                dead = version["stage"] == "Deleted_Internal"
                versions.append(
                    ModelVersion(
                        name,
                        number,
                        created_at=version["created"],
                        description=version["description"],
                        stage=""
                        if version["stage"] in ("None", "Deleted_Internal")
                        else version["stage"],
                        source="" if dead else version["source"],
                        storage_location=version["storage_location"],
                        run_id="" if dead else version["run_id"],
                        tags=dict(version["tags"]),
                        deleted=dead,
                        deleted_at=version["updated"] if dead else None,
                    )
                )
        return state_of(
            Registry("", reader, models=tuple(models), versions=tuple(versions)), reader
        )

    def pass_time(self, by: int = MINUTE) -> None:
        self.now += by

    # Rows.

    @contextmanager
    def _operation(self) -> Iterator[None]:
        self.pass_time()
        self.transaction += 1
        yield
        self.states.append((self.now, self.state()))

    def _row(self, table: str, old: dict[str, Any] | None, new: dict[str, Any] | None) -> None:
        if old == new:
            return
        self._mind(table, (new or old or {}))
        if not self.capture:
            return
        operation = "insert" if old is None else "delete" if new is None else "update"
        images = [
            None if image is None else {k: None if v == "" else str(v) for k, v in image.items()}
            for image in (old, new)
        ]
        transaction = str(self.transaction) if self.database == "postgresql" else ""
        self.rows.append(
            CapturedRow(
                seq=len(self.rows) + 1,
                at=self.now,
                operation=operation,
                table=table,
                old=images[0],
                new=images[1],
                transaction=transaction,
                user=self.user,
                request=f"q{self.transaction}" if self.user else "",
                account=self.account,
            )
        )

    def _mind(self, table: str, image: dict[str, Any]) -> None:
        """Note what is done unseen, and what a row shows after all."""
        model = self.models[image["name"]]
        tag = None
        if table == "model_version_tags":
            tag = (model["versions"][int(image["version"])]["created"], image["key"])
        if not self.capture:
            self.unseen |= {(model["created"], ""), *([tag] if tag else [])}
        elif tag:
            self.unseen.discard(tag)

    def _deed(
        self,
        kind: str,
        model: str,
        version: int | None = None,
        alias: str = "",
        **more: str,
    ) -> None:
        self.truth.append(
            Deed(self.now, kind, model, version, alias, actor=self.user or self.account, **more)
        )

    def _set(
        self, name: str, number: int, column: str, text: str, kind: str, key: str = ""
    ) -> None:
        with self._operation():
            version, old = self.models[name]["versions"][number], self._version(name, number)
            before, version[column], version["updated"] = version[column], text, self.now
            self._row("model_versions", old, self._version(name, number))
            if before != text:
                told = [("" if value == "None" else value) for value in (before, text)]
                self._deed(kind, name, number, key=key, before=told[0], after=told[1])

    def _tag(self, name: str, number: int | None, key: str, value: str, cause: str = "") -> None:
        tags = self._tags(name, number)
        before = tags.get(key)
        old = None if before is None else self._tag_row(name, number, key)
        tags[key] = value
        self._row(_tag_table(number), old, self._tag_row(name, number, key))
        if before != value:
            kind = "model_tag_set" if number is None else "version_tag_set"
            self._deed(kind, name, number, key=key, before=before or "", after=value, cause=cause)

    def _untag(self, name: str, number: int | None, key: str) -> None:
        tags = self._tags(name, number)
        if key in tags:
            self._row(_tag_table(number), self._tag_row(name, number, key), None)
            kind = "model_tag_deleted" if number is None else "version_tag_deleted"
            self._deed(kind, name, number, key=key, before=tags.pop(key))

    def _unalias(self, name: str, alias: str, cause: str = "") -> None:
        self._row("registered_model_aliases", self._alias(name, alias), None)
        number = self.models[name]["aliases"].pop(alias)
        self._deed("alias_removed", name, number, alias, before=str(number), cause=cause)

    def _tags(self, name: str, number: int | None) -> dict[str, str]:
        model = self.models[name]
        tags: dict[str, str] = (
            model["tags"] if number is None else model["versions"][number]["tags"]
        )
        return tags

    def _model(self, name: str) -> dict[str, Any]:
        model = self.models[name]
        return {
            "workspace": "default",
            "name": name,
            "creation_time": model["created"],
            "last_updated_time": model["updated"],
            "description": model["description"],
        }

    def _version(self, name: str, number: int) -> dict[str, Any]:
        version = self.models[name]["versions"][number]
        return {
            "workspace": "default",
            "name": name,
            "version": number,
            "creation_time": version["created"],
            "last_updated_time": version["updated"],
            "description": version["description"],
            "current_stage": version["stage"],
            "source": version["source"],
            "storage_location": version["storage_location"],
            "run_id": version["run_id"],
            "status": "READY",
        }

    def _alias(self, name: str, alias: str) -> dict[str, Any]:
        number = self.models[name]["aliases"][alias]
        return {"workspace": "default", "name": name, "alias": alias, "version": number}

    def _tag_row(self, name: str, number: int | None, key: str) -> dict[str, Any]:
        row = {"workspace": "default", "name": name, "key": key}
        if number is not None:
            row["version"] = str(number)
        return {**row, "value": self._tags(name, number)[key]}

    def _children(self, name: str) -> dict[str, list[dict[str, Any]]]:
        model = self.models[name]
        found: dict[str, list[dict[str, Any]]] = {
            "registered_model_aliases": [self._alias(name, alias) for alias in model["aliases"]],
            "registered_model_tags": [self._tag_row(name, None, key) for key in model["tags"]],
            "model_version_tags": [
                self._tag_row(name, number, key)
                for number, version in model["versions"].items()
                for key in version["tags"]
            ],
        }
        found["model_versions"] = [self._version(name, number) for number in model["versions"]]
        return found


def _tag_table(number: int | None) -> str:
    return "registered_model_tags" if number is None else "model_version_tags"


Step = tuple[int, int, int]
"""Which operation, on what, and with which value: numbers that always fit."""
steps = st.lists(
    st.tuples(st.integers(0, 99), st.integers(0, 7), st.integers(0, 7)), min_size=1, max_size=45
)


def take(world: World, step: Step, *, names: int = 3) -> None:
    """Carry out one random step on whatever there is."""
    what, which, value = step
    free = [f"m{n}" for n in range(names) if f"m{n}" not in world.models]
    models = sorted(name for name in world.models if name.startswith("m"))
    if not models or (what < 8 and free):
        world.create_model(free[which % len(free)], ("", "why")[value % 2])
        return
    name = models[which % len(models)]
    versions = [
        number
        for number, version in world.models[name]["versions"].items()
        if version["stage"] != "Deleted_Internal"
    ]
    if what < 30 or not versions:
        world.add_version(name, ("", "s3://b/x")[value % 2], **({"t0": "1"} if value > 5 else {}))
        return
    number = versions[value % len(versions)]
    alias = ALIASES[which % 2]
    choices: list[tuple[int, Callable[[], Any]]] = [
        (50, lambda: world.set_alias(name, alias, number)),
        (56, lambda: world.delete_alias(name, alias)),
        (62, lambda: world.delete_version(name, number, alias_first=bool(which % 2))),
        (66, lambda: world.tag_model(name, f"k{which % 2}", f"v{value}")),
        (69, lambda: world.untag_model(name, f"k{which % 2}")),
        (75, lambda: world.tag_version(name, number, f"t{which % 2}", f"v{value}")),
        (78, lambda: world.untag_version(name, number, f"t{which % 2}")),
        (82, lambda: world.stage(name, number, STAGES[which % 3])),
        (85, lambda: world.describe_version(name, number, f"d{value}")),
        (88, lambda: world.describe_model(name, f"d{value}")),
        (91, lambda: world.replace_source(name, number, f"s3://evil/{value}")),
        (94, lambda: world.delete_model(name)),
        (100, lambda: world.rename_model(name, free[0]) if free else None),
    ]
    next(act for limit, act in choices if what < limit)()
