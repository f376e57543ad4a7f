"""Where attacks are tried: one private class folder for each, inside bubblewrap.

anna was graded and marked by hand before; for each attack a mallory hands it in; zoe hands in
right answers and is graded last. The grader, be it stock or the course's, sees /class and its own
/home/instructor, has no network, and is ended with everything it started.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import sysconfig
from copy import deepcopy
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path

import nbformat
from nbgrader.api import Gradebook

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tools"), str(ROOT / "tests" / "quizzes")]
import quiz_runner  # noqa: E402
import quizzes  # noqa: E402
from attacks import Attack, Submission  # noqa: E402
from attacks.quiz import small_quiz  # noqa: E402

QUIZ = {"real": "q03_checkpoint_inhibitors", "small": "q99_small"}
BEFORE, HOSTILE, AFTER = "anna", "mallory", "zoe"
NOBODY = 65534
FULL = 10  # points a grader gives without a person, in either quiz
KNOCKED, TOKEN = 8899, "instructors-token-4711"  # a port the instructor listens on; a secret
LATE = 90.0  # seconds after which a grader hangs, before those a submission
ENVIRONMENT = {
    "PATH": f"{sysconfig.get_path('scripts')}:/usr/bin:/bin",
    "LANG": "C.UTF-8",
    "HOME": "/home/instructor",
    "CLASS_TOKEN": TOKEN,
}
KNOWS = {"real": ("4", "5"), "small": ("2",)}  # what mallory can answer: 2 points
WRONG = {  # mallory's other answers have the right form
    "real": {
        "1": "answer_1 = 5",
        "2": 'answer_2 = {"cps": 30, "ic": 5, "only_ic": "plasma cells"}',
        "3": 'answer_3 = {"dose": 200, "interval": 21}',
        "6": 'answer_6 = {"gain": 60, "at_risk": 7}',
    },
    "small": {
        "1": "def answer_1(days):\n    return 0.0",
        "3": "answer_3 = np.zeros(3)",
        "4": "answer_4 = []",
        "5": "answer_5 = go.Figure()",
    },
}
STOCK_CONFIG = """
c = get_config()
c.CourseDirectory.course_id = "a_class"
c.CourseDirectory.ignore = [".ipynb_checkpoints", "*.pyc", "__pycache__", "feedback"]
c.ClearSolutions.code_stub = {"python": "# YOUR CODE HERE"}
c.ExecutePreprocessor.timeout = c.Execute.timeout = 30
c.GenerateFeedback.preprocessors = [
    "nbgrader.preprocessors.GetGrades",
    "course_lib.grading.feedback.HideHiddenTests",
    "nbconvert.preprocessors.CSSHTMLHeaderPreprocessor",
]
"""


@dataclass(frozen=True)
class Grader:
    """What grades: the commands typed in the class folder, and nbgrader's settings there."""

    name: str
    grade: tuple[str, ...]
    feedback: tuple[str, ...]
    config: str = STOCK_CONFIG
    root: bool = False  # it runs with the rights of root, as in a container
    each: float = 60.0  # seconds a submission after which it hangs


NBGRADER = (sys.executable, "-P", "-m", "nbgrader")
COURSE_CLI = (sys.executable, "-P", "-m", "course_lib.cli", "class")
STOCK = Grader("stock", (*NBGRADER, "autograde"), (*NBGRADER, "generate_feedback"), each=20)
COURSE = Grader(
    "course",
    (*COURSE_CLI, "grade", "/class"),
    (*COURSE_CLI, "feedback", "/class"),
    (ROOT / "notebooks" / "quizzes" / "nbgrader_config.py").read_text(encoding="utf-8"),
)
AUTOGRADE = Grader("autograde", STOCK.grade, STOCK.feedback, COURSE.config)
ROOT_COURSE = replace(COURSE, name="root", root=True)
#: What root keeps: what it takes to make sandboxes. Without a user namespace: it is the real root.
KEPT = ("SYS_ADMIN", "NET_ADMIN", "SETUID", "SETGID", "SETPCAP", "KILL", "DAC_OVERRIDE")


