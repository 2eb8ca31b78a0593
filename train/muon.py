"""Muon in float32: the optimizer that lets a very small student learn on one CPU core.

torch.optim.Muon orthogonalises in bfloat16, which a CPU emulates. Here matrices of one shape go through Newton-Schulz
together, in float32. After K. Jordan, "Muon: an optimizer for hidden layers in neural networks" (2024).
"""

from collections.abc import Callable, Iterable
from typing import Any

import torch

_COEFFICIENTS = (3.4445, -4.7750, 2.0315)


def orthogonalise(stack: torch.Tensor, steps: int = 5) -> torch.Tensor:
    """Each matrix of `stack` (n, rows, columns) made roughly semi-orthogonal: singular values of 0.7 to 1.2."""
    a, b, c = _COEFFICIENTS
    tall = stack.shape[-2] > stack.shape[-1]
    x = stack.mT if tall else stack
    x = x / (x.norm(dim=(-2, -1), keepdim=True) + 1e-7)
    for _ in range(steps):
        gram = x @ x.mT
        x = a * x + (b * gram + c * (gram @ gram)) @ x
    return x.mT if tall else x


class Muon(torch.optim.Optimizer):  # type: ignore[misc]
    """Muon for the matrices, AdamW for the rest (embeddings, norms, output layer), as one optimizer.

    `lr` is Muon's (scaled by sqrt(max(1, rows / columns))), `adamw_lr` AdamW's; a scheduler scales both.
    """

    def __init__(
        self,
        matrices: Iterable[torch.nn.Parameter],
        rest: Iterable[torch.nn.Parameter],
        *,
        lr: float,
        adamw_lr: float,
        momentum: float = 0.95,
        weight_decay: float = 0.0,
        steps: int = 5,
    ) -> None:
        by_shape: dict[torch.Size, list[torch.nn.Parameter]] = {}
        for matrix in matrices:
            by_shape.setdefault(matrix.shape, []).append(matrix)
        shared: dict[str, Any] = {
            "weight_decay": weight_decay,
            "momentum": momentum,
            "steps": steps,
            "betas": (0.9, 0.95),
        }
        groups = [{"params": same, "lr": lr, "muon": True, **shared} for same in by_shape.values()]
        groups.append({"params": list(rest), "lr": adamw_lr, "muon": False, **shared})
        super().__init__([g for g in groups if g["params"]], {"lr": lr})

    @torch.no_grad()  # type: ignore[untyped-decorator]
    def step(self, closure: Callable[[], float] | None = None) -> float | None:
        """One update."""
        loss = None if closure is None else torch.enable_grad()(closure)()
        for group in self.param_groups:
            params = [p for p in group["params"] if p.grad is not None]
            if params:
                (self._muon if group["muon"] else self._adamw)(params, group)
        return loss

    def _muon(self, params: list[torch.nn.Parameter], group: dict[str, Any]) -> None:
        grads = [p.grad for p in params]
        momenta = [self.state[p].setdefault("momentum", torch.zeros_like(p)) for p in params]
        torch._foreach_lerp_(momenta, grads, 1 - group["momentum"])
        nesterov = torch._foreach_lerp(grads, momenta, group["momentum"])
        rows, columns = params[0].shape
        update = orthogonalise(torch.stack(nesterov), group["steps"]) * max(1.0, rows / columns) ** 0.5
        torch._foreach_mul_(params, 1 - group["lr"] * group["weight_decay"])
        torch._foreach_add_(params, list(update.unbind()), alpha=-group["lr"])

    def _adamw(self, params: list[torch.nn.Parameter], group: dict[str, Any]) -> None:
        beta1, beta2 = group["betas"]
        for p in params:
            state = self.state[p]
            if not state:
                state.update(step=0, m=torch.zeros_like(p), v=torch.zeros_like(p))
            state["step"] += 1
            state["m"].lerp_(p.grad, 1 - beta1)
            state["v"].mul_(beta2).addcmul_(p.grad, p.grad, value=1 - beta2)
            denominator = (state["v"] / (1 - beta2 ** state["step"])).sqrt_().add_(1e-8)
            p.mul_(1 - group["lr"] * group["weight_decay"])
            p.addcdiv_(state["m"], denominator, value=-group["lr"] / (1 - beta1 ** state["step"]))


def for_model(model: torch.nn.Module, *, lr: float, adamw_lr: float, weight_decay: float = 0.0) -> Muon:
    """Muon over `model`: its trainable matrices inside the layers, AdamW over all else that is trainable."""
    named = [(n, p) for n, p in model.named_parameters() if p.requires_grad]
    inner = {n for n, p in named if p.ndim == 2 and "embed" not in n and "lm_head" not in n}
    return Muon(
        [p for n, p in named if n in inner],
        [p for n, p in named if n not in inner],
        lr=lr,
        adamw_lr=adamw_lr,
        weight_decay=weight_decay,
    )
