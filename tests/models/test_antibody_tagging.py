"""Tags and killing, against mass action, other solvers, limits and published anchors."""

import dataclasses

import antimony
import numpy as np
import pytest
import roadrunner
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import brentq

from course_lib import evidence
from course_lib.models.antibody_tagging import Antibody, Effectors, amount, killing

pytestmark = pytest.mark.filterwarnings("error")

# Typed in once more, so that a default changed by mistake fails here.
LOCAL = 0.01 * 1e9 / (6.02214076e23 * 4 * np.pi * 9**2 * 1e-12 * 10e-9 * 1e3)  # nM for one receptor
ASSUMED = {
    "antibody_tagging.concentration": 1,
    "antibody_tagging.kd": 1,
    "antibody_tagging.arms": 2,
    "antibody_tagging.usual_fc_gain": 1,
    "antibody_tagging.receptors": 500_000,
    "antibody_tagging.healthy_receptors": 20_000,
    "antibody_tagging.cell_radius": 9,
    "antibody_tagging.layer": 10,
    "antibody_tagging.reach": 0.01,
    "her2_binding.trastuzumab_kd": 0.1,
    "antibody_tagging.nk_cells": 2,
    "antibody_tagging.v_alleles": 1,
    "antibody_tagging.macrophages": 0,
    "antibody_tagging.complement_regulators": 0.95,
    "antibody_tagging.hits_per_nk_cell": 1,
    "antibody_tagging.hits_per_macrophage": 0.5,
    "antibody_tagging.nk_half_tags": 25_000,
    "antibody_tagging.macrophage_half_tags": 50_000,
    "antibody_tagging.complement_half_tags": 100_000,
    "antibody_tagging.clustering": 2,
    "fc_receptor.v158_kd": 500,
    "fc_receptor.f158_kd": 855,
    "fc_receptor.low_fucose_gain": 2.35,
    "fc_receptor.f158_frequency": 0.57,
    "fc_receptor.v158_frequency": 0.43,
    "her2_copies.bt474": 499_795,
    "her2_copies.mda_mb_361": 212_456,
    "her2_copies.bt20": 64_386,
    "her2_copies.zr75_1": 63_708,
    "her2_copies.t47d": 32_303,
    "her2_copies.a431": 27_343,
    "her2_copies.mda_mb_231": 11_250,
    "her2_copies.mda_mb_468": 10_567,
    "her2_copies.mda_mb_435": 2_421,
}
CASES = [  # concentration, kd, receptors
    (100, 1, 5e5),
    (100, 1000, 5e5),
    (10, 1000, 2e4),
    (0.001, 0.01, 3e6),
    (1e4, 1e4, 1e3),
    (1e4, 0.01, 1e3),
]
amounts = st.floats(-3, 4).map(lambda power: 10**power)
copies = st.floats(0, 3e6)


@pytest.mark.parametrize("key", ASSUMED)
def test_a_number_of_the_registry_is_what_was_decided(key):
    assert evidence.get(key).value == ASSUMED[key]


# ---- binding --------------------------------------------------------------------------


@pytest.mark.parametrize("case", CASES)
def test_two_arms_against_a_root_found_by_scipy(case):
    """The receptors add up: the one free number left is found by bisection."""
    concentration, kd, receptors = case

    def missing(free):
        one = 2 * concentration * free / kd
        two = (LOCAL / kd) * one * free / 2
        return free + one + 2 * two - receptors

    free = brentq(missing, 0, receptors, xtol=1e-12, rtol=8.9e-16)
    held = Antibody(kd=kd).bound(concentration, receptors)
    assert held.free == pytest.approx(free, rel=1e-9)
    assert held.one_arm == pytest.approx(2 * concentration * free / kd, rel=1e-9)
    assert held.two_arms == pytest.approx(LOCAL * concentration * (free / kd) ** 2, rel=1e-9)


@pytest.mark.parametrize("case", CASES[:3])
def test_two_arms_against_the_steady_state_of_libroadrunner(case):
    """The same reactions with rates: 2 kon and koff, then kx and 2 koff."""
    concentration, kd, receptors = case
    antimony.clearPreviousLoads()
    text = f"""
    L := {concentration}; kon = 1; koff = {kd}; kx = {LOCAL};
    J1: R -> LR; 2*kon*L*R - koff*LR;
    J2: LR + R -> LR2; kx*LR*R - 2*koff*LR2;
    R = {receptors}; LR = 0; LR2 = 0;
    """
    assert antimony.loadAntimonyString(text) >= 0, antimony.getLastError()
    model = roadrunner.RoadRunner(antimony.getSBMLString())
    model.integrator.relative_tolerance = 1e-11
    model.integrator.absolute_tolerance = 1e-7
    end = model.simulate(0, 1e6 / kd, 2, ["[R]", "[LR]", "[LR2]"])[-1]
    held = Antibody(kd=kd).bound(concentration, receptors)
    np.testing.assert_allclose((held.free, held.one_arm, held.two_arms), end, rtol=1e-6)


