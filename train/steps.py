"""What a training says of its steps, whichever trainer makes them; it stops where the loss is no number."""

import math
import resource
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from ..errors import TrainError


@dataclass(frozen=True, slots=True)
class Step:
    """One recorded step. `tokens`: prompt and completion tokens seen so far, without padding; `supervised_tokens`:
    those of them with a loss; `memory_bytes`: the peak so far, of the process or of the GPU; `validation_loss`: at
    the end of an epoch, where there are validation rows."""

    step: int
    n_steps: int
    loss: float | None
    learning_rate: float | None
    grad_norm: float | None
    tokens: int
    elapsed_s: float
    memory_bytes: int | None = None
    validation_loss: float | None = None
    supervised_tokens: int | None = None


class Recorder:
    """Turns the trainer's log lines into steps, and stops a training whose loss is no number."""

    def __init__(
        self, on_step: Callable[[Step], None], started: float, tokens_before: int = 0, supervised_before: int = 0
    ) -> None:
        self.on_step, self.started = on_step, started
        self.tokens = self.tokens_before = tokens_before
        self.supervised_tokens = supervised_before
        self.memory_bytes: int | None = None  # of another process, where one trains
        self.last_loss: float | None = None
        self.validation_loss: float | None = None

    @property
    def elapsed_s(self) -> float:
        """Seconds of training, those before a kill included."""
        return time.monotonic() - self.started

    def log(self, step: int, n_steps: int, logs: Mapping[str, float]) -> None:
        if "eval_loss" in logs:
            self.validation_loss = float(logs["eval_loss"])
            self._tell(step, n_steps, {}, validation_loss=self.validation_loss)
        if "loss" not in logs:
            return
        loss = float(logs["loss"])
        if not math.isfinite(loss):
            raise TrainError(f"the loss is {loss} at step {step}. Next: a smaller --lr, or --max-grad-norm 0.5")
        self.last_loss = loss
        if "num_tokens" in logs:
            self.tokens = self.tokens_before + int(logs["num_tokens"])
        self._tell(step, n_steps, logs, loss=loss)

    def _tell(self, step: int, n_steps: int, logs: Mapping[str, float], **losses: float) -> None:
        self.on_step(
            Step(
                step=step,
                n_steps=n_steps,
                loss=losses.get("loss"),
                learning_rate=logs.get("learning_rate"),
                grad_norm=logs.get("grad_norm"),
                tokens=self.tokens,
                elapsed_s=self.elapsed_s,
                memory_bytes=self.memory_bytes or peak_memory(),
                validation_loss=losses.get("validation_loss"),
                supervised_tokens=self.supervised_tokens,
            )
        )


def peak_memory() -> int:
    """Bytes: the peak so far, of the card where there is one, else of this process."""
    import torch

    if torch.cuda.is_available():
        return int(torch.cuda.max_memory_allocated())
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024  # kilobytes on Linux
