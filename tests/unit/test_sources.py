"""What a library takes, read from its source: small packages written here, and the reader sees what is not there."""

from pathlib import Path

import pytest

from cotdistill import environments, sources
from cotdistill.train import support
from cotdistill.train.students import resolve_student

REGISTRY = """
_TEXT_GENERATION_MODELS: dict = {
    # [Decoder-only]
    "BloomForCausalLM": ("bloom", "BloomForCausalLM"),
    "LlamaForCausalLM": ("llama", "LlamaForCausalLM"),
}
"""
LOADER = """
def dispatch(model_type):
    if model_type == "llama": return 1
    elif model_type == "gemma": return 2
    elif other == "bloom": return 3
"""
AUTO = """
MODEL_FOR_CAUSAL_LM_MAPPING_NAMES = OrderedDict(
    [("bloom", "BloomForCausalLM"), ("gemma3", "Gemma3ForConditionalGeneration"),
     ("gemma3_text", "Gemma3ForCausalLM"), ("llama", "LlamaForCausalLM")]
)
"""
FILES = {
    "vllm/model_executor/models/registry.py": REGISTRY,
    "vllm/model_executor/models/bloom.py": "class BloomForCausalLM(nn.Module, SupportsPP):\n    pass\n",
    "vllm/model_executor/models/llama.py": "class Base(SupportsLoRA):\n    pass\nclass LlamaForCausalLM(Base):\n    "
    "pass\n",
    "unsloth/models/loader.py": LOADER,
    "transformers/models/auto/modeling_auto.py": AUTO,
}


@pytest.fixture
def engines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with an environment for each library."""
    monkeypatch.setenv(environments.SETTING, str(tmp_path))
    for library, distributions in environments.DISTRIBUTIONS.items():
        venv = tmp_path / f".venv-{library}"
        packages = venv / "lib" / "python3.11" / "site-packages"
        info = packages / f"{distributions[0]}-1.0.dist-info"
        info.mkdir(parents=True)
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distributions[0]}\nVersion: 1.0\n")
        (venv / "bin").mkdir()
        (venv / "bin" / "python").touch()
        for file, text in FILES.items():
            path = packages / file
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
            (packages / file.split("/")[0] / "__init__.py").touch()
    return tmp_path


def test_vllm_takes_what_its_classes_say(engines: Path) -> None:
    vllm = environments.require("vllm")
    assert sources.vllm_takes(vllm, "LlamaForCausalLM") == sources.Engine(weights=True, adapter=True)
    assert sources.vllm_takes(vllm, "BloomForCausalLM") == sources.Engine(weights=True, adapter=False)
    assert sources.vllm_takes(vllm, "Another") == sources.Engine(weights=False, adapter=False)


def test_unsloths_own_kernels_are_those_its_loader_asks_for(engines: Path) -> None:
    assert sources.unsloth_kernels(environments.require("unsloth")) == {"llama", "gemma"}


def test_an_architecture_is_transformers_class_for_text(engines: Path) -> None:
    unsloth = environments.require("unsloth")
    assert sources.architecture("gemma3", unsloth) == "Gemma3ForCausalLM"
    assert sources.architecture("bloom", unsloth) == "BloomForCausalLM"
    assert sources.architecture("none", unsloth) is None


def test_the_table_says_what_follows(engines: Path) -> None:
    pytest.importorskip("transformers", reason="the students need the extra `cpu`")
    bloom = support.support(resolve_student("bloom-560m"))
    assert (bloom.trl, bloom.unsloth, bloom.vllm) == ("LoRA, full", "general way", "merged")
    assert bloom.advice == "an adapter is merged into its base before vLLM evaluates it"
    llama = support.support(resolve_student("llama-3.2-1b"))
    assert (llama.unsloth, llama.vllm, llama.llamafactory) == ("own kernels", "adapter, merged", "LoRA, full")
    assert llama.advice and "gated: accept its licence (Llama 3.2 Community)" in llama.advice
    (engines / ".venv-vllm" / "bin" / "python").unlink()
    assert support.support(resolve_student("tiny")).vllm == support.ABSENT
