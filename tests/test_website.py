"""Pyodide's files: only official ones, from wherever they come; and what the site refuses."""

import http.server
import json
import threading
import zipfile
from functools import partial

import pytest

import house
import website
from website import pyodide, wheels

GOOD = b"as published"
HASH = pyodide.sha256(GOOD)


@pytest.fixture
def official(tmp_path):
    """A web server with one file, and its address."""
    house.write(tmp_path / "official/file.whl", GOOD.decode())
    handler = partial(http.server.SimpleHTTPRequestHandler, directory=str(tmp_path / "official"))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()


def test_a_download_is_checked_and_kept_for_the_next_time(official, tmp_path):
    kept = tmp_path / "kept"
    assert pyodide.fetch(official, "file.whl", HASH, kept) == GOOD
    assert (kept / "file.whl").read_bytes() == GOOD
    (tmp_path / "official/file.whl").unlink()
    assert pyodide.fetch(official, "file.whl", HASH, kept) == GOOD


def test_a_kept_file_that_was_damaged_is_fetched_again(official, tmp_path):
    house.write(tmp_path / "kept/file.whl", "as publish")
    assert pyodide.fetch(official, "file.whl", HASH, tmp_path / "kept") == GOOD


@pytest.mark.parametrize("way", ["download", "folder"])
def test_a_file_that_is_not_the_official_one_is_refused(way, official, tmp_path):
    base = official if way == "download" else f"{(tmp_path / 'official').as_uri()}/"
    house.write(tmp_path / "official/file.whl", "something else")
    with pytest.raises(pyodide.NotOfficial, match=r"file\.whl is not the file of Pyodide"):
        pyodide.fetch(base, "file.whl", HASH, tmp_path / "kept")
    assert not (tmp_path / "kept").exists()


@pytest.mark.parametrize("way", ["download", "folder"])
def test_a_file_that_is_not_there_is_named_with_the_way_out(way, official, tmp_path):
    base = official if way == "download" else f"{tmp_path.as_uri()}/"
    with pytest.raises(OSError, match=r"none\.whl cannot be read .*--pyodide"):
        pyodide.fetch(base, "none.whl", HASH, tmp_path / "kept")


def test_a_folder_is_read_and_nothing_of_it_is_kept_twice(official, tmp_path):
    base = f"{(tmp_path / 'official').as_uri()}/"
    assert pyodide.fetch(base, "file.whl", HASH, tmp_path / "kept") == GOOD
    assert not (tmp_path / "kept").exists()


def test_the_download_is_the_official_one_unless_a_folder_is_named(tmp_path, monkeypatch):
    asked = []
    monkeypatch.setattr(website, "build", lambda root, out, base: asked.append(base))
    monkeypatch.setattr(website, "size", lambda folder: 0)
    website.write(house.ROOT, tmp_path / "site", None)
    website.write(house.ROOT, tmp_path / "site", tmp_path)
    assert asked == [
        f"https://cdn.jsdelivr.net/pyodide/v{pyodide.VERSION}/full/",
        f"{tmp_path.as_uri()}/",
    ]


def test_a_lock_says_what_is_in_a_wheel(tmp_path):
    wheel = tmp_path / "Some_Thing-1.2-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as packed:
        for place in ("some/thing.py", "_other.py", "some_thing-1.2.dist-info/METADATA"):
            packed.writestr(place, "")
    made = pyodide.entry(wheel, ["numpy"])
    assert (made["name"], made["version"], made["depends"]) == ("some-thing", "1.2", ["numpy"])
    assert made["imports"] == ["_other", "some"]
    assert made["sha256"] == pyodide.sha256(wheel.read_bytes())


def test_what_the_kernel_needs_comes_with_all_that_it_needs_and_no_more():
    names = ["micropip", "ssl", "sqlite3", "jedi", "ipython", "numpy", "parso", "scipy"]
    packages = {name: {"name": name, "depends": []} for name in names}
    packages["jedi"]["depends"] = ["parso"]
    assert set(pyodide.needed(packages)) == {*names} - {"scipy"}


def test_plotly_keeps_what_the_labs_draw_with(tmp_path):
    wheel = tmp_path / "plotly-7-py3-none-any.whl"
    drawn = "plotly/package_data/widgetbundle.js"
    with zipfile.ZipFile(wheel, "w") as packed:
        for place in (drawn, "plotly/labextension/a.js", "plotly/package_data/plotly.min.js"):
            packed.writestr(place, "")
    with zipfile.ZipFile(wheels.slimmed(wheel, tmp_path / "slim")) as packed:
        assert packed.namelist() == [drawn]


def test_the_wheels_are_those_of_the_students_lock_and_no_server_comes_with_them():
    given = {"numpy", "ipython", "traitlets", "packaging", "six"}
    needs = wheels.own(house.ROOT / "requirements.lock", given)
    assert {"plotly", "ipywidgets", "anywidget", "narwhals", "comm", "psygnal"} <= set(needs)
    assert not {"jupyterlab", "widgetsnbextension", "jupyterlab-widgets", "numpy"} & set(needs)
    assert set(needs["plotly"]) == {"narwhals", "packaging"}


def test_a_folder_with_other_files_is_left_alone(tmp_path):
    out = tmp_path / "thesis"
    house.write(out / "chapter.txt", "mine")
    done = house.course(house.ROOT, "site", "--out", out, "--pyodide", tmp_path)
    assert "holds other files; name a new folder with --out." in house.one_sentence(done)
    assert [path.name for path in out.iterdir()] == ["chapter.txt"]


def test_a_folder_that_is_not_there_is_told_at_once():
    done = house.course(house.ROOT, "site", "--pyodide", "/nowhere/at/all")
    assert "'/nowhere/at/all' is not a folder" in house.one_sentence(done)


def test_a_failed_build_says_so_in_one_sentence_and_leaves_no_half_site(tmp_path):
    house.write(tmp_path / "files" / pyodide.LOCK, json.dumps({"packages": {}}))
    done = house.course(
        house.ROOT, "site", "--out", tmp_path / "site", "--pyodide", tmp_path / "files"
    )
    assert "pyodide-lock.json is not the file of Pyodide" in house.one_sentence(done)
    assert [path.name for path in tmp_path.iterdir()] == ["files"]
