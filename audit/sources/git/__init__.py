"""Git repositories as evidence: objects, commits and refs, read without running anything."""
