"""A lab's plots in words: every number is worked out again from the lines, at random settings."""

import re

import numpy as np
import pytest

from course_lib.labs.spec import Choice
from course_lib.labs.view import Panel, Series, Texts, point
from course_lib.labs.words import Axis, decimals, described, figures, nanomolar, short
from every_lab import modules

#: The tissue draws a picture; the matrix tells its nine points in words of its own.
OWN_WORDS = ("peptide_binding", "tissue")
LABS = [each for each in modules() if each.SPEC.name not in OWN_WORDS]
EVERY_LAB = pytest.mark.parametrize("module", LABS, ids=lambda module: module.SPEC.name)
NUMBER = r"(less than )?(\d[\d,]*\.?\d*)( million| billion)?"
pytestmark = pytest.mark.filterwarnings("error")


class Plots:
    """As much of a lab's declaration as the words need."""

    x_title, x_range = "Days since the first dose", (0.0, 100.0)

    def __init__(self, *panels):
        self.panels = panels


SIZE = Panel("Tumour, sum of diameters: now", "mm", (0, 120))
DRUG = Panel("Drug (● now)", "mg/L", (0.1, 1000), log=True)
DAYS = np.array([0.0, 25, 50, 75, 100])


def told(y, panel=SIZE, x=DAYS, **more):
    """The words for one line in one panel, without the heading."""
    series = Series("size", 0, np.asarray(x, float), np.asarray(y, float), "tumour", **more)
    return described(Plots(panel), [series]).partition("Size: ")[2]


# --- one line ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("y", "words"),
    [
        ([90, 92, 95, 99, 104.4], "rising from 90 to 104 mm."),
        ([90, 80, 60, 60, 0.2], "falling from 90 to less than 1 mm."),
        ([90, 90.2, 90.1, 90, 89.8], "level at 90 mm."),
        ([0, 0, 0, 0, 0], "level at 0 mm."),
        ([90, 40, 60, 70, 80], "from 90 to 80 mm, lowest 40 mm at 25 days."),
        ([9, 20, 12, 99, 9], "from 9 to 9 mm, highest 99 mm at 75 days, 2 peaks."),
        ([90, 60, 50, np.nan, np.nan], "falling from 90 to 50 mm at 50 days."),
        ([np.nan, 60, 50, 45, 40], "falling from 60 mm at 25 days to 40 mm."),
        ([np.nan] * 5, "not drawn."),
    ],
)
def test_a_line_is_told_by_its_ends_and_extremes(y, words):
    assert told(y) == words


def test_a_log_axis_tells_three_digits_and_nothing_below_its_start():
    assert told([0.02, 1, 2, 3, 123.45], DRUG) == "rising from less than 0.1 to 123 mg/L."
    assert told([5, 1, 5.01, 1, 5.02], DRUG) == "from 5 to 5.02 mg/L, lowest 1 mg/L at 25 days."
    assert told([1, 9, 1, 9, 1], DRUG).endswith(", 2 peaks.")


def test_large_numbers_are_told_as_one_reads_them_aloud():
    cells = Panel("Cells", "cells", (1, 1e11), log=True)
    y = [1e3, 262_345, 999_600, 4.471e8, 2.5e10]
    assert told(y, cells) == "rising from 1,000 to 25 billion cells."
    assert Axis("cells", (1, 1e11), True).told(4.471e8) == "447 million cells"
    assert Axis("cells", (1, 1e11), True).number(999_600) == "1 million"
    assert short(262_345) == 262_000
    assert nanomolar(12_345.6) == "12,300 nM"


@pytest.mark.parametrize(
    ("limits", "words"),
    [((0, 250), "17"), ((0, 105), "17"), ((0, 45), "17.3"), ((0, 5), "17.26"), ((0, 1), "17.26")],
)
def test_a_linear_axis_tells_what_it_can_show(limits, words):
    assert Axis("Years", limits, False).number(17.26) == words


def test_points_are_told_one_by_one_with_their_place():
    mark = point("your setting", 0, [25, 50], [10, np.nan], "control", "circle")
    assert described(Plots(SIZE), [mark]).endswith("Your setting: 10 mm at 25 days.")


# --- the headings -----------------------------------------------------------------------


