"""When several states, or none, put out the weights: what agrees with the run decides.

``best`` chooses among states that put out the very bytes. ``Inferrer`` is the fallback
where no lock names the bytes: it infers a state from parameters and metrics, and only
where exactly one result is possible.

Names of parameters and metrics are the same where one is the other's dotted end (``C``
and ``train.C``; ``/`` and ``__`` count as dots). Of a run's several, the longest such end
counts, and among equals any that agrees. Numbers are compared to 12 digits.
"""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from pathlib import PurePosixPath
from typing import Any

from audit.facts import Match, MatchMethod, StageState
from audit.facts.code import CODE_SUFFIXES
from audit.sources.dvc.history import DvcHistory

_SEPARATOR = re.compile(r"/|__")
_MODEL_ENDING = re.compile(
    r"\.(bin|bst|cbm|ckpt|gguf|h5|hdf5|joblib|keras|mlmodel|model|onnx|pb|pickle|pkl|pt|pth"
    r"|safetensors|skops|tflite|ubj)$"
)
_WEIGHTS_ENDING = re.compile(
    r"(\.(mar|msgpack|nemo|npy|npz|onnx[._]data|params|pmml|rds|t7)|\.data-\d+-of-\d+)$"
)
AMBIGUOUS = "different DVC results agree equally well with the run"
_CASES = 20_000
"""A metric that is a fraction with at most this denominator may be a share of test cases."""
_ROUNDED = Fraction(1, 10**14)
"""What a score that is worked out from others may be off by."""
_TELLING = 6
"""Significant digits that the metrics of a run and of a lock must share in all."""
_MODEL_WORD = re.compile(r"(?:^|[^a-z])(?:models?|weights|checkpoints?|estimator)(?:[^a-z]|$)")


@dataclass(frozen=True, slots=True)
class Agreement:
    """What of a run and a state is the same and what is not, each a phrase for the report."""

    agrees: tuple[str, ...] = ()
    differs: tuple[str, ...] = ()


def agreement(kind: str, run: Mapping[str, Any], lock: Mapping[str, Any]) -> Agreement:
    """Compare the values that a run and a lock both have.

    ``kind`` begins the phrases: ``param C``, ``metric accuracy: run 0.5, lock 1.0``.
    """
    agrees, differs = [], []
    for name in sorted(lock):
        fits = _fitting(name, run)
        same = next((key for key in fits if _form(lock[name]) in _forms(run[key])), None)
        if same is not None:
            agrees.append(f"{kind} {same}")
        elif fits:
            shown = f"run {_short(run[fits[0]])}, lock {_short(lock[name])}"
            differs.append(f"{kind} {fits[0]}: {shown}")
    return Agreement(tuple(dict.fromkeys(agrees)), tuple(differs))


def params_of(state: StageState) -> dict[str, Any]:
    """Return a state's parameters by their dotted key alone, as plain values.

    A stage may name a whole section (``train``), which the lock holds as one mapping.
    """
    found: dict[str, Any] = {}
    for name, text in state.params.items():
        found.update(_flat(name.partition(":")[2], json.loads(text)))
    return found


def _flat(name: str, value: Any) -> Iterator[tuple[str, Any]]:
    if not isinstance(value, dict) or not value:
        yield name, value
        return
    for key, item in value.items():
        yield from _flat(f"{name}.{key}" if name else str(key), item)


def best(states: Iterable[StageState], params: Mapping[str, str]) -> tuple[StageState, ...]:
    """Return those of several states with the same out that a run's parameters leave possible.

    The tagged commit says nothing: its lock may be that of the model before, and the bytes
    the same. More than one state left is an ambiguity to be reported.
    """
    left = tuple(states)
    agreeing = tuple(
        state for state in left if not agreement("param", params, params_of(state)).differs
    )
    return agreeing or left


