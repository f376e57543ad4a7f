"""Kills a run of the grader again and again, and sees whether the same command finishes it."""

from __future__ import annotations

import random
import sys
from pathlib import Path

import damage
from arena import FULL, Arena, run

SEED = 20261121
#: Whom to kill: the grader itself, or a process whose command line has this in it.
VICTIMS = {"grader": "cli class grade", "judge": "grading.judge", "sandbox": "grading.student"}
SECONDS = 2400.0  # after which a run hangs


def killed(room: Arena, folder: Path, submissions: int, kills: int) -> dict[str, int]:
    """Kill so many processes in classes of so many submissions; return what was seen, by name.

    A class whose grading was killed is graded on by the same command until it is done or killed
    again; then the next class begins. All but the kills and the classes should be zero.
    """
    dice, command = random.Random(SEED), [(*room.grader.grade, room.name)]
    kinds = [(room.honest, FULL), (room.notebooks["mallory"], 2)]
    handed = {f"student-{n:02}": kinds[n % 2][0] for n in range(submissions)}
    alone = run(room.crowd(folder / "alone", handed), command, SECONDS)
    wanted = recorded(folder / "alone")
    wrong = [n for n in range(submissions) if points(wanted, n) != kinds[n % 2][1]]
    if alone.codes != [0] or wrong:
        sys.exit(
            f"course: a run left alone failed, or marked {wrong} wrongly:\n{alone.log[-2000:]}"
        )
    found = {f"kills of the {name}": 0 for name in VICTIMS}
    zero = ("finished marks that a later run changed", "gradebooks unlike that of a run left alone")
    found |= {f"classes of {submissions} that were finished": 0} | dict.fromkeys(zero, 0)
    found["processes left after a kill"] = 0
    done, before, place = 0, {}, None
    while done < kills or place:
        if not place:
            place, before = room.crowd(folder / "killed", handed), {}
        victim = dice.choice(list(VICTIMS))
        moment = dice.uniform(0, alone.seconds) if done < kills else None
        report = run(place, command, SECONDS, kill=moment, victim=VICTIMS[victim])
        if not report.ended or (report.codes != [0] and not report.killed):
            sys.exit(f"course: grading did not go on after a kill:\n{report.log[-2000:]}")
        done += report.killed
        found[f"kills of the {victim}"] += report.killed
        marks, flags = recorded(place)
        found[zero[0]] += sum(marks.get(name) != each for name, each in before.items())
        found["processes left after a kill"] += len(report.left)
        before = marks
        if report.codes == [0]:
            place = None
            found[f"classes of {submissions} that were finished"] += 1
            found[zero[1]] += (marks, flags) != wanted
            print(f"  {done} kills", flush=True)
    return found


def recorded(place: Path) -> tuple[dict, dict]:
    """Return the marks in the gradebook and the flags, by student."""
    return damage.scores(place / "class" / "gradebook.db"), damage.flags(place)


def points(wanted: tuple[dict, dict], number: int) -> float:
    return damage.total(wanted[0].get(f"student-{number:02}", {}))
