r"""Ordinary differential equations for many patients at once.

The classical fourth-order Runge-Kutta rule with fixed steps, over a state
``y[state, patient]``. One patient is a cohort of one. There is no matrix product and no sum
across patients, so a patient's result never depends on who else is in the cohort, nor on
how the cohort is cut into chunks: not by a single bit.
"""

from itertools import pairwise

import numpy as np

CHUNK = 1024  # patients per chunk; small enough for a processor's cache


def rk4(rhs, y0, times, *, drives=(), parameters=(), falls=(), lower=None, upper=None, chunk=CHUNK):
    r"""Integrate $\dot y = f(t, y)$ along ``times`` with the classical Runge-Kutta rule.

    $$k_1 = f(t, y),\quad k_2 = f(t + \tfrac h2, y + \tfrac h2 k_1),\quad
      k_3 = f(t + \tfrac h2, y + \tfrac h2 k_2),\quad k_4 = f(t + h, y + h k_3)$$
    $$y(t + h) = y + \tfrac h6 (k_1 + 2 k_2 + 2 k_3 + k_4)$$

    Arguments
        rhs: function ``rhs(t, y, *drives, *parameters)`` returning one derivative per state,
            each of shape (patients,).
        y0: state at ``times[0]``, shape (states, patients).
        times: increasing times, shape (steps + 1,); the steps may differ in length.
        drives: arrays of shape (steps, 3, patients) or (steps, 3, 1): a known function of
            time at the start, the middle and the end of each step. A jump belongs on a step
            boundary: the end of one step is then the value before it, the start of the next
            step the value after it, and the order stays four.
        parameters: numbers, or arrays whose last axis is patients.
        falls: what is taken off each state after each step, one array of shape
            (steps, patients) or (steps, 1) per state, or nothing. For a known addition to the
            state that the right-hand side receives as a drive: it is then exact.
        lower, upper: bounds put on the state after each step, shape (states, patients) or
            (states, 1), or None.
        chunk: patients integrated together.

    Returns the states, shape (steps + 1, states, patients).
    Raises ``ValueError`` if the times do not increase or a shape does not fit.
    Source: the rule of Kutta (1901), found in every textbook.
    """
    y0 = np.asarray(y0, dtype=float)
    times = np.asarray(times, dtype=float)
    if y0.ndim != 2:
        raise ValueError(f"y0 must have shape (states, patients), you gave shape {y0.shape}.")
    if times.ndim != 1 or times.size == 0 or not np.all(np.isfinite(times)):
        raise ValueError("times must be a list of finite numbers.")
    if not np.all(np.diff(times) > 0):
        raise ValueError("times must increase: each later than the one before.")
    if chunk < 1:
        raise ValueError(f"chunk must be at least 1 patient, you gave {chunk}.")
    drives = [np.asarray(drive, dtype=float) for drive in drives]
    for drive in drives:
        if drive.shape not in {(times.size - 1, 3, n) for n in (1, y0.shape[1])}:
            raise ValueError(
                f"a drive must have shape (steps, 3, patients) = {times.size - 1, 3, y0.shape[1]}, "
                f"you gave shape {drive.shape}."
            )
    falls = [np.asarray(fall, dtype=float) for fall in falls]
    for fall in falls:
        if len(falls) != len(y0) or fall.shape not in {
            (times.size - 1, n) for n in (1, y0.shape[1])
        }:
            raise ValueError(
                f"falls must be one array per state of shape (steps, patients) = "
                f"{times.size - 1, y0.shape[1]}, you gave {len(falls)}, one of shape {fall.shape}."
            )
    states = np.empty((times.size, *y0.shape))
    for start in range(0, y0.shape[1], chunk):
        part = slice(start, start + chunk)
        own_drives = [_part(drive, part, y0.shape[1]) for drive in drives]
        own_parameters = [_part(value, part, y0.shape[1]) for value in parameters]
        own_falls = [_part(fall, part, y0.shape[1]) for fall in falls]
        bounds = [None if b is None else _part(b, part, y0.shape[1]) for b in (lower, upper)]
        states[:, :, part] = _one_chunk(
            rhs, y0[:, part].copy(), times.tolist(), own_drives, own_parameters, own_falls, *bounds
        )
    return states


def _one_chunk(rhs, y, times, drives, parameters, falls, lower, upper):
    """Integrate one chunk of patients; arguments as in ``rk4``."""
    states = np.empty((len(times), *y.shape))
    states[0] = y
    for step, (t, end) in enumerate(pairwise(times)):
        h = end - t
        first, middle, last = ([drive[step, stage] for drive in drives] for stage in range(3))
        k1 = np.array(rhs(t, y, *first, *parameters))
        k2 = np.array(rhs(t + h / 2, y + (h / 2) * k1, *middle, *parameters))
        k3 = np.array(rhs(t + h / 2, y + (h / 2) * k2, *middle, *parameters))
        k4 = np.array(rhs(end, y + h * k3, *last, *parameters))
        k2 += k3
        k2 *= 2
        y = y + (h / 6) * (k1 + k2 + k4)
        for row, fall in zip(y, falls, strict=False):
            row -= fall[step]
        if lower is not None:
            y = np.maximum(y, lower)
        if upper is not None:
            y = np.minimum(y, upper)
        states[step + 1] = y
    return states


def _part(values, part, patients):
    """Return the patients of this chunk, or the values as they are if shared by all."""
    values = np.asarray(values)
    own = values.ndim > 0 and values.shape[-1] == patients
    return np.ascontiguousarray(values[..., part]) if own else values


def days_between(marks, first, last, step):
    """Return the days to integrate from ``first`` to ``last``, with all ``marks`` between them.

    Arguments: ``marks``, a list of arrays of days; ``step``, the longest step, days. Between two
    marks all steps are equal.
    """
    marks = np.concatenate([[], *marks])
    marks = np.unique([first, *marks[(marks > first) & (marks < last)], last])
    parts = [
        np.linspace(begin, end, int(np.ceil((end - begin) / step)), endpoint=False)
        for begin, end in pairwise(marks)
    ]
    return np.concatenate([*parts, [last]])


def summed(rate, times, jumps, longest=1.75):
    r"""Return the integral of a known function of time, $\int_0^t rate(s)\,ds$.

    By the three-point rule of Gauss between ``times`` and ``jumps``, so no jump is crossed.

    Arguments: ``rate``, a function of days, shape (intervals, 3), that returns that shape,
    possibly followed by others; ``times``, days from 0 on, any shape; ``jumps``, days;
    ``longest`` interval, days.
    Returns the shape of ``times``, followed by the others.
    """
    times = np.asarray(times, dtype=float)
    ends = days_between([times.ravel(), jumps], 0.0, max(times.max(), longest), longest)
    nodes, weights = np.polynomial.legendre.leggauss(3)
    half = np.diff(ends)[:, None] / 2
    values = np.asarray(rate(ends[:-1, None] + half * (1 + nodes)))
    weights = (half * weights).reshape(half.size, 3, *[1] * (values.ndim - 2))
    pieces = np.sum(values * weights, axis=1)
    so_far = np.concatenate([np.zeros((1, *pieces.shape[1:])), pieces]).cumsum(axis=0)
    return so_far[np.searchsorted(ends, times)]