class Inferrer:
    """Finds the state of a run by its parameters and metrics, where it is the only one."""

    def __init__(
        self,
        history: DvcHistory,
        metrics_at: Callable[[StageState, str], Mapping[str, float]],
    ) -> None:
        """Index all states; ``metrics_at`` returns a state's metrics in git at a commit."""
        self._metrics_at = metrics_at
        self._measured: dict[str, Mapping[str, float]] = {}
        self._states = [
            state
            for state in history.all_states
            if state.stage and state.params and any(out.digest for out in state.outs)
        ]
        self._models = {place for place, state in enumerate(self._states) if makes_model(state)}
        self._named: dict[str, set[int]] = {}
        self._valued: dict[tuple[str, str], set[int]] = {}
        for place, state in enumerate(self._states):
            for name, value in params_of(state).items():
                self._named.setdefault(name, set()).add(place)
                self._valued.setdefault((name, _form(value)), set()).add(place)

    def candidates(
        self, params: Mapping[str, str], metrics: Mapping[str, float]
    ) -> tuple[StageState, Match] | str:
        """Return the one state that a run's parameters and metrics lead to, else a reason.

        A state counts if at least one parameter is in both and none differs, and if no metric
        differs that is in both the run and the files that git has with its lock. Where some of
        these put out something that looks like a model, only they count; of the rest, those
        with the most parameters, then metrics, that agree. More than one result (set of outs)
        left is no answer. Nor is one whose metrics tell little: the parameters, a rounded
        score, the share of a few test cases, and what another result has as well are the same
        for trainings on other data.
        """
        states = self._agreeing(params)
        if not states:
            return "no DVC lock has the run's parameters"
        measured = []
        for state in states:
            agrees = agreement("param", params, params_of(state)).agrees
            in_git = self._metrics(state)
            by_metrics = agreement("metric", metrics, in_git)
            if not by_metrics.differs:
                measured.append((state, (*agrees, *by_metrics.agrees)))
        if not measured:
            return "the DVC locks with the run's parameters have other metrics"
        most = max(len(agrees) for _, agrees in measured)
        measured = [item for item in measured if len(item[1]) == most]
        results = {_result(state) for state, _ in measured}
        if len(results) > 1:
            return f"{len(results)} {AMBIGUOUS}"
        state, agrees = measured[0]
        told = {name[7:]: metrics[name[7:]] for name in agrees if name.startswith("metric ")}
        told = {name: value for name, value in told.items() if not _is_ratio(value)}
        if sum(map(_digits, told.values())) < _TELLING or self._usual(state, told):
            return "a DVC lock has the run's parameters, but no metric that tells its data"
        return state, Match(state.id, MatchMethod.PARAMETERS, agrees=agrees)

    def _usual(self, state: StageState, told: Mapping[str, float]) -> bool:
        """Whether another result has as many of the metrics: then they do not tell the data."""
        for place in self._models:
            other = self._states[place]
            if _result(other) != _result(state):
                in_git = self._metrics(other)
                if len(agreement("metric", told, in_git).agrees) >= len(told):
                    return True
        return False

    def _metrics(self, state: StageState) -> Mapping[str, float]:
        if state.id not in self._measured:
            self._measured[state.id] = self._metrics_at(state, state.commits[0])
        return self._measured[state.id]

    def _agreeing(self, params: Mapping[str, str]) -> list[StageState]:
        """Return the states of which no parameter differs and the most agree."""
        agree, differ = Counter[int](), set[int]()
        for name, places in self._named.items():
            forms = {form for key in _fitting(name, params) for form in _forms(params[key])}
            if forms:
                same = set[int]().union(*(self._valued.get((name, form), ()) for form in forms))
                agree.update(same)
                differ |= places - same
        left = agree.keys() - differ
        left = left & self._models or left
        most = max((agree[place] for place in left), default=0)
        return [self._states[place] for place in sorted(left) if agree[place] == most]


def _result(state: StageState) -> tuple[tuple[str, str], ...]:
    """Return what a state put out, with the data that it was made from."""
    data = (dep for dep in state.deps if PurePosixPath(dep.path).suffix not in CODE_SUFFIXES)
    return tuple((path.path, path.digest) for path in (*state.outs, *data))


def _is_ratio(value: float) -> bool:
    """Whether a metric may be a share of few cases: there are few of them, so they coincide."""
    if not math.isfinite(value):
        return True
    if abs(value) > 100:  # a share is at most a whole, or a hundred percent
        return False
    near = Fraction(value).limit_denominator(_CASES)
    last = int(Decimal(f"{value:.15g}").as_tuple().exponent)
    return abs(near - Fraction(value)) <= max(Fraction(10) ** last / 2, _ROUNDED)


def _digits(value: float) -> int:
    """Return how many significant digits a metric has beside zeros; whole numbers tell nothing."""
    if value == int(value):
        return 0
    return len(f"{abs(value):.12g}".partition("e")[0].replace(".", "").strip("0"))


def makes_model(state: StageState) -> bool:
    """Whether an out's name looks like that of a model; only ever used to infer."""
    return any(names_model(out.path) or _MODEL_WORD.search(out.path.lower()) for out in state.outs)


def names_model(path: str) -> bool:
    """Whether a file's ending is one that models are kept under."""
    return _MODEL_ENDING.search(path.lower()) is not None


def names_weights(path: str) -> bool:
    """Whether a file of a model may hold weights, by its ending or by a word in its name."""
    name = path.lower().rpartition("/")[2]
    return (
        names_model(name)
        or _WEIGHTS_ENDING.search(name) is not None
        or _MODEL_WORD.search(name) is not None
    )


def _fitting(name: str, run: Mapping[str, Any]) -> list[str]:
    """Return the run's names that mean the same as the lock's, the longest common end only."""
    lock = _SEPARATOR.sub(".", name)
    fits: dict[str, int] = {}
    for key in run:
        other = _SEPARATOR.sub(".", key)
        if lock == other or lock.endswith(f".{other}") or other.endswith(f".{lock}"):
            fits[key] = min(len(lock), len(other))
    longest = max(fits.values(), default=0)
    return sorted(key for key, length in fits.items() if length == longest)


def _form(value: Any) -> str:
    """Return a lock's value in a form in which equal values are equal texts."""
    if value is None or isinstance(value, bool):
        return f"word {value}".lower()
    if isinstance(value, int | float):
        return _numeric(value) or f"text {value}"
    if isinstance(value, str):
        return f"text {value}"
    return f"json {json.dumps(value, sort_keys=True)}"


def _forms(value: Any) -> set[str]:
    """Return every form that a run's value may have in a lock: MLflow keeps only its text."""
    text = str(value)
    forms = {f"text {text}", f"word {text.strip().lower()}", _numeric(text)}
    if text[:1] in "[{":
        try:
            forms.add(_form(json.loads(text.replace("'", '"'))))
        except (ValueError, RecursionError):
            forms.discard("")
    return forms - {""}


def _numeric(value: Any) -> str:
    try:
        return f"number {float(value):.12g}"
    except (ValueError, OverflowError):
        return ""


def _short(value: Any) -> str:
    text = str(value)
    return text if len(text) <= 40 else f"{text[:39]}…"
