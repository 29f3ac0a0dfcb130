"""Builds the demo's world in an empty folder, and keeps what is true of it.

What a report says of the world can be held against ``World.truth``, which is
written down while the world is made and never read back from the registry.
"""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from audit.demo import clock, shell, story
from audit.demo.repository import Trained, lay_out
from audit.demo.story import Season
from audit.errors import UsageError
from audit.period import system_clock

_TRUTH = "truth.json"


@dataclasses.dataclass(frozen=True, slots=True)
class VersionTruth:
    """How one version really came about. Empty strings for what it has not."""

    model: str
    version: int
    at: int
    """When its training began, or when it was made by hand; UTC milliseconds."""
    location: str
    """Folder of its artifacts, relative to the world's."""
    oddities: tuple[str, ...] = ()
    """Values of ``story.Oddity``."""
    workflow: str = ""
    """A value of ``story.Workflow``."""
    run_id: str = ""
    tagged: str = ""
    """Commit that was checked out when it was trained."""
    lock: str = ""
    """Commit that holds the lock of its training."""
    weights_md5: str = ""
    """Of ``model.pkl`` as it was trained."""
    raw: dict[str, str] = dataclasses.field(default_factory=dict)
    """Raw table (``customers.csv``) to its MD5 at the training."""
    copy_of: str = ""
    """``model/version``."""

    @property
    def key(self) -> str:
        """``model/version``."""
        return f"{self.model}/{self.version}"


@dataclasses.dataclass(frozen=True, slots=True)
class World:
    """A built world: where its parts are and what is true of its versions."""

    folder: Path
    truth: tuple[VersionTruth, ...]

    @property
    def registry_uri(self) -> str:
        """MLflow's URI of the registry."""
        return shell.registry_uri(self.folder)

    @property
    def job_file(self) -> Path:
        """The job file of the quarterly export."""
        return self.folder / "configs" / "quarterly.yaml"

    @property
    def repositories(self) -> dict[str, Path]:
        """Project name to its git repository."""
        return {name: self.folder / name for name in story.PROJECTS}

    @property
    def keys(self) -> Path:
        """Where the job file expects the seal key; not made here."""
        return self.folder / "keys"

    def version(self, model: str, number: int) -> VersionTruth:
        """Return the truth about one version. Raises ``KeyError``."""
        return {truth.key: truth for truth in self.truth}[f"{model}/{number}"]


def build(
    folder: Path, progress: Callable[[str], None], between: Callable[[World], None] | None = None
) -> World:
    """Build the world in ``folder``, which must be empty or absent, and return it.

    ``progress`` gets a line for each step, from more than one thread; ``between`` gets the
    world as it is at ``story.REPORTED``. Raises ``UsageError`` if the folder cannot be used,
    ``AuditError`` if a step fails.
    """
    folder = _claimed(folder)
    lay_out("world", folder)
    progress("Making the registry")
    shell.child(folder, "audit.demo.registry", ["found"], progress)
    trained: dict[str, list[Trained]] = {name: [] for name in story.PROJECTS}
    for season in Season:
        world = _grown(folder, season, trained, progress)
        if season is Season.SPRING and between is not None:
            between(world)
    shutil.rmtree(shell.scratch_of(folder))
    return world


def _grown(
    folder: Path,
    season: Season,
    trained: dict[str, list[Trained]],
    progress: Callable[[str], None],
) -> World:
    """Do a season's work, and return the world with what is true of it by then."""
    begun = system_clock()
    with ThreadPoolExecutor(len(story.PROJECTS)) as pool:
        building = [
            pool.submit(shell.child, folder, "audit.demo.repository", [name, season], progress)
            for name in story.PROJECTS
        ]
        for project in building:
            project.result()
    progress(f"Copying, describing, aliasing and deleting versions in {season}")
    shell.child(folder, "audit.demo.registry", ["tell", season], progress)
    done = {name: len(records) for name, records in trained.items()}
    for name in story.PROJECTS:
        trained[name] += _records(folder, name, season)
    world = World(folder, tuple(_truths(folder, trained)))
    clock.set_back(folder / "mlflow.db", trained, done, begun)
    text = json.dumps([dataclasses.asdict(truth) for truth in world.truth], indent=1)
    (folder / _TRUTH).write_text(text + "\n", encoding="utf-8")
    return world


