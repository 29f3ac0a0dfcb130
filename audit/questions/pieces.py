"""Which pieces of the lineage a question names, and which are too loosely known to tell."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Callable, Collection, Iterable, Iterator

from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

from audit.errors import UsageError
from audit.questions.asked import near
from audit.questions.wording import inert
from audit.report.pieces import Piece, PieceKind
from audit.sources.artifacts.requirements import is_version, package_of, parsed

_HEX = re.compile(r"(?:md5|sha1|sha256|md5-dos2unix)?:?([0-9a-f]{7,64}(?:\.dir)?)", re.IGNORECASE)
_VERSION = re.compile(r"(?:models:/)?(.+?)/v?(\d{1,9})")
_LEAST = {PieceKind.DIGEST: 8, PieceKind.COMMIT: 7}
_BY_WORD = frozenset({PieceKind.COMMAND, PieceKind.PARAM, PieceKind.USER})
"""Kinds that are only meant where the word before the colon says so: their names are anything."""


def chosen(asked: str, known: Iterable[Piece]) -> tuple[PieceKind, tuple[Piece, ...]]:
    """Return the pieces that a question names, all of one kind.

    Raises ``UsageError`` for a name of nothing or of several things, with what is near it.
    """
    every = tuple(dict.fromkeys(known))
    kinds, name = kinds_meant(asked)
    found: dict[PieceKind, tuple[Piece, ...]] = {}
    for kind in kinds:
        fits = _FITS[kind](name)
        fitting = tuple(piece for piece in every if fits(piece))
        if fitting:
            found[kind] = fitting
    if set(found.get(PieceKind.DATASET, ())) <= set(found.get(PieceKind.DIGEST, ())):
        found.pop(PieceKind.DATASET, None)  # meant by its digest, which both name
    if len(found) > 1:
        ways = ", ".join(f"{kind.value}:{inert(name, 80)}" for kind in found)
        what = f"{inert(name, 80)} is the name of several things"
        raise UsageError(what, remedy=f"Say which: {ways}")
    if not found and PieceKind.PACKAGE in kinds and _asks_versions(name, every):
        return PieceKind.PACKAGE, ()
    if not found:
        raise UsageError(
            f"nothing in the lineage of this bundle goes by {inert(name, 80)!r}",
            remedy=near(name, _names(every)) or _too_short(name),
        )
    ((kind, fitting),) = found.items()
    if kind in _LEAST:
        digests = sorted({piece.digest for piece in fitting})
        if len(digests) > 1:
            shown = ", ".join(digests[:4]) + (", …" if len(digests) > 4 else "")
            raise UsageError(
                f"{inert(name, 80)} is the beginning of {len(digests)} {kind.value}s",
                remedy=f"Write more of it: {inert(shown)}",
            )
    return kind, fitting


def kinds_meant(asked: str) -> tuple[tuple[PieceKind, ...], str]:
    """Return the kinds that a question may mean, and the name without the word for its kind."""
    word, _, rest = asked.strip().partition(":")
    if word == "models" and rest.startswith("/"):
        return (PieceKind.VERSION,), asked.strip()
    if word in set(PieceKind) and rest:
        return (PieceKind(word),), rest.strip()
    return tuple(kind for kind in PieceKind if kind not in _BY_WORD), asked.strip()


def loosely(asked: str, packages: Iterable[str]) -> str:
    """Return the requirement that may be of the package and versions asked for, or may not.

    Such a one names no exact version that could be held against the range.
    """
    wanted = parsed(kinds_meant(asked)[1])
    if wanted is None or not wanted.specifier:
        return ""
    return loosely_of((wanted.name,), packages)


def loosely_of(names: Collection[str], packages: Iterable[str]) -> str:
    """Return the requirement of one of these packages that names no exact version."""
    wanted = {canonicalize_name(name) for name in names}
    for line in packages:
        own, version = package_of(line)
        if own in wanted and not is_version(version):
            return line
    return ""


def _asks_versions(name: str, every: Iterable[Piece]) -> bool:
    """Whether versions of a package that is known are asked for, of which there may be none.

    One exact version that nobody has, and no loose requirement may be of, is a slip instead.
    """
    wanted = parsed(name)
    if wanted is None or not wanted.specifier:
        return False
    lines = [piece.name for piece in every if piece.kind is PieceKind.PACKAGE]
    if any(package_of(line)[0] == canonicalize_name(wanted.name) for line in lines):
        return bool(loosely(name, lines)) or any(
            item.operator not in ("==", "===") for item in wanted.specifier
        )
    return False


def below(name: str, folder: str) -> bool:
    """Whether a path or pattern of paths that is asked for may be of a file in a folder."""
    if any(sign in name for sign in "*?["):
        fixed = re.split(r"[*?\[]", name, maxsplit=1)[0]
        return f"{folder}/".startswith(fixed) or fixed.startswith(f"{folder}/")
    return name.startswith(f"{folder}/")


def _too_short(name: str) -> str:
    short = re.fullmatch(r"[0-9a-f]{4,7}", name)
    return "Digests need 8 digits or more, commits 7 or more" if short else ""


def _names(every: Iterable[Piece]) -> Iterator[str]:
    for piece in every:
        if piece.kind is PieceKind.PACKAGE:
            yield package_of(piece.name)[0]
        yield piece.digest if piece.kind is PieceKind.COMMIT else piece.name


Fits = Callable[[Piece], bool]


def _is_digest(name: str) -> Fits:
    begins = _begins(name, 8)
    of = (PieceKind.PATH, PieceKind.DATASET)
    return lambda piece: piece.kind in of and begins(piece.digest)


def _is_dataset(name: str) -> Fits:
    return lambda piece: piece.kind is PieceKind.DATASET and name in (piece.name, piece.digest)


def _is_commit(name: str) -> Fits:
    begins = _begins(name, 7)
    return lambda piece: piece.kind is PieceKind.COMMIT and begins(piece.digest)


def _begins(name: str, least: int) -> Callable[[str], bool]:
    match = _HEX.fullmatch(name)
    if match is None or len(match[1]) < least:
        return lambda _: False
    beginning = match[1].lower()
    return lambda digest: digest.startswith(beginning)


def _is_path(name: str) -> Fits:
    if not any(sign in name for sign in "*?["):
        return lambda piece: piece.kind is PieceKind.PATH and piece.name == name
    pattern = re.compile(fnmatch.translate(name))
    return lambda piece: (
        piece.kind is PieceKind.PATH
        and (piece.name == name or pattern.match(piece.name) is not None)
    )


def _is_stage(name: str) -> Fits:
    whole = re.fullmatch(r"[0-9a-f]{64}", name)
    return lambda piece: (
        piece.kind is PieceKind.STAGE
        and (piece.name == name or (whole is not None and piece.digest == name))
    )


def _is_version(name: str) -> Fits:
    match = _VERSION.fullmatch(name)
    key = f"{match[1]}/{int(match[2])}" if match else name
    return lambda piece: piece.kind is PieceKind.VERSION and piece.name == key


def _is_package(name: str) -> Fits:
    wanted = parsed(name)
    if wanted is None:  # such as git+https://…, or a version that PEP 440 does not know
        plain, _, number = name.partition("==")
        return _of_package(canonicalize_name(plain.strip()), number.strip(), None)
    return _of_package(canonicalize_name(wanted.name), "", wanted.specifier or None)


def _of_package(name: str, exact: str, range_: SpecifierSet | None) -> Fits:
    def fits(piece: Piece) -> bool:
        if piece.kind is not PieceKind.PACKAGE:
            return False
        own, version = package_of(piece.name)
        if own != name:
            return False
        if range_ is None:
            return exact in ("", version)
        return is_version(version) and range_.contains(version, prereleases=True)

    return fits


def _called(kind: PieceKind) -> Callable[[str], Fits]:
    return lambda name: lambda piece: piece.kind is kind and piece.name == name


_FITS: dict[PieceKind, Callable[[str], Fits]] = {
    PieceKind.DIGEST: _is_digest,
    PieceKind.PATH: _is_path,
    PieceKind.DATASET: _is_dataset,
    PieceKind.COMMIT: _is_commit,
    PieceKind.PACKAGE: _is_package,
    PieceKind.STAGE: _is_stage,
    PieceKind.VERSION: _is_version,
    PieceKind.ADVISORY: _called(PieceKind.ADVISORY),
    PieceKind.COMMAND: _called(PieceKind.COMMAND),
    PieceKind.PARAM: _called(PieceKind.PARAM),
    PieceKind.USER: _called(PieceKind.USER),
}
