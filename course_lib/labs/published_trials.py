"""The table of lesson 03 in which the model stands beside published trials, misses included."""

from __future__ import annotations

from course_lib.models.published_trials import Prediction, predict, scenarios
from course_lib.tables import Table

ENDPOINTS = {"pfs": "progression or death", "survival": "death"}


def table() -> Table:
    """Run every scenario and return model beside publication, a row for each endpoint.

    Takes a few seconds: about 29,000 virtual patients are followed for 44 months.
    """
    rows = tuple(_row(found) for scenario in scenarios() for found in predict(scenario))
    return Table(
        "Model and published trials. Medians in months, with and without the antibody. "
        "Hazard ratio: for the model with the range of 95 % of trials of the real size, for the "
        "publication with its 95 % confidence interval.",
        (
            "Trial, and the role it played",
            "Endpoint",
            "Median, model",
            "Median, published",
            "Hazard ratio, model",
            "Hazard ratio, published",
            "Model inside the published interval?",
        ),
        rows,
    )


def _row(found: Prediction) -> tuple:
    scenario, published, ratio = found.scenario, found.published, found.hazard_ratio
    arms = published.experimental, published.control
    medians = "not given" if None in arms else "{:.1f} and {:.1f}".format(*arms)
    return (
        (f"{scenario.name} ({scenario.role})",),
        (ENDPOINTS[found.endpoint],),
        (f"{found.medians[0]:.1f} and {found.medians[1]:.1f}",),
        (medians,),
        (f"{ratio.hazard_ratio:.2f} ({found.low:.2f} to {found.high:.2f})",),
        (f"{published.value:.2f} ({published.low:.2f} to {published.high:.2f})",),
        ("yes" if found.inside else "no: a miss",),
    )
