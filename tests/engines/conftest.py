"""A small lab for the real engines: questions, one cell of rationales, two adapters that Unsloth trained on `tiny`."""

from dataclasses import dataclass

import pytest
from arith_lab import filled

from cotdistill import environments
from cotdistill.store.corpora import Corpus
from cotdistill.store.store import Store
from cotdistill.train import profiles
from cotdistill.train.run import RunResult, train_runs

N_TRAIN, N_TEST, STEPS = 400, 60, 60


@dataclass(frozen=True, slots=True)
class Lab:
    """A store, its one corpus, and the finished runs of seeds 1 and 2 by Unsloth (LoRA, adapters kept)."""

    store: Store
    corpus: Corpus
    profile: profiles.Profile
    runs: list[RunResult]


@pytest.fixture(scope="session")
def unsloth() -> environments.Environment:
    """Unsloth's environment. These tests are asked for by name, so that its absence is a failure."""
    return environments.require("unsloth")


@pytest.fixture(scope="session")
def vllm() -> environments.Environment:
    """vLLM's environment; absence is a failure."""
    return environments.require("vllm")


@pytest.fixture(scope="session")
def lab(tmp_path_factory: pytest.TempPathFactory, unsloth: environments.Environment) -> Lab:
    """Two runs of `tiny` by the real Unsloth."""
    store, corpus = filled(tmp_path_factory.mktemp("engines") / "lab.duckdb", N_TRAIN, N_TEST)
    profile = profiles.load(
        "tiny",
        {"method": "lora", "optimizer": "adamw", "lr": 5e-3, "max_steps": STEPS, "epochs": 10}
        | {"lora.adapter": "kept", "lora.rank": 16, "lora.alpha": 32},
    )
    runs = train_runs(
        store, student="tiny", corpora=[corpus], seeds=[1, 2], profile=profile, trainer="unsloth", processes=1
    )
    return Lab(store, corpus, profile, runs)
