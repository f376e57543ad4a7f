"""./course class …, as a teacher types it."""

import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import nbformat
import pytest
from nbgrader.utils import temp_attrs

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
import house
import tiny
from course_lib import cli
from course_lib.cli import classes as words
from course_lib.grading import classes

QUIZ = "q06_adoptive_cell_therapy"


def course(*arguments):
    """Type ./course class … into this process; return what it says and its exit code."""
    return cli.main(["class", *map(str, arguments)])


# --- the words -------------------------------------------------------------------------


def test_every_action_explains_itself_without_a_set_up(tmp_path):
    clone = house.make(tmp_path / "course")
    for action in words.ACTIONS:
        done = house.course(clone, "class", action, "--help")
        assert done.returncode == 0
        assert f"usage: ./course class {action} " in done.stdout
    assert "grade what is new" in house.course(clone, "class", "--help").stdout
    assert not (clone / ".venv").exists()


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        ([], "ACTION"),
        (["grad", "x", "q03"], "invalid choice: 'grad'"),
        (["grade", "x"], "QUIZ"),
        (["grade", "x", "q03", "--workers", "0"], "--workers"),
        (["grade", "x", "q03", "--sandbox", "docker"], "--sandbox"),
        (["collect"], "DIR"),
    ],
)
def test_wrong_use_gets_one_sentence_before_any_set_up(tmp_path, typed, sentence):
    clone = house.make(tmp_path / "course")
    assert sentence in house.one_sentence(house.course(clone, "class", *typed))
    assert not (clone / ".venv").exists()


def test_it_asks_for_the_graders_lock_and_no_student_has_it(tmp_path):
    assert cli.parse(["class", "new", "x"]).lock == "requirements-grade.lock"
    clone = house.make(tmp_path / "course")
    shutil.rmtree(clone / "tools")
    assert "unknown verb 'class'" in house.one_sentence(house.course(clone, "class", "new", "x"))


# --- a class folder --------------------------------------------------------------------


def test_a_class_holds_settings_and_sources_and_is_ones_own(tmp_path, capsys):
    folder = tmp_path / "class"
    assert course("new", folder, "q03", "q06") == 0
    made = {path.name for path in (folder / "source").iterdir()}
    assert made == {"q03_checkpoint_inhibitors", QUIZ}
    assert folder.stat().st_mode & 0o077 == 0
    (folder / "source" / QUIZ / f"{QUIZ}.ipynb").write_text("mine")
    assert course("new", folder) == 0
    assert len(list((folder / "source").iterdir())) == len(
        list((house.ROOT / "notebooks/quizzes").glob("*/*.ipynb"))
    )
    assert (folder / "source" / QUIZ / f"{QUIZ}.ipynb").read_text() == "mine"
    capsys.readouterr()
    assert course("new", folder) == 0
    assert "nothing was changed" in capsys.readouterr().out


def refused(capsys, *typed):
    """The one sentence that a refused request gets."""
    assert course(*typed) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("course: ")
    return line


def test_a_class_is_never_made_where_it_does_not_belong(tmp_path, capsys):
    assert "students' work must not enter" in refused(capsys, "new", house.ROOT / "work" / "class")
    assert not (house.ROOT / "work" / "class").exists()
    (tmp_path / "thesis.txt").write_text("x")
    assert "holds something else" in refused(capsys, "new", tmp_path)
    assert "there are the quizzes q01" in refused(capsys, "new", tmp_path / "class", "q99")
    assert "make one with ./course class new" in refused(capsys, "grade", tmp_path, "q03")
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


def test_interrupted_the_same_command_completes_the_class(tmp_path, monkeypatch):
    real, folder = shutil.copytree, tmp_path / "class"

    def stopping(source, target, **options):
        real(source, target, **options)
        raise KeyboardInterrupt

    monkeypatch.setattr(shutil, "copytree", stopping)
    with pytest.raises(KeyboardInterrupt):
        course("new", folder, "q06")
    monkeypatch.undo()
    assert course("new", folder, "q06") == 0
    assert [path.name for path in (folder / "source").iterdir()] == [QUIZ]


def test_the_gradebook_may_lie_elsewhere(tmp_path):
    elsewhere = tmp_path / "other.db"
    assert course("new", tmp_path / "class", "q06", "--db", f"sqlite:///{elsewhere}") == 0
    assert course("release", tmp_path / "class", "q06") == 0
    assert elsewhere.exists()
    assert not (tmp_path / "class" / "gradebook.db").exists()


