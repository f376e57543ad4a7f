"""The living tissue driven through its real widgets: what is said is what is in the tissue."""

import re

import numpy as np
import pytest

from course_lib.labs import predictions, tissue, tissue_frame
from course_lib.labs.tissue import SPEC, WITHIN, view
from course_lib.labs.tissue_drawing import SITES
from course_lib.labs.view import PICTURE_SLOT
from course_lib.models.tissue import Tissue
from widget_tree import button


class Browser:
    """Stands for the screen: keeps what the kernel sends."""

    def __init__(self, lab):
        self.sent = []
        lab.widget  # noqa: B018
        lab.figure.send = lambda told, buffers: self.sent.append((told, buffers[0]))
        self.lab = lab

    def asks(self, **told):
        self.lab.figure._handle_custom_msg(told, [])
        return self.sent[-1] if self.sent else None

    def plays(self, steps):
        for _ in range(steps):
            self.asks(ask=1)


@pytest.fixture
def lab():
    return tissue.lab()


@pytest.fixture
def screen(lab):
    return Browser(lab)


def numbers(text):
    return [float(found.replace(",", "")) for found in re.findall(r"\d[\d,]*(?:\.\d+)?", text)]


def test_saved_it_shows_sentence_picture_key_and_table(lab):
    shown = lab._repr_mimebundle_()
    assert shown["text/plain"].startswith("Step 0. The tumour has 7,092 cells")
    html = shown["text/html"]
    assert PICTURE_SLOT not in html
    assert 'class="course-picture"' in html
    assert "data:image/png;base64," in html
    for words, _ in SITES.values():
        assert f"{words}</li>" in html
    assert '<table class="course-data">' in html


# --- the browser asks, the kernel answers -----------------------------------------------


def test_nothing_moves_that_was_not_asked_for(lab, screen):
    assert lab.run.tissue.steps == 0
    screen.asks(ask=0)
    screen.asks(shown=0)
    assert lab.run.tissue.steps == 0
    screen.plays(3)
    assert lab.run.tissue.steps == 3
    screen.asks(shown=2)
    assert lab.run.tissue.steps == 3


def test_each_answer_holds_the_sites_of_the_model_and_their_counts(screen):
    twin = Tissue(seed=1)
    for _ in range(5):
        told, sites = screen.asks(ask=1)
        twin.step()
        counts = twin.counts()
        assert sites == twin.frame().tobytes()
        assert len(sites) == 256 * 256
        point = [counts.step, counts.tumour, counts.pd_l1, counts.t_cells, counts.exhausted]
        assert told == {"curve": [point]}


def test_a_faster_speed_steps_several_times_and_has_a_limit(lab, screen):
    screen.asks(ask=4)
    assert lab.run.tissue.steps == 4
    screen.asks(ask=10_000)
    assert lab.run.tissue.steps == 4 + tissue_frame.MOST


def test_on_pause_the_sentence_is_that_of_the_picture_on_the_screen(lab, screen):
    screen.plays(7)
    assert lab.access.sentence.startswith("Step 0.")  # nothing is said while it plays
    screen.asks(shown=5)  # two more pictures wait in the browser
    assert lab.access.sentence == lab.run.view(5).sentence
    assert lab.access.announcement.startswith("Step 5. ")
    assert lab.figure.alt == lab.access.alt == lab.run.view(5).alt


def test_while_it_plays_the_sentence_follows_without_being_announced(lab, screen):
    announced = lab.access.announcement
    screen.plays(tissue_frame.OFTEN)
    assert lab.access.sentence.startswith(f"Step {tissue_frame.OFTEN}.")
    assert lab.access.announcement == announced


def test_restart_begins_the_same_tissue_and_keeps_the_run_before(lab, screen):
    screen.plays(6)
    then = lab.run
    told, sites = screen.asks(do="again")
    assert told["fresh"]
    assert sites == Tissue(seed=1).frame().tobytes()
    assert [point[1] for point in told["before"]] == [each.tumour for each in then.history]
    screen.plays(4)
    screen.asks(shown=4)
    assert f"At step 4 the run before had {then.history[4].tumour:,} tumour" in lab.access.change
    assert lab.run.history == then.history[:5]


def test_a_new_tissue_has_another_seed_and_says_so_in_its_code(lab, screen):
    screen.asks(do="another")
    assert lab.seed == 2
    assert screen.sent[-1][1] == Tissue(seed=2).frame().tobytes()
    assert lab.access.code.endswith("seed=2)")
    again = eval(lab.access.code, {"tissue": tissue})
    assert again.run.tissue.frame().tobytes() == screen.sent[-1][1]


def test_the_antibody_acts_at_once_in_the_tissue_that_is_there(lab, screen):
    screen.plays(5)
    run = lab.run
    lab.inputs["blocked"].value = 0.95
    assert lab.run is run
    assert lab.run.tissue.rules.blocked == 0.95
    assert lab.run.tissue.steps == 5
    assert "PD-1 blocked by an antibody 0.95" in lab.access.announcement


