"""What the real mltrace 0.17 writes, for ``mltrace-0.17.sql`` beside this file.

Run it in an environment of its own, against an empty PostgreSQL database, and dump that::

    pip install mltrace==0.17 joblib pandas 'sqlalchemy<2' psycopg2-binary
    python make_mltrace.py postgresql://user@host/database
    pg_dump --inserts --no-owner --no-privileges database > mltrace-0.17.sql

The story: ``etl`` ran twice, then ``train`` from the output of the first, forty days later, so
that mltrace calls it stale for both of its reasons. ``infer`` reads what ``train`` made; two of
its outputs are flagged, one is not.
"""

from __future__ import annotations

import sys
from datetime import datetime, timedelta

import mltrace
from mltrace import Component
from mltrace.db import Store

START = datetime(2026, 5, 1, 6, 0, 0)  # noqa: DTZ001 - mltrace takes UTC without a zone
COMMIT = "3f786850e387550fdab836ed7e6dc881de23001b"


def log(store, component, day, inputs, outputs, notes="", after=None):
    """Log a run of a component that took ten minutes, as mltrace's client does it."""
    run = store.initialize_empty_component_run(component)
    run.set_start_timestamp(START + timedelta(days=day))
    run.set_end_timestamp(START + timedelta(days=day, minutes=10))
    run.add_notes(notes)
    run.set_git_hash(COMMIT)
    run.set_git_tags(["v1"])
    run.add_inputs([store.get_io_pointer(name) for name in inputs])
    run.add_outputs([store.get_io_pointer(name) for name in outputs])
    store.set_dependencies_from_inputs(run)
    if after:
        run.set_upstream(store.get_history(after, 1))
    store.commit_component_run(run)


def main(uri):
    """Write the story into the database at ``uri``."""
    mltrace.set_db_uri(uri)
    store = Store(uri)
    for name, owner in (("etl", "alice"), ("train", "bob"), ("infer", "carol")):
        mltrace.create_component(name, f"the {name} of churn", owner, ["churn"])
    log(store, "etl", 0, ["data/raw.csv"], ["data/features.csv"])
    log(store, "etl", 20, ["data/raw.csv"], ["data/features-eu.csv"])
    log(store, "train", 40, ["data/features.csv"], ["models/churn.joblib"], notes="weekly")
    log(store, "infer", 41, ["models/churn.joblib"], ["predictions-1", "predictions-2"])
    log(store, "etl", 42, ["data/raw.csv"], ["data/features.csv"])
    log(store, "etl", 43, ["data/raw.csv"], ["data/features.csv"])
    log(store, "train", 80, ["data/features.csv"], ["models/churn.joblib"])
    # A run that names the component it came after, although an older one made its input.
    log(store, "infer", 81, ["models/churn.joblib"], ["predictions-3"], after="etl")

    @Component("score", "carol", "scores one customer").run(
        input_vars=["model"], output_vars=["score"]
    )
    def score():
        model = "models/churn.joblib"  # noqa: F841
        score = "score-1"  # noqa: F841

    score()
    mltrace.flag_output_id("predictions-1")
    mltrace.flag_output_id("predictions-3")


if __name__ == "__main__":
    main(sys.argv[1])