def test_what_is_not_there_is_named(room, tmp_path, capsys):
    assert "no quiz 'q77'; in its source folder: t01_tiny" in refused(
        capsys, "grade", room.folder, "q77"
    )
    assert "no exchange folder" in refused(capsys, "collect", room.folder, "t01")
    assert "nowhere.zip does not exist" in refused(
        capsys, "collect", room.folder, "t01", tmp_path / "nowhere.zip"
    )
    assert course("report", room.folder) == 0
    assert "nothing to report yet" in capsys.readouterr().out
    assert course("grade", room.folder, "t01") == 0
    assert "nothing to grade" in capsys.readouterr().out
    (room.folder / "source" / tiny.QUIZ / "second.ipynb").write_text("{}")
    assert "should hold one notebook" in refused(capsys, "grade", room.folder, "t01")


def test_before_a_release_the_next_step_is_named(tmp_path, capsys):
    course("new", tmp_path / "class", "q06")
    capsys.readouterr()
    assert "release it first" in refused(capsys, "grade", tmp_path / "class", "q06")


# --- the whole way, with the real sandbox ----------------------------------------------


@pytest.fixture(scope="module")
def ways(released, tmp_path_factory):
    """A class that was graded with the course's verbs, from a Canvas export on."""
    folder = tmp_path_factory.mktemp("ways") / "class"
    shutil.copytree(released, folder)
    room = classes.Classroom(folder)
    export = folder.parent / "submissions.zip"
    with zipfile.ZipFile(export, "w") as bundle:
        for number, (one, two) in enumerate([(42, "b"), (41, "b"), (None, "a")], start=1):
            path = tiny.hand_in(room, "x", one, two)
            bundle.write(path, f"student{number}_{number}_5{number}_{tiny.QUIZ}.ipynb")
        bundle.writestr(f"eve_LATE_4_54_{tiny.QUIZ}.ipynb", "no notebook")
    shutil.rmtree(room.step("submitted"))
    assert course("collect", folder, "t01", export) == 0
    assert course("grade", folder, "t01") == 0
    assert course("feedback", folder, "t01") == 0
    assert course("report", folder) == 0
    return room


def test_marks_are_those_of_the_tests(ways):
    found = {who: [m[0] for m in marks.values()] for who, marks in tiny.marks(ways).items()}
    assert found == {"1": [2, 1, None], "2": [0, 1, None], "3": [0, 0, None], "4": [0, 0, 0]}
    assert tiny.states(ways) == {"1": "graded", "2": "graded", "3": "graded", "4": "flagged"}


def test_each_student_gets_a_page_that_shows_no_hidden_test(ways):
    pages = {p.parts[-3]: p.read_text() for p in ways.step("feedback").rglob("*.html")}
    assert set(pages) == {"1", "2", "3", "4"}
    assert "Multiply." in pages["2"]
    assert all("answer_1 == 42" not in page for page in pages.values())
    assert all("BEGIN HIDDEN TESTS" not in page for page in pages.values())


def test_the_release_shows_neither_solutions_nor_hidden_tests(ways):
    text = (ways.step("release") / tiny.QUIZ / f"{tiny.QUIZ}.ipynb").read_text()
    assert "6 * 7" not in text
    assert "== 42" not in text
    assert "A model answer" not in text


