"""Every lab of the course, for tests and benchmarks: which there are, and settings to try."""

import importlib
import itertools
import pkgutil

import numpy as np

from course_lib import labs
from course_lib.labs.spec import Choice, LabSpec


def modules():
    """Return the modules of all labs that are declared by a ``SPEC``."""
    found = [
        importlib.import_module(f"{labs.__name__}.{each.name}")
        for each in pkgutil.iter_modules(labs.__path__)
    ]
    return [module for module in found if isinstance(getattr(module, "SPEC", None), LabSpec)]


def ends(control):
    """Return the ends of a slider, or all options of a menu."""
    if isinstance(control, Choice):
        return [name for name, _ in control.options]
    return [control.quantity.low, control.quantity.high]


#: How many corners and random settings a test tries; a lab that redraws on release gets fewer,
#: because its view takes long.
CORNERS, RANDOM, FEW = 1024, 500, 40


def corners(spec):
    """Return every corner of the controls; if there are very many, some, drawn at random."""
    most = CORNERS if spec.continuous else FEW
    found = itertools.product(*(ends(control) for control in spec.controls))
    found = [dict(zip(spec.defaults, corner, strict=True)) for corner in found]
    if len(found) > most:
        picked = np.random.default_rng(1).choice(len(found), most, replace=False)
        found = [found[index] for index in picked]
    return found


def anywhere(spec, seed=20261121):
    """Yield random settings, drawn where the sliders can stand."""
    random = np.random.default_rng(seed)
    for _ in range(RANDOM if spec.continuous else FEW):
        yield _drawn(spec, random)


def _drawn(spec, random):
    """Return one random setting."""
    settings = {}
    for control in spec.controls:
        if isinstance(control, Choice):
            settings[control.name] = str(random.choice(ends(control)))
            continue
        low, high = ends(control)
        value = 10 ** random.uniform(*np.log10([low, high])) if control.log else None
        settings[control.name] = control.nearest(value or random.uniform(low, high))
    return settings
