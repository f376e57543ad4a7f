"""Plain data between a student's process and the judge: typed, bounded, and never pickle.

Whatever sits at the other end may lie. So a message can only ever become the types listed in
``decode``: numbers, text, containers, arrays, charts, and ``Reference``s to things that stay where
they are (functions, and objects of any other type). Nothing in a message is executed.
"""

from __future__ import annotations

import json
import math
import struct
import sys
import time
from base64 import b64decode, b64encode
from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from types import EllipsisType

LARGEST = 8_000_000  # bytes of a message
ITEMS = 200_000  # values in a message, counted through all containers
DEPTH = 60  # containers inside containers
BITS = 100_000  # of a whole number
ARRAYS = "biufcUS"  # kinds of numpy arrays that hold plain numbers or text
_CONTAINERS = {"list": list, "tuple": tuple, "set": set, "frozenset": frozenset}


class WireError(ValueError):
    """A message that is too large, too deep or not in this form."""


class Reference:
    """Something that stays in the other process: a function, or an object of any other type.

    It agrees with nothing: it equals only itself, and is neither true nor false.
    """

    def __init__(self, handle: int, kind: str, name: str):
        self.handle, self.kind, self.name = handle, kind, name

    def __repr__(self):
        return f"<{self.kind} {self.name}>"

    def __bool__(self):
        raise TypeError(f"{self!r} is neither true nor false")


def encode(value: object, refer: Callable[[object], Reference] | None = None) -> bytes:
    """Return ``value`` as a message.

    ``refer`` gives the Reference under which anything but plain data is known; without it such
    data, and anything too large or too deep, raises WireError.
    """
    message = json.dumps(_packed(value, refer, [ITEMS], DEPTH), separators=(",", ":")).encode()
    if len(message) > LARGEST:
        raise WireError(f"more than {LARGEST:,} bytes of data")
    return message


def decode(message: bytes, refer: Callable[..., object] = Reference) -> object:
    """Return what a message says, built from base types only.

    ``refer(handle, kind, name)`` gives what stands for a reference.
    Raises WireError if it is not a message in this form, whatever else it may be.
    """
    try:
        if len(message) > LARGEST:
            raise WireError(f"more than {LARGEST:,} bytes of data")
        return _unpacked(json.loads(message), refer, [ITEMS], DEPTH)
    except WireError:
        raise
    except Exception as error:  # a message may be wrong in any way
        raise WireError(f"not a message ({type(error).__name__})") from None
    except RecursionError:  # pragma: no cover (an Exception on every Python so far)
        raise WireError("too deep") from None


def _packed(value, refer, left, depth):
    """Return JSON for a value: itself for None, bool, text and small numbers, else [tag, …]."""
    left[0] -= 1
    if left[0] < 0 or depth < 0:
        raise WireError("too many values, or too many inside each other")
    numpy = sys.modules.get("numpy")
    if numpy and isinstance(value, numpy.generic) and value.dtype.kind in ARRAYS:
        value = value.item()
    if value is None or value is True or value is False:
        return value
    if isinstance(value, int):
        value = int(value)
        if value.bit_length() > BITS:
            raise WireError("a whole number of too many digits")
        return value if value.bit_length() < 64 else ["int", hex(value)]
    if isinstance(value, float):
        value = float(value)
        return value if math.isfinite(value) else ["float", repr(value)]
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, complex):
        return ["complex", repr(value.real), repr(value.imag)]
    if isinstance(value, bytes | bytearray):
        return ["bytes", b64encode(value).decode()]
    if isinstance(value, Fraction):
        return ["fraction", hex(value.numerator), hex(value.denominator)]
    if isinstance(value, Decimal):
        return ["decimal", str(value)]
    if isinstance(value, EllipsisType):
        return ["ellipsis"]
    if isinstance(value, range):
        return ["range", hex(value.start), hex(value.stop), hex(value.step)]

    def inside(each):
        return _packed(each, refer, left, depth - 1)

    if isinstance(value, dict):
        return ["dict", [[inside(key), inside(each)] for key, each in dict.items(value)]]
    for tag, kind in _CONTAINERS.items():
        if isinstance(value, kind):
            return [tag, [inside(each) for each in kind.__iter__(value)]]
    if numpy and isinstance(value, numpy.ndarray) and value.dtype.kind in ARRAYS:
        if value.nbytes > LARGEST:
            raise WireError(f"more than {LARGEST:,} bytes of data")
        plain = numpy.ascontiguousarray(value)
        return ["array", plain.dtype.str, list(value.shape), b64encode(plain.tobytes()).decode()]
    plotly = sys.modules.get("plotly.basedatatypes")
    if plotly and isinstance(value, plotly.BaseFigure):
        return ["figure", value.to_json()]
    if not refer and not isinstance(value, Reference):
        raise WireError(f"{type(value).__name__} is not plain data")
    known = value if isinstance(value, Reference) else refer(value)
    return ["reference", known.handle, known.kind, known.name]