@given(amounts, amounts, copies, st.integers(1, 2))
def test_receptors_are_conserved(concentration, kd, receptors, arms):
    held = Antibody(kd=kd, arms=arms).bound(concentration, receptors)
    assert held.one_arm + 2 * held.two_arms + held.free == pytest.approx(receptors, rel=1e-12)
    taken = (held.one_arm + 2 * held.two_arms) / receptors if receptors else 0
    assert held.blocked == pytest.approx(taken, rel=1e-12)
    assert 0 <= held.blocked <= 1 + 1e-12
    assert min(held) >= 0


@given(amounts, amounts, copies)
def test_one_arm_is_occupancy(concentration, kd, receptors):
    held = Antibody(kd=kd, arms=1).bound(concentration, receptors)
    assert held.tags == pytest.approx(receptors * concentration / (concentration + kd), rel=1e-12)
    assert held.two_arms == 0


@given(amounts, amounts, copies)
def test_two_arms_without_a_second_grip_are_two_chances_for_the_first(concentration, kd, receptors):
    far = Antibody(kd=kd, reach=0)
    held = far.bound(concentration, receptors)
    single = receptors * concentration / (concentration + kd / 2)
    assert held.tags == pytest.approx(single, rel=1e-12)
    assert held.two_arms == 0


def test_one_receptor_counts_as_its_share_of_the_layer():
    """A layer of 100 nm on a radius of 90 µm is a thousand times the volume."""
    assert Antibody().local_concentration() == pytest.approx(LOCAL, rel=1e-12)
    large = Antibody(layer=100, cell_radius=90, reach=1)
    assert large.local_concentration() == pytest.approx(LOCAL / 1000 * 100, rel=1e-12)


def test_limits_of_binding():
    drug = Antibody()
    assert drug.bound(0, 5e5) == (0, 0, 5e5)
    assert drug.bound(100, 0) == (0, 0, 0)
    assert drug.bound(100, 0).blocked == 0
    flooded = drug.bound(1e12, 5e5)  # every receptor has an antibody of its own
    assert flooded.tags == pytest.approx(5e5, rel=1e-5)
    tight = Antibody(kd=1e-5).bound(1e-4, 5e5)  # two arms share them in pairs
    assert tight.tags == pytest.approx(2.5e5, rel=1e-3)
    assert drug.bound([1, 2, 3], [[1e4], [1e5]]).tags.shape == (2, 3)


def test_a_second_arm_selects_cells_with_many_receptors():
    """A weak grip holds on where the next receptor is near: the ratio of tags grows."""
    one, two = (Antibody(kd=50, arms=arms).bound(1, [2e4, 5e5]).tags for arms in (1, 2))
    assert one[1] / one[0] == pytest.approx(25, rel=1e-12)
    assert two[1] / two[0] > 80
    assert two[1] > 5 * one[1]


def test_quasi_equilibrium_of_biomodels_765_without_loss_is_occupancy():
    """Mager 2005, BIOMD0000000765, all rates of loss set to 0, run to its steady state.

    Run once with libroadrunner 2.10.0: C 4000, R 53, kon 0.1, koff 0.1 gave the numbers below.
    """
    free, left, held = 3947.01342447311, 0.013424473096130202, 52.986575526904
    bound = Antibody(kd=0.1 / 0.1, arms=1).bound(free, 53)
    assert bound.tags == pytest.approx(held, rel=1e-9)
    assert bound.free == pytest.approx(left, rel=1e-6)


def slope(values):
    return np.sign(np.diff(values))


@pytest.mark.parametrize("arms", [1, 2])
@pytest.mark.parametrize("receptors", [1e3, 2e4, 3e6])
def test_directions_of_binding(arms, receptors):
    ladder = np.logspace(-3, 4, 60)
    for kd in (0.01, 1, 1e4):
        drug = Antibody(kd=kd, arms=arms)
        assert np.all(slope(drug.bound(ladder, receptors).tags) >= 0)
        assert np.all(slope(drug.bound(10, np.linspace(1e3, 3e6, 60)).tags) > 0)
    assert np.all(slope(Antibody(kd=ladder, arms=arms).bound(10, receptors).tags) <= 0)
    # A larger layer: the second arm finds less in it. A longer reach: more.
    for field, sign in (("layer", -1), ("cell_radius", -1), ("reach", 1)):
        values = getattr(Antibody(), field) * np.linspace(0.5, 2, 9)
        held = Antibody(kd=1000, **{field: values}).bound(10, receptors)
        assert np.all(slope(held.two_arms) == sign)


