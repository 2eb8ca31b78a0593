"""The tokenizer of `tiny`: byte-level BPE that never joins digits, so that each digit of a sum is its own token."""

from collections.abc import Iterable
from typing import Any

VOCABULARY = 768
PAD, BOS, EOS = "<pad>", "<bos>", "<eos>"


def build(texts: Iterable[str], vocabulary: int = VOCABULARY) -> Any:
    """Train the tokenizer on `texts`: a transformers PreTrainedTokenizerFast that begins a text with BOS.

    Digits are split off together with a space before them: "14" is "1", "4" and " 14" is " 1", "4".
    """
    from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, processors, trainers
    from transformers import PreTrainedTokenizerFast

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(r" ?\d"), "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary,
        special_tokens=[PAD, BOS, EOS],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{BOS} $A", special_tokens=[(BOS, tokenizer.token_to_id(BOS))]
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token=PAD,
        bos_token=BOS,
        eos_token=EOS,
        padding_side="left",
        model_max_length=512,
        clean_up_tokenization_spaces=False,
    )
