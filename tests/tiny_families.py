"""Base models of the paper's three architectures, random and tiny, made on the spot: what a student of each is trained
and asked through. Each has the tokenizer of `tiny` with the marks of its own template."""

from pathlib import Path
from typing import Any

from cotdistill.train import students

# family: the template the paper trained it with, and that template's marks
TEMPLATES = {
    "llama": ("llama3", ["<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>"]),
    "gemma": ("gemma", ["<start_of_turn>", "<end_of_turn>"]),
    "bloom": ("alpaca", []),
}
HIDDEN, LAYERS, HEADS = 64, 2, 2


def make(family: str, folder: Path, *, seed: int = 0) -> Path:
    """A model directory with random weights of that family; returns `folder`."""
    import torch
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(students.locate(students.resolve_student("tiny")))
    tokenizer.add_tokens(TEMPLATES[family][1], special_tokens=True)
    torch.manual_seed(seed)
    model = _model(family, len(tokenizer), tokenizer)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def _model(family: str, vocabulary: int, tokenizer: Any) -> Any:
    import transformers

    marks = {f"{name}_token_id": getattr(tokenizer, f"{name}_token_id") for name in ("bos", "eos", "pad")}
    if family == "bloom":
        config = transformers.BloomConfig(
            vocab_size=vocabulary, hidden_size=HIDDEN, n_layer=LAYERS, n_head=HEADS, hidden_dropout=0.0, **marks
        )
        return transformers.BloomForCausalLM(config)
    shape = {
        "vocab_size": vocabulary,
        "hidden_size": HIDDEN,
        "num_hidden_layers": LAYERS,
        "num_attention_heads": HEADS,
        "num_key_value_heads": HEADS,
        "intermediate_size": 3 * HIDDEN,
        "max_position_embeddings": 512,
        "tie_word_embeddings": True,
    }
    if family == "gemma":
        return transformers.GemmaForCausalLM(
            transformers.GemmaConfig(**shape, head_dim=HIDDEN // HEADS, hidden_activation="gelu_pytorch_tanh", **marks)
        )
    return transformers.LlamaForCausalLM(transformers.LlamaConfig(**shape, **marks))