@dataclass
class Report:
    """What was seen from outside while a grader ran."""

    ended: bool  # before its time was up
    codes: list[int] = field(default_factory=list)  # exit codes of the commands
    left: list[str] = field(default_factory=list)  # command lines of processes that remained
    knocks: int = 0  # connections to the instructor's port
    seconds: float = 0.0
    cpu: float = 0.0  # seconds, of all processes
    peak: float = 0.0  # MB, of all processes
    log: str = ""
    killed: int = 0  # processes that we ended


class Arena:
    """A class that ``grader`` has begun to grade, to be copied for each attack."""

    def __init__(self, folder: Path, grader: Grader, quiz: str = "real"):
        self.folder, self.grader, self.quiz, self.name = folder, grader, quiz, QUIZ[quiz]
        self.notebooks = {BEFORE: reference(quiz), AFTER: reference(quiz), HOSTILE: known(quiz)}
        self.honest, self.template = reference(quiz), folder / f"template-{quiz}"
        self._prepare(quiz)

    def _prepare(self, quiz: str) -> None:
        """Release, and grade anna, who then gets a person's marks and comment."""
        room, home = self.template / "class", self.template / "home"
        home.mkdir(parents=True)
        (home / "letter.txt").write_text(f"{TOKEN}\n")
        (room / "source" / self.name).mkdir(parents=True)
        nbformat.write(source(quiz), room / "source" / self.name / f"{self.name}.ipynb")
        (room / "nbgrader_config.py").write_text(self.grader.config)
        self.submission(self.template, BEFORE).hand_in()
        release = (*NBGRADER, "generate_assignment")
        commands = [(*words, self.name) for words in (release, self.grader.grade)]
        report = run(self.template, commands, root=self.grader.root)
        if report.codes != [0, 0]:
            raise RuntimeError(f"{self.grader.name} did not grade an honest student:\n{report.log}")
        with Gradebook(f"sqlite:///{room / 'gradebook.db'}") as gradebook:
            grades = gradebook.find_submission(self.name, BEFORE).notebooks[0].grades
            grade = max(grades, key=lambda grade: grade.name)
            grade.manual_score, grade.needs_manual_grade = 0.5, False
            gradebook.db.commit()
        self.submission(self.template, AFTER).hand_in()

    def source_cells(self) -> list:
        """Return the cells of the instructor's notebook."""
        return source(self.quiz).cells

    def submission(self, place: Path, student: str, notebook=None) -> Submission:
        """Return what a student is about to hand in, signed in each answer."""
        path = place / "class" / "submitted" / student / self.name / f"{self.name}.ipynb"
        notebook = nbformat.from_dict(
            deepcopy(notebook or self.notebooks.get(student, self.honest))
        )
        for cell in notebook.cells:
            if cell.metadata.nbgrader.get("solution") and cell.cell_type == "code":
                cell.source += f"\n# written by {student}-0815"
        return Submission(path, notebook)

    def crowd(self, place: Path, notebooks: dict) -> Path:
        """Copy the class to ``place``, with a notebook or its text from each student by name."""
        shutil.rmtree(place, ignore_errors=True)
        shutil.copytree(self.template, place)
        for student, notebook in notebooks.items():
            text = notebook if isinstance(notebook, bytes) else None
            handed = self.submission(place, student, None if text else notebook)
            handed.text = text
            handed.hand_in()
        return place

    def attack(self, attacks: list[Attack]) -> tuple[Path, Report]:
        """Let a mallory hand in each attack, grade; return the class folder and the report."""
        place = self.folder / f"{self.quiz}-{attacks[0].name}-{len(attacks)}"
        shutil.rmtree(place, ignore_errors=True)
        shutil.copytree(self.template, place)
        for attack in attacks:
            notebook = self.honest if attack.honest else self.notebooks[HOSTILE]
            handed = self.submission(place, mallory(attack), notebook)
            handed.path.parent.mkdir(parents=True)
            attack.edit(handed)
            handed.hand_in()
        commands = [(*words, self.name) for words in (self.grader.grade, self.grader.feedback)]
        wait = max(attack.wait for attack in attacks)
        late = LATE + self.grader.each * len(attacks)
        return place, run(place, commands, late, self.grader.root, wait=wait)


def mallory(attack: Attack) -> str:
    """Return the name of the student who hands in an attack."""
    return f"{HOSTILE}-{attack.name}"


