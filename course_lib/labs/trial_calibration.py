"""The table of lesson 11: what the model predicted, what was published, and why it misses.

Each row says which kind of agreement it could be: none of the rows that the model was fitted
to is a test of it.
"""

from __future__ import annotations

from course_lib.labs.published_trials import ENDPOINTS
from course_lib.models.published_trials import CALIBRATED, CONTAINS, Prediction, predict, scenarios
from course_lib.tables import Table

#: What agreement or disagreement in a row can tell.
ROLES = {
    CALIBRATED: "calibration: the model was fitted to this row",
    CONTAINS: "half a test: the patients of the fit are among these",
}
TEST = "test: nothing of this trial was used for the fit"
SAME_TRIAL = "test, but in the same trial: its other patients"
#: What is known about a miss, by the beginning of the scenario's name.
WHY = {
    "KEYNOTE-119": "These patients had been treated before. The model ran them as if they had "
    "not, with a chemotherapy that kills half as fast; that may still be too strong. It also lacks "
    "effective chemotherapy after progression.",
    "IMpassion131": "The model knows one taxane only, so it must predict what it predicts for "
    "IMpassion130. Why the two trials differ is not established: the steroids given with "
    "paclitaxel, other patients and chance were proposed.",
}


def table(of=None) -> Table:
    """Run every scenario and return model beside publication, with its role and each miss.

    ``of``: a sequence of scenarios; all of them if None. All take a few seconds: about 29,000
    virtual patients are followed for 44 months.
    """
    chosen = scenarios() if of is None else of
    rows = tuple(_row(found) for scenario in chosen for found in predict(scenario))
    return Table(
        "Predicted and published. Hazard ratio: for the model with the range of 95 % of trials "
        "of the real size, for the publication with its 95 % confidence interval.",
        (
            "Trial and endpoint",
            "What this row is",
            "Hazard ratio, model",
            "Hazard ratio, published",
            "Inside the published interval?",
            "What to make of it",
        ),
        rows,
    )


def _row(found: Prediction) -> tuple:
    scenario, published, ratio = found.scenario, found.published, found.hazard_ratio
    return (
        (f"{scenario.name}, {ENDPOINTS[found.endpoint]}",),
        (_role(scenario),),
        (f"{ratio.hazard_ratio:.2f} ({found.low:.2f} to {found.high:.2f})",),
        (f"{published.value:.2f} ({published.low:.2f} to {published.high:.2f})",),
        ("yes" if found.inside else "no: a miss",),
        (_remark(found),),
    )


def _role(scenario) -> str:
    fitted = next(each.name for each in scenarios() if each.role == CALIBRATED)
    same = scenario.name.split(",")[0] == fitted.split(",")[0]
    return ROLES.get(scenario.role, SAME_TRIAL if same else TEST)


def _remark(found: Prediction) -> str:
    """Say what a row teaches: of a miss, its explanation; of agreement, how much it is worth."""
    if not found.inside:
        known = [why for name, why in WHY.items() if found.scenario.name.startswith(name)]
        return known[0] if known else "Why is not known."
    if found.scenario.role == CALIBRATED:
        return "It had to agree: this proves nothing."
    ratio, published = found.hazard_ratio.hazard_ratio, found.published
    apart, below = abs(ratio - published.value), ratio < published.value
    side = "more hopeful" if below else "less hopeful"
    hard = not published.low <= 1 <= published.high
    worth = f"A model that says 1 would have {'missed' if hard else 'agreed as well'}."
    return f"The model is {side} by {apart:.2f}. {worth}" if apart >= 0.005 else worth
