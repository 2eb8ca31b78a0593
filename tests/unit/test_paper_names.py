"""Every way the paper names its files says the same things."""

import pytest

from cotdistill.errors import ConfigError
from cotdistill.store.paper_names import recognise, shipped


@pytest.mark.parametrize(
    ("listed_key", "file", "expected"),
    [
        ("SVAMP_ChatGPT_level6", "SVAMP_ChatGPT_level6_ranked.json", ("svamp", "gpt-4o", 6, "original")),
        ("stqa_chatgpt_level2", "strategyQA_chatgpt_level_2_ranked.json", ("strategyqa", "gpt-4o", 2, "original")),
        ("stqa_human", "stqa_human_annotation.json", ("strategyqa", "human", None, None)),
        ("stqa_only_ans", "strategyQA_onlyans.json", ("strategyqa", "gold", None, "answer-only")),
        ("GSM8k_only_ans", "gsm_train_onlyans.json", ("gsm8k", "gold", None, "answer-only")),
        ("GSM8k_gemini_level1", "gsm8k_gemini_level1_ranked.json", ("gsm8k", "gemini-1.5-flash", 1, "original")),
        ("gsm8k_bloom_bsm", "0_gsm8k_chatgpt_level3BSM.json", ("gsm8k", "gpt-4o", 3, "least-to-most")),
        ("svamp_gemma_rar", "0_SVAMP_chatgpt_level5RaR.json", ("svamp", "gpt-4o", 5, "rephrase-and-respond")),
        ("aqua_level5_sym", "0_aqua_chatgpt_level5Sym.json", ("aqua", "gpt-4o", 5, "symbolic")),
        ("auqa_llama_level4", "aqua_llama_level4_ranked.json", ("aqua", "llama-3-70b", 4, "original")),
        ("auqa_human", "aqua_human.json", ("aqua", "human", None, None)),
        ("obqa_level3_sym", "openbookqa_chatgpt_symbolic_level3_ranked.json", ("openbookqa", "gpt-4o", 3, "symbolic")),
        ("cQA_llama_level5", "csqa_llama_level5_ranked.json", ("commonsenseqa", "llama-3-70b", 5, "original")),
        ("cQA_chatgpt_level1", "commonsenseQA_chatgpt_level_1_ranked.json", ("commonsenseqa", "gpt-4o", 1, "original")),
        ("ecqa_human", "ecqa_train.json", ("commonsenseqa", "human", None, None)),
        ("math_mix_chatgpt_level3", "math_mix_level3.json", ("math", "gpt-4o", 3, "original")),
        ("math_onlyans", "math_human.json", ("math", "gold", None, "answer-only")),
        ("math_human", "math_human.json", ("math", "human", None, None)),
    ],
)
def test_recognised(listed_key: str, file: str, expected: tuple[str, str, int | None, str | None]) -> None:
    cell = recognise(listed_key, file)
    assert (cell.dataset, cell.teacher, cell.recipe.level, cell.recipe.format) == expected
    assert cell.recipe.gold_visible == "unknown"


def test_the_two_unlisted_files_are_all_that_say_whether_the_gold_was_shown() -> None:
    cells = shipped().unlisted
    assert sorted(cell.recipe.gold_visible for cell in cells.values()) == ["no", "yes"]
    assert {(c.dataset, c.teacher, c.recipe.level, c.recipe.format) for c in cells.values()} == {
        ("openbookqa", "gpt-4o", None, None)
    }


def test_names_that_tell_nothing_are_refused() -> None:
    with pytest.raises(ConfigError, match="tell no teacher"):
        recognise("svamp_level3", "svamp_level3.json")
