"""Everything that can go wrong through no bug of ours.

::

    SednaDashError          exit 1   the command could not do its work
    ├── CatalogError        exit 1   a catalog file is unreadable or says something impossible
    ├── RuleError           exit 1   an alert or recording rule is wrong, or one of its tests fails
    ├── AuthoringError      exit 1   a dashboard asks for a metric, label or layout that does not exist
    ├── SourceError         exit 1   a dashboard module or JSON file cannot be loaded
    ├── OutputError         exit 1   a file cannot be written
    ├── StaleError          exit 1   what is on disk is not what would be written
    ├── LintError           exit 1   lint found problems
    ├── VerifyError         exit 1   a query of a dashboard finds nothing and should, or its server cannot be asked
    ├── ProgramError        exit 1   a program that we started ended, or did not come up
    ├── SettingsError       exit 2   an option or environment variable is missing or impossible
    ├── ConflictError       exit 3   Grafana holds something that we cannot explain, so we left it alone
    ├── GrafanaError        exit 4   Grafana could not be reached, or refused
    │   ├── PartialError        exit 5   some of the changes were made, others failed
    │   ├── UnsupportedError    exit 6   this Grafana is too old
    │   └── CredentialsError    exit 7   Grafana does not take the credentials, or they may not do this
    └── PendingError        exit 8   a plan that should have found nothing to do found something

Each is one sentence: what, where, and the cure. Click prints it and exits; usage errors are click's own, exit 2.
"""

from __future__ import annotations

import click


class SednaDashError(click.ClickException):
    """Base of all errors that are shown to the user without a traceback."""

    exit_code = 1


class CatalogError(SednaDashError):
    """A catalog file is unreadable or contradicts itself."""


class RuleError(SednaDashError):
    """An alert or recording rule says something impossible, or one of its tests fails."""


class AuthoringError(SednaDashError):
    """A dashboard module asks for something that the catalog or Grafana does not have."""


class SourceError(SednaDashError):
    """A dashboard module or a JSON file cannot be loaded."""


class OutputError(SednaDashError):
    """A file cannot be written."""


class StaleError(SednaDashError):
    """Generated files on disk differ from what would be generated now."""


class LintError(SednaDashError):
    """Lint found problems, or an exclusion that excludes nothing."""


class VerifyError(SednaDashError):
    """A query of a dashboard is refused or finds nothing without a good reason, or its server cannot be asked."""


class ProgramError(SednaDashError):
    """A program that we started ended, or did not come up."""


class SettingsError(SednaDashError):
    """An option or environment variable is missing, impossible, or contradicts another one."""

    exit_code = 2


class ConflictError(SednaDashError):
    """Grafana holds a resource that was changed by somebody else."""

    exit_code = 3


class GrafanaError(SednaDashError):
    """Grafana could not be reached or refused a request."""

    exit_code = 4


class PartialError(GrafanaError):
    """Some of the changes were made, and others failed."""

    exit_code = 5


class UnsupportedError(GrafanaError):
    """The server is too old for what we do."""

    exit_code = 6


class CredentialsError(GrafanaError):
    """Grafana does not take the credentials."""

    exit_code = 7


class PendingError(SednaDashError):
    """There is something to do, and the caller wanted to know."""

    exit_code = 8
