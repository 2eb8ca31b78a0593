"""How to ask, as people say it: flags of `evaluate`, or the evaluation of a study; resolved to an Asking."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..errors import ConfigError

if TYPE_CHECKING:
    from ..store.store import Store
    from .plan import Asking

# Trained on one data set, examined on another: the paper examines MATH on 500 items of four subjects.
EXAMINED_ON = {"math": "math-4s"}
DRAWN = {"temperature": 0.7, "top_p": 0.95, "seed": 1}


@dataclass(frozen=True, slots=True)
class Options:
    """What is None is chosen: samples draw 8 answers at temperature 0.7 and top-p 0.95."""

    split: str = "test"
    limit: int | None = None
    where: str | None = None
    max_new_tokens: str = "paper"
    decode: str = "greedy"
    beams: int | None = None
    samples: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    seed: int | None = None
    stop: tuple[str, ...] = ()
    shots: int = 0
    shots_seed: int = 1
    shots_from: str | None = None

    def asked(
        self,
        store: "Store",
        datasets: Sequence[str],
        instructions: Mapping[str, str] | None = None,
        instructed: str | None = None,
    ) -> "Asking":
        """As the evaluation takes it; a decoder of its own for every data set. ConfigError: flags that do not fit."""
        from .decoding import PAPER_BEAMS, Decoder, token_limit
        from .plan import Asking, Shots

        with store.read() as con:
            rows = con.execute("SELECT DISTINCT dataset, answer_kind FROM question").fetchall()
        kinds: dict[str, list[str]] = {}
        for dataset, kind in rows:
            kinds.setdefault(dataset, []).append(kind)
        beams = self.beams or PAPER_BEAMS if self.decode == "beam" else self.beams
        drawn = {name: getattr(self, name) for name in DRAWN}
        if self.decode == "sample":
            drawn = {name: DRAWN[name] if value is None else value for name, value in drawn.items()}
        decoders: dict[str, Decoder] = {}
        for dataset in datasets:
            most = token_limit(self.max_new_tokens, dataset, kinds.get(dataset, ()))
            decoders[dataset] = Decoder(self.decode, most, beams=beams, stop=self.stop, **drawn)  # type: ignore[arg-type]
        if self.shots_from is not None and not self.shots:
            raise ConfigError("--shots-from says whose exemplars, and there are none. Next: --shots 4")
        return Asking(
            decoders,
            self.split,
            self.limit,
            self.where,
            self.n_samples,
            Shots(self.shots, self.shots_seed, self.shots_from) if self.shots else None,
            instructions or {},
            instructed,
        )

    @property
    def n_samples(self) -> int:
        """Answers to each question."""
        return self.samples or (8 if self.decode == "sample" else 1)
