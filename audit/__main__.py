"""``python -m audit`` is the ``mlflow-audit`` command."""

from audit.cli import main

if __name__ == "__main__":
    main()
