"""The model of Kuznetsov 1994 written a second time, for tests only, and its published numbers."""

from math import log

import numpy as np
from scipy.integrate import solve_ivp

from course_lib.models.tumour_and_immunity import Kuznetsov

#: The fitted values, typed in.
FIT = {
    "inflow": 13000,
    "recruitment": 0.1245,
    "half_recruitment": 2.019e7,
    "inactivation": 3.422e-10,
    "effector_death": 0.0412,
    "growth": 0.18,
    "crowding": 2.0e-9,
    "killing": 1.101e-7,
}
#: The paper's values without units, as it rounds them.
SCALED = {
    "inflow": 0.1181,
    "recruitment": 1.131,
    "half_recruitment": 20.19,
    "inactivation": 0.00311,
    "effector_death": 0.3743,
    "growth": 1.636,
    "crowding": 0.002,
    "killing": 1.0,
}
#: Effector cells and tumour cells of the SBML file of BioModels 0762 (version kept by the
#: project, sha256 b39fd544...c85c14b79), run with libroadrunner 2.10, tolerance 1e-12.
BIOMODELS_0762 = {
    10: (442083.979, 19333686.7),
    20: (713475.444, 55328835.4),
    30: (1122311.26, 93421876.4),
    50: (2399348.00, 46003939.6),
    75: (2397011.72, 1708159.61),
    100: (1218234.15, 1305212.78),
    150: (1508378.08, 26287698.6),
    200: (1589372.88, 2972936.82),
    300: (1643458.39, 4730183.83),
    500: (1620656.24, 6863585.38),
}
#: The reactions of that file, typed again.
ANTIMONY = """
model kuznetsov
  E = 320000; T = 5000000;
  s = 13000; p = 0.1245; g = 20190000; m = 3.422e-10;
  d = 0.0412; a = 0.18; b = 2e-9; n = 1.101e-7;
  -> E; s;
  -> E; p*E*T/(g + T);
  E -> ; m*E*T;
  E -> ; d*E;
  -> T; a*T;
  T -> ; a*b*T*T;
  T -> ; n*E*T;
end
"""


def rates(k, effectors, log_tumour):
    """The equations written a second time: E and ln T."""
    tumour = np.exp(log_tumour)
    return [
        k.inflow
        + k.recruitment * effectors * tumour / (k.half_recruitment + tumour)
        - k.inactivation * effectors * tumour
        - k.effector_death * effectors,
        k.growth * (1 - k.crowding * tumour) - k.killing * effectors,
    ]


def dop853(k, effectors, tumour, times, down_to=0.0):
    """Return E and T at ``times``, cut off where T falls below one cell."""

    def gone(_, state):
        return state[1] - down_to

    gone.terminal, gone.direction = True, -1
    done = solve_ivp(
        lambda _, state: rates(k, *state),
        (times[0], times[-1]),
        [effectors, log(tumour)],
        method="DOP853",
        rtol=1e-10,
        atol=[1e-6, 1e-10],
        t_eval=times,
        events=gone,
    )
    return done.y[0], np.exp(done.y[1]), done.status == 1


def some_settings(number, seed):
    """Settings and starts from all of the lab's ranges."""
    rng = np.random.default_rng(seed)
    for _ in range(number):
        k = Kuznetsov(
            inflow=rng.uniform(0, 1e5) * rng.choice([0.1, 0.3, 1]),
            killing=FIT["killing"] * rng.uniform(0.5, 2),
            recruitment=FIT["recruitment"] * rng.uniform(0.5, 1.5),
            inactivation=FIT["inactivation"] * rng.uniform(0, 2),
        )
        yield k, 10 ** rng.uniform(4, 7.47), 10 ** rng.uniform(3, 8.69)
