"""Every error a person can meet, each with its documented exit code."""


class OrchestratorError(Exception):
    """A failure told in one line: what, why, what to do next."""

    exit_code = 1


class UsageError(OrchestratorError):
    """The command line or the task text can't be used as given."""

    exit_code = 2


class NoRoomError(OrchestratorError):
    """No provider has room; `retry_at_ms` is the first moment one may, or None."""

    exit_code = 3

    def __init__(self, message: str, retry_at_ms: int | None = None) -> None:
        """Keep the moment in epoch milliseconds beside the message."""
        super().__init__(message)
        self.retry_at_ms = retry_at_ms


class CredentialsError(OrchestratorError):
    """No client is installed or no key is there."""

    exit_code = 4


class TryLaterError(OrchestratorError):
    """A lock, an outage or a timeout: the same call may work later."""

    exit_code = 5


class ConflictError(OrchestratorError):
    """Two changes can't be merged; a person has to look."""


class StorageError(OrchestratorError):
    """State or log could not be written or is not what it should be."""

    exit_code = 7


class GitError(StorageError):
    """git could not do something in one repository; others are not touched by that."""


class UnsoundError(StorageError):
    """A state file holds what it should not; it can be set aside and built anew from the logs."""

    def __init__(self, path: str, what: str) -> None:
        """Keep what is wrong, for whoever mends it."""
        self.what = f"{path}: {what}"
        super().__init__(f"{self.what}; scripts/repair_state.sh builds it anew from the logs")


class UnsoundLogError(OrchestratorError):
    """A log holds a line that no report may be made from; the file and the line are named."""

    exit_code = 8


class ConfigError(OrchestratorError):
    """The configuration has problems; each is `file: path: what is wrong: what is allowed`."""

    exit_code = 8

    def __init__(self, problems: list[str]) -> None:
        """Hold all problems, so that one run tells them all."""
        super().__init__("\n".join(problems))
        self.problems = problems


class InterruptedBySignalError(OrchestratorError):
    """A signal asked us to stop; the exit code is 128 + its number."""

    def __init__(self, signal_number: int) -> None:
        """Derive the exit code from the signal."""
        super().__init__(f"stopped by signal {signal_number}; what was spent is recorded")
        self.exit_code = 128 + signal_number
