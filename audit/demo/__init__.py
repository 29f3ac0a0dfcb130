"""A believable small world to try the tool on: a registry, two repositories, a story.

Organisation, people and data are invented. What is real: the trainings, the
commits, DVC's locks and remotes, and MLflow's records of them. What is not: the
dates. A world is built in under a minute and tells of two quarters, so git's dates
are given to it and the registry's times are moved afterwards (see ``clock``).
"""
