"""Messages between a student's process and the judge: what goes in comes out, and nothing else."""

import json
import math
import pickle
import socket
import struct
import time
from collections import Counter, OrderedDict, namedtuple
from decimal import Decimal
from enum import IntEnum
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from course_lib.grading import wire

HASHABLE = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text()
    | st.binary(),
    lambda inside: st.tuples(inside, inside) | st.frozensets(inside, max_size=3),
    max_leaves=8,
)
PLAIN = st.recursive(
    HASHABLE | st.fractions() | st.complex_numbers(allow_nan=False),
    lambda inside: (
        st.lists(inside, max_size=4)
        | st.sets(HASHABLE, max_size=3)
        | st.dictionaries(HASHABLE, inside, max_size=4)
    ),
    max_leaves=20,
)
Point = namedtuple("Point", "x y")


class Level(IntEnum):
    HIGH = 3


def there_and_back(value):
    return wire.decode(wire.encode(value))


def same(one, other) -> bool:
    """Return whether two values are equal and of equal types, all the way down."""
    if type(one) is not type(other):
        return False
    if isinstance(one, list | tuple):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, dict):
        return same(list(one.items()), list(other.items()))
    return repr(one) == repr(other) if isinstance(one, float | complex) else one == other


@given(PLAIN)
def test_plain_data_comes_back_as_it_was(value):
    assert same(there_and_back(value), value)


@pytest.mark.parametrize(
    "value",
    [
        math.inf,
        -math.inf,
        0.1,
        5e-324,
        2**80,
        -(2**200),
        Decimal("1.10"),
        ...,
        range(2, 9, 3),
        -0.0,
    ],
    ids=repr,
)
def test_numbers_keep_every_digit(value):
    assert same(there_and_back(value), value)


def test_nan_comes_back():
    assert math.isnan(there_and_back(math.nan))
    assert math.isnan(there_and_back([np.float32("nan")])[0])


@pytest.mark.parametrize(
    ("value", "plain"),
    [
        (np.float64(1.5), 1.5),
        (np.float32(0.5), 0.5),
        (np.int64(3), 3),
        (np.bool_(True), True),
        (np.str_("a"), "a"),
        (Level.HIGH, 3),
        (Point(1, 2), (1, 2)),
        (OrderedDict(a=1), {"a": 1}),
        (Counter("aab"), {"a": 2, "b": 1}),
        (bytearray(b"x"), b"x"),
    ],
    ids=repr,
)
def test_what_is_almost_plain_becomes_plain(value, plain):
    assert same(there_and_back(value), plain)


def test_a_class_that_agrees_with_everything_leaves_its_opinion_behind():
    class Agreeable(float):
        def __sub__(self, other):
            return 0.0

        def __eq__(self, other):
            return True

        __hash__ = None

    assert same(there_and_back(Agreeable(5)), 5.0)


@pytest.mark.parametrize("kind", ["f8", "f4", "i2", "?", "c16", "U3", "S2", ">i4"])
def test_arrays_come_back_with_type_and_shape(kind):
    array = np.arange(6).reshape(2, 3).astype(kind)
    back = there_and_back(array[:, ::-1])
    assert back.dtype == array.dtype
    assert back.tolist() == array[:, ::-1].tolist()
    back[0] = back[1]  # a copy of its own
    assert there_and_back(np.array([], float)).shape == (0,)


def test_a_chart_comes_back_as_a_chart():
    go = pytest.importorskip("plotly.graph_objects")
    figure = go.Figure(go.Scatter(x=[1, 2], y=[3, 4], name="a line"))
    back = there_and_back(figure)
    assert type(back) is go.Figure
    assert back.data[0].name == "a line"
    assert list(back.data[0].y) == [3, 4]


@pytest.mark.parametrize(
    "value", [object(), len, object, np.array([object()]), (n for n in "a"), [1, {"a": print}]]
)
def test_anything_else_needs_a_reference(value):
    with pytest.raises(wire.WireError, match="not plain data"):
        wire.encode(value)
    kept = []

    def refer(thing):
        kept.append(thing)
        return wire.Reference(len(kept) - 1, "object", type(thing).__name__)

    message = wire.encode(value, refer)
    assert len(kept) == 1
    assert (
        isinstance(value, list) or repr(wire.decode(message)) == f"<object {type(value).__name__}>"
    )


