"""The predictions file: kept, added to, never lost, never in the way."""

import json
import os

from course_lib.labs import predictions


def test_a_record_is_kept_and_added_to():
    predictions.write("checkpoint_inhibitors", predict="half", why="more_cells")
    predictions.write("checkpoint_inhibitors", observe="saturated")
    predictions.write("other", predict="x")
    assert predictions.read("checkpoint_inhibitors") == {
        "predict": "half",
        "why": "more_cells",
        "observe": "saturated",
    }
    assert predictions.read("other") == {"predict": "x"}


def test_no_file_means_no_record():
    assert predictions.read("checkpoint_inhibitors") == {}


def test_an_unreadable_file_is_kept_beside_the_new_one(tmp_path):
    predictions.FILE.write_text("{ half a file")
    assert predictions.read("lab") == {}
    predictions.write("lab", predict="half")
    assert predictions.read("lab") == {"predict": "half"}
    assert (tmp_path / "my_predictions.unreadable.json").read_text() == "{ half a file"


def test_a_folder_that_cannot_be_written_is_no_error(tmp_path, monkeypatch):
    monkeypatch.setattr(predictions, "FILE", tmp_path / "missing" / "my_predictions.json")
    predictions.write("lab", predict="half")
    assert predictions.read("lab") == {}


def test_the_file_is_plain_json_for_the_student():
    predictions.write("lab", predict="half")
    assert json.loads(predictions.FILE.read_text()) == {"lab": {"predict": "half"}}
    assert os.listdir() == ["my_predictions.json"]
