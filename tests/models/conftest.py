"""Hypothesis here draws the same examples every time and never looks at the clock."""

from hypothesis import HealthCheck, settings

settings.register_profile(
    "course",
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("course")
