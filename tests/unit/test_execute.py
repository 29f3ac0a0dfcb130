"""Rendering elsewhere: every task has an outcome, whatever happens to the others."""

import pytest
from support import jobs

from audit.execute import Outcome, Task, Workers, worker_count


def run(tasks: list[Task], executor: str = "process") -> list[Outcome]:
    with Workers(executor, 2, jobs.ready) as workers:
        return list(workers.run(tasks))


@pytest.mark.parametrize("executor", ["inline", "process"])
def test_each_task_has_its_outcome(executor: str) -> None:
    tasks = [Task(f"task {n}", jobs.double, (n,)) for n in range(6)]
    tasks.append(Task("bad", jobs.fail, ("broken",)))
    found = {outcome.name: outcome for outcome in run(tasks, executor)}
    assert found["bad"].error == "ValueError: broken"
    assert [found[f"task {n}"].value for n in range(6)] == [0, 2, 4, 6, 8, 10]


def test_a_task_that_kills_its_process_is_named_and_the_others_finish() -> None:
    tasks = [Task(f"task {n}", jobs.double, (n,)) for n in range(4)]
    tasks.insert(2, Task("killer", jobs.die))
    found = {outcome.name: outcome for outcome in run(tasks)}
    assert len(found) == 5
    assert "died" in found["killer"].error
    assert all(not found[f"task {n}"].error for n in range(4))


def test_no_tasks_no_processes() -> None:
    assert list(run([])) == []


def test_processes_started_ahead_are_those_that_work() -> None:
    tasks = [Task(f"task {n}", jobs.double, (n,)) for n in range(20)]
    tasks.append(Task("ready", jobs.is_ready))
    with Workers("process", 2, jobs.ready) as workers:
        workers.start(tasks[1:])
        found = {outcome.name: outcome.value for outcome in workers.run(tasks)}
    assert found == {**{f"task {n}": 2 * n for n in range(20)}, "ready": True}


def test_a_task_given_ahead_that_kills_its_process_is_named() -> None:
    tasks = [Task("killer", jobs.die), Task("task", jobs.double, (2,))]
    with Workers("process", 2, jobs.ready) as workers:
        workers.start(tasks)
        found = {outcome.name: outcome for outcome in workers.run(tasks)}
    assert "died" in found["killer"].error
    assert found["task"].value == 4


def test_workers_that_are_never_used_end() -> None:
    with Workers("process", 2, jobs.ready) as workers:
        workers.start([Task("task", jobs.double, (1,))])


def test_worker_counts() -> None:
    assert worker_count(3) == 3
    assert worker_count(0) == 1
    assert worker_count("auto") >= 1
