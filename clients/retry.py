"""The one retry policy: what is asked again, how often, and how long to wait in between."""

import random
from collections.abc import Awaitable, Callable

import tenacity

from ..errors import BadReply, RateLimited, TeacherError, Unavailable

TRANSIENT = (RateLimited, Unavailable, BadReply)


def policy(
    *, attempts: int, sleep: Callable[[float], Awaitable[None]], jitter: random.Random
) -> tenacity.AsyncRetrying:
    """Transient errors are asked again, `attempts` times in all; the last error is raised.

    The wait is 0.5 s doubling to 60 s, half of it random (so that tasks do not return in step), and never shorter than
    the provider's Retry-After.
    """

    def wait(state: tenacity.RetryCallState) -> float:
        exponential = min(60.0, 0.5 * 2.0 ** (state.attempt_number - 1))
        spread = exponential * (0.5 + jitter.random() / 2)
        error = state.outcome.exception() if state.outcome else None
        asked = error.retry_after_s if isinstance(error, TeacherError) else None
        return max(spread, asked * (1 + 0.1 * jitter.random())) if asked else spread

    return tenacity.AsyncRetrying(
        retry=tenacity.retry_if_exception_type(TRANSIENT),
        stop=tenacity.stop_after_attempt(attempts),
        wait=wait,
        sleep=sleep,
        reraise=True,
    )
