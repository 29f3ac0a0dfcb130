"""Other recorders of training runs, and the tags that they and teams leave on MLflow's own."""
