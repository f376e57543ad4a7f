"""RECIST 1.1 and iRECIST a second time, patient by patient, in fractions of a millimetre.

Written from the published tables, with nothing of ``course_lib``: numbers are typed in. One
patient is a list of visits, each a ``Visit``; a size that was not assessed is None.
"""

from dataclasses import dataclass
from fractions import Fraction


@dataclass
class Visit:
    day: int
    sizes: list  # Fraction, or None
    others: str = "absent"
    others_larger: bool = False
    new_found: int = 0
    new_sum: Fraction | None = Fraction(0)
    new_larger: bool = False


def is_progression(total, nadir):
    return total >= nadir * Fraction(6, 5) and total - nadir >= 5


def gone(size, node):
    return size < 10 if node else size == 0


def new_there(visit):
    return visit.new_found > 0 and (visit.new_sum is None or visit.new_sum > 0)


def target_response(visits, index, nodes, had_cr):
    sizes = visits[index].sizes
    known = [(size, node) for size, node in zip(sizes, nodes, strict=True) if size is not None]
    all_known = len(known) == len(sizes)
    if all(gone(size, node) for size, node in known):
        return "CR" if all_known else "NE"
    if had_cr:
        return "PD"
    earlier = [sum(v.sizes) for v in visits[:index] if None not in v.sizes]
    total = sum(size for size, _ in known)
    if is_progression(total, min(earlier)):
        return "PD"
    if not all_known:
        return "NE"
    return "PR" if 1 - total / sum(visits[0].sizes) >= Fraction(3, 10) else "SD"


def other_response(status, had_cr):
    if status == "present" and had_cr:
        return "PD"
    names = {"absent": "CR", "present": "non-CR/non-PD", "progression": "PD"}
    return names.get(status, "NE")


TABLE_1 = {  # target, non-target -> overall, without new lesions and without PD
    ("CR", "CR"): "CR",
    ("CR", "non-CR/non-PD"): "PR",
    ("CR", "NE"): "PR",
    ("PR", "CR"): "PR",
    ("PR", "non-CR/non-PD"): "PR",
    ("PR", "NE"): "PR",
    ("SD", "CR"): "SD",
    ("SD", "non-CR/non-PD"): "SD",
    ("SD", "NE"): "SD",
    ("NE", "CR"): "NE",
    ("NE", "non-CR/non-PD"): "NE",
    ("NE", "NE"): "NE",
}


def recist(visits, nodes):
    """Lists of (target, non-target, overall), one for each visit after the baseline."""
    answers, had_cr = [], False
    for index, visit in enumerate(visits):
        if index == 0:
            continue
        target = target_response(visits, index, nodes, had_cr)
        others = other_response(visit.others, had_cr)
        overall = TABLE_1.get((target, others), "PD")
        if new_there(visit):
            overall = "PD"
        had_cr = had_cr or overall == "CR"
        answers.append((target, others, overall))
    return answers


def best_overall(days, calls, confirmed):
    """Best response, day of progression and first day of the response (or None)."""
    until = []
    for day, call in zip(days, calls, strict=True):
        until.append((day, call))
        if call == "PD":
            break
    progression = until[-1][0] if until[-1][1] == "PD" else None

    def confirmed_from(start, good):
        day, call = start
        if call not in good:
            return False
        if not confirmed:
            return True
        for later_day, later in [each for each in until if each[0] > day]:
            if later in good and later_day >= day + 4 * 7:
                return True
            if later not in good and later != "NE":
                return False
        return False

    for name, good in [("CR", {"CR"}), ("PR", {"CR", "PR"})]:
        starts = [start for start in until if confirmed_from(start, good)]
        if starts:
            return name, progression, starts[0][0]
    if any(call in {"CR", "PR", "SD"} and day >= 6 * 7 for day, call in until):
        return "SD", progression, None
    return ("PD" if progression is not None else "NE"), progression, None


class Immune:
    """The state of one patient: nothing, or progressed since ``start`` and waiting."""

    def __init__(self, visits, nodes):
        self.visits, self.nodes = visits, nodes
        self.plain = recist(visits, nodes)
        self.confirmed = False
        self.bar_reset()
        self.new_counted = 0
        self.calls = [self.call(i) for i in range(1, len(visits))]

    def bar_reset(self):
        self.start, self.kinds = None, set()
        self.target_low = self.new_low = None

    def total(self, i):
        sizes = self.visits[i].sizes
        return None if None in sizes else sum(sizes)

    def kinds_now(self, i):
        visit, (target, others, _) = self.visits[i], self.plain[i - 1]
        kinds = set()
        if target == "PD":
            kinds.add("T")
        if others == "PD":
            kinds.add("N")
        if visit.new_found > self.new_counted:
            kinds.add("L")
        sums = [v.new_sum for v in self.visits[:i] if v.new_found and v.new_sum is not None]
        if sums and visit.new_sum is not None and is_progression(visit.new_sum, min(sums)):
            kinds.add("L")
        return kinds

    def remember(self, i):
        for name, value in (("target_low", self.total(i)), ("new_low", self.visits[i].new_sum)):
            low = getattr(self, name)
            if value is not None and (low is None or value < low):
                setattr(self, name, value)

    def grew(self, i, kinds):
        visit = self.visits[i]
        if not kinds <= self.kinds:
            return True
        total = sum(size for size in visit.sizes if size is not None)
        if {"T"} & kinds & self.kinds and self.target_low is not None:
            more = total - self.target_low
            if more >= 5:
                return True
        if "N" in self.kinds and visit.others_larger:
            return True
        if "L" in self.kinds:
            if visit.new_found > self.new_counted or visit.new_larger:
                return True
            if None not in (visit.new_sum, self.new_low) and visit.new_sum >= self.new_low + 5:
                return True
        return False

    def shrank(self, i):
        if "T" in self.kinds or "N" in self.kinds:
            return True  # only asked when neither progresses any longer
        pairs = (self.total(i), self.target_low), (self.visits[i].new_sum, self.new_low)
        return any(None not in pair and pair[0] < pair[1] for pair in pairs)

    def well(self, i):
        target, others, _ = self.plain[i - 1]
        name = TABLE_1[target, others]
        if name == "CR" and new_there(self.visits[i]):
            name = "PR"
        return name if name == "NE" else "i" + name

    def call(self, i):
        if self.confirmed:
            return "iCPD"
        kinds, visit = self.kinds_now(i), self.visits[i]
        if self.start is not None and visit.day - self.visits[self.start].day < 4 * 7:
            # a scan that comes too early is set aside, with whatever new it shows
            return "iUPD" if kinds & {"T", "N", "L"} or self.well(i) != "NE" else "NE"
        try:
            return self.counted_call(i, kinds)
        finally:
            self.new_counted = visit.new_found

    def counted_call(self, i, kinds):
        if self.start is None:
            if not kinds:
                return self.well(i)
            self.start, self.kinds = i, kinds
            self.remember(i)
            return "iUPD"
        if self.grew(i, kinds):
            self.confirmed = True
            return "iCPD"
        if kinds:
            self.remember(i)
            return "iUPD"
        if self.well(i) == "NE":
            return "NE"
        if "N" in self.kinds and self.plain[i - 1][1] == "NE":
            return "NE"
        if self.shrank(i):
            self.bar_reset()
            return self.well(i)
        self.remember(i)
        return "iUPD"

    def progression_day(self):
        return None if self.start is None else self.visits[self.start].day

    def best(self):
        for name in ("iCR", "iPR", "iSD", "iCPD", "iUPD"):
            if name in self.calls:
                return name
        return "NE"
