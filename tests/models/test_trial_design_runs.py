"""The large run of a designed trial: block by block, on demand, and towards the same truth."""

from dataclasses import fields
from itertools import islice

import numpy as np
import pytest

from course_lib.models import trial_design
from course_lib.models.survival import cox
from course_lib.models.trial_design import (
    Design,
    HypotheticalDrug,
    Population,
    Result,
    everybody,
    stream,
)
from course_lib.models.virtual_trial import BLOCK


@pytest.fixture(scope="module")
def population():
    return Population.drawn(2048, [7, 0])


def ratio(result, endpoint="pfs"):
    return cox(*result.endpoint(endpoint), result.experimental)


def assert_same(one, other):
    for each in fields(Result):
        assert np.array_equal(getattr(one, each.name), getattr(other, each.name)), each.name


def test_a_large_run_comes_in_blocks_and_nothing_runs_unasked(monkeypatch):
    begun = []
    real = trial_design._block

    def watched(design, count, seed):
        begun.append((count, seed))
        return real(design, count, seed)

    monkeypatch.setattr(trial_design, "_block", watched)
    blocks = stream(Design(), 2 * BLOCK + 1, seed=4)
    assert begun == []
    first = next(blocks)
    assert begun == [(BLOCK, [4, 0])]
    rest = list(blocks)
    assert begun == [(BLOCK, [4, 0]), (BLOCK, [4, 1]), (1, [4, 2])]
    assert [part.pfs.size for part in (first, *rest)] == [BLOCK, BLOCK, 1]
    assert first.experimental.sum() == BLOCK // 2
    assert_same(first, next(stream(Design(), BLOCK, seed=4)))
    assert not np.array_equal(first.pfs, rest[0].pfs)


@pytest.mark.parametrize(
    ("design", "endpoint"),
    [
        (Design(HypotheticalDrug(0.6, 10), cps_from=10), "pfs"),
        (Design("combination", cps_from=10), "pfs"),
        (Design("combination", cps_from=10, crossover=60), "survival"),
    ],
)
def test_a_large_run_finds_the_truth_of_the_known_patients(population, design, endpoint):
    large = Result.joined(islice(stream(design, 3 * BLOCK), 3))
    assert large.pfs.size == 2 * large.experimental.sum() == 3 * BLOCK
    arms = design.experimental(population), design.control(population, np.random.default_rng(1))
    truth, found = ratio(everybody(*arms, 24), endpoint), ratio(large, endpoint)
    apart = np.log(found.hazard_ratio / truth.hazard_ratio)
    error = np.hypot(found.log_standard_error, truth.log_standard_error)
    assert abs(apart) < 4 * error


def test_a_large_run_refuses_what_makes_no_sense():
    with pytest.raises(TypeError, match=r"^design must be a Design, you gave 'trial'\.$"):
        stream("trial", 10)
    for wrong in (1, -5, 10.5, np.nan, 1e9):
        with pytest.raises(ValueError, match=r"^patients must be a whole number .*, you gave "):
            stream(Design(), wrong)
    for name in ("patients", "seed"):
        for wrong in ("10", None, True, [10]):
            with pytest.raises(TypeError, match=rf"^{name} must be a whole number .*, you gave "):
                stream(Design(), **{"patients": 10} | {name: wrong})