def test_panels_over_one_axis_name_it_once():
    words = described(Plots(SIZE, DRUG), [])
    assert words == (
        "Two plots against days since the first dose, 0 to 100. "
        "Tumour, sum of diameters, mm. Drug, mg/L, log axis."
    )


def test_a_panel_with_an_own_axis_names_it():
    grip = Panel("Bound", "%", (0, 105), x_title="HER2, copies", x_range=(-5, 3e6))
    words = described(Plots(SIZE, grip), [])
    assert "Two plots. Tumour, sum of diameters, mm, against days since" in words
    assert words.endswith("Bound, %, against HER2, 0 to 3 million copies.")


def test_texts_are_told_only_where_they_stand_alone():
    at_risk = Texts("at risk", 0, np.array([0.0, 50]), np.zeros(2), ("12", "7"))
    risk = Plots(Panel("Patients at risk", "", (0, 1)))
    assert described(risk, [], [at_risk]).endswith("At risk: 12, 7 (at 0, 50 days).")
    line = Series("size", 0, DAYS, DAYS, "tumour")
    assert "At risk" not in described(risk, [line], [at_risk])


# --- every lab --------------------------------------------------------------------------


def settings_of(spec, number):
    """The opening, the presets, and random settings at which the sliders can stand."""
    random = np.random.default_rng(21)
    yield from ({**spec.defaults, **preset.settings} for preset in spec.presets)
    for _ in range(number):
        picked = {}
        for control in spec.controls:
            if isinstance(control, Choice):
                picked[control.name] = str(random.choice([name for name, _ in control.options]))
                continue
            low, high = control.quantity.low, control.quantity.high
            value = random.uniform(low, high)
            if control.log:
                value = 10 ** random.uniform(*np.log10([low, high]))
            picked[control.name] = control.nearest(value)
        yield picked


def close(match, value, limits, log, unit=""):
    """Is the number in words the value, as precisely as the axis promises?"""
    less, digits, size = match
    if size == f" {unit}":  # the axis itself counts in millions or billions
        size = None
    said = float(digits.replace(",", "")) * {" million": 1e6, " billion": 1e9}.get(size, 1)
    if less:
        return 0 < value < said
    if log:
        return abs(said - value) <= 0.00501 * value
    return abs(said - value) <= (0.501 if limits[1] - limits[0] >= 100 else 0.0501)


def assert_true(words, series, spec):
    """Work out again what is said of one line or of points."""
    panel = spec.panels[series.panel]
    drawn = np.isfinite(series.x) & np.isfinite(series.y)
    x, y = series.x[drawn], series.y[drawn]
    across = (panel.x_range, panel.x_log) if panel.x_range else (spec.x_range, False)
    unit = panel.y_title.rpartition(", ")[2]

    def is_y(match, value):
        assert close(match, value, panel.y_range, panel.log, unit), (words, value)

    def is_x(match, value):
        assert close(match, value, *across), (words, value)

    if words == "not drawn":
        assert not y.size
        return
    if series.symbol:
        parts = words.split("; ")
        assert len(parts) == y.size
        for part, at, value in zip(parts, x, y, strict=True):
            left, _, right = part.rpartition(" at ")
            is_y(re.match(NUMBER, left).groups(), value)
            is_x(re.match(NUMBER, right).groups(), at)
        return
    level = re.fullmatch(f"level at {NUMBER}.*", words)
    if level:
        is_y(level.groups(), y.max())
        is_y(level.groups(), y.min())
        return
    main, *more = re.split(", (?=highest|lowest|\\d+ peaks)", words)
    start, end = re.fullmatch("(?:rising |falling )?from (.+?) to (.+)", main).groups()
    for text, at in ((start, 0), (end, -1)):
        value, _, place = text.partition(" at ")
        is_y(re.match(NUMBER, value).groups(), y[at])
        if place:
            is_x(re.match(NUMBER, place).groups(), x[at])
        else:  # nothing is said: the line reaches this end of the axis
            low, high = np.log(across[0]) if across[1] else across[0]
            gap = (np.log(x[at]) if across[1] else x[at]) - (low, high)[at]
            assert abs(gap) < 0.021 * (high - low)
    assert main.startswith("rising") == bool(np.all(np.diff(y) >= 0))
    assert main.startswith("falling") == bool(np.all(np.diff(y) <= 0))
    for part in more:
        if part.endswith("peaks"):
            higher = np.diff(y) > 0
            assert 2 <= int(part.split()[0]) <= (higher[:-1] & ~higher[1:]).sum()
            continue
        word, _, rest = part.partition(" ")
        left, _, right = rest.partition(" at ")
        index = y.argmax() if word == "highest" else y.argmin()
        is_y(re.match(NUMBER, left).groups(), y[index])
        is_x(re.match(NUMBER, right).groups(), x[index])
    for word, value in (("highest", y.max()), ("lowest", y.min())):
        if not any(part.startswith(word) for part in more):  # then one of the ends is it
            assert any(
                close(re.match(NUMBER, each).groups(), value, panel.y_range, panel.log, unit)
                for each in (start, end)
            ), (words, word)