# ---- killing --------------------------------------------------------------------------


def share(tags, half, exponent=2):
    return tags**exponent / (tags**exponent + half**exponent)


def test_killing_by_hand():
    tags = np.array([0, 1e3, 2e4, 2.6e5])
    effectors = Effectors(macrophages=3)
    mean = (1 + 500 / 855) / 2
    adcc = 1 - np.exp(-2 * share(1.5 * mean * tags, 2.5e4))
    adcp = 1 - np.exp(-3 * 0.5 * share(tags, 5e4))
    cdc = 0.05 * share(tags, 1e5)
    np.testing.assert_allclose(effectors.adcc(tags, 1.5), adcc, rtol=1e-12)
    np.testing.assert_allclose(effectors.adcp(tags), adcp, rtol=1e-12)
    np.testing.assert_allclose(effectors.cdc(tags), cdc, rtol=1e-12)
    one_arm = Antibody(arms=1, fc_gain=1.5)
    told = killing(one_arm, effectors, 1e9, tags)  # so much antibody that tags are receptors
    np.testing.assert_allclose(told.tags, tags, rtol=1e-8)
    np.testing.assert_allclose(
        told.killed, 1 - (1 - adcc) * (1 - adcp) * (1 - cdc), rtol=1e-8, atol=1e-15
    )
    np.testing.assert_allclose(told.blocked, [0, 1, 1, 1], rtol=1e-8)


def test_limits_of_killing():
    nobody = Effectors(nk_cells=0, complement_regulators=1)
    told = killing(Antibody(), nobody, 100, 5e5)
    assert told.killed == 0
    assert told.blocked > 0.99  # the signal stops although nothing dies
    for concentration, receptors in ((0, 5e5), (100, 0)):
        told = killing(Antibody(), Effectors(macrophages=5), concentration, receptors)
        assert told.killed == told.tags == told.blocked == 0
    # However many tags, two NK cells kill no more than their hits allow.
    assert Effectors().adcc(1e12) == pytest.approx(1 - np.exp(-2), rel=1e-9)
    assert Effectors(nk_cells=1000).adcc(1e12) == 1
    assert Effectors(complement_regulators=0).cdc(1e12) == pytest.approx(1, rel=1e-9)


def test_alleles_come_from_one_assay():
    affinities = [Effectors(v_alleles=alleles).fc_affinity() for alleles in (0, 1, 2)]
    np.testing.assert_allclose(affinities, [500 / 855, (1 + 500 / 855) / 2, 1], rtol=1e-12)


def test_nk_cells_tell_t47d_from_mda_mb_468_at_least_in_part():
    """Collins 2012 saw killing of T47D and none of MDA-MB-468; the assumption leans that way.

    Trastuzumab at 13.7 nM, 2 mg/L, with copies of HER2 as measured by Larson 2010.
    """
    killed = killing(Antibody(kd=0.1), Effectors(), 13.7, np.array([32303.0, 10567.0])).adcc
    assert killed[0] > 0.4
    assert killed[1] < 0.15


def everything(kd=1, arms=2, fc_gain=1.0, concentration=100, receptors=3e4, **effectors):
    effectors = {"macrophages": 1} | effectors
    return killing(
        Antibody(kd=kd, arms=arms, fc_gain=fc_gain),
        Effectors(**effectors),
        concentration,
        receptors,
    )


RISING = {
    "concentration": np.logspace(-3, 4, 30),
    "receptors": np.logspace(3, np.log10(3e6), 30),
    "fc_gain": np.linspace(0.5, 10, 30),
    "nk_cells": np.linspace(0, 10, 30),
    "macrophages": np.linspace(0, 5, 30),
    "hits_per_nk_cell": np.linspace(0, 5, 30),
    "hits_per_macrophage": np.linspace(0, 5, 30),
}
FALLING = {
    "complement_regulators": np.linspace(0, 1, 30),
    "nk_half_tags": np.logspace(3, 6, 30),
    "macrophage_half_tags": np.logspace(3, 6, 30),
    "complement_half_tags": np.logspace(3, 6, 30),
}


