"""The errors that people see: each says what was wrong, where, and what was expected."""

from __future__ import annotations


class TocsinError(Exception):
    """Base of every error that is meant for a person; the message is a sentence, the exit code fits the manners.

    Exit codes: 0 fine, 1 a check found faults, 2 usage or bad configuration, 3 cannot reach, 4 refused because state
    would be lost, 70 stuck, 74 I/O, 130 interrupted.
    """

    exit_code = 2


class ConfigError(TocsinError):
    """A configuration, calendar or silences file, or a flag, does not say what was expected."""


class UnreachableError(TocsinError):
    """Something outside (broker, database, receiver) cannot be reached."""

    exit_code = 3


class RefusedError(TocsinError):
    """Going on would lose or mix state: a lock is held, a snapshot is newer than this program."""

    exit_code = 4


class StorageError(TocsinError):
    """Reading or writing our own files failed."""

    exit_code = 74


class DataError(TocsinError):
    """An input file is not of the layout that was declared; the message names file, line and value."""

    exit_code = 2
