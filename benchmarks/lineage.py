"""How many versions are attributed to the data they were made from, and how fast.

The repositories are generated, in every way of working and mixed, with the truth written
down beside them (``tests/support/truth.py``); the registry is a real one.

    python benchmarks/lineage.py [VERSIONS] [COMMITS] [SEED]
"""

from __future__ import annotations

import sys
import tempfile
from collections import Counter
from pathlib import Path

from bench import show, timed, watched
from support import attribution, truth


def main() -> None:
    versions, commits, seed = (
        int(sys.argv[at]) if len(sys.argv) > at else default
        for at, default in ((1, 1000), (2, 5000), (3, 1))
    )
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        world = truth.build(folder, versions, commits, seed)
        building, job = timed(lambda: attribution.job(folder, world))
        print(f"{versions} versions, {world.commits} commits; registry built in {building:.0f} s")
        command = [sys.executable, "-m", "audit", "run", str(job), "--quiet"]
        seconds, peak = watched([*command, "-p", "2020-01-01/2099-12-31"])
        found = attribution.outcomes(next((folder / "output" / "truth").glob("2020*")), world)
    total = Counter(outcome for _, outcome in found)
    ways: dict[str, Counter[str]] = {}
    for training, outcome in found:
        ways.setdefault(training.way, Counter())[outcome] += 1
    rows = [
        (way, sum(counts.values()), *(counts[name] or "" for name in attribution.OUTCOMES))
        for way, counts in sorted(ways.items(), key=lambda item: -sum(item[1].values()))
    ]
    rows.append(("all", len(found), *(total[name] for name in attribution.OUTCOMES)))
    show("attribution to raw data", ("way of working", "versions", *attribution.OUTCOMES), rows)
    figures = [
        ("seconds, the whole run with CSV", f"{seconds:.1f}"),
        ("peak memory of the largest process", f"{peak / 2**20:,.0f} MiB"),
    ]
    show("cost", ("what", "figure"), figures)


if __name__ == "__main__":
    main()
