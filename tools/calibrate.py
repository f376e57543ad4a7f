"""Fit the virtual patient to one published trial, and say how well it fits.

    .venv/bin/python tools/calibrate.py [--seed N] [--patients N]

Three numbers are fitted, by Nelder-Mead on their logarithms, to the two arms of KEYNOTE-355
with CPS ≥ 10, and to nothing else: ``patient.resistant_fraction``,
``checkpoint_model.t_cell_supply`` and ``outcome.death_hazard``. Medians and hazard ratios alone
leave the resistant fraction open (it trades off against the T cells), so the two response
rates, recalled and not read, join with little weight. The kill rate of chemotherapy and growth
after progression stay open even then: both are fixed at what a first fit gave. The same patients
are treated in both arms. The fitted values, rounded, are written into ``assets/evidence`` as
``calibrated``: the set between the fits of several seeds that loses least on fresh ones. A test
repeats the comparison with what stands there, with another seed.
"""

import argparse
import dataclasses

import numpy as np
from scipy.optimize import minimize

from course_lib import evidence
from course_lib.models.checkpoint_inhibitors import Pembrolizumab
from course_lib.models.chemotherapy import Chemotherapy
from course_lib.models.cohort import Cohort
from course_lib.models.survival import cox, kaplan_meier
from course_lib.models.virtual_trial import DAYS_PER_MONTH, Fate, Outcome, Trial, run

FITTED = {
    "patient.resistant_fraction": "resistant fraction, median",
    "checkpoint_model.t_cell_supply": "T cells per tumour cell",
    "outcome.death_hazard": "risk of death, 1/day",
}
#: Weight of each target in the sum of squares; a miss of 5 % costs its weight.
WEIGHTS = {"pfs": (1.5, 2.5, 1.0), "survival": (1.0, 1.0, 0.7), "response": (0.3, 0.3)}
TARGETS = {
    "pfs": "keynote_355.pfs_cps10",
    "survival": "keynote_355.os_cps10",
    "response": "keynote_355.response_cps10",
}
NAMES = ("control", "experimental", "hazard ratio")


def both_arms(values, seed, patients):
    """Return one ``Outcome`` in which every virtual patient appears in both arms."""
    resistant, supply, hazard = values
    trial = Trial(
        experimental=[Pembrolizumab(), Chemotherapy()],
        control=[Chemotherapy()],
        cohort=Cohort(resistant_fraction=resistant, t_cell_supply=supply, cps_from=10),
        fate=Fate(death_hazard=hazard),
        seed=seed,
    )
    return Outcome.joined(
        run(dataclasses.replace(trial, experimental_share=share), patients) for share in (1, 0)
    )


def smooth_median(times, events):
    """Return a median that moves evenly, in months: where the middles of the steps cross half.

    Progression is seen at scans only, so a plain median jumps from scan to scan and gives a
    search nothing to descend.
    """
    curve = kaplan_meier(times, events)
    middles = (curve.survival[:-1] + curve.survival[1:]) / 2
    return np.interp(-0.5, -middles, curve.times[1:]) / DAYS_PER_MONTH


def summary(outcome, endpoint, median=smooth_median):
    """Return control, experimental and hazard ratio: medians in months, or responses in percent.

    Responses have no hazard ratio.
    """
    if endpoint == "response":
        return tuple(
            100 * outcome.responded[outcome.experimental == arm].mean() for arm in (False, True)
        )
    times, events = outcome.endpoint(endpoint)
    arm = outcome.experimental
    medians = [median(times[who], events[who]) for who in (~arm, arm)]
    return (*medians, cox(times, events, arm).hazard_ratio)


def published(endpoint):
    """Return what the trial reported, in the same order."""
    entry = evidence.get(TARGETS[endpoint])
    both = entry.control, entry.experimental
    return both if endpoint == "response" else (*both, entry.value)


def loss(logs, seed, patients):
    """Return the weighted squares of ln(model / published) in units of 5 %."""
    outcome = both_arms(np.exp(logs), seed, patients)
    return sum(
        weight * (np.log(ours / theirs) / 0.05) ** 2
        for endpoint, weights in WEIGHTS.items()
        for weight, ours, theirs in zip(
            weights, summary(outcome, endpoint), published(endpoint), strict=True
        )
    )


def plain_median(times, events):
    return kaplan_meier(times, events).median() / DAYS_PER_MONTH


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--seed", type=int, default=20261121)
    parser.add_argument("--patients", type=int, default=2048, help="in each arm (default: 2048)")
    options = parser.parse_args()
    start = np.log([evidence.get(key).value for key in FITTED])
    count = 0

    def told(logs):
        nonlocal count
        count += 1
        value = loss(logs, options.seed, options.patients)
        print(f"\r{count} evaluations, loss {value:8.2f}", end="", flush=True)
        return value

    found = minimize(told, start, method="Nelder-Mead", options={"maxfev": 120, "fatol": 0.01})
    print("\n\nfitted value                                   in evidence     now")
    for (key, label), old, new in zip(FITTED.items(), start, found.x, strict=True):
        print(f"  {label:36} {np.exp(old):14.4g} {np.exp(new):10.4g}   {key}")
    print("\nmodel with these values, on other patients              model   published")
    outcome = both_arms(np.exp(found.x), options.seed + 1, 4 * options.patients)
    for endpoint in TARGETS:
        ours = summary(outcome, endpoint, plain_median)
        for name, our, their in zip(NAMES, ours, published(endpoint), strict=False):
            print(f"  {endpoint:9} {name:36} {our:12.2f} {their:10.2f}")


if __name__ == "__main__":
    main()
