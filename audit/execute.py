"""Where rendering runs: in this process, or in a pool of fresh processes.

Work is spread through ``concurrent.futures.Executor`` and nothing else. The pool is
spawned anew for each wave of tasks: that returns WeasyPrint's memory to the system, and
``max_tasks_per_child``, which would do the same, deadlocks on Python 3.11. A task that
kills its worker breaks the pool for all that wait in it; the unfinished tasks of that
wave then run one by one, so that the culprit is found by name and the others finish.
"""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable, Iterable, Iterator
from concurrent import futures
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from typing import Any

TASKS_PER_WORKER = 40


@dataclass(frozen=True, slots=True)
class Task:
    """A function to call elsewhere: top level, with arguments that can be pickled."""

    name: str
    function: Callable[..., Any]
    arguments: tuple[Any, ...] = ()


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a task came to. ``error`` is one line, empty where it went well."""

    name: str
    value: Any = None
    error: str = ""


def worker_count(jobs: int | str) -> int:
    """Return how many processes ``--jobs`` means; ``auto`` is one for each usable core."""
    if isinstance(jobs, int):
        return max(1, jobs)
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def run(tasks: Iterable[Task], *, executor: str, jobs: int | str) -> Iterator[Outcome]:
    """Yield the outcome of each task as it ends, in any order.

    ``executor`` is ``inline`` or ``process``. A task that raises, or whose process dies,
    ends in an outcome with an error; the others are not touched by it.
    """
    waiting = list(tasks)
    workers = min(worker_count(jobs), len(waiting))
    if executor == "inline" or not waiting:
        yield from map(_here, waiting)
        return
    wave = workers * TASKS_PER_WORKER
    for start in range(0, len(waiting), wave):
        yield from _wave(waiting[start : start + wave], workers)


def _here(task: Task) -> Outcome:
    try:
        return Outcome(task.name, task.function(*task.arguments))
    except Exception as error:  # noqa: BLE001  one task's failure is an outcome, told by the caller
        return Outcome(task.name, error=_line(error))


def _wave(tasks: list[Task], workers: int) -> Iterator[Outcome]:
    unfinished = []
    with _pool(workers) as pool:
        pending = {pool.submit(task.function, *task.arguments): task for task in tasks}
        for future in futures.as_completed(pending):
            task = pending[future]
            try:
                yield Outcome(task.name, future.result())
            except BrokenProcessPool:
                unfinished.append(task)
            except Exception as error:  # noqa: BLE001  as above
                yield Outcome(task.name, error=_line(error))
    for task in unfinished:
        yield _alone(task)


def _alone(task: Task) -> Outcome:
    with _pool(1) as pool:
        try:
            return Outcome(task.name, pool.submit(task.function, *task.arguments).result())
        except BrokenProcessPool:
            return Outcome(task.name, error="the process that worked on it died")
        except Exception as error:  # noqa: BLE001  as above
            return Outcome(task.name, error=_line(error))


def _pool(workers: int) -> futures.ProcessPoolExecutor:
    # Spawned, not forked: Pango and fontconfig are not safe to fork under threads.
    context = multiprocessing.get_context("spawn")
    return futures.ProcessPoolExecutor(max_workers=workers, mp_context=context)


def _line(error: BaseException) -> str:
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
