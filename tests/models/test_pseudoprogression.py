"""A lesion of tumour and infiltrate: against DOP853, limiting cases, directions, refusals."""

import dataclasses

import numpy as np
import pytest
from scipy.integrate import solve_ivp

from course_lib import evidence
from course_lib.models.pseudoprogression import Lesion, infiltrate, swollen
from course_lib.models.recist import recist
from course_lib.models.response_monitoring import LesionTable, irecist

pytestmark = pytest.mark.filterwarnings("error")

DEFAULTS = {
    "diameter": 40,
    "resistant_share": 0.02,
    "shrinking_half_time": 42,
    "doubling_time": 103,
    "infiltrate": 1.7,
    "infiltrate_day": 35,
}
FACTS = {
    "of_treated": (6.0, 5.0, 7.0),
    "of_unconfirmed": (15, 8, 26),
    "pool_patients": (287, None, None),
    "pool_unconfirmed": (60, None, None),
    "at_first_scan": (77, None, None),
}
DAYS = np.arange(0, 337, 7.0)
SCANS = np.arange(0, 337, 56.0)
CASES = (
    {},
    {"resistant_share": 0.4, "doubling_time": 30},
    {"infiltrate": 6, "infiltrate_day": 90},
    {"shrinking_half_time": 400, "infiltrate_day": 5},
)


def by_scipy(days, **changed):
    """Four compartments: what responds, what resists, a signal that fades, and infiltrate."""
    d0, share, half, double, peak, day = {**DEFAULTS, **changed}.values()

    def rates(t, y):
        return (
            -np.log(2) / half * y[0],
            np.log(2) / double * y[1],
            -y[2] / day,
            peak * np.e / day * y[2] - y[3] / day,
        )

    found = solve_ivp(
        rates,
        (0, days[-1]),
        [1 - share, share, 1, 0],
        method="DOP853",
        rtol=1e-10,
        atol=1e-14,
        t_eval=days,
    )
    tumour, came_in = found.y[:2].sum(axis=0), found.y[3]
    return tumour, came_in, d0 * np.cbrt(tumour + came_in)


@pytest.mark.parametrize("case", CASES)
def test_the_closed_form_is_what_dop853_finds(case):
    lesion = Lesion(**case)
    tumour, came_in, size = by_scipy(DAYS, **case)
    np.testing.assert_allclose(lesion.tumour(DAYS), tumour, rtol=1e-8)
    np.testing.assert_allclose(lesion.infiltration(DAYS), came_in, rtol=1e-7, atol=1e-9)
    np.testing.assert_allclose(lesion.sizes(DAYS), size, rtol=1e-8)


@pytest.mark.parametrize("name", DEFAULTS)
def test_a_default_is_what_was_decided(name):
    assert getattr(Lesion(), name) == DEFAULTS[name]


@pytest.mark.parametrize("name", FACTS)
def test_a_published_rate_is_what_was_read(name):
    entry = evidence.get(f"pseudoprogression.{name}")
    assert (entry.value, entry.low, entry.high) == FACTS[name]
    assert entry.status == "read"


# ---- limiting cases ------------------------------------------------------------------


def test_the_first_scan_shows_the_first_size():
    assert Lesion().sizes(0.0) == pytest.approx(40)
    assert Lesion().infiltration(0.0) == 0


def test_the_infiltrate_peaks_on_its_day_at_its_height():
    days = np.arange(0, 200.0)
    values = infiltrate(days, 1.7, 35)
    assert days[values.argmax()] == 35
    assert values.max() == pytest.approx(1.7)
    assert infiltrate(3650.0, 1.7, 35) < 1e-40


def test_without_infiltrate_a_lesion_that_resists_doubles_in_its_time():
    lesion = Lesion(infiltrate=0, resistant_share=1)
    assert lesion.sizes(103.0) == pytest.approx(40 * 2 ** (1 / 3))
    assert Lesion(infiltrate=0, resistant_share=0).tumour(84.0) == pytest.approx(1 / 4)


def test_one_row_for_each_day_and_one_column_for_each_lesion():
    lesions = Lesion(diameter=[36, 24], infiltrate_day=[20, 50])
    found = lesions.sizes(SCANS)
    assert found.shape == (SCANS.size, 2)
    assert lesions.sizes(56.0).shape == (2,)
    for column, (size, day) in enumerate(((36, 20), (24, 50))):
        alone = Lesion(diameter=size, infiltrate_day=day).sizes(SCANS)
        np.testing.assert_array_equal(found[:, column], alone)


# ---- the finding: alike at first, and only because of the infiltrate -------------------


def calls(lesion):
    table = LesionTable(days=SCANS, sizes=np.round(lesion.sizes(SCANS))[:, None])
    return recist(table).overall[1:], irecist(table).responses[1:]


def test_a_pseudoprogression_is_unconfirmed_and_then_a_response():
    rules, immune = calls(Lesion())
    assert rules == ("PD", "SD", "PR", "PR", "PR", "PR")
    assert immune == ("iUPD", "iSD", "iPR", "iPR", "iPR", "iPR")
    assert Lesion().tumour(56.0) < 0.45  # more than half of the tumour is gone by then


def test_its_true_twin_looks_the_same_and_is_confirmed():
    lesion = Lesion()
    twin = lesion.grown_alike(56)
    assert twin.sizes(0.0) == lesion.sizes(0.0)
    assert twin.sizes(56.0) == pytest.approx(lesion.sizes(56.0), rel=1e-12)
    assert twin.sizes(112.0) > 1.5 * lesion.sizes(112.0)
    volume = by_scipy(np.array([0, 56.0]))
    assert twin.doubling_time == pytest.approx(
        56 * np.log(2) / np.log(volume[0][1] + volume[1][1]), rel=1e-7
    )
    rules, immune = calls(twin)
    assert set(rules) == {"PD"}
    assert immune == ("iUPD", *["iCPD"] * 5)


