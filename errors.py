"""The error tree. Every message says what, where, the offending value and the next command to type.

Error                 base of all of ours; exit code 1
+-- ConfigError       a flag, a setting, a registry entry or an input file is wrong; exit code 2
|   +-- MissingExtra  a library is not installed; the message prints its install line
+-- StoreError        the DuckDB file or its spool cannot be used
+-- TeacherError      a call to a model failed
|   +-- RateLimited   429: ask again later (`retry_after_s`)
|   +-- Unavailable   connection, time-out, 5xx: ask again
|   +-- BadReply      a 2xx whose body cannot be read: ask again
|   +-- Refused       the model or its filter declined: terminal until --redo
|   +-- BadRequest    another 4xx: terminal until --redo
+-- BudgetReached     --max-usd stopped the work; exit code 3
+-- TrainError        a training run could not start or finish
+-- EvaluationError   an engine or a model directory could not be used
"""


class Error(Exception):
    """Base of all errors of this package. `exit_code` is what the command line returns for it."""

    exit_code = 1


class ConfigError(Error):
    """A flag, setting, registry entry or input file is wrong."""

    exit_code = 2


class MissingExtra(ConfigError):
    """An optional library is not installed. The message carries the line that installs it."""

    def __init__(self, library: str, extra: str) -> None:
        super().__init__(f"{library} is not installed; this command needs it. Next: pip install 'cotdistill[{extra}]'")


class StoreError(Error):
    """The store's file or spool cannot be used."""


class TeacherError(Error):
    """A call to a model failed. `http_status` is None where no response came."""

    status = "failed"

    def __init__(self, message: str, *, http_status: int | None = None, retry_after_s: float | None = None) -> None:
        super().__init__(message)
        self.http_status = http_status
        self.retry_after_s = retry_after_s


class RateLimited(TeacherError):
    """HTTP 429. Transient."""

    status = "rate_limited"


class Unavailable(TeacherError):
    """No connection, a time-out, or a 5xx. Transient."""

    status = "unavailable"


class BadReply(TeacherError):
    """A successful response whose body could not be read. Transient."""

    status = "bad_reply"


class Refused(TeacherError):
    """The model or its filter declined to answer. Terminal until `--redo refused`."""

    status = "refused"


class BadRequest(TeacherError):
    """The provider rejected the request (a 4xx other than 408, 409, 429). Terminal until `--redo bad_request`."""

    status = "bad_request"


class BudgetReached(Error):
    """`--max-usd` would be exceeded by the next call."""

    exit_code = 3


class TrainError(Error):
    """A training run could not start or finish."""


class EvaluationError(Error):
    """An engine or a model directory could not be used."""
