"""What DVC recorded: stage states in git, joined by digest, and the data in its remotes."""
