"""Two quarterly exports of the demo's world, made once a test run and only read by tests."""

import fcntl
from dataclasses import dataclass
from pathlib import Path

import pytest
from support.world import copied

from audit.demo import showcase
from audit.demo import world as demo
from audit.demo.world import World


class Quiet:
    """Listens to a run and says nothing."""

    def stage(self, text: str) -> None:
        """Say nothing."""

    def step(self, done: int, total: int) -> None:
        """Say nothing."""


@dataclass(frozen=True)
class Quarters:
    """The world after both exports, with the folders of the two bundles."""

    world: World
    first: Path
    second: Path

    @property
    def trust(self) -> Path:
        return self.world.keys / "ca.pem"


@pytest.fixture(scope="session")
def quarters(
    demo_world: World, tmp_path_factory: pytest.TempPathFactory, worker_id: str
) -> Quarters:
    """The exports of 2026-Q2 and 2026-Q3; in between the weights of churn v3 were changed."""
    base = tmp_path_factory.getbasetemp()
    shared = base if worker_id == "master" else base.parent
    folder, done = shared / "quarters", shared / "quarters.done"
    with (shared / "quarters.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not done.exists():
            world = copied(demo_world, folder)
            showcase.found(world)
            showcase.report(world, "2026-Q2", Quiet())
            demo.tamper(world)
            showcase.report(world, "2026-Q3", Quiet())
            done.touch()
    output = folder / "output" / "quarterly"
    return Quarters(demo.load(folder), output / "2026-Q2", output / "2026-Q3")