@pytest.mark.parametrize("kd", [0.01, 10, 1e3])
@pytest.mark.parametrize("name", RISING | FALLING)
def test_directions_of_killing(name, kd):
    values = (RISING | FALLING)[name]
    killed = everything(kd=kd, **{name: values}).killed
    steps = slope(killed)
    assert np.all(steps >= 0 if name in RISING else steps <= 0)
    assert killed.min() < killed.max()


def test_more_of_a_tight_grip_and_of_v_alleles_kill_more():
    assert np.all(slope(everything(kd=np.logspace(-2, 4, 30)).killed) < 0)
    killed = [everything(v_alleles=alleles).killed for alleles in (0, 1, 2)]
    assert killed[0] < killed[1] < killed[2]


def test_clustering_counts_more_above_the_half_and_less_below():
    exponents = np.linspace(1, 5, 20)
    assert np.all(slope(Effectors(clustering=exponents).cdc(2e5)) > 0)
    assert np.all(slope(Effectors(clustering=exponents).cdc(5e4)) < 0)
    np.testing.assert_allclose(Effectors(clustering=exponents).cdc(1e5), 0.025, rtol=1e-12)


@pytest.mark.parametrize("cls", [Antibody, Effectors])
def test_every_default_reaches_a_result(cls, monkeypatch):
    """A default changed by 10 % (a whole one by 1) changes what is computed."""
    get = evidence.get

    def told():
        # Half saturated everywhere, so that nothing hides behind a plateau.
        drug, effectors = Antibody(), Effectors()
        seen = drug.bound(100, 3e4), Antibody(kd=500).bound(30, 3e4)
        tags = drug.bound(100, 3e4).tags
        parts = (
            effectors.adcc(tags, drug.fc_gain),
            effectors.adcp(tags),
            Effectors(macrophages=1).adcp(tags),
            effectors.cdc(tags),
        )
        return np.array([*np.ravel(seen), *parts], dtype=float)

    before = told()
    for each in dataclasses.fields(cls):
        key = each.metadata["key"]

        def changed(asked, key=key, whole=each.metadata["whole"]):
            quantity = get(asked)
            if asked != key:
                return quantity
            moved = quantity.value - 1 if whole else quantity.value * 0.9 or 1e-3
            return dataclasses.replace(quantity, value=moved, low=None, high=None)

        monkeypatch.setattr(evidence, "get", changed)
        assert not np.allclose(told(), before, rtol=1e-6), each.name
        monkeypatch.setattr(evidence, "get", get)


# ---- refusals -------------------------------------------------------------------------


@pytest.mark.parametrize("bad", [-1, np.nan, np.inf, "3", True, None, [1, np.nan], [[1], [2, 3]]])
@pytest.mark.parametrize(
    ("name", "call"),
    [
        ("concentration", lambda bad: Antibody().bound(bad, 1e4)),
        ("receptors", lambda bad: Antibody(arms=1).bound(1, bad)),
        ("receptors", lambda bad: killing(Antibody(), Effectors(), 1, bad)),
        ("tags", lambda bad: Effectors().adcc(bad)),
        ("tags", lambda bad: Effectors().adcp(bad)),
        ("tags", lambda bad: Effectors().cdc(bad)),
        ("fc_gain", lambda bad: Effectors().adcc(1, bad)),
    ],
)
def test_an_impossible_amount_is_refused_by_name(name, call, bad):
    with pytest.raises(ValueError, match=f"{name} must be a finite number at least 0, you gave"):
        call(bad)


def test_an_amount_that_must_be_positive_says_so():
    with pytest.raises(ValueError, match="kd must be a finite number above 0, you gave 0"):
        amount("kd", 0, positive=True)
    assert amount("kd", 3, positive=True) == 3


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: Antibody(kd=0), "kd must be between 1e-06 and 1e"),
        (lambda: Antibody(arms=3), "arms must be a whole number between 1 and 2, you gave 3"),
        (lambda: Antibody(layer=np.nan), "layer must be between"),
        (lambda: Effectors(v_alleles=1.5), "v_alleles must be a whole number between 0 and 2"),
        (lambda: Effectors(nk_cells=-1), "nk_cells must be between 0 and 1000, you gave -1"),
        (lambda: Effectors(complement_regulators=1.1), "complement_regulators must be between"),
    ],
)
def test_an_impossible_setting_is_refused_by_name(call, words):
    with pytest.raises(ValueError, match=words):
        call()


def test_an_unknown_setting_names_the_nearest():
    with pytest.raises(TypeError, match="Did you mean 'nk_cells'"):
        Effectors(nkcells=1)