def test_a_reference_agrees_with_nothing():
    one, other = wire.Reference(0, "object", "X"), wire.Reference(0, "object", "X")
    assert one != other
    assert one != 5
    with pytest.raises(TypeError, match="neither true nor false"):
        bool(one)
    for attempt in (lambda: one < 5, lambda: abs(one - 5), lambda: float(one), lambda: len(one)):
        with pytest.raises(TypeError):
            attempt()


def test_what_is_too_large_or_too_deep_is_refused():
    deep = []
    for _ in range(wire.DEPTH + 1):
        deep = [deep]
    circle = []
    circle.append(circle)
    for value in (deep, circle, [0] * (wire.ITEMS + 1), "x" * wire.LARGEST, 1 << wire.BITS):
        with pytest.raises(wire.WireError):
            wire.encode(value)
    with pytest.raises(wire.WireError):
        wire.encode(np.zeros(wire.LARGEST // 8 + 1))


HOSTILE = [
    b"",
    b"\xff",
    b"{}",
    b'{"a": 1}',
    b"[]",
    b'["what"]',
    b'["dict", [[["list", []], 1]]]',
    b'["dict", [1]]',
    b'["int", "0xzz"]',
    b'["int", 5]',
    b'["float", "1e5"]',
    b'["array", "O", [1], "AAAAAAAAAAA="]',
    b'["array", "f8", [1000000000], "AAAA"]',
    b'["array", "f8", [-1], "AAAAAAAAAAA="]',
    b'["array", "V8", [1], "AAAAAAAAAAA="]',
    b'["array", "f8,O", [1], "AAAAAAAAAAA="]',
    b'["array", "M8[s]", [1], "AAAAAAAAAAA="]',
    b'["reference", "a", "b", "c"]',
    b'["fraction", "0x1", "0x0"]',
    b'["decimal", "1e999999999"]',
    b'["array", "f8", [1000000000000, 0], ""]',
    b'["bytes", "%%%"]',
    b'["figure", "{}x"]',
    b'["set", [["list", []]]]',
    b'["range", "0x0", "0x1", "0x0"]',
    b"[" * 100_000,
    b'["list", [' * 5000 + b"]]" * 5000,
    b"9" * 10_000,
    b'["int", "0x' + b"f" * wire.BITS + b'"]',
    b'["list", [' + b"0," * wire.ITEMS + b"0]]",
    pickle.dumps([1]),
]


@pytest.mark.parametrize("message", HOSTILE, ids=lambda m: m[:40])
def test_a_hostile_message_is_no_more_than_an_error(message):
    with pytest.raises(wire.WireError):
        wire.decode(message)


@given(st.recursive(st.text() | st.integers() | st.none(), lambda i: st.lists(i, max_size=4)))
def test_any_json_is_read_or_refused(value):
    tagged = [value, ["list", [value]], ["dict", [[value, value]]], ["array", "f8", value, "AA"]]
    for each in tagged:
        try:
            found = wire.decode(json.dumps(each).encode())
        except wire.WireError:
            continue
        assert isinstance(found, list | dict | str | int | None)


def test_the_type_names_of_the_decoder_are_base_types():
    packed = wire.encode([1, (2,), {3}, frozenset({4}), {"a": b"b"}, 1j, Fraction(1, 3)])
    kinds = {type(value) for value in wire.decode(packed)}
    assert kinds == {int, tuple, set, frozenset, dict, complex, Fraction}


def test_what_comes_over_a_socket_is_bounded():
    ours, theirs = socket.socketpair()
    with ours, theirs:
        wire.send(theirs, b"hello")
        assert wire.receive(ours) == b"hello"
        theirs.sendall(struct.pack(">I", 2**31))
        with pytest.raises(wire.WireError, match="2,147,483,648 bytes"):
            wire.receive(ours)
        with pytest.raises(TimeoutError):
            wire.receive(ours, until=time.monotonic() + 0.05)
        theirs.close()
        with pytest.raises(EOFError):
            wire.receive(ours)
