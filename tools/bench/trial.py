"""Processor time per patient: the course's solver beside three general ones, on the same patients.

Pembrolizumab with chemotherapy for 360 days. scipy solves all patients in one system, at
rtol 1e-6: at 1e-4 some sizes are 7 % off. odeint takes one patient at a time, at 1e-4;
libroadrunner too, from a model compiled once, with its own tolerances. Nothing is timed before
all agree on the final sizes.

``--patients`` sets the long run (memory), ``--scheduler`` sends it to a dask.distributed cluster
whose workers can import the course, and checks that the cluster gives the same bits.
"""

import multiprocessing
import sys
import time
from collections import deque
from contextlib import nullcontext
from itertools import pairwise
from pathlib import Path

import antimony
import numpy as np
import roadrunner
from scipy.integrate import odeint, solve_ivp

sys.path.insert(0, str(Path(__file__).parents[2]))
from course_lib.models.checkpoint_inhibitors import Pembrolizumab
from course_lib.models.chemotherapy import Chemotherapy
from course_lib.models.cohort import Cohort
from course_lib.models.patient import simulate
from course_lib.models.pharmacokinetics import pembrolizumab
from course_lib.models.virtual_trial import BLOCK, Outcome, Trial, stream

DAYS = 360
THERAPIES = [Pembrolizumab(), Chemotherapy()]
TRIAL = Trial(THERAPIES, [Chemotherapy()])
COURSE, STACKED, ODEINT, ROADRUNNER = 10_000, 500, 40, 200  # patients of each solver
REPEATS = 3  # the fastest counts
AGREEMENT = 0.005  # final sizes differ by less than this share, or by less than
TOLERATED = 0.1  # mm: a tumour in mid-collapse differs by more percent than it matters

MODEL = """
model patient
  // antibody, mg; chemotherapy: effect to come, and exposure so far
  A1' = -(CL + Q)/V1*A1 + Q/V2*A2;  A2' = Q/V1*A1 - Q/V2*A2;
  S' = -fading*S;  K' = fading*S;
  killing := (1 - f)*fading*S/(f*exp(K) + 1 - f);
  // tumour cells of both classes as logarithms, T cells as a number
  H := exp(x);  L := exp(y);
  kill := (1 - b*IC50/(IC50 + A1/V1))*m*E/(E + rho50*(H + L));
  x' = g - kill - killing;  y' = g - phi*kill - killing;
  E' = d*(supply*(H + phi*L)^(2/3) - E);
  at (time >= dose_at): A1 = A1 + dose, dose_at = dose_at + interval;
  at (time >= chemo1): S = S + each, chemo1 = chemo1 + cycle;
  at (time >= chemo2): S = S + each, chemo2 = chemo2 + cycle;
  at (time >= chemo3): S = S + each, chemo3 = chemo3 + cycle;
  A1 = dose; A2 = 0; S = each; K = 0; x = 0; y = 0; E = 0;
  dose_at = interval; chemo1 = cycle; chemo2 = 7; chemo3 = 14; %s
end
"""


