"""A small quiz with what the course's quizzes lack so far: a function, an array, parts of points, a figure."""

from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

SETUP = "import numpy as np\nimport plotly.graph_objects as go"
ITEMS = {
    "1": (
        "Write `answer_1(days)`: the size of a tumour of 10 mm that doubles every 30 days.",
        "def answer_1(days):\n    return 10 * 2 ** (days / 30)",
        'assert callable(answer_1), "answer_1 should be a function."',
        'assert abs(answer_1(73.59375) - 10 * 2 ** (73.59375 / 30)) < 1e-6, "Count the doublings."\n'
        'assert abs(answer_1(-11) - 10 * 2 ** (-11 / 30)) < 1e-6, "Negative days count back."',
    ),
    "2": (
        "How many days pass until it has 40 mm?",
        "answer_2 = 60",
        'assert isinstance(answer_2, (int, float)), "answer_2 should be a number."',
        'assert answer_2 == 60, "Two doublings."',
    ),
    "3": (
        "Its sizes on days 0, 30 and 60, as an array.",
        "answer_3 = np.array([10.0, 20.0, 40.0])",
        'assert answer_3.shape == (3,), "answer_3 should be an array of three."',
        'assert np.allclose(answer_3, [10, 20, 40]), "It doubles every 30 days."',
    ),
    "4": (
        "List four cells of the immune system; each earns half a point.",
        'answer_4 = ["T cell", "B cell", "macrophage", "neutrophil"]',
        'assert isinstance(answer_4, list), "answer_4 should be a list."',
        'known_4 = {"T cell", "B cell", "macrophage", "neutrophil", "NK cell"}\n'
        "len(known_4 & set(answer_4[:4])) / 2",
    ),
    "5": (
        "Draw the sizes of the third question against the days, as `answer_5`.",
        "answer_5 = go.Figure(go.Scatter(x=[0, 30, 60], y=[10, 20, 40]))",
        'assert len(answer_5.data) == 1, "answer_5 should have one line."',
        'assert list(answer_5.data[0].y) == [10, 20, 40], "Show the sizes."',
    ),
}


def small_quiz():
    """Return the instructor's notebook: five questions of two points."""
    cells = [_cell("intro", "# A small quiz", code=False), _cell("setup", SETUP)]
    for number, (question, solution, visible, hidden) in ITEMS.items():
        solved = f"### BEGIN SOLUTION\n{solution}\n### END SOLUTION"
        tested = f"{visible}\n### BEGIN HIDDEN TESTS\n{hidden}\n### END HIDDEN TESTS"
        cells += [
            _cell(f"{number}_question", question, code=False),
            _cell(
                f"{number}_answer", f"answer_{number} = None\n{solved}", solution=True, locked=False
            ),
            _cell(f"{number}_test", tested, grade=True, points=2),
        ]
    spec = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}
    return new_notebook(cells=cells, metadata={"kernelspec": spec})


def _cell(name, source, *, code=True, **roles):
    roles = {"grade": False, "solution": False, "locked": True, "task": False} | roles
    roles |= {"schema_version": 3, "grade_id": f"q99_{name}"}
    make = new_code_cell if code else new_markdown_cell
    return make(source, id=f"q99-{name.replace('_', '-')}", metadata={"nbgrader": roles})
