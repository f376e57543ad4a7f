"""What the course adds to the Jupyter server; the browser tests see both at work."""

import copy

from course_lib.server import keep_readable

VIEW = "application/vnd.jupyter.widget-view+json"


def notebook(*bundles):
    cells = [{"cell_type": "markdown", "source": "x"}]
    cells += [{"cell_type": "code", "outputs": [{"data": bundle}]} for bundle in bundles]
    content = {"nbformat": 4, "metadata": {"widgets": {"state": 1}, "kept": 1}, "cells": cells}
    return {"type": "notebook", "content": content}


def test_a_lab_is_saved_without_its_widget():
    model = notebook({VIEW: {}, "text/html": "<p>", "text/plain": "p"})
    keep_readable(model, path="x.ipynb", contents_manager=None)
    assert model["content"]["cells"][1]["outputs"][0]["data"] == {
        "text/html": "<p>",
        "text/plain": "p",
    }
    assert model["content"]["metadata"] == {"kept": 1}


def test_a_widget_that_says_nothing_else_stays():
    model = notebook({VIEW: {}, "text/plain": "IntSlider()"})
    keep_readable(model)
    assert VIEW in model["content"]["cells"][1]["outputs"][0]["data"]


def test_other_files_and_old_notebooks_are_left_alone():
    text = {"type": "file", "content": "x"}
    old = {"type": "notebook", "content": {"nbformat": 3, "worksheets": []}}
    for model in (text, old):
        before = copy.deepcopy(model)
        keep_readable(model)
        assert model == before
