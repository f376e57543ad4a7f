"""The locks and environment.yml fit pyproject.toml and each other; no network is asked."""

import json
import re
import shutil
import sys
import tomllib

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import house

sys.path.insert(0, str(house.ROOT / "tools"))
import locks

PROJECT = tomllib.loads((house.ROOT / "pyproject.toml").read_text(encoding="utf-8"))
FILES = [locks.STUDENT, locks.GRADE, locks.DEV]
ASIDE = [f"tools/{name}.lock" for name in locks.ASIDE]
ADDRESS = re.compile(r"://|--(extra-)?index-url|--find-links|file:|[\w-]+\.(org|com|io|net)\b")


def pins(name):
    return locks.read(house.ROOT / name)


def direct(lock):
    """What pyproject.toml asks for in this lock."""
    if lock in ASIDE:
        group = lock.removeprefix("tools/").removesuffix(".lock")
        own = PROJECT["dependency-groups"][group]
        course = direct(locks.GRADE) if locks.ASIDE[group] else []
        return [*map(Requirement, own), *course]
    wanted = PROJECT["project"]["dependencies"] + PROJECT["dependency-groups"]["build"]
    if lock != locks.STUDENT:
        wanted = wanted + PROJECT["project"]["optional-dependencies"]["grade"]
    if lock == locks.DEV:
        wanted = wanted + PROJECT["dependency-groups"]["dev"]
    return [Requirement(text) for text in wanted]


def test_the_course_on_a_hub_has_the_grader_s_versions():
    ours, hub = pins(locks.GRADE), pins("tools/hub.lock")
    assert {name: hub[name][0] for name in ours} == {name: pin[0] for name, pin in ours.items()}


def problems(lock, found):
    """Why these pins do not satisfy pyproject.toml."""
    for need in direct(lock):
        pin = found.get(canonicalize_name(need.name))
        if pin is None:
            yield f"{need.name} is not pinned"
        elif not need.specifier.contains(pin[0], prereleases=True):
            yield f"{need.name} is pinned to {pin[0]}, which is not {need.specifier}"


@pytest.mark.parametrize("lock", FILES + ASIDE)
def test_every_direct_dependency_is_pinned_as_it_asks(lock):
    assert list(problems(lock, pins(lock))) == []


@pytest.mark.parametrize("lock", FILES)
def test_a_lock_that_does_not_fit_is_noticed(lock):
    broken = pins(lock)
    del broken["numpy"]
    broken["plotly"] = ("1.0", "", [], [])
    assert [text.split(" is ")[0] for text in problems(lock, broken)] == ["numpy", "plotly"]


@pytest.mark.parametrize("lock", FILES + ASIDE)
def test_every_pin_has_hashes(lock):
    for name, (_, _, hashes, _) in pins(lock).items():
        assert hashes, f"{lock}: {name} has no hash"
        assert all(re.fullmatch(r"sha256:[0-9a-f]{64}", text) for text in hashes), name


@pytest.mark.parametrize(("small", "large"), [FILES[:2], FILES[1:]])
def test_a_larger_lock_holds_the_smaller_ones_pins(small, large):
    larger = pins(large)
    for name, (version, marker, hashes, _) in pins(small).items():
        assert name in larger, f"{large} lacks {name}"
        assert larger[name][0] == version, name
        assert larger[name][2] == hashes, name
        assert not larger[name][1] or marker, f"{name} is needed less often in {large}"


@pytest.mark.parametrize("name", [*FILES, *ASIDE, "environment.yml", "pyproject.toml", "postBuild"])
def test_no_package_index_is_named(name):
    text = (house.ROOT / name).read_text(encoding="utf-8")
    assert not [line for line in text.splitlines() if ADDRESS.search(line)]


def test_the_hub_s_proxy_is_pinned_by_hash_and_names_no_registry():
    proxy = house.ROOT / "docs" / "hub" / "proxy"
    wanted = json.loads((proxy / "package.json").read_text(encoding="utf-8"))["dependencies"]
    locked = json.loads((proxy / "package-lock.json").read_text(encoding="utf-8"))["packages"]
    assert locked.pop("")["dependencies"] == wanted
    for name, pin in locked.items():
        assert re.match(r"sha512-[\w+/=]{80,}", pin["integrity"]), name
        assert "resolved" not in pin, f"{name}: npm install --omit-lockfile-registry-resolved"


def test_a_student_gets_no_grader_and_no_test_tools():
    unwanted = {"nbgrader", "nbval", "pytest", "playwright", "scipy", "pandas", "matplotlib"}
    assert not unwanted & set(pins(locks.STUDENT))
    assert "nbgrader" in pins(locks.GRADE)
    assert not {"pytest", "playwright", "scipy"} & set(pins(locks.GRADE))


def test_environment_is_what_the_locks_give():
    written = (house.ROOT / "environment.yml").read_text(encoding="utf-8")
    assert written == locks.environment(house.ROOT), "run: python3 tools/locks.py"


def test_environment_follows_a_changed_lock(tmp_path):
    for name in FILES:
        shutil.copy(house.ROOT / name, tmp_path / name)
    lock = tmp_path / locks.DEV
    numpy = f"numpy=={pins(locks.DEV)['numpy'][0]} "
    lock.write_text(lock.read_text().replace(f"\n{numpy}", "\nnumpy==9.9.9 "))
    assert "      - numpy==9.9.9\n" in locks.environment(tmp_path)


def listed(text):
    return re.findall(r'^      - "?([a-z0-9._-]+)==', text, re.MULTILINE)


def test_environment_names_the_courses_packages_first_and_pins_all_they_need():
    source, student = locks.environment(house.ROOT), locks.environment(house.ROOT, student=True)
    assert listed(source)[: len(locks.NAMED)] == locks.NAMED
    assert set(listed(student)) == set(pins(locks.STUDENT)) | {locks.ON_BINDER}
    assert set(listed(source)) >= set(pins(locks.GRADE)) | {"nbval", "pytest"}
    assert not {"playwright", "scipy", "libroadrunner", "lifelines"} & set(listed(source))
    for text in (source, student):
        assert "  - python=3." in text
        assert "  - pip\n  - pip:\n" in text
        assert "-r " not in text


def test_the_package_asks_for_nothing_beyond_its_locks():
    """One Python floor for the package, the locks and the launcher."""
    floor = PROJECT["project"]["requires-python"].removeprefix(">=")
    assert floor == locks.PYTHONS[0]
    assert f"Python {floor} or newer" in (house.ROOT / "course").read_text(encoding="utf-8")
    assert not (house.ROOT / "uv.lock").exists()
