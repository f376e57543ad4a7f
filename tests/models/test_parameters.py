"""What the parameter classes accept, what they refuse, and what they say then."""

import copy
import dataclasses
import importlib
import pickle
import pkgutil

import numpy as np
import pint
import pytest
from hypothesis import given
from hypothesis import strategies as st

from course_lib import evidence, models
from course_lib.models.checkpoint_inhibitors import Pembrolizumab
from course_lib.models.chemotherapy import Chemotherapy
from course_lib.models.parameters import Parameters, checked, patients_in
from course_lib.models.patient import Patient, simulate
from course_lib.models.pharmacokinetics import TwoCompartment

UNITS = pint.UnitRegistry()
UNITS.define("cells = [cells]")
CLASSES = (Pembrolizumab, Chemotherapy, Patient)
FIELDS = [(cls, each) for cls in CLASSES for each in dataclasses.fields(cls)]
FIELD_NAMES = [f"{cls.__name__}.{each.name}" for cls, each in FIELDS]
# Doses must fit into a cycle: what else to change, so that a field may take its whole range
ALONG = {
    "cycle": {"doses_per_cycle": 1},
    "doses_per_cycle": {"days_between_doses": 1},
    "days_between_doses": {"doses_per_cycle": 1},
}
each_field = pytest.mark.parametrize(("cls", "each"), FIELDS, ids=FIELD_NAMES)


def below(cls):
    """Yield the classes of the models that are made of this one."""
    for each in cls.__subclasses__():
        if each.__module__.startswith(models.__name__):
            yield each
        yield from below(each)


for module in pkgutil.iter_modules(models.__path__):
    importlib.import_module(f"{models.__name__}.{module.name}")
#: The fields of every model that have a default.
EVERY = [
    pytest.param(cls, each, id=f"{cls.__name__}.{each.name}")
    for cls in below(Parameters)
    for each in dataclasses.fields(cls)
    if each.metadata["key"]
]
every_field = pytest.mark.parametrize(("cls", "each"), EVERY)


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda: Pembrolizumab(dose=-5), "dose must be between 0 and 2000 mg, you gave -5."),
        (
            lambda: Pembrolizumab(weight=float("nan")),
            "weight must be between 20 and 300 kg, you gave NaN, which is not a number.",
        ),
        (
            lambda: Pembrolizumab(number_of_doses=3.5),
            "number_of_doses must be a whole number between 1 and 200, you gave 3.5.",
        ),
        (
            lambda: Pembrolizumab(interval=0),
            "interval must be one number between 1 and 365 days, you gave 0.",
        ),
        (
            lambda: Pembrolizumab(dose=[200, -1]),
            "dose must be between 0 and 2000 mg, you gave -1 for patient 1 (counted from 0).",
        ),
        (
            lambda: Pembrolizumab(dose=[200, 100], weight=[60, 70, 80]),
            "dose has 2 values and weight has 3: give one value, or one per patient.",
        ),
        (
            lambda: simulate(Patient(cps=[1, 2, 3]), [Pembrolizumab(dose=[1, 2])]),
            "dose has 2 values and cps has 3: give one value, or one per patient.",
        ),
        (
            lambda: simulate(Patient(), [Pembrolizumab(dose=[1, 2]), Pembrolizumab([1, 2, 3])]),
            "dose has 2 values and dose of therapy 2 has 3: give one value, or one per patient.",
        ),
        (
            lambda: simulate(Patient(cps=[1, 2, 3]), stop=[5, 6]),
            "stop has 2 values and cps has 3: give one value, or one per patient.",
        ),
        (
            lambda: simulate(Patient(), stop=-1),
            "stop must be between 0 and inf days, you gave -1.",
        ),
        (
            lambda: simulate(Patient(), chunk=0),
            "chunk must be a whole number between 1 and 1e+06 patients, you gave 0.",
        ),
        (
            lambda: simulate(Patient(), days=0),
            "days must be one number between 1 and 3650 days, you gave 0.",
        ),
        (
            lambda: simulate(Patient(), step=7),
            "step must be one number between 0.01 and 3.5 days, you gave 7.",
        ),
    ],
)
def test_a_wrong_value_gets_one_clear_sentence(call, sentence):
    with pytest.raises(ValueError, match=r"you gave|values and") as refused:
        call()
    assert str(refused.value) == sentence


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (
            lambda: Pembrolizumab(dos=200),
            "Pembrolizumab has no setting 'dos'. Did you mean 'dose'? Its settings are dose, "
            "interval, number_of_doses, weight, functional_ic50, binding_kd, molar_mass.",
        ),
        (
            lambda: Pembrolizumab(200, 21, 35, 70, 1, 1, 1, 1),
            "Pembrolizumab takes at most 7 values, you gave 8.",
        ),
        (lambda: Pembrolizumab(dose="200"), "dose must be between 0 and 2000 mg, you gave '200'."),
        (lambda: Pembrolizumab(dose=None), "dose must be between 0 and 2000 mg, you gave None."),
        (lambda: Pembrolizumab(dose=True), "dose must be between 0 and 2000 mg, you gave True."),
        (
            lambda: Pembrolizumab(interval=[21, 42]),
            "interval must be one number between 1 and 365 days, you gave [21, 42].",
        ),
        (
            lambda: Pembrolizumab(dose=[[200]]),
            "dose must be between 0 and 2000 mg, as one number or one per patient, "
            "you gave [[200]].",
        ),
        (
            lambda: Pembrolizumab(dose=[1, [2, 3]]),
            "dose must be between 0 and 2000 mg, as one number or one per patient, "
            "you gave [1, [2, 3]].",
        ),
        (
            lambda: simulate(Patient(), 200),
            "therapies must be a list of therapies, such as [Pembrolizumab(dose=200)], "
            "you gave 200.",
        ),
        (
            lambda: simulate(Patient(), [200]),
            "therapies must be a list of therapies, such as [Pembrolizumab(dose=200)], "
            "you gave 200 in it.",
        ),
        (
            lambda: simulate(Patient(), [Pembrolizumab]),
            "therapies must be a list of therapies, such as [Pembrolizumab(dose=200)], "
            "you gave <class 'course_lib.models.checkpoint_inhibitors.Pembrolizumab'> in it.",
        ),
        (
            lambda: simulate("a patient"),
            "patient must be a Patient, such as Patient(cps=20), you gave 'a patient'.",
        ),
        (
            lambda: simulate(Patient(), stop="5"),
            "stop must be between 0 and inf days, you gave '5'.",
        ),
    ],
)
def test_a_wrong_kind_of_thing_gets_one_clear_sentence(call, sentence):
    with pytest.raises(TypeError) as refused:
        call()
    assert str(refused.value) == sentence


