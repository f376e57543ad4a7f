"""The Runge-Kutta rule: exact where it must be, of order four, blind to chunking."""

import numpy as np
import pytest

from course_lib.models.ode import rk4
from course_lib.models.patient import rates_of_change


def decay(t, y, rate):
    return (-rate * y[0],)


def test_exponential_decay_against_its_closed_form():
    times = np.linspace(0, 5, 501)
    states = rk4(decay, np.array([[2.0, 3.0]]), times, parameters=[np.array([1.0, 0.5])])
    exact = np.array([2.0, 3.0]) * np.exp(-np.outer(times, [1.0, 0.5]))
    np.testing.assert_allclose(states[:, 0], exact, rtol=1e-9)


def test_halving_the_step_divides_the_error_by_sixteen():
    def error(steps):
        end = rk4(decay, np.ones((1, 1)), np.linspace(0, 2, steps + 1), parameters=[1.0])[-1, 0, 0]
        return abs(end - np.exp(-2))

    assert error(40) / error(80) == pytest.approx(16, rel=0.05)


def test_a_cubic_in_time_is_exact_with_steps_of_different_length():
    times = np.array([0.0, 0.5, 3.0, 3.1, 7.0])
    states = rk4(lambda t, y: (np.array([3 * t**2]),), np.zeros((1, 1)), times)
    np.testing.assert_allclose(states[:, 0, 0], times**3, rtol=1e-13)


def test_a_drive_that_jumps_on_a_boundary_is_exact():
    drive = np.array([[[2.0]] * 3, [[-1.0]] * 3])
    states = rk4(lambda t, y, u: (u,), np.zeros((1, 1)), [0, 1, 3], drives=[drive])
    assert states[:, 0, 0] == pytest.approx([0, 2, 0])


def test_a_drive_is_used_at_the_start_middle_and_end_of_a_step():
    stages = np.array([[[0.0], [0.25], [1.0]]])  # t squared on one step from 0 to 1
    states = rk4(lambda t, y, u: (u,), np.zeros((1, 1)), [0, 1], drives=[stages])
    assert states[1, 0, 0] == pytest.approx(1 / 3)


def test_time_is_passed_on():
    seen = []
    rk4(lambda t, y: (seen.append(t) or y[0],), np.ones((1, 1)), [2.0, 4.0])
    assert seen == [2.0, 3.0, 3.0, 4.0]


def test_bounds_hold_after_every_step():
    states = rk4(
        lambda t, y: (y[0], -y[1]),
        np.ones((2, 1)),
        np.linspace(0, 5, 21),
        lower=np.array([[0.0], [0.5]]),
        upper=np.array([[3.0], [9.0]]),
    )
    assert states[:, 0].max() == 3.0
    assert states[:, 1].min() == 0.5


def test_a_known_fall_is_exact_whatever_the_step():
    """y' = -y^2 / 2 - k'(t) x y has no such luck; ln y' = g - k'(t) has: k enters exactly."""
    times = np.array([0.0, 0.5, 3.0, 3.1, 7.0])
    known = np.sqrt(times)[:, None] * [1.0, 10.0]  # steep at the start: no polynomial
    rates = {"parameters": [np.array([0.3, 0.2])], "falls": [np.diff(known, axis=0)]}
    states = rk4(lambda t, y, g: (0 * y[0] + g,), np.ones((1, 2)), times, **rates)
    exact = 1 + np.outer(times, [0.3, 0.2]) - known
    np.testing.assert_allclose(states[:, 0], exact, rtol=1e-13, atol=1e-13)


def test_a_fall_that_the_right_hand_side_receives_keeps_the_order_at_four():
    """y = exp(-sin t) z, with z' = y: the fall of ln y is known, the rest is integrated."""

    def end(steps):
        times = np.linspace(0, 4, steps + 1)
        stages = np.stack([times[:-1], (times[:-1] + times[1:]) / 2, times[1:]], axis=1)
        within = (np.sin(stages) - np.sin(stages[:, :1]))[..., None]
        falls = [within[:, 2], np.zeros((steps, 1))]
        rhs = lambda t, y, fallen: (0.1 - 0.2 * y[1], np.exp(y[0] - fallen) - y[1])  # noqa: E731
        return rk4(rhs, np.zeros((2, 1)), times, drives=[within], falls=falls)[-1, :, 0]

    exact = end(2000)
    errors = [np.abs(end(steps) - exact).max() for steps in (10, 20, 40)]
    assert errors[0] / errors[1] > 12
    assert errors[1] / errors[2] > 12


