"""The loss without the vocabulary head where there is nothing to learn.

A prompt's positions have no label, yet the head would make a score for every word of the vocabulary at each. Here only
labelled positions reach it, in pieces, and their gradient is made in the same pass: the scores are needed once and
never kept (after Hsu et al., "Liger Kernel", arXiv 2410.10989, section 3.2, in plain PyTorch). A frozen head, as every
LoRA has, costs two matrix products instead of three. Loss and gradients are those of the plain formula: a test says so.
"""

from typing import Any

import torch

from .preflight import IGNORED

_SCORES = 2**24  # scores of one piece: 64 MiB in float32


class _HeadLoss(torch.autograd.Function):  # type: ignore[misc]
    """Sum of cross entropies of `hidden` (n, width) through `weight` (vocabulary, width) against `labels` (n)."""

    @staticmethod
    def forward(ctx: Any, hidden: Any, weight: Any, bias: Any, labels: Any) -> Any:
        learns = [ctx.needs_input_grad[i] for i in range(3)]
        total = torch.zeros((), dtype=torch.float32, device=hidden.device)
        grads = [
            torch.zeros_like(of, dtype=torch.float32) if of is not None and wanted else None
            for of, wanted in zip((hidden, weight, bias), learns, strict=True)
        ]
        piece = max(1, _SCORES // weight.shape[0])
        for start in range(0, len(labels), piece):
            rows, wanted = hidden[start : start + piece], labels[start : start + piece, None]
            scores = torch.nn.functional.linear(rows, weight, bias).float()
            likely = torch.logsumexp(scores, dim=-1, keepdim=True)
            total += (likely - scores.gather(1, wanted)).sum()
            if any(learns):
                scores.sub_(likely).exp_()  # now the gradient of the scores: probability, less one where the label is
                scores.scatter_add_(1, wanted, torch.full_like(wanted, -1, dtype=scores.dtype))
                narrow = scores.to(weight.dtype)
                if grads[0] is not None:
                    grads[0][start : start + piece] = narrow @ weight
                if grads[1] is not None:
                    grads[1].addmm_(narrow.mT.float(), rows.float())
                if grads[2] is not None:
                    grads[2] += scores.sum(0)
        ctx.save_for_backward(*(None if g is None else g.to(hidden.dtype) for g in grads))
        return total

    @staticmethod
    def backward(ctx: Any, upstream: Any) -> Any:
        made = ctx.saved_tensors
        return (*(None if g is None else g * upstream.to(g.dtype) for g in made), None)


def fits(model: Any) -> bool:
    """Whether the loss of `model` is the plain formula on what its backbone returns: a bare linear head, nothing done
    to the scores after it, no experts whose balance is a part of the loss."""
    head, config = model.get_output_embeddings(), model.config.get_text_config()
    scaled = any(getattr(config, name, None) for name in ("final_logit_softcapping", "output_router_logits"))
    scaled |= any(getattr(config, name, None) not in (None, 1.0) for name in ("logit_scale", "logits_scaling"))
    scaled |= getattr(config, "output_multiplier", None) is not None
    text_alone = getattr(model.config, "vision_config", None) is None
    return type(head) is torch.nn.Linear and not scaled and text_alone and model.base_model is not model


def loss_sum(model: Any, inputs: dict[str, Any]) -> Any:
    """The sum of the losses of all labelled tokens of a batch (`input_ids`, `attention_mask`, `labels`)."""
    read = {name: value for name, value in inputs.items() if name in ("input_ids", "attention_mask", "position_ids")}
    hidden = model.base_model(**read, use_cache=False).last_hidden_state[:, :-1]
    labels = inputs["labels"][:, 1:]
    learned = labels != IGNORED
    head = model.get_output_embeddings()
    return _HeadLoss.apply(hidden[learned], head.weight, head.bias, labels[learned])