def test_an_unknown_name_is_refused_with_the_nearest_known_one():
    with pytest.raises(TypeError, match=r"Patient has no setting 'infiltrations'. Did you mean"):
        Patient(infiltrations=2)
    with pytest.raises(TypeError, match=r"has no setting 'zzz'. Its settings are clearance"):
        TwoCompartment(zzz=1)


@every_field
def test_every_field_has_its_default_from_evidence(cls, each):
    assert getattr(cls(), each.name) == evidence.get(each.metadata["key"]).value


@every_field
def test_every_field_refuses_what_is_no_number(cls, each):
    several = [[1.0]] if each.metadata["scalar"] or each.metadata["whole"] else [[], [[1.0]]]
    for wrong in ("1", b"1", None, False, *several):
        with pytest.raises(TypeError, match=rf"^{each.name} must be .*between .*, you gave "):
            cls(**{each.name: wrong})


@every_field
def test_every_field_refuses_what_lies_outside_its_domain(cls, each):
    low, high = each.metadata["low"], each.metadata["high"]
    for wrong in (low - 1e-3 * (1 + abs(low)), high * 1.001 + 1, np.nan, np.inf, -np.inf):
        with pytest.raises(ValueError, match=rf"^{each.name} must be .*between .*, you gave "):
            cls(**{each.name: wrong})
        if not (each.metadata["scalar"] or each.metadata["whole"]):
            with pytest.raises(ValueError, match=r"for patient 2 \(counted from 0\)\.$"):
                cls(**{each.name: [low, high, wrong]})


@each_field
def test_every_field_accepts_the_edges_of_its_domain(cls, each):
    for edge in (each.metadata["low"], each.metadata["high"]):
        assert getattr(cls(**ALONG.get(each.name, {}) | {each.name: edge}), each.name) == edge


@each_field
def test_every_field_has_a_range_and_unit_that_fit_evidence(cls, each):
    quantity = evidence.get(each.metadata["key"])
    if quantity.low is not None:
        assert each.metadata["low"] <= quantity.low <= quantity.high <= each.metadata["high"]
    ours = each.metadata["unit"]
    if ours == quantity.unit:
        return
    if ours:
        theirs, ours = (unit.replace("mm3", "mm**3") for unit in (quantity.unit, ours))
        assert UNITS.Quantity(1, theirs).to(ours).magnitude == pytest.approx(1)
    else:
        assert not quantity.unit.startswith(("mg", "day", "1/", "kg", "mm"))


@each_field
@given(value=st.floats())
def test_any_float_is_either_kept_or_refused_by_name(cls, each, value):
    low, high, whole = (each.metadata[name] for name in ("low", "high", "whole"))
    if low <= value <= high and (not whole or value == int(value)):
        along = ALONG.get(each.name, {})
        assert getattr(cls(**along | {each.name: value}), each.name) == value
    else:
        with pytest.raises(ValueError, match=each.name):
            cls(**{each.name: value})


@given(st.one_of(st.text(), st.none(), st.booleans(), st.binary(), st.complex_numbers()))
def test_things_that_are_not_numbers_are_refused(thing):
    with pytest.raises(TypeError, match="cps must be between 0 and 100"):
        Patient(cps=thing)


@given(st.lists(st.floats(0, 100), min_size=1, max_size=6))
def test_lists_become_read_only_arrays(values):
    kept = Patient(cps=values).cps
    assert kept.tolist() == values
    assert not kept.flags.writeable


def test_a_callers_array_is_copied():
    mine = np.array([1.0, 2.0])
    patient = Patient(cps=mine)
    mine[0] = 99
    assert patient.cps[0] == 1.0


def test_parameters_are_frozen_and_can_be_copied_compared_and_stored():
    drug = Pembrolizumab(dose=400)
    with pytest.raises(dataclasses.FrozenInstanceError):
        drug.dose = 3
    assert drug == Pembrolizumab(dose=400) != Pembrolizumab()
    assert dataclasses.replace(drug, dose=200) == Pembrolizumab()
    assert copy.deepcopy(drug) == drug == pickle.loads(pickle.dumps(drug))
    assert hash(drug) == hash(Pembrolizumab(dose=400))


def test_numpy_scalars_are_numbers():
    assert checked("x", np.float32(0.5), 0, 1) == 0.5
    assert checked("x", np.array(3), 0, 5, whole=True) == 3
    assert patients_in(a=1.0, b=np.ones(1), c=np.ones(4)) == 4
