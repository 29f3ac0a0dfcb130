"""Every error a user can meet, each with its exit code.

::

    AuditError                    3   something could not be read or evaluated
    ├── UsageError                2   the command line or a file people write is wrong
    │   └── ConfigError           2   … at a named place in a named file
    ├── SourceError               3   a registry, repository or remote could not be read
    ├── SealError                 4   a key, certificate or signature is wrong
    │   └── VerificationError     4   a bundle is not what it was when it was sealed
    └── LockedError               5   another run holds the lock

An error prints as one line: what is wrong, where, and what to do about it.
Exit codes 0 (all required controls pass), 1 (a control failed) and 130
(interrupted) are not errors of this tree.
"""

from __future__ import annotations

EXIT_OK = 0
EXIT_CONTROL_FAILED = 1
EXIT_USAGE = 2
EXIT_UNREAD = 3
EXIT_SEAL = 4
EXIT_LOCKED = 5
EXIT_INTERRUPTED = 130


class AuditError(Exception):
    """Base of all errors that are told to the user in one line.

    ``where`` names the file, key or address; ``remedy`` is what to do about it.
    """

    exit_code = EXIT_UNREAD

    def __init__(self, what: str, *, where: str = "", remedy: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.where = where
        self.remedy = remedy

    def __str__(self) -> str:
        """One line: ``where: what. remedy``, each part only if there is one."""
        line = f"{self.where}: {self.what}" if self.where else self.what
        if self.remedy:
            line = f"{line.rstrip('.')}. {self.remedy}"
        return " ".join(line.split())


class UsageError(AuditError):
    """The command line or a file that people write is wrong."""

    exit_code = EXIT_USAGE


class ConfigError(UsageError):
    """A job file, control pack or waiver file is wrong at a named place."""


class SourceError(AuditError):
    """A registry, repository or remote could not be read."""


class SealError(AuditError):
    """A key, a certificate or a signature is wrong."""

    exit_code = EXIT_SEAL


class VerificationError(SealError):
    """A bundle is not what it was when it was sealed."""


class LockedError(AuditError):
    """Another run holds the lock of this output folder."""

    exit_code = EXIT_LOCKED
