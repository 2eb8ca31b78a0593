"""What only CUDA can run is held to the installed sources: every keyword we pass is in the signature that CUDA uses.

Unsloth's CUDA loader cannot be imported without a GPU, so its source is read, not run.
"""

import ast
import inspect
import json
import subprocess
from pathlib import Path
from types import ModuleType

import pytest

from cotdistill import environments
from cotdistill.evaluate import vllm_engine
from cotdistill.train import profiles, unsloth_trainer

pytestmark = pytest.mark.engines

LORA = profiles.load("fast", {"gradient_checkpointing": True})
QLORA = profiles.load("fast", {"gradient_checkpointing": True, "lora.base_bits": 4})
FULL = profiles.load("paper", {"gradient_checkpointing": True})


def package(environment: environments.Environment, name: str) -> Path:
    """Where the package lies in that environment."""
    assert environment.search is not None
    return next(Path(folder) / name for folder in environment.search if (Path(folder) / name).is_dir())


def parameters(file: Path, owner: str, function: str) -> tuple[set[str], bool]:
    """(named parameters of `owner.function` in a source file, whether it takes others by **kwargs)."""
    for node in ast.parse(file.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.ClassDef) and node.name == owner:
            for inner in node.body:
                if isinstance(inner, ast.FunctionDef) and inner.name == function:
                    given = inner.args
                    names = [a.arg for a in (*given.posonlyargs, *given.args, *given.kwonlyargs)]
                    return set(names), given.kwarg is not None
    raise AssertionError(f"{file} has no {owner}.{function}")


def fields(file: Path, owner: str) -> set[str]:
    """The annotated fields of a class in a source file."""
    for node in ast.parse(file.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.ClassDef) and node.name == owner:
            return {n.target.id for n in node.body if isinstance(n, ast.AnnAssign) and isinstance(n.target, ast.Name)}
    raise AssertionError(f"{file} has no {owner}")


def keywords(module: ModuleType, callee: str) -> dict[str, ast.expr]:
    """The keywords with which `module` calls `callee`, the one time it does."""
    (call,) = [
        node
        for node in ast.walk(ast.parse(inspect.getsource(module)))
        if isinstance(node, ast.Call)
        and (node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")) == callee
    ]
    return {keyword.arg: keyword.value for keyword in call.keywords if keyword.arg}


def test_the_reader_finds_a_keyword_that_is_not_there(unsloth: environments.Environment) -> None:
    """A check that cannot fail is none."""
    names, _ = parameters(package(unsloth, "unsloth") / "models" / "loader.py", "FastLanguageModel", "from_pretrained")
    assert "load_in_4bit" in names and "load_in_3bit" not in names


@pytest.mark.parametrize("profile", [LORA, QLORA, FULL], ids=["lora", "qlora", "full"])
def test_unsloths_cuda_loader_takes_what_we_pass(unsloth: environments.Environment, profile: profiles.Profile) -> None:
    models = package(unsloth, "unsloth") / "models"
    loading = unsloth_trainer.loading(Path("x"), profile, "auto", gpu=True)
    assert loading["load_in_4bit"] is (profile.lora.base_bits == 4 and profile.method == "lora")
    assert loading["use_gradient_checkpointing"] == "unsloth" and loading["dtype"] is None
    named, _ = parameters(models / "loader.py", "FastLanguageModel", "from_pretrained")
    assert set(loading) <= named, set(loading) - named
    # "unsloth" is a word that the source compares with, not one that it ignores
    assert 'use_gradient_checkpointing == "unsloth"' in "".join(
        (models / name).read_text(encoding="utf-8") for name in ("_utils.py", "llama.py", "vision.py", "loader.py")
    )
    if profile.method == "lora":
        named, _ = parameters(models / "llama.py", "FastLlamaModel", "get_peft_model")
        adapting = unsloth_trainer.adapting(profile, seed=1)
        assert set(adapting) <= named, set(adapting) - named
        assert adapting["target_modules"] == "all-linear"


def test_the_cpu_and_the_cuda_loader_take_the_same_of_ours(unsloth: environments.Environment) -> None:
    """What the tests run here on a CPU is called with the same words on a card."""
    root = package(unsloth, "unsloth_zoo")
    for function, ours in (
        ("from_pretrained", unsloth_trainer.loading(Path("x"), LORA, "auto", gpu=True)),
        ("get_peft_model", unsloth_trainer.adapting(LORA, seed=1)),
    ):
        named, _ = parameters(root / "cpu" / "loader.py", "FastCPUModel", function)
        assert set(ours) <= named, set(ours) - named


def test_vllm_takes_what_we_pass(vllm: environments.Environment, tmp_path: Path) -> None:
    (tmp_path / "adapter_config.json").write_text(json.dumps({"r": 12}))
    ours = vllm_engine.loading(Path("x"), "bfloat16", [tmp_path], limit=2048, tensor_parallel=4, gpu=True)
    assert ours["tensor_parallel_size"] == 4 and ours["max_lora_rank"] == 16 and not ours["enforce_eager"]
    root = package(vllm, "vllm")
    named, rest = parameters(root / "entrypoints" / "llm.py", "LLM", "__init__")
    assert rest  # what LLM does not name goes to EngineArgs
    known = named | fields(root / "engine" / "arg_utils.py", "EngineArgs")
    assert set(ours) <= known, set(ours) - known
    passed = set(keywords(vllm_engine, "SamplingParams"))
    assert "stop_token_ids" in passed and passed <= fields(root / "sampling_params.py", "SamplingParams")
    engine, _ = parameters(root / "v1" / "engine" / "llm_engine.py", "LLMEngine", "add_request")
    assert {"request_id", "prompt", "params", *keywords(vllm_engine, "add_request")} <= engine
    assert {"lora_name", "lora_int_id", "lora_path"} <= fields(root / "lora" / "request.py", "LoRARequest")
    # The ranks that vLLM takes are the ones we round up to.
    code = "from typing import get_args; from vllm.config.lora import MaxLoRARanks; print(list(get_args(MaxLoRARanks)))"
    done = subprocess.run([vllm.python, "-c", code], capture_output=True, text=True, check=True)
    assert set(vllm_engine._RANKS) <= set(json.loads(done.stdout.splitlines()[-1]))


def test_vllms_beam_search_is_called_as_it_is(vllm: environments.Environment) -> None:
    """The call that beam decoding on a card would use: its width, length and adapter."""
    root = package(vllm, "vllm")
    named, _ = parameters(
        root / "entrypoints" / "generate" / "beam_search" / "offline.py", "BeamSearchOfflineMixin", "beam_search"
    )
    assert {"prompts", "params", "lora_request"} <= named
    assert {"beam_width", "max_tokens", "temperature"} <= fields(root / "sampling_params.py", "BeamSearchParams")


def test_the_words_of_the_sft_configuration_are_trls(unsloth: environments.Environment) -> None:
    """packing stays off in every configuration: without flash attention, packed rows read each other."""
    from trl import SFTConfig

    from cotdistill.train import sft

    given = keywords(sft, "SFTConfig")
    known = set(inspect.signature(SFTConfig).parameters)
    assert set(given) <= known, set(given) - known
    assert isinstance(given["packing"], ast.Constant) and given["packing"].value is False
