"""Where rendering runs: in this process, or in a pool of fresh processes.

Work is spread through ``concurrent.futures.Executor`` and nothing else. The pool is made
anew for each wave of tasks: that returns WeasyPrint's memory to the system, and
``max_tasks_per_child``, which would do the same, deadlocks on Python 3.11. A task that
kills its worker breaks the pool for all that wait in it; the unfinished tasks of that
wave then run one by one, so that the culprit is found by name and the others finish.
"""

from __future__ import annotations

import multiprocessing
import multiprocessing.context
import os
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent import futures
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from multiprocessing import forkserver
from typing import Any

TASKS_PER_WORKER = 100
PRELOADED = ("weasyprint", "audit.render.html")
"""What pages need beside their renderer, imported before the processes fork."""

_ADDRESS = 70
"""Bytes of the temporary folder's path with which a Unix socket in it still has an address."""

AHEAD = 4
"""So many tasks are given to each process while others are still being made."""


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


class Workers:
    """Where tasks run: ``inline``, in this process, or ``process``, in a pool of fresh ones.

    Use it as a context manager; leaving it ends the processes. ``prepare`` is called once
    in each of them, while this process still does other things.
    """

    def __init__(self, executor: str, jobs: int | str, prepare: Callable[[], None]) -> None:
        self._inline = executor == "inline"
        self._count = worker_count(jobs)
        self._prepare = prepare
        self._pool: futures.ProcessPoolExecutor | None = None
        self._given: dict[str, futures.Future[Any]] = {}

    def __enter__(self) -> Workers:
        return self

    def __exit__(self, *_: object) -> None:
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)

    def warm(self) -> None:
        """Let what the processes will need be imported while this one does other things."""
        if not self._inline and _context(self._prepare).get_start_method() == "forkserver":
            forkserver.ensure_running()

    def start(self, tasks: Sequence[Task]) -> None:
        """Start the processes that these tasks will need, and give them the first few.

        What they make is yielded by ``run``, which is to be given all tasks.
        """
        if not self._inline and tasks:
            self._pool = self._pool or _pool(min(self._count, len(tasks)), self._prepare)
            for task in tasks[: self._count * AHEAD]:
                self._given[task.name] = self._pool.submit(task.function, *task.arguments)

    def run(self, tasks: Iterable[Task]) -> Iterator[Outcome]:
        """Yield the outcome of each task as it ends, in any order.

        A task that raises, or whose process dies, ends in an outcome with an error; the
        others are not touched by it.
        """
        waiting = list(tasks)
        if self._inline:
            yield from map(_here, waiting)
            return
        waiting.sort(key=lambda task: task.name not in self._given)
        wave = self._count * TASKS_PER_WORKER
        for first in range(0, len(waiting), wave):
            part = waiting[first : first + wave]
            pool = self._pool or _pool(min(self._count, len(part)), self._prepare)
            self._pool = None
            yield from self._wave(pool, part)

    def _wave(self, pool: futures.ProcessPoolExecutor, tasks: list[Task]) -> Iterator[Outcome]:
        unfinished = []
        with pool:
            given, self._given = self._given, {}
            pending = {
                given[task.name]
                if task.name in given
                else pool.submit(task.function, *task.arguments): task
                for task in tasks
            }
            for future in futures.as_completed(pending):
                task = pending[future]
                try:
                    yield Outcome(task.name, future.result())
                except BrokenProcessPool:
                    unfinished.append(task)
                except Exception as error:  # noqa: BLE001  told as this task's outcome
                    yield Outcome(task.name, error=_line(error))
        for task in unfinished:
            yield self._alone(task)

    def _alone(self, task: Task) -> Outcome:
        with _pool(1, self._prepare) as pool:
            try:
                return Outcome(task.name, pool.submit(task.function, *task.arguments).result())
            except BrokenProcessPool:
                return Outcome(task.name, error="the process that worked on it died")
            except Exception as error:  # noqa: BLE001  told as this task's outcome
                return Outcome(task.name, error=_line(error))


def _here(task: Task) -> Outcome:
    try:
        return Outcome(task.name, task.function(*task.arguments))
    except Exception as error:  # noqa: BLE001  told as this task's outcome
        return Outcome(task.name, error=_line(error))


def _pool(workers: int, prepare: Callable[[], None]) -> futures.ProcessPoolExecutor:
    return futures.ProcessPoolExecutor(workers, mp_context=_context(prepare), initializer=prepare)


def _context(prepare: Callable[[], None]) -> multiprocessing.context.BaseContext:
    """Return how processes come up: never as copies of this one, which may have threads.

    Where the system can, they are forked from a server that has one thread and has
    imported, once, what all of them need; else each is spawned and imports it for itself.
    """
    known = "forkserver" in multiprocessing.get_all_start_methods()
    if not known or len(os.fsencode(tempfile.gettempdir())) > _ADDRESS:
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([prepare.__module__, *PRELOADED])
    return context


def _line(error: BaseException) -> str:
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
