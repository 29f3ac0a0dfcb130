"""Facts and lineage held against control packs: checks, verdicts, waivers."""
