"""The report's colours: text and marks stand out on both schemes, by the contrast ratio of WCAG 2.1."""

import re

import pytest

from cotdistill.analysis import charts_base, charts_effects
from cotdistill.analysis.page import TEMPLATES

CSS = (TEMPLATES / "report.css").read_text(encoding="utf-8")
LIGHT, DARK = (dict(re.findall(r"--([a-z0-9]+): (#[0-9a-f]{6})", part)) for part in CSS.split("@media screen", 1))
MARKS = {*charts_base.SERIES_COLOURS, *charts_base.LEVEL_COLOURS.values(), *charts_effects.VERDICT_COLOURS.values()}


def luminance(colour: str) -> float:
    channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    red, green, blue = (c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in channels)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


def test_the_measure() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21) and contrast("#777777", "#ffffff") == pytest.approx(
        4.48, abs=0.01
    )


@pytest.mark.parametrize("scheme", [LIGHT, DARK], ids=["light", "dark"])
@pytest.mark.parametrize("name", ["ink", "faint", "accent", "good", "bad", "doubt"])
def test_text_can_be_read(scheme: dict[str, str], name: str) -> None:
    for ground in ("paper", "card"):
        assert contrast(scheme[name], scheme[ground]) >= 4.5, (name, ground)


@pytest.mark.parametrize("colour", sorted(MARKS))
def test_marks_of_plots_stand_out(colour: str) -> None:
    assert contrast(colour, LIGHT["card"]) >= 3.0
    assert contrast(DARK[f"x{colour[1:].lower()}"], DARK["card"]) >= 3.0