def test_nbgraders_own_command_takes_the_same_road(room):
    """nbgrader autograde, and with it formgrader's button."""
    good, bad = tiny.hand_in(room, "ada"), tiny.hand_in(room, "eve")
    notebook = nbformat.read(bad, as_version=4)
    for cell in notebook.cells:
        if cell.metadata.nbgrader.grade_id == "t01_1_answer":
            cell.source = "answer_1 = 1\nimport os, nbgrader\nos._exit(0)"
        cell.metadata.tags = ["skip-execution"]
    nbformat.write(notebook, bad)
    tiny.hand_in(room, "mallory").unlink()
    (room.step("submitted") / "mallory" / tiny.QUIZ / f"{tiny.QUIZ}.ipynb").symlink_to(good)
    (room.step("submitted") / "mallory" / tiny.QUIZ / "data.txt").symlink_to("/etc/hostname")
    done = subprocess.run(
        [sys.executable, "-m", "nbgrader", "autograde", tiny.QUIZ],
        cwd=room.folder,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    found = {who: [m[0] for m in marks.values()] for who, marks in tiny.marks(room).items()}
    assert found["ada"] == [2, 1, None]
    assert found["eve"][0] == 0
    assert found["mallory"] == [0, 0, 0]
    assert tiny.states(room)["mallory"] == "flagged"
    assert not list((room.step("autograded") / "mallory").rglob("data.txt"))
    calls = []
    tiny.grade(room, calls=calls)
    assert calls == []


# --- what a teacher is told ------------------------------------------------------------


def names(room):
    """What nbgrader calls each student: first and last name."""
    with room.api.gradebook as gradebook:
        return {who.id: (who.first_name, who.last_name) for who in gradebook.students}


def test_the_gradebook_gets_the_names_that_the_platform_gave(room, tmp_path):
    exported = tmp_path / "export"
    path = tiny.hand_in(room, "ada")
    for folder in ("Ada de la Luz_12_assignsubmission_file", "bob"):
        (exported / folder).mkdir(parents=True)
        shutil.copy(path, exported / folder)
    shutil.copy(path, exported / f"coopereve_77_5_{tiny.QUIZ}.ipynb")
    classes.collect(room, tiny.QUIZ, [exported])
    called = {
        "Ada-de-la-Luz": ("Ada de la", "Luz"),
        "77": ("", "coopereve"),
        "bob": ("", "bob"),
        "ada": ("", "ada"),
    }
    assert names(room) == called
    with room.api.gradebook as gradebook:
        gradebook.find_student("bob").first_name = "Robert"
        gradebook.db.commit()
    tiny.hand_in(room, "zoe")  # put there without collect
    tiny.grade(room)
    assert names(room) == called | {"bob": ("Robert", "bob"), "zoe": ("", "zoe")}


def test_when_nothing_is_due_what_to_look_at_is_told_again(room):
    tiny.hand_in(room, "ada")
    tiny.hand_in(room, "bob")
    tiny.grade(room, flags={"bob": [("odd", "Something is odd.")]})
    *told, last = tiny.grade(room)
    assert told == ["bob: Something is odd."]
    assert "2 submissions, 0 graded in this run, 1 flagged" in last


def test_a_flag_stands_on_a_line_of_its_own_in_a_terminal(room, monkeypatch, capsys):
    for student in ("ada", "bob"):
        tiny.hand_in(room, student)
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    for line in classes.grade(
        room, tiny.QUIZ, tiny.grader(room, flags={"bob": [("odd", "Something is odd.")]})
    ):
        print(line, file=sys.stderr)
    shown = capsys.readouterr().err
    assert "1 of 2 graded" in shown
    assert "\rbob: Something is odd.\n" in shown


@pytest.mark.parametrize("action", ["release", "collect", "grade", "feedback", "report"])
def test_a_server_that_cannot_be_reached_is_said_to_be_so(room, capsys, action):
    """nbgrader takes it for an old gradebook, and advises to upgrade that."""
    tiny.hand_in(room, "ada")
    with (room.folder / "nbgrader_config.py").open("a") as config:
        config.write("c.CourseDirectory.db_url = 'postgresql+psycopg:///x?host=/nowhere'\n")
    files = [room.step("submitted")] if action == "collect" else []
    quiz = [] if action == "report" else ["t01"]
    told = refused(capsys, action, room.folder, *quiz, *files)
    assert "see that its server runs and can be reached" in told
    assert "the same command again" in told
    assert "upgrade" not in told


def test_what_the_system_refused_nbgrader_is_named(room, capsys):
    shutil.rmtree(room.step("release"))
    room.step("release").write_text("in the way")
    told = refused(capsys, "release", room.folder, "t01")
    assert str(room.step("release")) in told
    assert "make room or give access, then type the same command again" in told


# --- through nbgrader's exchange -------------------------------------------------------


def submit(room, desk, student):
    """Do what nbgrader's button does for a student who has fetched the quiz."""
    api = room.api
    shutil.copytree(next(room.folder.glob(f"exchange/*/outbound/{tiny.QUIZ}")), desk / tiny.QUIZ)
    with (
        pytest.MonkeyPatch.context() as patch,
        temp_attrs(api.coursedir, assignment_id=tiny.QUIZ, student_id=student),
    ):
        patch.chdir(desk)
        api.exchange.Submit(
            coursedir=api.coursedir, authenticator=api.authenticator, parent=api
        ).start()


def test_release_collect_and_feedback_use_an_exchange(room, tmp_path, monkeypatch, capsys):
    for variable in ("JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR"):
        monkeypatch.setenv(variable, str(tmp_path / variable))
    (room.folder / "exchange").mkdir()
    (room.folder / "exchange").chmod(0o777)
    with (room.folder / classes.CONFIG).open("a") as settings:  # one account plays all students
        settings.write("\nc.ExchangeCollect.check_owner = False\n")
    for _ in range(2):  # handing out again is no error
        assert course("release", room.folder, "t01") == 0
    for student in ("ada", "bob"):
        (tmp_path / student).mkdir()
        submit(classes.Classroom(room.folder), tmp_path / student, student)
    tiny.hand_in(room, "eve")  # by mail
    capsys.readouterr()
    assert course("collect", room.folder, "t01") == 0
    assert "3 submissions in the class folder, 2 of them new" in capsys.readouterr().out
    tiny.grade(room)
    (room.step("autograded") / "bob" / tiny.QUIZ / "submission_secret.txt").unlink()
    for _ in range(2):
        assert course("feedback", room.folder, "t01") == 0
        told = capsys.readouterr().out
        assert "3 feedback pages" in told
        assert "Handed back 1 of them through the exchange" in told
    assert len(list((room.folder / "exchange").rglob("*.html"))) == 1
