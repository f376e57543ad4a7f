r"""How a small cohort of virtual patients responds, scan by scan: what two plots are made of.

The tumours are those of the calibrated patient (``cohort``, ``patient``), CPS 10 or more. Three
things are added, all of them assumptions: in some patients the lesions swell with immune cells
(``pseudoprogression.swollen``); new lesions appear at a constant rate, the same for all, and always
grow; some patients have no scan after the baseline.

The sum of diameters is shared by three equal lesions, measured to the millimetre.
A teaching model: it is not a clinical prediction.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from course_lib import evidence
from course_lib.models.checkpoint_inhibitors import Pembrolizumab
from course_lib.models.chemotherapy import Chemotherapy
from course_lib.models.cohort import Cohort
from course_lib.models.parameters import checked
from course_lib.models.patient import simulate
from course_lib.models.pseudoprogression import Lesion, swollen
from course_lib.models.recist import CR, PD, PR, Recist
from course_lib.models.response_monitoring import IRecist, LesionTable, irecist, recist

PATIENTS = int(evidence.get("cohort_responses.patient").high)
LESIONS = int(evidence.get("tumour.lesions").value)
EVERY = int(evidence.get("reading_scans.every").value)
SCANS = 6
WEEKS = EVERY * np.arange(SCANS + 1)
#: Any cohort would do; this one holds responses that last, and some that do not.
SEED = 4
THERAPIES = {
    "combination": (Pembrolizumab, Chemotherapy),
    "pembrolizumab": (Pembrolizumab,),
}
#: Until when a patient is followed: to the first progression, or until it is confirmed.
RULES = ("recist", "irecist")
RESPONSES = (CR, PR, "iCR", "iPR")


@dataclass(frozen=True, eq=False)
class Followed:
    """One patient: what the scans show and what both sets of rules say.

    scanned: whether there was a scan after the baseline.  swells: whether immune cells come in.
    """

    table: LesionTable
    rules: Recist
    immune: IRecist
    scanned: bool
    swells: bool

    def calls(self, rule):
        """Return the calls of "recist" or "irecist" by scan, ``SCANS`` + 1 of them."""
        return self.rules.overall if rule == "recist" else self.immune.responses

    def last(self, rule):
        """Return the last scan: that of progression, for iRECIST confirmed, or the last of all."""
        if not self.scanned:
            return 0
        calls, end = self.calls(rule), PD if rule == "recist" else "iCPD"
        return calls.index(end) if end in calls else SCANS

    def progressed(self, rule):
        """Return whether there was a progression, for iRECIST a confirmed one."""
        return self.scanned and (PD if rule == "recist" else "iCPD") in self.calls(rule)

    def changes(self, rule):
        """Return the change of the sum from baseline at each scan, %; NaN after the last."""
        change = 100 * (self.rules.sums / self.rules.sums[0] - 1)
        return np.where(np.arange(SCANS + 1) <= self.last(rule), change, np.nan)

    def best(self, rule):
        """Return the best change, %, as a waterfall plot shows it; NaN without a scan."""
        return np.min(self.changes(rule)[1 : self.last(rule) + 1]) if self.scanned else np.nan

    def response(self, rule):
        """Return the first scan of a response and the scan at which it ended, or None.

        It ends at the progression, for iRECIST at the unconfirmed one that was confirmed later,
        or with the last scan.
        """
        calls, last = self.calls(rule)[: self.last(rule) + 1], self.last(rule)
        if not any(call in RESPONSES for call in calls):
            return None
        if calls[-1] == "iCPD":
            last = int(np.searchsorted(self.table.days, self.immune.progression_day))
        return next(visit for visit, call in enumerate(calls) if call in RESPONSES), last


def shrinks_later(patient):
    """Return whether a progression was taken back at a later scan, or None if none could be.

    That is: an unconfirmed progression, and after it a call that is neither iUPD nor iCPD nor NE.
    None: no progression, or no later scan.
    """
    calls = patient.immune.responses
    if not patient.scanned or "iUPD" not in calls[:-1]:
        return None
    after = calls[calls.index("iUPD") + 1 :]
    return any(call in ("iSD", "iPR", "iCR") for call in after)


@lru_cache(maxsize=len(THERAPIES))
def living(therapy):
    """Return sums of diameters of living tumour, mm, shape (``SCANS`` + 1, ``PATIENTS``)."""
    patients = Cohort(cps_from=10, size_low=10 * LESIONS).draw(
        np.random.default_rng(SEED), PATIENTS
    )
    days = 7.0 * WEEKS
    course = simulate(patients, [make() for make in THERAPIES[therapy]], days=days[-1])
    # a dose on the day of a scan comes after it: of two rows for that day, the first
    return course.size[np.searchsorted(course.times, days)]


@lru_cache(maxsize=64)
def cohort(therapy="combination", swelling=None, new_lesions=None, no_second_scan=None):
    """Return the ``Followed`` of every patient, always in the same order.

    More of something adds patients to those who have it already: nobody loses it.

    Arguments
        therapy: "combination", pembrolizumab with chemotherapy, or "pembrolizumab".
        swelling: % of patients whose lesions swell, 0 to 100.
        new_lesions: of 100 patients, those in whom a new lesion appears in eight weeks, 0 to 99.
        no_second_scan: % of patients without a scan after the baseline, 0 to 100.

    Raises ``TypeError`` or ``ValueError`` naming the argument, the allowed range and the value.
    Source: ``cohort_responses.*``, kind assumption, which are the defaults.
    """
    if therapy not in THERAPIES:
        allowed = ", ".join(map(repr, THERAPIES))
        raise ValueError(f"therapy must be one of {allowed}; you gave {therapy!r}.")
    shares = {"swelling": swelling, "new_lesions": new_lesions, "no_second_scan": no_second_scan}
    for name, value in shares.items():
        value = evidence.get(f"cohort_responses.{name}").value if value is None else value
        most = 99 if name == "new_lesions" else 100
        shares[name] = checked(name, value, 0, most, "%", scalar=True) / 100
    rng = np.random.default_rng(SEED)
    swells, missing = (
        rng.permutation(PATIENTS) < round(PATIENTS * shares[name])
        for name in ("swelling", "no_second_scan")
    )
    waiting = rng.standard_exponential(PATIENTS)
    rate = -np.log1p(-shares["new_lesions"]) / EVERY
    appears = np.divide(waiting, rate, where=rate > 0, out=np.full(PATIENTS, np.inf))
    found = np.searchsorted(WEEKS, appears).tolist()
    return tuple(
        _followed(therapy, patient, *each)
        for patient, each in enumerate(zip(found, ~missing, swells, strict=True))
    )


@lru_cache(maxsize=2048)
def _followed(therapy, patient, found, scanned, swells):
    """Return one patient; ``found``, the first scan with a new lesion."""
    lesion = Lesion()
    sums = living(therapy)[:, [patient]]
    peak = lesion.infiltrate if swells else 0.0
    sums = swollen(sums, 7.0 * WEEKS, peak, lesion.infiltrate_day)
    if not scanned:
        sums, found = np.where(WEEKS[:, None] > 0, np.nan, sums), SCANS + 1
    scans = np.arange(SCANS + 1)
    table = LesionTable(
        days=7.0 * WEEKS,
        sizes=np.repeat(np.round(sums / LESIONS), LESIONS, axis=1),
        new_lesions=(scans >= found).astype(int),
        new_larger=scans > found,
    )
    return Followed(table, recist(table), irecist(table), bool(scanned), bool(swells))
