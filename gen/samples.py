"""One question for every answer kind, to show a prompt with where no question is loaded. None is a worked example."""

from ..tasks.values import AnswerKind, Question

SAMPLES: dict[AnswerKind, Question] = {
    "number": Question("sample", "train", "A box holds 6 eggs. How many eggs do 4 boxes hold?", "number", "24"),
    "latex": Question("sample", "train", "Simplify $\\frac{6}{8}$.", "latex", "\\frac{3}{4}"),
    "choice": Question("sample", "train", "What do bees make?", "choice", "B", ("silk", "honey", "wool")),
    "boolean": Question("sample", "train", "Could a snail win a race against a hare?", "boolean", "False"),
    "text": Question("sample", "train", "Which animal says moo?", "text", "a cow"),
}
