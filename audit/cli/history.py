"""``mlflow-audit snapshot`` and ``history``: observe a registry, and tell what happened."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from audit import config, errors
from audit.cli.messages import Messages
from audit.cli.options import PREFIX, job_path, one_job, shared
from audit.history.model import ActionKind
from audit.period import instant, iso, system_clock

if TYPE_CHECKING:
    from audit.gather.observe import Noted
    from audit.ledger import Ledger

_READINGS = 20


@click.command()
@one_job
def snapshot(job: Path | None, config_file: Path | None, **options: Any) -> int:
    """Note in the ledger what changed in the registry since the last time."""
    from audit.ledger import Ledger

    messages = Messages(options["quiet"], options["progress"])
    settings = config.load(job_path(job, config_file))
    with closing(Ledger(settings.ledger)) as ledger:
        noted = _note(settings, ledger)
    for problem in noted.problems:
        messages.warn(problem)
    click.echo(_summary(noted))
    return errors.EXIT_UNREAD if noted.problems else errors.EXIT_OK


def _note(settings: config.JobFile, ledger: Ledger) -> Noted:
    """Read the registry and note what is new, again where another reading overlaps this one."""
    from audit.gather.observe import note
    from audit.sources.registry.readers import open_registry

    place = settings.registry
    reader = open_registry(place.uri, place.reader)
    for _ in range(_READINGS):
        began = system_clock()
        registry = reader.read_models()
        noted = note(registry, place.uri, ledger, began, system_clock())
        if noted.overlaps is None:
            return noted
    raise errors.SourceError(
        f"the ledger holds a reading of this registry that ended at {iso(noted.overlaps)} and found"
        " something else",
        remedy="Try again; if the time is ahead of this machine's clock, set the clocks right",
    )


def _summary(noted: Noted) -> str:
    found = noted.snapshot
    if found is None:
        parts = ["nothing changed, as another reading just found"]
    elif noted.first:
        parts = [f"first observation: {found.entries} entries"]
    elif not found.changes and not found.renames:
        parts = [f"nothing changed in {found.entries} entries"]
    else:
        names = sorted({item.entry[2] for item in found.changes} | {r.after for r in found.renames})
        more = f" and {len(names) - 3} more" if len(names) > 3 else ""
        count = len(found.changes) + len(found.renames)
        parts = [f"{count} of {found.entries} entries changed, in {', '.join(names[:3])}{more}"]
    if noted.rows or noted.attempts:
        parts.append(f"{noted.rows} captured rows and {noted.attempts} attempts taken over")
    if noted.check is not None and not noted.check.whole:
        wanting = ", ".join(noted.check.missing) or "it is not installed any more"
        parts.append(f"capture is not whole ({wanting})")
    return "; ".join(parts)


@click.command()
@click.argument("model")
@click.option(
    "-c",
    "--config",
    "config_file",
    type=click.Path(path_type=Path),
    envvar=f"{PREFIX}_CONFIG",
    help="Job file: names the registry and the ledger.",
)
@click.option("--at", metavar="TIME", help="How the model stood at this moment (ISO 8601).")
@click.option("--since", metavar="TIME", help="Only what happened at this moment or later.")
@click.option("--until", metavar="TIME", help="Only what happened before this moment.")
@click.option("--actor", metavar="NAME", help="Only what this user or account did.")
@click.option(
    "--action", type=click.Choice([kind.value for kind in ActionKind]), help="Only this kind."
)
@click.option(
    "--format",
    "form",
    type=click.Choice(["table", "csv", "json"]),
    default="table",
    envvar=f"{PREFIX}_HISTORY_FORMAT",
    help="How it is told.",
)
@click.option("--observe", is_flag=True, help="Take a snapshot first.")
@shared
def history(model: str, config_file: Path | None, **options: Any) -> int:
    """Tell what was done to a model, by whom and when, or how it stood at a moment.

    Times without an offset are in the job's zone.
    """
    from audit.cli import telling
    from audit.gather.recall import recall, thinned
    from audit.history.reconstruct import reconstruct
    from audit.ledger import Ledger
    from audit.sources.uris import redact_uri

    messages = Messages(options["quiet"], options["progress"])
    settings = config.load(job_path(None, config_file))
    zone = settings.period.zone
    at, since, until = (
        instant(options[name], zone) if options[name] else None for name in ("at", "since", "until")
    )
    problems: list[str] = []
    with closing(Ledger(settings.ledger, make=options["observe"])) as ledger:
        if options["observe"]:
            problems += _note(settings, ledger).problems
        seen = thinned(recall(ledger, redact_uri(settings.registry.uri), problems))
    for problem in seen.problems:
        messages.warn(problem)
    wanted = telling.Wanted(model, since, until, options["actor"], options["action"])
    answer = telling.told(reconstruct(seen), wanted, at)
    forms = {"table": telling.table, "csv": telling.csv, "json": telling.json}
    click.echo(forms[options["form"]](answer))
    return errors.EXIT_UNREAD if seen.problems else errors.EXIT_OK
