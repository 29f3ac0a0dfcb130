"""``mlflow-audit trace``, ``impact`` and ``diff``: questions of lineage, asked of a bundle."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from audit import errors
from audit.cli import answers

if TYPE_CHECKING:
    from audit.questions.ancestry import Ancestry


@click.command()
@click.argument("version")
@click.option("--down", is_flag=True, help="What came of it, in place of what it came from.")
@click.option("--both", is_flag=True, help="Where it came from, and what came of it.")
@answers.to_file
@answers.answered("table", "json", "svg", "html")
def trace(version: str, down: bool, both: bool, form: str, **options: Any) -> int:
    """Follow VERSION back to its raw data, its weakest link named first.

    VERSION is models:/churn@champion, models:/churn/4 or churn/4. svg and html draw it.
    """
    from audit.questions import asked, picture
    from audit.questions import trace as tracing

    facts = answers.facts_asked(options)
    up, on = both or not down, both or down
    answer = tracing.trace(facts, asked.version_named(facts, version), down=on)
    if form == "json":
        told = answers.as_json(tracing.plain(answer, up=up, down=on))
    elif form in picture.FORMS:
        told = picture.drawn(picture.of_trace(answer, up=up, down=on), form)
    else:
        told = tracing.text(answer, up=up, down=on, paint=answers.paint_for(options["output"]))
    answers.tell(told, options["output"])
    return errors.EXIT_OK


@click.command()
@click.argument("what")
@click.option(
    "--ancestry",
    "behind",
    is_flag=True,
    help="Of a commit: also versions whose code was made on top of it, as the job's repositories"
    " say. They are read for this.",
)
@answers.to_file
@answers.answered("table", "json", "csv", "svg", "html")
def impact(what: str, behind: bool, form: str, **options: Any) -> int:
    """Find every version that descends from WHAT, holders of an alias first.

    WHAT is a digest (8 hex digits or more), a path or pattern of paths, a data set's name, a
    commit (7 digits or more), a package, alone or with versions ('scikit-learn<1.5'), a stage, a
    version that others were built on, or an advisory's id. Where a name could be several of these:
    digest:…, path:…, dataset:…, commit:…, package:…, stage:…, version:… or advisory:…. Only with
    their word: param:NAME=VALUE, user:…, command:….
    """
    from audit.questions import impact as descent
    from audit.questions import picture

    ancestry = _ancestry(what, options) if behind else None
    answer = descent.impact(answers.facts_asked(options), what, ancestry)
    if form == "json":
        told = answers.as_json(descent.plain(answer))
    elif form == "csv":
        told = descent.csv(answer).decode("utf-8")
    elif form in picture.FORMS:
        told = picture.drawn(picture.of_impact(answer), form)
    else:
        told = descent.text(answer, answers.paint_for(options["output"]))
    answers.tell(told, options["output"])
    return errors.EXIT_OK


def _ancestry(what: str, options: dict[str, Any]) -> Ancestry:
    from audit.questions.ancestry import ancestry

    settings = answers.settings_of(options)
    return ancestry(settings.code, settings.execute.cache, what)


@click.command()
@click.argument("before")
@click.argument("after")
@answers.to_file
@answers.answered("table", "json")
def diff(before: str, after: str, form: str, **options: Any) -> int:
    """Hold two versions, or two bundles, side by side: what differs, in words.

    BEFORE and AFTER are two versions (churn/3 churn/4) of one bundle, or two folders of bundles.
    """
    from audit.questions import asked, bundles, difference

    folders = [path for path in (Path(before), Path(after)) if asked.is_bundle(path)]
    if len(folders) == 1:
        raise errors.UsageError(
            "one is a bundle and the other is not", remedy="Name two bundles, or two versions"
        )
    if folders:
        of_bundles = bundles.compare(*map(asked.read, folders))
        plain, text = bundles.plain(of_bundles), bundles.text(of_bundles)
    else:
        facts = answers.facts_asked(options)
        found = difference.compare(
            facts, *(asked.version_named(facts, name) for name in (before, after))
        )
        plain, text = difference.plain(found), difference.text(found)
    answers.tell(answers.as_json(plain) if form == "json" else text, options["output"])
    return errors.EXIT_OK
