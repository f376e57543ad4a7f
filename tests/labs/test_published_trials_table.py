"""The table of model beside publication prints what the model and the registry say."""

from course_lib import evidence
from course_lib.labs.published_trials import table
from course_lib.models.published_trials import predict, scenarios


def test_every_cell_comes_from_the_model_or_the_registry():
    rows = iter(table().rows)
    for scenario in scenarios():
        for found in predict(scenario):
            name, _, medians, published, ratio, printed, verdict = (cell[0] for cell in next(rows))
            entry = found.published
            assert scenario.name in name
            assert name == f"{scenario.name} ({scenario.role})"
            assert medians == f"{found.medians[0]:.1f} and {found.medians[1]:.1f}"
            if entry.experimental is None:
                assert published == "not given"
            else:
                assert published == f"{entry.experimental:.1f} and {entry.control:.1f}"
            assert ratio.startswith(f"{found.hazard_ratio.hazard_ratio:.2f} (")
            assert printed == f"{entry.value:.2f} ({entry.low:.2f} to {entry.high:.2f})"
            inside = entry.low <= found.hazard_ratio.hazard_ratio <= entry.high
            assert verdict == ("yes" if inside else "no: a miss")
    assert next(rows, None) is None


def test_an_open_number_is_never_printed():
    for scenario in scenarios():
        for found in predict(scenario):
            assert found.published.status != "open"
    assert evidence.get("keynote_119.pfs_cps10").status == "open"
    assert next(s for s in scenarios() if "119" in s.name).pfs is None
