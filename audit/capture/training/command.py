"""A command line without its secrets, as JSON that fits into a tag.

What is taken out: values of options and ``NAME=VALUE`` pairs whose name speaks of a secret,
credentials in URLs and headers, tokens of known shape, and long random-looking strings.
This is a net, not a promise: a short password behind an innocent option looks like any word.
"""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from collections.abc import Sequence

REMOVED = "<removed>"
MAX_TAG = 8000
"""Characters: MLflow refuses longer tag values."""
_SHOWN, _READ, _COUNT = 1000, 2000, 2000
"""Characters shown of an argument, characters looked at, arguments looked at: one line may
hold a megabyte of text or a hundred thousand file names, and training must not wait for it.
"""

_WORDS = re.compile(r"[A-Z]?[a-z0-9]+|[A-Z0-9]+")
_SECRET_ENDING = re.compile(
    r"(?:password|passwords|passwd|passphrase|pwd|secret|secrets|token|key|credential|credentials)$"
)
_SECRET_WORDS = {"pass", "pw", "auth", "authorization", "bearer", "dsn", "sas", "pat", "cookie"}
_OPTION = re.compile(r"(--?[A-Za-z][\w.-]*)(?:(=)(.*))?", re.DOTALL)
_PAIR = re.compile(
    r"(?<![\w.-])(?P<name>[\w.-]++)(?P<between>[\"']?\s*[:=]\s*)"
    r"""(?P<value>"[^"]*"|'[^']*'|[^\s,;&}\]]+)"""
)
_HEADER = re.compile(
    r"\b((?:proxy-)?authorization|cookie|x-api-key)\s*:.*", re.IGNORECASE | re.DOTALL
)
_BEARER = re.compile(r"\b(bearer|basic)\s+\S+", re.IGNORECASE)
# The greedy first form takes a password with a slash or an @ in it along.
_URL = re.compile(
    r"(?<![a-z0-9+.-])([a-z][a-z0-9+.-]*+://)(?:[^\s@/:]*:\S*|[^\s@/]+)@", re.IGNORECASE
)
_TOKEN = re.compile(
    r"\b(?:gh[a-z]_|github_pat_|glpat-|sk-|xox[a-z]-|hf_|dapi|AKIA|ASIA|AIza|eyJ|pypi-)"
    r"[\w.=+/-]{12,}"
)
_RANDOM = re.compile(r"[A-Za-z0-9+/_=~-]{20,}")
_HEX = re.compile(r"[0-9a-fA-F-]+")


def speaks_of_a_secret(name: str) -> bool:
    """Whether an option, key or variable of this name holds a secret by its name."""
    words = [word.lower() for word in _WORDS.findall(name)]
    return any(word in _SECRET_WORDS or _SECRET_ENDING.search(word) for word in words)


def without_secrets(arguments: Sequence[str]) -> list[str]:
    """Return a command line with ``<removed>`` in the place of each secret."""
    shown = []
    option = ""
    for argument in arguments:
        found = _OPTION.fullmatch(argument)
        if option and speaks_of_a_secret(option) and not argument.startswith("--"):
            shown.append(REMOVED)
            option = ""
        elif found and found[2] and speaks_of_a_secret(found[1]):
            shown.append(f"{found[1]}={REMOVED}")
            option = ""
        else:
            short = len(option) == 2
            shown.append(_cleaned(argument, strict=short))
            option = found[1] if found and not found[2] else ""
    return shown


def as_tag(arguments: Sequence[str]) -> str:
    """Return a command line without secrets as a JSON list of at most ``MAX_TAG`` characters."""
    shown = [
        text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"
        for text in without_secrets([text[:_READ] for text in arguments[:_COUNT]])
    ]
    count, kept = len(shown), shown
    while True:
        left = len(arguments) - count
        text = json.dumps([*kept, f"… {left} more"] if left else kept, ensure_ascii=False)
        if len(text) <= MAX_TAG:
            return text
        count = count * 3 // 4
        kept = shown[:count]


def _cleaned(text: str, *, strict: bool) -> str:
    text = _HEADER.sub(rf"\1: {REMOVED}", text)
    text = _URL.sub(rf"\1{REMOVED}@", text)
    text = _PAIR.sub(_pair, text)
    text = _BEARER.sub(rf"\1 {REMOVED}", text)
    text = _TOKEN.sub(REMOVED, text)
    return _RANDOM.sub(lambda found: REMOVED if _is_random(found[0], strict) else found[0], text)


def _pair(found: re.Match[str]) -> str:
    if not speaks_of_a_secret(found["name"]):
        return found[0]
    quote = found["value"][0] if found["value"][0] in "\"'" else ""
    return f"{found['name']}{found['between']}{quote}{REMOVED}{quote}"


def _is_random(text: str, strict: bool) -> bool:
    """Whether a text has the look of a key: letters and digits mixed, no word, no path.

    A digest or commit is no secret, unless ``strict``: behind a short option of unknown
    meaning it may well be one.
    """
    if _HEX.fullmatch(text):
        return strict
    if not (re.search(r"[0-9]", text) and re.search(r"[A-Z]", text) and re.search("[a-z]", text)):
        return False
    return text.count("/") < 3 and _entropy(text) > 3.5


def _entropy(text: str) -> float:
    """Return the bits that a character of the text carries."""
    shares = [number / len(text) for number in Counter(text).values()]
    return -sum(share * math.log2(share) for share in shares)
