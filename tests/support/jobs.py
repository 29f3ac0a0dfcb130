"""Tasks for the executor tests: top level, so that fresh processes can import them."""

import os


def double(number: int) -> int:
    return number * 2


def fail(text: str) -> None:
    raise ValueError(text)


def die() -> None:
    os._exit(3)


READY: list[bool] = []


def ready() -> None:
    READY.append(True)


def is_ready() -> bool:
    return READY == [True]
