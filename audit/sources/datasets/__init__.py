"""Data sets as MLflow logs them: where they say they come from, and what a reader makes of them."""
