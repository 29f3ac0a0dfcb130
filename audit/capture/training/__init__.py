"""What is recorded at training time: the tree, the environment, the command, the DVC stage.

``plugin`` is MLflow's entry point, ``collect`` makes its tags: ``tree`` reads git,
``surroundings`` packages and DVC, ``command`` takes secrets out of a command line. In
``drop`` the plugin leaves for ``tracked`` (``mlflow-audit track``) what no tag has room for.

Training processes import this package: beside MLflow it needs the standard library alone.
"""
