"""``mlflow-audit flag``, ``unflag`` and ``review``: versions marked as bad, and what they share."""

from __future__ import annotations

import getpass
from contextlib import closing
from typing import TYPE_CHECKING, Any

import click

from audit import errors
from audit.cli import answers
from audit.cli.messages import Messages
from audit.cli.options import PREFIX, shared
from audit.config import JobFile
from audit.period import iso, system_clock

if TYPE_CHECKING:
    from audit.facts import Facts, Flag

_LONGEST = {"reason": 2000, "by": 200}

_BY = click.option(
    "--by", metavar="NAME", envvar=f"{PREFIX}_BY", help="Who says so; default: the OS user."
)
_REASON = click.option("--reason", metavar="TEXT", help="Why, in a sentence.")


@click.command()
@click.argument("version", required=False)
@click.option("--list", "listing", is_flag=True, help="Show what is flagged, and flag nothing.")
@_REASON
@_BY
@click.option(
    "--format",
    "form",
    type=click.Choice(["table", "json"]),
    default="table",
    envvar=f"{PREFIX}_ANSWER_FORMAT",
    help="How --list is told.",
)
@answers.CONFIG
@shared
def flag(version: str | None, listing: bool, form: str, **options: Any) -> int:
    """Mark VERSION as bad in the ledger, to be reviewed with others.

    VERSION is models:/churn@champion, models:/churn/4 or churn/4. Who flags is what the command
    line says of itself: a claim, and so recorded.
    """
    from audit.gather import flags
    from audit.ledger import Ledger

    settings = answers.settings_of(options)
    if listing:
        if version is not None:
            raise errors.UsageError("--list takes no version")
        with closing(Ledger(settings.ledger, make=False)) as ledger:
            found = flags.standing(ledger, settings.registry.uri)
        click.echo(answers.as_json(found) if form == "json" else _table(found))
        return errors.EXIT_OK
    if version is None:
        raise errors.UsageError("no version is named", remedy="Write churn/4, or --list")
    by, reason = _who(options), _text("reason", options["reason"])
    key = _key(settings, version, Messages(options["quiet"], options["progress"]))
    with closing(Ledger(settings.ledger)) as ledger:
        flags.flag(ledger, settings.registry.uri, key, by, reason, system_clock())
    click.echo(f"{key} is flagged")
    return errors.EXIT_OK


@click.command()
@click.argument("version")
@_REASON
@_BY
@answers.CONFIG
@shared
def unflag(version: str, **options: Any) -> int:
    """Take the flag of VERSION back, in the ledger: that it was flagged stays on record."""
    from audit.gather import flags
    from audit.ledger import Ledger
    from audit.questions import asked

    settings = answers.settings_of(options)
    by, reason = _who(options), _text("reason", options["reason"])
    with closing(Ledger(settings.ledger, make=False)) as ledger:
        standing = {item.version for item in flags.standing(ledger, settings.registry.uri)}
        # A version that is gone from the registry meanwhile can be unflagged by its number.
        key = asked.numbered(version)
        if key not in standing:
            messages = Messages(options["quiet"], options["progress"])
            key = _key(settings, version, messages)
        flags.unflag(ledger, settings.registry.uri, key, by, reason, system_clock())
    click.echo(f"{key} is no longer flagged")
    return errors.EXIT_OK


@click.command()
@click.option(
    "--also", multiple=True, metavar="VERSION", help="As if it were flagged; may be repeated."
)
@click.option("--all", "whole", is_flag=True, help="Also what every version has.")
@answers.to_file
@answers.answered("table", "json", "csv")
def review(also: tuple[str, ...], whole: bool, form: str, **options: Any) -> int:
    """Tell what flagged versions have in common, by how many of them have it.

    With a job file its newest bundle is asked about the versions flagged by now; with --bundle
    about those that were flagged when it was made.
    """
    from audit.questions import asked
    from audit.questions import review as reviewing

    facts = answers.facts_asked(options)
    flags = facts.flags if options["bundle"] else _flags_now(options, facts)
    named = [asked.version_named(facts, name).version.key for name in also]
    answer = reviewing.review(facts, flags, named)
    if form == "json":
        told = answers.as_json(reviewing.plain(answer))
    elif form == "csv":
        told = reviewing.csv(answer).decode("utf-8")
    else:
        told = reviewing.text(answer, whole=whole)
    answers.tell(told, options["output"])
    return errors.EXIT_OK


def _flags_now(options: dict[str, Any], facts: Facts) -> tuple[Flag, ...]:
    """Return the flags that stand in the job's ledger, else those of the bundle."""
    from audit.gather import flags
    from audit.ledger import Ledger

    settings = answers.settings_of(options)
    try:
        with closing(Ledger(settings.ledger, make=False)) as ledger:
            return flags.standing(ledger, settings.registry.uri)
    except errors.SourceError as error:
        messages = Messages(options["quiet"], options["progress"])
        messages.warn(f"the ledger was not asked ({error}); the flags are those of the bundle")
        return facts.flags


def _key(settings: JobFile, version: str, messages: Messages) -> str:
    """Return the key of the version that is named, by the registry, else by the newest bundle.

    Raises ``UsageError`` where neither has it.
    """
    from audit.questions import asked
    from audit.sources.registry.readers import open_registry

    place = settings.registry
    try:
        registry = open_registry(place.uri, place.reader).read_models()
    except errors.AuditError as error:
        messages.warn(f"the registry was not asked ({error})")
        bundle = asked.newest(settings.archive.path / settings.job.name, settings.period.zone)
        messages.stage(f"{bundle} was asked instead")
        return asked.version_named(asked.read(bundle), version).version.key
    return asked.registered(registry, version)


def _who(options: dict[str, Any]) -> str:
    try:
        name = options["by"] if options["by"] is not None else getpass.getuser()
    except (OSError, KeyError, ImportError):  # no such user in this container
        name = ""
    return _text("by", name)


def _text(name: str, value: str | None) -> str:
    text = " ".join((value or "").split())
    if not text:
        raise errors.UsageError(f"--{name} is needed")
    if len(text) > _LONGEST[name]:
        raise errors.UsageError(f"--{name} is longer than {_LONGEST[name]} characters")
    return text


def _table(found: tuple[Flag, ...]) -> str:
    from audit.questions.wording import columns, inert

    if not found:
        return "no version is flagged"
    rows = [(item.version, iso(item.at), item.by, item.reason) for item in found]
    titles = ("version", "flagged at", "by (as claimed)", "reason")
    return "\n".join(columns(titles, [tuple(map(inert, row)) for row in rows]))