def test_without_infiltrate_the_same_tumour_never_progresses():
    rules, _ = calls(Lesion(infiltrate=0))
    assert "PD" not in rules
    with pytest.raises(ValueError, match="larger than at first, you gave 56"):
        Lesion(infiltrate=0).grown_alike(56)


def test_an_infiltrate_as_large_as_the_tumour_was_is_not_enough():
    """20 % in diameter are 73 % in volume, and living tumour falls meanwhile."""
    assert "PD" in calls(Lesion())[0]
    assert "PD" not in calls(Lesion(infiltrate=1))[0]


# ---- the direction of every parameter, over its whole range ------------------------------

DIRECTIONS = {  # field: day, and whether the size rises with it
    "diameter": (56, 1),
    "resistant_share": (100, 1),
    "shrinking_half_time": (100, 1),
    "doubling_time": (100, -1),
    "infiltrate": (56, 1),
}


def over_the_range(name):
    limits = Lesion.__dataclass_fields__[name].metadata
    return np.linspace(limits["low"], limits["high"], 300)


@pytest.mark.parametrize("name", DIRECTIONS)
def test_each_parameter_pushes_its_way_over_its_whole_range(name):
    day, sign = DIRECTIONS[name]
    more = {"resistant_share": 0.3} if name == "doubling_time" else {}
    sizes = Lesion(**{name: over_the_range(name)}, **more).sizes(float(day))
    assert (sign * np.diff(sizes) > 0).all()


def test_a_later_peak_shifts_the_swelling():
    """Before both peaks a later one is lower, after both it is higher."""
    days = over_the_range("infiltrate_day")
    early, late = infiltrate(1.0, 1.7, days), infiltrate(3650.0, 1.7, days)
    assert (np.diff(early) < 0).all()
    assert (np.diff(late) >= 0).all()
    assert late[-1] > late[0]


def test_every_field_has_a_direction():
    assert {each.name for each in dataclasses.fields(Lesion)} == {*DIRECTIONS, "infiltrate_day"}


def test_any_setting_is_finite_and_above_zero():
    rng = np.random.default_rng(7)
    limits = {each.name: each.metadata for each in dataclasses.fields(Lesion)}
    some = {
        name: np.where(
            rng.random(1000) < 0.2,
            rng.choice([each["low"], each["high"]], 1000),
            rng.uniform(each["low"], each["high"], 1000),
        )
        for name, each in limits.items()
    }
    found = Lesion(**some).sizes(np.array([0, 1, 56, 365, 3650.0]))
    assert np.isfinite(found).all()
    assert (found >= 0).all()
    np.testing.assert_allclose(found[0], some["diameter"])


# ---- swollen ------------------------------------------------------------------------------


def test_swollen_adds_the_infiltrate_to_any_course():
    lesion = Lesion(diameter=[36, 24])
    alone = Lesion(diameter=[36, 24], infiltrate=0).sizes(SCANS)
    np.testing.assert_allclose(swollen(alone, SCANS, 1.7, 35), lesion.sizes(SCANS), rtol=1e-12)
    np.testing.assert_allclose(swollen(alone, SCANS, 0, 35), alone, rtol=1e-12)
    mixed = swollen(alone, SCANS, [1.7, 0], 35)
    np.testing.assert_allclose(mixed[:, 0], lesion.sizes(SCANS)[:, 0], rtol=1e-12)
    np.testing.assert_allclose(mixed[:, 1], alone[:, 1], rtol=1e-12)


# ---- refusals ------------------------------------------------------------------------------

ONES = np.ones((2, 1))


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: Lesion(diameter=0), ValueError, "diameter must be between 1 and 500 mm"),
        (lambda: Lesion(infiltrate=np.nan), ValueError, "infiltrate must .* NaN"),
        (lambda: Lesion(infiltrate=True), TypeError, "infiltrate must"),
        (lambda: Lesion(resistant_share="much"), TypeError, "you gave 'much'"),
        (lambda: Lesion(share=1), TypeError, "no setting 'share'"),
        (lambda: Lesion(diameter=[1, 2], infiltrate=[1, 2, 3]), ValueError, "infiltrate has 3"),
        (lambda: Lesion().sizes(-1.0), ValueError, "days must be between 0 and 3650"),
        (lambda: Lesion().tumour(np.inf), ValueError, "days must be .*, you gave inf"),
        (lambda: Lesion().infiltration([[1.0]]), TypeError, "days must"),
        (lambda: Lesion().grown_alike(0), ValueError, "day must be one number between 1"),
        (lambda: infiltrate(1.0, -1, 35), ValueError, "peak must be between 0 and 20"),
        (lambda: infiltrate(1.0, 1, 0), ValueError, "peak_day must be between 1 and 365"),
        (lambda: swollen(ONES, [0, 56, 112], 1, 35), ValueError, "one row per day, 3, you gave 2"),
        (lambda: swollen(ONES * [[0], [1]], [0, 56], 1, 35), ValueError, "row 0, .* gave 0"),
        (lambda: swollen(ONES * np.nan, [0, 56], 1, 35), ValueError, "sizes must .* gave nan"),
        (lambda: swollen(-ONES, [0, 56], 1, 35), ValueError, "sizes must .* gave -1"),
        (lambda: swollen("large", [0, 56], 1, 35), TypeError, "sizes must be numbers of shape"),
        (lambda: swollen(ONES, [0, 56], "much", 35), TypeError, "peak must"),
    ],
)
def test_what_makes_no_sense_is_refused(call, error, message):
    with pytest.raises(error, match=message):
        call()