def test_each_state_has_a_fall_of_its_own_and_bounds_come_after_it():
    falls = [np.array([[1.0], [2.0]]), np.array([[-3.0, -30.0]] * 2)]
    states = rk4(
        lambda t, y: (0 * y[0], 0 * y[1]),
        np.full((2, 2), 5.0),
        [0, 1, 2],
        falls=falls,
        lower=np.array([[3.0], [0.0]]),
        upper=np.array([[9.0], [50.0]]),
    )
    assert states[:, 0].tolist() == [[5, 5], [4, 4], [3, 3]]
    assert states[:, 1].tolist() == [[5, 5], [8, 35], [11, 50]]


def test_a_state_at_minus_infinity_stays_there():
    states = rk4(
        lambda t, y: (1 + np.exp(y[0]),),
        np.array([[-np.inf, 0.0]]),
        [0, 1],
        falls=[np.array([[2.0]])],
        lower=np.array([[-np.inf, 0.0]]),
    )
    assert states[:, 0, 0].tolist() == [-np.inf, -np.inf]


def cohort(patients):
    """Return everything rk4 needs for a random cohort of the patient model."""
    rng = np.random.default_rng(7)
    times = np.linspace(0, 120, 35)
    draw = rng.uniform
    killed = draw(0, 0.5, (34, 3, patients)).cumsum(axis=1)
    return {
        "rhs": rates_of_change,
        "y0": np.array([draw(10, 26, patients), draw(5, 20, patients), draw(0, 1e8, patients)]),
        "times": times,
        "drives": [
            draw(0, 1, (34, 3, patients)),
            killed,
            killed / 2,
            killed / 9,
            draw(0, 3, (34, 3, patients)),
            draw(-0.1, 0.1, (34, 3, patients)),
            draw(0, 1e8, (34, 3, patients)),
        ],
        "parameters": [
            draw(0.002, 0.02, patients),
            0.9,
            draw(0.1, 0.4, patients),
            draw(0, 0.9, patients),
            draw(0, 10, patients),
            np.float64(0.05),
            draw(0, 1, patients),
        ],
        "falls": [killed[:, 2], killed[:, 2] / 2, np.zeros((34, 1))],
        "lower": np.array([[0.0], [0.0], [0.0]]),
        "upper": np.array([[32.0], [32.0], [np.inf]]),
    }


@pytest.mark.parametrize("chunk", [1, 7, 512, 1000, 1024, 2500])
def test_results_do_not_depend_on_chunking_bit_for_bit(chunk):
    patients = 60 if chunk == 1 else 2500
    settings = cohort(patients)
    whole = rk4(**settings, chunk=patients)
    assert np.array_equal(rk4(**settings, chunk=chunk), whole)
    assert np.array_equal(rk4(**settings), whole)


def test_what_is_shared_by_all_patients_equals_its_copies_bit_for_bit():
    settings = cohort(1500)
    shared = {
        "drives": [each[:, :, :1] for each in settings["drives"]],
        "falls": [each[:, :1] for each in settings["falls"]],
    }
    copies = {
        name: [np.repeat(each, 1500, axis=-1) for each in several]
        for name, several in shared.items()
    }
    assert np.array_equal(rk4(**settings | shared), rk4(**settings | copies))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"y0": np.ones(3)}, "states, patients"),
        ({"times": [0, 2, 2]}, "times must increase"),
        ({"times": [0, np.nan]}, "finite numbers"),
        ({"times": [0, np.inf]}, "finite numbers"),
        ({"times": []}, "finite numbers"),
        ({"chunk": 0}, "chunk must be at least 1"),
        ({"drives": [np.ones((2, 3, 4))]}, r"a drive must have shape"),
        ({"drives": [np.ones((2, 2, 1))]}, r"a drive must have shape"),
        ({"falls": [np.ones((2, 3))]}, r"falls must be one array per state .* = \(2, 2\)"),
        ({"falls": [np.ones((3, 2))]}, r"you gave 1, one of shape \(3, 2\)"),
        ({"falls": [np.ones(2)]}, r"falls must be one array per state"),
        ({"falls": [np.ones((2, 2))] * 2}, r"you gave 2, one of shape \(2, 2\)"),
    ],
)
def test_wrong_shapes_and_times_are_refused(change, words):
    good = {"rhs": decay, "y0": np.ones((1, 2)), "times": [0, 1, 2], "parameters": [1.0]}
    with pytest.raises(ValueError, match=words):
        rk4(**good | change)