#: Labs that tell their plots in words of their own; their own tests hold these to the model.
OWN_WORDS = {"cohort_responses"}


@pytest.mark.parametrize(
    "module",
    [module for module in LABS if module.SPEC.name not in OWN_WORDS],
    ids=lambda module: module.SPEC.name,
)
def test_what_is_said_of_each_line_is_true(module):
    spec = module.SPEC
    for settings in settings_of(spec, 50 if spec.continuous else 5):
        shown = spec.view(**settings)
        parts = shown.alt.removesuffix(".").split(". ")
        checked = 0
        for series in sorted(shown.series, key=lambda each: each.panel):
            name = series.name[:1].upper() + series.name[1:]
            found = next((p for p in parts if p.startswith(f"{name}: ")), None)
            if found is None:
                assert f"{spec.name}: {series.name}" in UNTOLD
                continue
            parts = parts[parts.index(found) + 1 :]
            assert_true(found.partition(": ")[2], series, spec)
            checked += 1
        assert checked >= 2


#: Told in other words by the lab itself, or only a ruler.
UNTOLD = {
    "silent_growth: silent",
    "car_t_extinction: gone",
    "cytokine_therapy: IL-2 on day 1",
    "kirschner_panetta: attracts",
    "kirschner_panetta: does not attract",
    "virtual_trial: truth",
    "virtual_trial: 80 %",
    *(
        f"predictive_values: {group}, test {result}"
        for group in ("relapse", "no relapse")
        for result in ("positive", "negative")
    ),
    *(
        f"tumour_and_immunity: {name}"
        for name in ("attracts", "does not attract", "border of escape", "border of elimination")
    ),
}


def test_equilibria_and_borders_are_told_with_the_numbers_of_the_table():
    module = next(each for each in LABS if each.SPEC.name == "tumour_and_immunity")
    for settings in settings_of(module.SPEC, 50):
        shown = module.SPEC.view(**settings)
        listed = shown.alt.partition("In the phase plane: ")[2].removesuffix(".").split("; ")
        rows = [row for row in shown.table.rows if not row[0].startswith("Day")]
        assert len(listed) == len(rows)
        for words, (name, *cells) in zip(listed, rows, strict=True):
            assert words.startswith(f"{name}: ")
            numbers = re.findall(r"(no|\d[\d,.]*)( [mb]illion)? (?:tumour|effector) cells", words)
            for (digits, size), cell in zip(numbers, cells, strict=True):
                value = 0 if digits == "no" else float(digits.replace(",", ""))
                value *= {" million": 1e6, " billion": 1e9}.get(size, 1)
                assert value == pytest.approx(float(cell.replace(",", "")), rel=0.006, abs=1)


@pytest.mark.parametrize(
    ("value", "figures", "expected"),
    [(10.9, 3, 1), (5.77, 3, 2), (287, 3, 0), (44.4, 2, 0), (3.0, 2, 1), (0.053, 2, 3), (0, 3, 0)],
)
def test_decimals_leave_so_many_figures(value, figures, expected):
    assert decimals(value, figures) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (0, "0"),
        (1.16e-8, "less than 0.001"),
        (0.0795, "0.0795"),
        (21_540, "21,500"),
        (95e9, "95 billion"),
        (5.1e17, "more than 100,000 billion"),
    ],
)
def test_figures_are_written_as_one_reads_them_aloud(value, expected):
    assert figures(value) == expected
