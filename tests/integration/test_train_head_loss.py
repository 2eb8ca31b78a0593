"""Skipping the head where there is no label changes nothing: loss and every gradient are those of the plain formula."""

from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch", reason="the students need the extra `cpu`")

import tiny_families  # noqa: E402

from cotdistill.train import head_loss  # noqa: E402


def model_of(family: str, folder: Path) -> Any:
    import transformers

    return transformers.AutoModelForCausalLM.from_pretrained(tiny_families.make(family, folder)).train()


def batch() -> dict[str, Any]:
    """Three rows of different lengths and prompts, padded to the right."""
    rng = torch.Generator().manual_seed(3)
    ids = torch.randint(5, 400, (3, 40), generator=rng)
    mask, labels = torch.ones_like(ids), ids.clone()
    for row, (prompt, length) in enumerate([(10, 40), (25, 33), (4, 21)]):
        labels[row, :prompt] = head_loss.IGNORED
        labels[row, length:] = head_loss.IGNORED
        mask[row, length:] = 0
    return {"input_ids": ids, "attention_mask": mask, "labels": labels}


@pytest.mark.parametrize("family", list(tiny_families.TEMPLATES))
@pytest.mark.parametrize("piece", [7 * 800, 2**24])
def test_loss_and_gradients_are_those_of_the_plain_formula(
    tmp_path: Path, family: str, piece: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(head_loss, "_SCORES", piece)  # several pieces, and one
    model, rows = model_of(family, tmp_path), batch()
    assert head_loss.fits(model)
    n = int((rows["labels"][:, 1:] != head_loss.IGNORED).sum())
    plain = model(**rows).loss
    plain.backward()
    expected = {name: p.grad.clone() for name, p in model.named_parameters()}
    model.zero_grad()
    ours = head_loss.loss_sum(model, rows) / n
    ours.backward()
    assert ours.item() == pytest.approx(plain.item(), rel=1e-6)
    for name, parameter in model.named_parameters():
        torch.testing.assert_close(parameter.grad, expected[name], rtol=1e-4, atol=1e-7)


def test_a_frozen_head_gets_no_gradient_and_the_rest_the_same(tmp_path: Path) -> None:
    model, rows = model_of("llama", tmp_path), batch()
    model.get_input_embeddings().weight.requires_grad_(False)  # tied: the head too
    model(**rows).loss.backward()
    expected = {name: p.grad.clone() for name, p in model.named_parameters() if p.requires_grad}
    model.zero_grad()
    n = int((rows["labels"][:, 1:] != head_loss.IGNORED).sum())
    (head_loss.loss_sum(model, rows) / n).backward()
    assert model.get_output_embeddings().weight.grad is None
    for name, parameter in model.named_parameters():
        if parameter.requires_grad:
            torch.testing.assert_close(parameter.grad, expected[name], rtol=1e-4, atol=1e-7)


def test_a_head_that_does_more_is_left_alone(tmp_path: Path) -> None:
    model = model_of("llama", tmp_path)
    model.config.final_logit_softcapping = 30.0
    assert not head_loss.fits(model)
    model.config.final_logit_softcapping = None
    assert head_loss.fits(model)
    model.set_output_embeddings(torch.nn.Sequential(model.get_output_embeddings()))
    assert not head_loss.fits(model)
