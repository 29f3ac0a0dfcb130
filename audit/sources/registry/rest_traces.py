"""Which traces name a logged model, asked of an MLflow server model by model.

REST has no count of traces: the newest of each model are listed, and where there are more
than one answer holds, that is said.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from audit.facts import TraceUse
from audit.sources.registry.http import THREADS, MissingError, Server

MOST_MODELS = 400
"""At most so many logged models are asked for their traces."""
MOST_TRACES = 500
"""What one answer may hold."""

_PATH = "/api/3.0/mlflow/traces/search"
_HOUR = 3_600_000
_EXPERIMENTS = 500


def traces(
    server: Server, models: Mapping[str, str], experiments: Mapping[str, Sequence[str]]
) -> tuple[tuple[TraceUse, ...], tuple[str, ...]]:
    """Return how many traces each logged model answered, hour by hour, and what is not seen.

    ``models`` are the ids with their workspaces, ``experiments`` the ids of each workspace.
    """
    asked = sorted(models.items())[:MOST_MODELS]
    unseen = []
    if len(models) > len(asked):
        unseen.append(
            f"{len(asked)} of {len(models)} logged models were asked for their traces: REST has no "
            "bulk query for it, and the traces of the others are not seen."
        )
    with ThreadPoolExecutor(THREADS) as threads:
        answers = list(threads.map(_asking(server, experiments), asked))
    if any(answer is None for answer in answers):
        unseen.append("This server does not list traces, and which model answered any is not seen.")
    if any(more for answer in answers if answer is not None for more in answer[1:]):
        unseen.append(
            f"Of each logged model at most its {MOST_TRACES} newest traces were counted: REST "
            "does not count them."
        )
    counted = Counter(
        (model_id, at // _HOUR)
        for (model_id, _), answer in zip(asked, answers, strict=True)
        for at in (answer[0] if answer else ())
    )
    return tuple(TraceUse(*key, count) for key, count in sorted(counted.items())), tuple(unseen)


def _asking(
    server: Server, experiments: Mapping[str, Sequence[str]]
) -> Callable[[tuple[str, str]], tuple[list[int], bool] | None]:
    def ask(model: tuple[str, str]) -> tuple[list[int], bool] | None:
        """Return the times of one model's newest traces, and whether there are more."""
        model_id, space = model
        ids = list(experiments.get(space, ()))
        found: list[int] = []
        more = False
        for start in range(0, len(ids), _EXPERIMENTS):
            query: dict[str, Any] = {
                "locations": [
                    {
                        "type": "MLFLOW_EXPERIMENT",
                        "mlflow_experiment": {"experiment_id": experiment},
                    }
                    for experiment in ids[start : start + _EXPERIMENTS]
                ],
                "filter": f"request_metadata.`mlflow.modelId` = '{model_id}'",
                "max_results": MOST_TRACES,
                "order_by": ["timestamp_ms DESC"],
            }
            try:
                answer = server.post(_PATH, query, space)
            except MissingError:
                return None
            found += [_time(item["request_time"]) for item in answer.get("traces", ())]
            more = more or bool(answer.get("next_page_token"))
        return found, more

    return ask


def _time(text: str) -> int:
    """Return a time of the protocol (RFC 3339) as UTC milliseconds."""
    moment = dt.datetime.fromisoformat(text)
    return int(moment.timestamp() * 1000)
