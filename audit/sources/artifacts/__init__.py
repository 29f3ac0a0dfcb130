"""Artifact folders at their storage locations: bytes hashed, environment files read."""
