"""One version's facts → its lineage graph, each edge graded, gaps drawn as gaps.

A pure function of ``VersionFacts``. The rules, in one place:

* The stage that made the weights is the one whose lock names the digest of the
  artifact's bytes, recomputed in this run (``verified``); without such a stage, the
  one whose parameters and metrics agree (``inferred``); without any, a gap. The lock
  at the commit that the run's tag names plays no part in it.
* From there, data is followed by digest: a dependency that another stage's lock put
  out, or that a ``*.dvc`` file tracks, is ``recorded``; one that equals a file in git,
  hashed now, is ``verified``; one that stands nowhere is a gap.
* The tagged commit and the commit that holds the lock are two nodes. The tag is a
  client's claim (``declared``) until every dependency of the stages is found equal in
  that commit's tree.
"""

from audit.lineage.build import build
from audit.lineage.status import proved_files, weights_status

__all__ = ["build", "proved_files", "weights_status"]
