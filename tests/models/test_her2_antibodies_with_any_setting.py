"""Any setting the models of antibodies against HER2 accept: finite, possible, no warning."""

import numpy as np
import pytest
from hypothesis import given, settings

from course_lib.models.antibody_drug_conjugates import AntibodyDrugConjugate
from course_lib.models.trastuzumab import SaturableTwoCompartment
from test_every_model_with_any_setting import any_setting, seeds

pytestmark = pytest.mark.filterwarnings("error")


@settings(max_examples=50)
@given(seeds)
def test_saturable_pharmacokinetics(seed):
    """Four drugs at a time: no more antibody than was given, and never more than if linear."""
    rng = np.random.default_rng(seed)
    drug = any_setting(SaturableTwoCompartment, rng, 4)
    doses, given_on = rng.uniform(0, 2000, (3, 4)), np.sort(rng.uniform(0, 40, 3))
    days = np.sort(rng.uniform(0, 60, 20))
    found = drug.concentration(days, given_on, doses)
    linear = drug.linear().concentration(days, given_on, doses)
    assert np.all((found >= 0) & np.isfinite(found))
    assert np.all(found <= linear * 1.01 + 1e-9)
    half_lives = np.array([drug.half_life(each) for each in np.geomspace(1e-6, 1e6, 10)])
    assert np.all((half_lives > 0) & np.isfinite(half_lives))
    assert np.all(np.diff(half_lives, axis=0) >= -1e-12 * half_lives[1:])  # but for rounding


@settings(max_examples=25)
@given(seeds)
def test_conjugate(seed):
    rng = np.random.default_rng(seed)
    drug = any_setting(AntibodyDrugConjugate, rng)
    days = np.sort(rng.uniform(0, 1000, 30))
    antibody, payload = drug.in_blood(days)
    for each in (antibody, payload, drug.loose_payload(days)):
        assert np.all((each >= 0) & np.isfinite(each))
    assert np.all(payload <= drug.drug_to_antibody_ratio * antibody * (1 + 1e-12))
    assert np.all(np.diff(drug.loose_payload(days)) >= 0)