@pytest.mark.parametrize(
    ("name", "value"), [("arrival", 2.0), ("exclusion", 0.6), ("induction", 0.2)]
)
def test_the_other_controls_begin_a_new_tissue(lab, screen, name, value):
    screen.plays(5)
    lab.inputs[name].value = value
    assert lab.run.tissue.steps == 0
    assert getattr(lab.run.tissue.rules, name) == value
    assert screen.sent[-1][0]["fresh"]
    assert "A new tissue." in lab.access.announcement


def test_presets_begin_a_new_tissue_and_reset_the_first(lab, screen):
    lab.inputs["induction"].value = 0.5
    for preset in SPEC.presets:
        screen.plays(2)
        button(lab, preset.name).click()
        assert lab.run.tissue.steps == 0
        expected = SPEC.defaults | preset.settings
        assert lab.settings == expected
        assert lab.run.tissue.rules.exclusion == expected["exclusion"]
        assert lab.run.tissue.rules.blocked == expected["blocked"]
    screen.asks(do="another")
    button(lab, "Reset").click()
    assert lab.settings == SPEC.defaults
    assert lab.seed == 1
    assert screen.sent[-1][0]["before"] == []


def test_it_can_open_after_some_steps():
    opened = tissue.lab(steps=20, blocked=1)
    assert opened.view.sentence == view(steps=20, **SPEC.defaults | {"blocked": 1}).sentence
    assert opened.view.sentence.startswith("Step 20. ")


def test_marked_a_run_stays_before(lab, screen):
    screen.plays(3)
    marked = lab.run
    button(lab, "Mark as “before”").click()
    screen.plays(2)
    screen.asks(do="again")
    assert lab.ghost is marked


def test_locked_until_a_prediction(lab):
    assert lab.figure.disabled is not None
    lab.widget  # noqa: B018
    assert lab.figure.disabled
    button(lab, "Show me without predicting").click()
    assert not lab.figure.disabled
    assert not button(lab, "Hot").disabled
    predictions.write(SPEC.name, predict="hot", why="releases")
    later = tissue.lab()
    later.widget  # noqa: B018
    assert not later.figure.disabled


@pytest.mark.parametrize(
    "wrong", [{"blocked": 2}, {"arival": 3}, {"seed": 0}, {"seed": "x"}, {"steps": -1}]
)
def test_settings_that_make_no_sense_are_refused(wrong):
    with pytest.raises((ValueError, TypeError), match=next(iter(wrong))):
        tissue.lab(**wrong)


# --- goal, directions, explanation ------------------------------------------------------


@pytest.mark.parametrize("solution", SPEC.goal.solutions)
def test_the_goal_can_be_reached(solution):
    settings = SPEC.defaults | solution
    assert SPEC.goal.reached(settings, view(**settings))


def test_the_goal_is_not_reached_at_the_opening_nor_without_the_antibody():
    assert not SPEC.goal.reached(SPEC.defaults, view(steps=0, **SPEC.defaults))
    untreated = view(steps=WITHIN, **SPEC.defaults)
    assert not SPEC.goal.reached(SPEC.defaults, untreated)


def read(label, seeds=(1, 2, 3), steps=60, **settings):
    found = [
        {r.label: r.value for r in view(seed, steps, **SPEC.defaults | settings).readings}[label]
        for seed in seeds
    ]
    return np.mean(found)


@pytest.mark.parametrize(
    ("name", "values", "label", "way"),
    [
        ("arrival", (0, 2, 6, 12), "Tumour cells killed so far", 1),
        ("exclusion", (0, 0.4, 0.9), "T cells that touch the tumour", -1),
        ("induction", (0, 0.5, 1), "Tumour cells killed so far", -1),
        ("blocked", (0, 0.5, 1), "Tumour cells killed so far", 1),
    ],
)
def test_direction_of_each_control(name, values, label, way):
    found = [read(label, **{name: value}) for value in values]
    assert np.all(np.sign(np.diff(found)) == way), found


def test_the_question_opens_when_the_excluded_tumour_was_watched_under_the_antibody(lab, screen):
    button(lab, "Excluded").click()
    lab.inputs["blocked"].value = 1.0
    for _ in range(18):
        screen.asks(ask=8)
    screen.asks(shown=144)
    assert lab.questions.after.layout.display == "none"
    screen.asks(ask=8)
    screen.asks(shown=150)
    assert lab.questions.after.layout.display == "block"


@pytest.mark.parametrize("observe", ["stroma", "pd_l1", "few"])
@pytest.mark.parametrize("predict", [key for key, _ in SPEC.prediction.predict.options] + [None])
def test_the_explanation_fits_every_answer(observe, predict):
    record = {"observe": observe} | ({"predict": predict, "why": "brings"} if predict else {})
    text = SPEC.prediction.explain(record)
    assert ("That is what the model shows" in text) == (predict == "hot")
    assert ("That is what you saw" in text) == (observe == "stroma")
    assert ("it adds none" in text) == (predict is not None)


def test_what_the_explanation_says_is_what_the_model_does():
    table = {row[0][0]: [cell[0] for cell in row[1:]] for row in tissue.compare().rows}
    value = {name: [numbers(cell)[0] for cell in row] for name, row in table.items()}
    assert value["Hot + antibody"][1] < value["Hot"][1] / 3
    assert value["Hot"][4] > 200 > 60 > value["Cold"][4]
    assert value["Excluded + antibody"][4] < 20
    assert value["Excluded"][3] > 1000
