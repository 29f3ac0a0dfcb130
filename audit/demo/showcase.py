"""``mlflow-audit demo``: the world, two quarterly exports on it, and where to look.

Between the two reports the weights of one version are changed, as nobody should: the
second report has to find it. Both runs are given the dates of the story as their clock.
"""

from __future__ import annotations

import datetime as dt
import functools
import sys
from pathlib import Path

from audit import config, pipeline
from audit.demo import world as worlds
from audit.seal.authority import new_authority
from audit.typeset import Listener

_FOUNDED = "2026-04-01"
QUARTERS = {"2026-Q2": "2026-07-06", "2026-Q3": "2026-10-05"}
"""Each period, and the morning on which it is reported."""


def run(folder: Path, messages: Listener) -> str:
    """Build the world in ``folder``, report two quarters, and return what to look at."""
    results: list[pipeline.Result] = []

    def second_quarter(world: worlds.World) -> None:
        found(world)
        results.append(report(world, "2026-Q2", messages))
        worlds.tamper(world)

    world = worlds.build(folder, messages.stage, second_quarter)
    results.append(report(world, "2026-Q3", messages))
    last = results[-1].path
    rows = [
        ("report", last / "data" / "report.pdf"),
        ("dashboard", last / "data" / "index.html"),
        ("tables", last / "data" / "csv"),
        ("check it", f"sh {last / 'verify.sh'} {world.keys / 'ca.pem'}"),
        ("or", f"{sys.executable} -m audit verify {last} --trust {world.keys / 'ca.pem'}"),
        ("history", f"{sys.executable} -m audit history churn -c {world.job_file}"),
        ("job file", world.job_file),
        ("the story", world.folder / "README.txt"),
    ]
    lines = [f"{label}  {result.headline}" for label, result in zip(QUARTERS, results, strict=True)]
    return "\n".join([*lines, "", *(f"{name:<10} {place}" for name, place in rows)])


def found(world: worlds.World) -> None:
    """Make the authority and the seal that the world's reports are sealed with."""
    organisation = config.load(world.job_file).job.organisation
    new_authority(world.keys, organisation, morning(_FOUNDED))


def report(world: worlds.World, label: str, messages: Listener) -> pipeline.Result:
    """Report a quarter of the world on its morning."""
    clock = functools.partial(int, morning(QUARTERS[label]))
    job = config.load(world.job_file)
    return pipeline.run(job, pipeline.Request(period=label), clock=clock, messages=messages)


def morning(day: str) -> int:
    """Return six in the morning UTC of a day, in milliseconds."""
    moment = dt.datetime.fromisoformat(f"{day}T06:00:00+00:00")
    return int(moment.timestamp() * 1000)
