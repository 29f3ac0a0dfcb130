"""Tasks for the executor tests: top level, so that fresh processes can import them."""

import os


def double(number: int) -> int:
    return number * 2


def fail(text: str) -> None:
    raise ValueError(text)


def die() -> None:
    os._exit(3)
