"""The questions that people ask of lineage, answered from a bundle's facts and nothing else.

``trace`` follows one version back to its raw data, ``impact`` one piece of data, code or
environment forward to all that descends from it, ``difference`` holds two versions, and
``bundles`` two bundles, side by side, ``review`` tells what flagged versions have in common.
No registry and no repository is read, but for ``ancestry``, which asks git.
"""
