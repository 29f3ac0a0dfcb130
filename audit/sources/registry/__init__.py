"""Readers of a registry: by SQL, by REST, or another package's."""
