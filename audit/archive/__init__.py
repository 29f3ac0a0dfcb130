"""The archive: bundles that are written whole or not at all, and verified by anybody."""
