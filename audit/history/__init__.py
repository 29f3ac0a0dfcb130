"""Observations → actions, alias tenures, state as of a moment, balances. Pure functions."""
