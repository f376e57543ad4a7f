"""Grading beside stock nbgrader, in one run: submissions a minute, processor time, memory.

--attacks hands every faulty or hostile submission of tests/grading/attacks to both graders, each
in a class of its own inside bubblewrap, and shows what it did. --mutations grades 1,000 notebooks
with random damage. --faults kills the course's grading again and again until it is done. Stock
nbgrader has course_lib.grading.feedback.HideHiddenTests switched on, and no other part of the
course.
"""

import os
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2] / "tests" / "grading"))
import attacks
import damage
import faults
from arena import COURSE, FULL, STOCK, Arena, run
from mutations import mutated, unfair

FEW, MANY = 60, 600  # submissions; stock nbgrader grades only the few
MUTATIONS = 1000
KILLS, SEED = 100, 20261121
TOGETHER = {COURSE: 40, STOCK: 1}  # attacks in one class, as long as they do not damage it
CLASSES = 4  # graded at a time
HARM = ("stole", "robbed", "hurt", "leaked", "script", "escaped", "stopped", "unseen")


def measure(attacks=False, mutations=False, faults=False) -> dict:
    """Return rows: of speed, or of what attacks, random damage and kills did."""
    asked = {withstood: attacks, damaged: mutations, killed: faults}
    steps = [step for step, wanted in asked.items() if wanted] or [speed]
    rows = []
    for step in steps:
        with tempfile.TemporaryDirectory() as folder:
            rows += step(Path(folder))
    return {"what": f"quiz q03, {os.cpu_count()} processors, sandbox on", "rows": rows}


def row(name, course, peer=None, better="less"):
    """Return one line of the table; without a peer, or with zeros, there is no ratio."""
    above, below = (peer, course) if better == "less" else (course, peer)
    return {
        "name": name,
        "course": course,
        "peer": peer,
        "ratio": above / below if peer and below else None,
    }


def speed(folder: Path) -> list[dict]:
    """Grade the same class with both, and a larger one with the course."""
    rooms = {grader.name: Arena(folder / grader.name, grader) for grader in (STOCK, COURSE)}
    few = {name: graded(room, folder / "class", FEW) for name, room in rooms.items()}
    many = graded(rooms["course"], folder / "class", MANY)
    ours, theirs = few["course"], few["stock"]
    return [
        row(
            f"{FEW} submissions a minute",
            *(60 * FEW / each.seconds for each in (ours, theirs)),
            "more",
        ),
        row(
            f"{MANY} (stock: {FEW}) a minute",
            60 * MANY / many.seconds,
            60 * FEW / theirs.seconds,
            "more",
        ),
        row(f"ms of processor each, of {FEW}", *(1000 * each.cpu / FEW for each in (ours, theirs))),
        row(
            f"ms of processor each, of {MANY} (stock: {FEW})",
            1000 * many.cpu / MANY,
            1000 * theirs.cpu / FEW,
        ),
        row(f"peak memory at {FEW}, MB", ours.peak, theirs.peak),
        row(f"peak memory at {MANY} (peer: course at {FEW}), MB", many.peak, ours.peak),
    ]


def graded(room: Arena, place: Path, number: int):
    """Grade so many submissions of two kinds; stop if any mark is wrong."""
    kinds = [(room.honest, FULL), (room.notebooks["mallory"], 2)]
    crowd = {f"student-{n:03}": kinds[n % 2] for n in range(number)}
    room.crowd(place, {name: notebook for name, (notebook, _) in crowd.items()})
    late = 300 + 30 * number
    report = run(place, [(*room.grader.grade, room.name)], late, meter=True)
    marks = damage.scores(place / "class" / "gradebook.db")
    wrong = [
        name for name, (_, points) in crowd.items() if damage.total(marks.get(name, {})) != points
    ]
    if report.codes != [0] or wrong:
        sys.exit(
            f"course: {room.grader.name} failed, or marked {wrong[:5]} wrongly:\n"
            f"{report.log[-2000:]}"
        )
    print(f"  {room.grader.name}: {number} submissions in {report.seconds:.0f} s", flush=True)
    return report


def withstood(folder: Path) -> list[dict]:
    """Return how many attacks did each kind of harm, and print them all."""
    every = list(attacks.bank().values())
    found = {}
    with ThreadPoolExecutor(CLASSES) as pool:  # most of the time a grader waits for a time limit
        tasks = {}
        for grader, size in TOGETHER.items():
            for quiz in ("real", "small"):
                room = Arena(folder / grader.name / quiz, grader, quiz)
                some = [attack for attack in every if attack.quiz == quiz]
                for first in range(0, len(some), size):
                    task = pool.submit(damage.tried, room, some[first : first + size])
                    tasks[task] = grader.name
        for done in as_completed(tasks):
            for name, harm in done.result().items():
                found.setdefault(name, {})[tasks[done]] = harm
                if harm:  # at once, in case the rest is not waited for
                    print(f"  {tasks[done]}: {name}: {', '.join(kinds_of(harm))}", flush=True)
            tried = sum(tasks[done] in harm for harm in found.values())
            print(f"  {tasks[done]}: {tried} of {len(every)} tried", flush=True)
    print(f"  {'attack':26} {'course':24} stock nbgrader")
    for attack in every:
        kinds = {
            name: ", ".join(kinds_of(harm)) or "-" for name, harm in found[attack.name].items()
        }
        print(f"  {attack.name:26} {kinds['course']:24} {kinds['stock']:40} {attack.says}")
        for harm in found[attack.name]["course"]:
            print(f"      course: {harm}")
    rows = [
        row(
            f"{len(every)} attacks, all without harm",
            *(sum(not harm[name] for harm in found.values()) for name in ("course", "stock")),
            "more",
        )
    ]
    for kind in HARM:
        counts = (
            sum(kind in kinds_of(harm[name]) for harm in found.values())
            for name in ("course", "stock")
        )
        rows.append(row(f"{kind}: {damage.KINDS[kind]}"[:43], *counts))
    return rows


def kinds_of(harm: list[str]) -> list[str]:
    """Return the kinds of harm, each once, worst first."""
    return [kind for kind in HARM if any(each.startswith(f"{kind}:") for each in harm)]


def damaged(folder: Path) -> list[dict]:
    """Grade notebooks with random damage; return what went wrong."""
    room = Arena(folder / "course", COURSE)
    handed = {f"student-{n:04}": mutated(room.honest, SEED + n) for n in range(MUTATIONS)}
    wrong = unfair(room, folder / "class", handed)
    print("\n".join(f"  {line}" for line in wrong))
    return [row(f"{MUTATIONS} notebooks with random damage, wrong", len(wrong))]


def killed(folder: Path) -> list[dict]:
    """Kill grader, judges and sandboxes at random moments; compare with a run left alone."""
    found = faults.killed(Arena(folder / "course", COURSE), folder, FEW, KILLS)
    return [row(name, number) for name, number in found.items()]
