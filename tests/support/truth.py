"""Generated repositories of which it is known what was really trained from what.

A team works for years in one repository: raw data changes, code changes, parameters change,
and now and then somebody trains. What each training read and made is written down when it
happens (``Training``); the repository only gets what such a team would commit, in DVC's
own format, by ``git fast-import``. The ways of working:

after        edit, train, commit: the run's tag names the parent commit
before       commit, train, commit the lock: the lock at the tag is stale
rerun        train and commit, then train again on that commit: the tag is right
branch       like after, on a branch that is merged
squash       like after, on a branch whose one commit on ``main`` is another one
experiment   a DVC experiment: its commit is held by ``refs/exps`` alone
untagged     from a notebook: no tag at all
uncommitted  changed data, trained, and neither data nor lock was ever committed
forced       data that the features do not show, trained by force, then committed
reserialized as after, but MLflow's copy of the weights has other bytes than DVC's
lost         as reserialized, and the metrics that would tell are not in git
ambiguous    the bytes of an earlier model, made from other data
beside       a small file of the model is another stage's out, the weights are not
second       in the second DVC project of the repository

Traps, in which something that agrees is not what the weights were made from:

retrained    an old parameter again on new data that the features do not show, nothing committed
reverted     the same, with the lock of it committed
parallel     on one of two branches that differ in such data only, both from the tagged commit
rebased      the same, with the branches put in line behind each other
rewritten    the same, and the tagged commit is on no branch any more
again        untagged, after such data was committed behind an unchanged stage
lying        data committed after a run whose clock was far ahead
equal        other data that comes to the same bytes as the lock at the tagged commit
relogged     an old model logged again, at a commit with a lock of which half ran on newer data
copied       a stage copies a model that was made elsewhere, and reads data to test it
hollow       the file that is the model is empty
sharded      of two files of the weights one is as in a lock, the smaller one is not
graphed      the graph is as in a lock, the variables are not
prepared     the preprocessor is as in a lock, the model in a text file is not
coincident   as lost, with ratios of a small test set and a constant among the metrics
twofold      as reserialized, and two locks with the same outs have different data
renamed      as after, with parameters logged as texts and under longer names

Part of the data is always imported from another repository. Every lock has what is the same
whatever ran: an empty source file beside an empty mark of a stage that reads other data, a
table without rows, a verdict of a check.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from pathlib import Path

from support.team import Training, md5
from support.traps import Traps

__all__ = ["TRAPS", "WAYS", "Training", "Truth", "build", "md5"]

WAYS = {
    "after": 20,
    "before": 14,
    "rerun": 12,
    "branch": 10,
    "squash": 5,
    "experiment": 5,
    "untagged": 5,
    "uncommitted": 6,
    "forced": 3,
    "reserialized": 6,
    "lost": 3,
    "ambiguous": 3,
    "beside": 3,
    "second": 5,
}
"""How often each way is gone, in parts of a hundred; imports are mixed into all of them."""

TRAPS = (
    *("retrained", "reverted", "parallel", "rebased", "rewritten", "again", "lying", "equal"),
    *("relogged", "copied", "hollow", "sharded", "graphed", "prepared", "coincident", "twofold"),
    "renamed",
)
"""Each as often as the rarest way where they are asked for."""


@dataclass
class Truth:
    """The repositories with all trainings."""

    repository: Path
    upstream: Path
    trainings: list[Training]
    commits: int


def build(
    folder: Path, trainings: int, commits: int, seed: int = 1, *, traps: bool = False
) -> Truth:
    """Build a history of about ``commits`` commits with ``trainings`` trainings.

    ``traps`` mixes those in; what the tool can know of other trainings suffers by them.
    """
    ways = WAYS | dict.fromkeys(TRAPS if traps else (), 3)
    team = Traps(folder, random.Random(seed))
    team.work(trainings, commits, ways)
    return Truth(folder / "models", team.upstream.path, team.trainings, team.importer.count)