def measure(scheduler=None, patients=1_000_000) -> dict:
    """Return rows: µs of CPU per patient, and the memory of a long run."""
    with connected(scheduler):
        pass  # a wrong address is told before the long work, not after
    cohort = Cohort().draw(np.random.default_rng(20261121), COURSE)
    model = compiled(cohort)
    solvers = {
        "course": (lambda some: simulate(some, THERAPIES, DAYS).size[-1], COURSE),
        "scipy stacked": (by_scipy, STACKED),
        "odeint": (by_odeint, ODEINT),
        "libroadrunner": (lambda some: by_roadrunner(model, some), ROADRUNNER),
    }
    cost = {}
    for name, (solver, number) in solvers.items():
        some = cohort.some(slice(number))
        size = solver(some)
        if name == "course":
            reference = size
        else:
            check(name, size, reference[:number])
        seconds = []
        for _ in range(REPEATS):
            start = time.process_time()
            solver(some)
            seconds.append(time.process_time() - start)
        cost[name] = 1e6 * min(seconds) / number
    ours = cost.pop("course")
    rows = [row(f"{name}, µs a patient", ours, theirs) for name, theirs in cost.items()]
    whole = f"{COURSE} × {DAYS} days, ms CPU"
    rows.append(row(whole, ours * COURSE / 1000, cost["libroadrunner"] * COURSE / 1000))
    few = max(patients // 10, 1)
    small, large = (peak_of_stream(number, scheduler) for number in (few, patients))
    rows.append(row(f"{patients} v {few}, MB", large["MB"], small["MB"]))
    if scheduler:
        check_cluster(scheduler)
        local = peak_of_stream(few, None)
        rows.append(row("cluster v local, s", small["seconds"], local["seconds"]))
    return {
        "what": f"{DAYS} days of pembrolizumab and chemotherapy, CPU time of one core",
        "rows": rows,
    }


def row(name, course, peer):
    return {"name": name, "course": course, "peer": peer, "ratio": peer / course}


def check(name, size, reference):
    """Stop unless the final sizes are those of the course, in share or in mm."""
    apart = np.abs(size - reference)
    share = apart / np.maximum(reference, TOLERATED)
    if not np.all((share < AGREEMENT) | (apart < TOLERATED)):  # NaN too
        sys.exit(
            f"course: {name} and the course differ by up to {100 * share.max():.3f} % and "
            f"{apart.max():.3f} mm: not timed."
        )
    print(f"  {name}: {size.size} patients differ by up to {apart.max():.3f} mm")


def constants(patient):
    """Return the numbers of the equations, by the names of ``MODEL``."""
    drug, chemo, kinetics = *THERAPIES, pembrolizumab(THERAPIES[0].weight)
    return {
        "CL": kinetics.clearance,
        "V1": kinetics.central_volume,
        "Q": kinetics.intercompartmental_clearance,
        "V2": kinetics.peripheral_volume,
        "IC50": drug.functional_ic50,
        "dose": drug.dose,
        "interval": drug.interval,
        "fading": np.log(2) / chemo.effect_half_life,
        "each": chemo.kill_rate * chemo.cycle / chemo.doses_per_cycle,
        "cycle": chemo.cycle,
        "m": patient.killing_capacity,
        "rho50": patient.half_killing_ratio,
        "phi": patient.antigen_low_visibility,
        "d": patient.t_cell_turnover,
        "g": patient.growth_rate(),
        "b": patient.brake(),
        "f": patient.resistant_fraction,
        "supply": patient.supply(),
    }


def between_doses(solve, y, drug, each):
    """Carry ``y``, whose first rows are A1 and S, from dose to dose with ``solve``."""
    doses, chemo = (therapy.dose_times() for therapy in THERAPIES)
    days = np.unique(np.concatenate([doses, chemo]))
    days = [*days[days < DAYS].tolist(), DAYS]
    for begin, end in pairwise(days):
        y[0] += drug * (begin in doses)
        y[1] += each * (begin in chemo)
        y = solve(y, begin, end)
    return y


def rates(p, y):
    """Return the rates of A1, S, A2, K and of x, y, E: scalars or one per patient."""
    a1, s, a2, k, x, low, t_cells = y
    there = p["Q"] / p["V1"] * a1 - p["Q"] / p["V2"] * a2
    killing = (1 - p["f"]) * p["fading"] * s / (p["f"] * np.exp(k) + 1 - p["f"])
    high, low = np.exp(x), np.exp(low)
    free = p["IC50"] / (p["IC50"] + a1 / p["V1"])
    kill = (1 - p["b"] * free) * p["m"] * t_cells / (t_cells + p["rho50"] * (high + low))
    seen = np.cbrt(high + p["phi"] * low) ** 2
    return (
        -p["CL"] / p["V1"] * a1 - there,
        -p["fading"] * s,
        there,
        p["fading"] * s,
        p["g"] - kill - killing,
        p["g"] - p["phi"] * kill - killing,
        p["d"] * (p["supply"] * seen - t_cells),
    )


def by_scipy(patients):
    """Return the final sizes of all patients, solved as one system."""
    p, number = constants(patients), patients.number()

    def rhs(t, y):
        return np.concatenate(
            [np.atleast_1d(each) for each in rates(p, [*y[:4], *y[4:].reshape(3, number)])]
        )

    def solve(y, begin, end):
        return solve_ivp(rhs, (begin, end), y, rtol=1e-6, atol=1e-4).y[:, -1]

    y = np.concatenate([np.zeros(4), patients.start().ravel()])
    x, low, _ = between_doses(solve, y, p["dose"], p["each"])[4:].reshape(3, number)
    return patients.size(np.exp(x) + np.exp(low))


def by_odeint(patients):
    """Return the final sizes, one patient after the other."""
    every = constants(patients)
    sizes = []
    for one in range(patients.number()):
        p = {name: float(np.broadcast_to(v, patients.number())[one]) for name, v in every.items()}

        def solve(y, begin, end, p=p):
            return odeint(lambda y, t: rates(p, y), y, [begin, end], rtol=1e-4, atol=1e-4)[-1]

        y = np.concatenate([np.zeros(4), patients.start()[:, one]])
        x, low, _ = between_doses(solve, y, p["dose"], p["each"])[4:]
        sizes.append(float(patients.size(np.exp(x) + np.exp(low))))
    return np.array(sizes)


def compiled(patients):
    """Return the Antimony model as a RoadRunner, with every constant in it."""
    lines = [
        f"{name} = {float(np.ravel(value)[0])!r};" for name, value in constants(patients).items()
    ]
    antimony.clearPreviousLoads()
    if antimony.loadAntimonyString(MODEL % "\n".join(lines)) < 0:
        sys.exit(f"course: antimony: {antimony.getLastError()}")
    model = roadrunner.RoadRunner(antimony.getSBMLString("patient"))
    model.timeCourseSelections = ["time", "x", "y"]
    return model


def by_roadrunner(model, patients):
    """Return the final sizes, one patient after the other, the model set back for each."""
    p, chemo = constants(patients), THERAPIES[1]
    first = {"dose_at": p["interval"], "chemo1": chemo.cycle}  # reset leaves these as they are
    first |= {"chemo2": chemo.days_between_doses, "chemo3": 2 * chemo.days_between_doses}
    own = {name: value for name, value in p.items() if np.ndim(value)} | first
    names = model.model.getGlobalParameterIds()
    places = [names.index(name) for name in (*own, "x", "y", "E")]
    values = np.broadcast_arrays(*own.values(), *patients.start())
    cells = []
    for one in np.stack(values, axis=1):
        model.reset()
        model.model.setGlobalParameterValues(places, one)
        cells.append(np.exp(model.simulate(times=[0, DAYS])[-1, 1:]).sum())
    return patients.size(np.array(cells))


def windowed(client, ahead=64):
    """Return a mapper that keeps so many blocks on the cluster, and no more in memory."""

    def mapper(function, blocks):
        waiting = deque()
        for block in blocks:
            waiting.append(client.submit(function, block, pure=False))
            if len(waiting) == ahead:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()

    return mapper


def connected(scheduler):
    """Return a client of the cluster, or nothing to connect to."""
    if not scheduler:
        return nullcontext()
    from distributed import Client  # needed for a cluster alone

    try:
        return Client(scheduler, timeout=10)
    except (OSError, ValueError) as error:
        sys.exit(f"course: no cluster answers at {scheduler}: {error}. Is its scheduler running?")


def check_cluster(scheduler, patients=5 * BLOCK):
    """Stop unless the cluster gives the same trial, bit for bit."""
    with connected(scheduler) as client:
        theirs = Outcome.joined(stream(TRIAL, patients, windowed(client)))
    ours = Outcome.joined(stream(TRIAL, patients))
    if not all(np.array_equal(value, getattr(theirs, name)) for name, value in vars(ours).items()):
        sys.exit("course: the cluster gave another trial than this machine.")
    print(f"  cluster: {patients} patients, the same bits as on this machine")


def peak_of_stream(patients, scheduler):
    """Stream a trial in a process of its own; return its peak memory, MB, and seconds."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(_stream, (patients, scheduler))


def _stream(patients, scheduler):
    start = time.perf_counter()
    with connected(scheduler) as client:
        mapper = windowed(client) if client else map
        died = sum(int(outcome.died.sum()) for outcome in stream(TRIAL, patients, mapper))
    print(f"  {patients} patients streamed, {died} died", flush=True)
    return {"MB": peak_megabytes(), "seconds": time.perf_counter() - start}


def peak_megabytes():
    """Return the most memory this process has held."""
    status = Path("/proc/self/status")
    if status.exists():  # on Linux, ru_maxrss would count the parent's too
        line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) / 1024
    import resource  # not on Windows

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
