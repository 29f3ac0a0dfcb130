"""mlflow-audit: compliance audit reports for MLflow model registries.

The flow is one way: config, sources, facts, lineage, controls, report, render,
seal, archive. ``docs/architecture.md`` is the map; ``facts/`` and
``report/model.py`` hold the two data structures that everything else turns on.
"""

__version__ = "0.1.0"
