"""Muon in float32: what it makes of a matrix, and that it descends."""

import pytest

torch = pytest.importorskip("torch", reason="Muon needs the extra `cpu`")

from cotdistill.train.muon import for_model, orthogonalise  # noqa: E402


def test_singular_values_come_near_one() -> None:
    torch.manual_seed(0)
    for rows, columns in ((8, 8), (12, 5), (5, 12)):
        stack = torch.randn(3, rows, columns)
        values = torch.linalg.svdvals(orthogonalise(stack))
        assert values.shape == (3, min(rows, columns))
        assert values.min() > 0.3 and values.max() < 1.3
        assert torch.linalg.svdvals(stack).max() > 2  # they were not so before


def test_matrices_of_one_shape_go_together_and_each_as_if_alone() -> None:
    torch.manual_seed(0)
    stack = torch.randn(2, 6, 4)
    apart = torch.stack([orthogonalise(stack[i : i + 1])[0] for i in range(2)])
    assert torch.allclose(orthogonalise(stack), apart, atol=1e-5)


def test_it_descends_and_leaves_frozen_parameters() -> None:
    torch.manual_seed(0)
    model = torch.nn.Sequential(torch.nn.Linear(6, 8), torch.nn.Linear(8, 1))
    model[0].bias.requires_grad_(False)
    frozen = model[0].bias.clone()
    x = torch.randn(64, 6)
    y = x.sum(dim=1, keepdim=True)
    optimizer = for_model(model, lr=0.05, adamw_lr=0.01)
    kinds = [(group["muon"], len(group["params"])) for group in optimizer.param_groups]
    assert kinds == [(True, 1), (True, 1), (False, 1)]
    losses = []
    for _ in range(60):
        loss = torch.nn.functional.mse_loss(model(x), y)
        losses.append(loss.item())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert losses[-1] < losses[0] / 10
    assert torch.equal(model[0].bias, frozen)