def load(folder: Path) -> World:
    """Return the world that was built in ``folder``. Raises ``OSError`` if none was."""
    folder = folder.resolve()
    raw: list[dict[str, Any]] = json.loads((folder / _TRUTH).read_text(encoding="utf-8"))
    truths = (VersionTruth(**item | {"oddities": tuple(item["oddities"])}) for item in raw)
    return World(folder, tuple(truths))


def tamper(world: World) -> Path:
    """Change one bit of a registered version's weights and return the file's path.

    Size and modification time stay, and MLflow notices nothing. For after the first
    report: only then is there anything to compare with.
    """
    path = world.folder / world.version(*story.TAMPERED).location / "model.pkl"
    times = path.stat()
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
    return path


def _claimed(folder: Path) -> Path:
    """Return the folder, absolute and made. Raises ``UsageError`` if it is not to be used."""
    folder = folder.resolve()
    remedy = "Name a folder that is empty or does not exist"
    if set("%?#") & set(str(folder)):
        raise UsageError(
            "a path with %, ? or # does not fit into the registry's URI",
            where=str(folder),
            remedy="Name another folder",
        )
    try:
        folder.mkdir(parents=True, exist_ok=True)
        taken = any(folder.iterdir())
        if not taken:
            shell.scratch_of(folder).mkdir()
    except OSError as error:
        reason = f"the demo cannot be built here ({error.strerror})"
        raise UsageError(reason, where=str(folder), remedy=remedy) from error
    if taken:
        raise UsageError("the folder is not empty", where=str(folder), remedy=remedy)
    return folder


def _records(folder: Path, name: str, season: Season) -> list[Trained]:
    text = (shell.scratch_of(folder) / f"{name}-{season}.json").read_text(encoding="utf-8")
    return [Trained(**item) for item in json.loads(text)]


def _truths(folder: Path, trained: dict[str, list[Trained]]) -> Iterator[VersionTruth]:
    """Yield the truth about every version; only ids and places are the registry's."""
    with closing(sqlite3.connect(folder / "mlflow.db")) as connection:
        where = {
            f"{name}/{version}": Path(unquote(urlsplit(location).path))
            for name, version, location in connection.execute(
                "SELECT name, version, storage_location FROM model_versions"
            )
        }
        runs = dict(
            connection.execute("SELECT artifact_location, source_run_id FROM logged_models")
        )
    run_of = {Path(unquote(urlsplit(place).path)): run for place, run in runs.items()}
    for name, records in trained.items():
        trainings = story.PROJECTS[name].trainings
        registered = [record for record in records if record.registered]
        for number, (training, record) in enumerate(zip(trainings, registered, strict=False), 1):
            place = where[f"{name}/{number}"]
            yield VersionTruth(
                model=name,
                version=number,
                at=record.at,
                location=str(place.relative_to(folder)),
                oddities=tuple(oddity.value for oddity in training.oddities),
                workflow=record.workflow,
                run_id=run_of[place],
                tagged=record.tagged,
                lock=record.lock,
                weights_md5=record.weights_md5,
                raw=record.raw,
            )
    for made in story.HANDMADE:
        if f"{made.model}/{made.version}" not in where:
            continue
        yield VersionTruth(
            model=made.model,
            version=made.version,
            at=story.moment(made.at),
            location=str(where[f"{made.model}/{made.version}"].relative_to(folder)),
            oddities=(made.oddity.value,),
            copy_of=made.copy_of,
        )