def _unpacked(packed, refer, left, depth):
    """Return the value that ``_packed`` gave; anything else raises."""
    left[0] -= 1
    if left[0] < 0 or depth < 0:
        raise WireError("too many values, or too many inside each other")
    if packed is None or type(packed) in (bool, int, float, str):
        return packed
    if type(packed) is not list:
        raise WireError("not a message")

    def inside(each):
        return _unpacked(each, refer, left, depth - 1)

    match packed:
        case ["int", str(digits)]:
            return _whole(digits)
        case ["float", "nan" | "inf" | "-inf" as name]:
            return float(name)
        case ["complex", str(real), str(imaginary)]:
            return complex(float(real), float(imaginary))
        case ["bytes", str(text)]:
            return b64decode(text, validate=True)
        case ["fraction", str(above), str(below)]:
            return Fraction(_whole(above), _whole(below))
        case ["decimal", str(text)]:
            value = Decimal(text)
            if len(text) < 1000 and abs(value.adjusted()) < 5000:
                return value
        case ["ellipsis"]:
            return ...
        case ["range", str(start), str(stop), str(step)]:
            return range(_whole(start), _whole(stop), _whole(step))
        case ["dict", list(pairs)]:
            return {inside(key): inside(each) for key, each in pairs}
        case [("list" | "tuple" | "set" | "frozenset") as tag, list(values)]:
            return _CONTAINERS[tag]([inside(each) for each in values])
        case ["array", str(kind), list(shape), str(text)]:
            return _array(kind, shape, b64decode(text, validate=True))
        case ["figure", str(text)]:
            from plotly.graph_objects import Figure

            return Figure(json.loads(text), skip_invalid=True)
        case ["reference", int(handle), str(kind), str(name)]:
            return refer(handle, kind[:20], name[:80])
    raise WireError("not a message")


def _whole(digits: str) -> int:
    """Return a whole number from its hexadecimal digits."""
    if len(digits) > BITS // 4 + 3:
        raise WireError("a whole number of too many digits")
    return int(digits, 16)


def _array(kind: str, shape: list, data: bytes):
    """Return a numpy array of numbers or text."""
    import numpy

    dtype = numpy.dtype(kind)
    plain = dtype.kind in ARRAYS and not dtype.hasobject
    if not plain or not all(type(n) is int and 0 <= n <= LARGEST for n in shape):
        raise WireError("not an array of numbers")
    return numpy.frombuffer(data, dtype=dtype).reshape(shape).copy()


def send(channel, message: bytes) -> None:
    """Write one message to a socket."""
    channel.sendall(struct.pack(">I", len(message)) + message)


def receive(channel, until: float | None = None, largest: int = 2 * LARGEST) -> bytes:
    """Read one message from a socket.

    Raises WireError if it is longer than ``largest``, EOFError if the other end is gone, and
    TimeoutError if it is not all there at ``until`` (in the time of ``time.monotonic``).
    """
    (size,) = struct.unpack(">I", _exactly(channel, 4, until))
    if size > largest:
        raise WireError(f"a message of {size:,} bytes")
    return _exactly(channel, size, until)


def _exactly(channel, size: int, until: float | None) -> bytes:
    """Read ``size`` bytes; whoever sends them one by one gains no time."""
    data = bytearray()
    while len(data) < size:
        if until is not None:
            channel.settimeout(max(until - time.monotonic(), 1e-6))
        part = channel.recv(min(size - len(data), 1 << 20))
        if not part:
            raise EOFError("the other process is gone")
        data += part
    channel.settimeout(None)
    return bytes(data)