def run(place: Path, commands: list[tuple], late: float = LATE, root=False, **task) -> Report:
    """Run commands in the class folder of ``place``, inside bubblewrap; as nobody or as root.

    ``task``: ``wait`` so many seconds before the look at what is left; ``kill`` the command after
    so many, or a process whose command line has ``victim`` in it; ``meter`` what all use.
    """
    task = json.dumps({"commands": commands, "port": KNOCKED} | task)
    program = [sys.executable, "-P", str(Path(__file__).with_name("inside.py")), task]
    rooms, before = {place / "class": "/class", place / "home": "/home/instructor"}, []
    if (
        os.geteuid() == 0 and not root
    ):  # become nobody first: root in a namespace is still root to the kernel
        subprocess.run(["chown", "-hR", f"{NOBODY}:{NOBODY}", *rooms], check=True)
        before = ["bwrap", "--unshare-pid", "--bind", "/proc", "/proc", *shown(rooms)]
        before += [
            "setpriv",
            f"--reuid={NOBODY}",
            f"--regid={NOBODY}",
            "--clear-groups",
            "--pdeathsig=KILL",
        ]
        rooms = {name: name for name in rooms.values()}
    words = [*before, "bwrap", "--unshare-all", "--new-session", "--cap-drop", "ALL"]
    if root:
        kinds = ("pid", "net", "ipc", "uts", "cgroup")
        words[1:2] = [f"--unshare-{kind}" for kind in kinds]
        words += [word for name in KEPT for word in ("--cap-add", f"CAP_{name}")]
    words += ["--proc", "/proc", *shown(rooms), "--clearenv"]
    for name, value in ENVIRONMENT.items():
        words += ["--setenv", name, value]
    try:
        done = subprocess.run(
            [*words, *program], capture_output=True, timeout=late, text=True, errors="replace"
        )
        return Report(True, **json.loads(done.stdout))
    except subprocess.TimeoutExpired:
        return Report(False, log=f"still running after {late:g} s", seconds=late)
    except ValueError:  # killed before it could report
        return Report(False, log=done.stdout + done.stderr)


def shown(rooms: dict) -> list[str]:
    """Return bubblewrap's words for the system, Python, the course, and ``rooms`` to write in."""
    seen = ["/usr", "/bin", "/sbin", "/lib", "/lib64", "/etc", sys.base_prefix, sys.prefix, ROOT]
    words = ["--die-with-parent", "--tmpfs", "/tmp", "--dev", "/dev"]
    binds = [("--ro-bind", str(path), str(path)) for path in seen if Path(path).exists()]
    for bind in [*binds, *(("--bind", str(path), name) for path, name in rooms.items())]:
        for above in reversed(Path(bind[2]).parents[:-1]):
            words += ["--dir", str(above)]  # else nobody could not pass
        words += bind
    return [*words, "--chdir", "/class"]


@cache
def source(quiz: str):
    """Return the instructor's notebook."""
    return small_quiz() if quiz == "small" else nbformat.read(quizzes.source(QUIZ[quiz]), 4)


def answered(quiz: str, answers: dict[str, str | None]):
    """Return what a student gets, with these answers by number; None is the right one."""
    notebook = deepcopy(source(quiz))
    for cell in notebook.cells:
        number = cell.metadata.nbgrader.grade_id.split("_")[1]
        solved = cell.metadata.nbgrader.solution and number in answers
        if solved and answers[number] is not None:
            cell.source = answers[number]
        elif cell.cell_type == "code":
            cell.source = without(cell.source, ["hidden"] if solved else ["hidden", "solution"])
        elif cell.metadata.nbgrader.solution:
            cell.source = "My own words."
    return notebook


def without(text: str, regions: list[str]) -> str:
    """Return the source of a cell without some regions and without all marks."""
    inside, kept = "", []
    for line in text.splitlines():
        if line.strip() in quiz_runner.REGIONS:
            inside = quiz_runner.REGIONS[line.strip()]
        elif inside not in regions:
            kept.append(line)
    return "\n".join(kept)


def reference(quiz: str):
    """Return what a student who knows everything hands in."""
    return answered(quiz, dict.fromkeys([*WRONG[quiz], *KNOWS[quiz]]))


def known(quiz: str):
    """Return what mallory could earn honestly: 2 points."""
    return answered(quiz, WRONG[quiz] | dict.fromkeys(KNOWS[quiz]))
