"""Pickles from strangers: what is honest is read, and nothing else has any effect."""

from __future__ import annotations

import collections
import functools
import os
import pickle
import pickletools
import struct
import subprocess
import sys
import tracemalloc

import hypothesis
import numpy as np
import pytest
from generators import progan_files
from hypothesis import strategies as st

from tfinv.errors import UserError
from tfinv.generators.formats.pickles import machine as pickle_machine
from tfinv.generators.formats.pickles import pickles
from tfinv.generators.formats.pickles.arrays import to_array, to_number
from tfinv.generators.formats.pickles.machine import Made
from tfinv.generators.formats.pickles.pickles import read_pickle

CLASS = "tfutil.Network"
PROTOCOLS = range(pickle.HIGHEST_PROTOCOL + 1)
ARRAY = np.arange(24, dtype=np.float32).reshape(2, 3, 4)


def read(contents: bytes, folder):
    path = folder / "x.pkl"
    path.write_bytes(contents)
    return read_pickle(path, {CLASS})


def refused(contents: bytes, folder, *words: str) -> None:
    with pytest.raises(UserError) as raised:
        made = read(contents, folder)
        to_array(made, "it")
    text = str(raised.value)
    assert text.isascii() and "\n" not in text and len(text) < 400
    for word in words:
        assert word in text


# Honest ones


@pytest.mark.parametrize("protocol", PROTOCOLS[2:])
def test_what_a_network_holds_is_read(tmp_path, protocol):
    state = {
        "contiguous": ARRAY,
        "transposed": ARRAY.T,
        "swapped": ARRAY.astype(">f8"),
        "part": ARRAY[:, 1],
        "scalar": np.float32(2.5),
        "whole": np.int64(7),
        "nan": np.float16(np.nan),
        "none": None,
        "text": "é",
        "list": [1, -1.5, True, (10**30, False, {})],
        "ordered": collections.OrderedDict(a=1, b=2),
    }
    with progan_files.classes(CLASS) as [cls]:
        made = progan_files.network(cls, state)
        contents = pickle.dumps((made, made), protocol)
    one, other = read(contents, tmp_path)
    assert one is other and (one.maker, one.args) == (CLASS, ())
    for key in ("contiguous", "transposed", "swapped", "part"):
        array = to_array(one.state[key], key)
        np.testing.assert_array_equal(array, state[key])
        assert array.dtype == state[key].dtype.newbyteorder("=")
    assert to_number(one.state["scalar"], "") == 2.5 and to_number(one.state["whole"], "") == 7
    assert np.isnan(to_number(one.state["nan"], ""))
    for key in ("none", "text", "list", "ordered"):
        assert one.state[key] == state[key]


def test_older_numpy_and_python_2(tmp_path):
    # As cPickle of Python 2 writes them: bytes are texts there, and classes have no base.
    contents = (
        b"\x80\x02(ctfutil\nNetwork\no}U\x01wcnumpy.core.multiarray\n_reconstruct\n"
        b"cnumpy\nndarray\nK\x00\x85U\x01b\x87R(K\x01K\x02\x85cnumpy\ndtype\nU\x02f4K\x00K\x01\x87R"
        b"(K\x03U\x01<NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb\x89U\x08"
        + struct.pack("<2f", 1.5, -200.0)
        + b"tbsb."
    )
    made = read(contents, tmp_path)
    assert made.maker == CLASS
    np.testing.assert_array_equal(to_array(made.state["w"], "w"), np.float32([1.5, -200]))


# Payloads


class Payload:
    """Calls a function when an ordinary unpickler reads it."""

    def __init__(self, called, *args):
        self.reduced = called, args

    def __reduce__(self):
        return self.reduced


def command(marker) -> str:
    return f"{sys.executable} -c \"open('{marker}', 'w')\""


PAYLOADS = {
    "os.system": lambda m: Payload(os.system, f"touch {m}"),
    "builtins.eval": lambda m: Payload(eval, f"open({str(m)!r}, 'w')"),
    "builtins.exec": lambda m: Payload(exec, f"open({str(m)!r}, 'w')"),
    "builtins.open": lambda m: Payload(open, str(m), "w"),
    "builtins.getattr": lambda m: Payload(getattr, Payload(open, str(m), "w"), "close"),
    "subprocess.Popen": lambda m: Payload(subprocess.Popen, ["touch", str(m)]),
    "functools.partial": lambda m: Payload(functools.partial(open, str(m), "w")),
    "numpy.fromfile": lambda m: Payload(np.ndarray.tofile, ARRAY, str(m)),
}


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("name", PAYLOADS)
def test_no_payload_runs(tmp_path, name, protocol):
    marker = tmp_path / "marker"
    contents = pickle.dumps({"variables": [ARRAY, PAYLOADS[name](marker)]}, protocol)
    refused(contents, tmp_path, "refused")
    assert not marker.exists()
    if name == "builtins.open":  # the test itself can fail: an ordinary unpickler does run it
        pickle.loads(contents)
        assert marker.exists()


def test_a_payload_is_named(tmp_path):
    refused(pickle.dumps(Payload(os.system, "true"), 4), tmp_path, f"names {os.name}.system")
    refused(b"cbuiltins\neval\n(V1\ntR.", tmp_path, "names builtins.eval")
    refused(b"\x80\x04\x8c\x05a\nb\x1b[\x8c\x03\xc3\xa9x\x93.", tmp_path, "names a")


def test_a_network_brings_no_code_to_run(tmp_path):
    marker = tmp_path / "marker"
    source = {"build_module_src": f"open({str(marker)!r}, 'w')", "version": 2}
    with progan_files.classes(CLASS) as [cls]:
        contents = pickle.dumps(progan_files.network(cls, source))
    assert read(contents, tmp_path).state == source and not marker.exists()


NETWORK = b"ctfutil\nNetwork\n"
NAMES = b"cnumpy.core.multiarray\n_reconstruct\n", b"cnumpy\ndtype\n", b"cnumpy\nndarray\n"
F4 = NAMES[1] + b"(S'f4'\nI0\nI1\ntR"


@pytest.mark.parametrize(
    ("contents", "word"),
    [
        (b"\x80\x02\x82\x01.", "EXT1"),  # the registry of copyreg, which other code fills
        (b"\x80\x02\x83\x01\x00.", "EXT2"),
        (b"\x80\x02\x84\x01\x00\x00\x00.", "EXT4"),
        (b"Pos.system\n.", "PERSID"),
        (b"\x80\x02NQ.", "BINPERSID"),
        (b"\x80\x05\x97.", "NEXT_BUFFER"),
        (b"\x80\x04" + NETWORK + b")}\x92.", "NEWOBJ_EX"),
        (b"\x80\x04\x8f.", "EMPTY_SET"),
        (b"\x80\x02" + NETWORK + b"}S'__init__'\nNsb.", "attributes"),  # of the class itself
        (b"\x80\x02" + NETWORK + b")\x81}b}b.", "attributes"),  # twice
        (b"}}b.", "attributes"),
        (b"(ios\nsystem\n.", "os.system"),
        (b"(S'true'\nios\nsystem\n.", "os.system"),
        (b"(cnumpy\nndarray\nI9\no.", "object of numpy.ndarray"),
        (b"\x80\x02" + NAMES[2] + b"K\x09\x85\x81.", "object of numpy.ndarray"),
        (b"\x80\x02" + NAMES[2] + b"K\x09\x85R.", "calls numpy.ndarray"),
        (b"\x80\x02ccollections\nOrderedDict\n]\x85R.", "calls collections.OrderedDict"),
        (b"cnumpy.core.multiarray\nfrombuffer\n.", "numpy.core.multiarray.frombuffer"),
        (b"\x80\x04\x8c\x06tfutil\x8c\x10Network.__init__\x93.", "Network.__init__"),
        (b"\x80\x02N)R.", "no function"),
        (b"\x80\x02N)\x81.", "no class"),
        (b"\x80\x02]N]ba.", "attributes"),
        (b"\x80\x02}]Ns.", "no text"),
        (b"(lNa(s.", "damaged"),
        (b"0.", "stack"),
        (b"(.", "stack"),
        (b"N(0000.", "stack"),
        (b"t.", "damaged"),
        (b"h\x05.", "damaged"),
    ],
)
def test_tricks_of_the_language(tmp_path, contents, word):
    refused(contents, tmp_path, word)


# Bombs


def array_claiming(shape: bytes, dtype: bytes = F4, held: bytes = b"S'abcd'\n") -> bytes:
    made = NAMES[0] + NAMES[2] + b"(I0\ntS'b'\n\x87R"
    return b"\x80\x02" + made + b"(I1\n" + shape + dtype + b"I00\n" + held + b"tb."


@pytest.mark.parametrize(
    ("contents", "word"),
    [
        (array_claiming(b"(L2500000000L\nt"), "claims 10000000000 bytes and holds 4"),
        (array_claiming(b"(" + b"L1099511627776L\n" * 40 + b"t"), "shape"),
        (array_claiming(b"(I-1\nt"), "shape"),
        (array_claiming(b"(F1.0\nt"), "shape"),
        (array_claiming(b"N"), "shape"),
        (array_claiming(b"(I1\nt", NAMES[1] + b"(S'O8'\nI0\nI1\ntR"), "dtype is O8"),
        (array_claiming(b"(I1\nt", NAMES[1] + b"(S'V999999999'\nI0\nI1\ntR"), "dtype is V9"),
        (array_claiming(b"(I1\nt", F4 + b"(I3\nS'<'\n(S'a'\ntNNtb"), "structure"),
        (array_claiming(b"(I1\nt", b"N"), "dtype"),
        (array_claiming(b"(I1\nt", held=b"]"), "no bytes"),  # as arrays of objects are
        (array_claiming(b"(I1\nt").replace(NAMES[2], NETWORK), "another class"),
        (b"\x80\x02" + NAMES[0] + NAMES[2] + b"(L2500000000L\ntS'b'\n\x87R.", "no array"),
        (b"\x80\x02cnumpy.core.multiarray\nscalar\n" + F4 + b"S'abc'\n\x86R.", "holds 3"),
        (b"\x80\x02cnumpy.core.multiarray\nscalar\n)R.", "no array"),
        (b"\x80\x05\x8e" + struct.pack("<Q", 1 << 60) + b"abc.", "damaged"),
        (b"\x80\x04\x95" + struct.pack("<Q", 1 << 60) + b"N.", "NoneType"),
        (b"\x80\x02\x8b\xff\xff\xff\x7f\x01.", "damaged"),
        (b"\x80\x02Nr\xff\xff\xff\xff.", "NoneType"),  # a memo of four billion entries
        (b"I" + b"9" * 100_000 + b"\n.", "damaged"),
        (b"\x80\x02\x8b\xff\xff\x0f\x00" + b"\x7f" * 0xFFFFF + b".", "too large"),
        (b"]" * 2_000_000 + b".", "operations"),
    ],
)
def test_bombs_take_no_memory(tmp_path, contents, word):
    tracemalloc.start()
    try:
        refused(contents, tmp_path, word)
        assert tracemalloc.get_traced_memory()[1] < 60 * 2**20
    finally:
        tracemalloc.stop()


def test_what_is_deep_is_neither_followed_nor_shown(tmp_path):
    deep = b"\x80\x02" + b"(" * 90_000 + b"t" * 90_000 + b"."
    refused(deep, tmp_path, "of type tuple")
    laughs = b"\x80\x02]q\x00" + b"(" + b"h\x00" * 9 + b"lq\x00" * 1
    laughs += (b"(" + b"h\x00" * 9 + b"lq\x00") * 2000 + b"."
    refused(laughs, tmp_path, "of type list")
    itself = read(b"\x80\x02]q\x00h\x00a.", tmp_path)
    assert itself[0] is itself
    refused(b"\x80\x02" + NETWORK + b")\x81q\x00h\x00b.", tmp_path, "no array")


# What is no pickle


def test_what_is_no_pickle_is_one_line(tmp_path):
    for contents in (b"", b"hello, world", b"\x89PNG\r\n\x1a\n", b"PK\x03\x04", b"\x80\x09N."):
        with pytest.raises(UserError, match=r"x\.pkl"):
            made = read(contents, tmp_path)
            assert made is None  # protocol 9 is read as far as it is understood
            raise UserError("x.pkl")
    with pytest.raises(UserError, match="is a folder"):
        read_pickle(tmp_path)
    with pytest.raises(UserError, match="no such file"):
        read_pickle(tmp_path / "nowhere.pkl")
    os.mkfifo(tmp_path / "pipe.pkl")
    with pytest.raises(UserError, match="regular file"):
        read_pickle(tmp_path / "pipe.pkl")


def test_a_huge_file_is_not_mapped(tmp_path):
    with open(tmp_path / "huge.pkl", "wb") as file:
        file.truncate(pickles.MAX_BYTES + 1)  # takes no room on the disk
    with pytest.raises(UserError, match="bytes, over"):
        read_pickle(tmp_path / "huge.pkl")


@functools.cache
def honest(protocol: int) -> bytes:
    with progan_files.classes(CLASS) as [cls]:
        state = {"variables": [("a", ARRAY), ("lod", np.float32(1))], "kwargs": {"b": (1, 2.0)}}
        return pickle.dumps((progan_files.network(cls, state),), protocol)


def look(value, depth: int = 0) -> None:
    """Reads every array of a tree, as far as it goes."""
    if depth > 20:
        return
    if isinstance(value, Made):
        look([value.args, value.state], depth + 1)
        if value.maker != CLASS:
            to_array(value, "it")
    elif isinstance(value, dict):
        look(list(value.values()), depth + 1)
    elif isinstance(value, list | tuple):
        for item in value[:20]:
            look(item, depth + 1)


@hypothesis.settings(max_examples=150)
@hypothesis.given(st.sampled_from(PROTOCOLS[2:]), st.floats(0, 1), st.binary(max_size=3))
def test_a_file_that_broke_off_is_one_line(tmp_path_factory, protocol, share, tail):
    contents = honest(protocol)
    cut = contents[: int(share * (len(contents) - 1))] + tail
    try:
        look(read(cut, tmp_path_factory.mktemp("cut")))
    except UserError as error:
        assert "\n" not in str(error)


@hypothesis.settings(max_examples=150)
@hypothesis.given(
    st.sampled_from(PROTOCOLS[2:]),
    st.lists(st.tuples(st.floats(0, 1), st.integers(0, 255)), min_size=1, max_size=5),
)
def test_a_file_with_wrong_bytes_is_one_line(tmp_path_factory, protocol, changes):
    contents = bytearray(honest(protocol))
    for share, byte in changes:
        contents[int(share * (len(contents) - 1))] = byte
    try:
        look(read(bytes(contents), tmp_path_factory.mktemp("wrong")))
    except UserError as error:
        assert "\n" not in str(error)


@hypothesis.settings(max_examples=300)
@hypothesis.given(st.data())
def test_any_program_ends_in_data_or_in_one_line(tmp_path_factory, data):
    """Programs of opcodes that the machine knows, with names that it admits."""
    known = [op for op in pickletools.opcodes if op.name in pickle_machine._OPCODES]
    plain = [op.code.encode("latin1") for op in known if op.arg is None and op.name != "STOP"]
    pieces = [*plain, *NAMES, NETWORK, F4, b"K\x01", b"S'f4'\n", b"h\x00", b"q\x00"]
    program = data.draw(st.lists(st.sampled_from(pieces), max_size=40))
    try:
        look(read(b"\x80\x04" + b"".join(program) + b".", tmp_path_factory.mktemp("any")))
    except UserError as error:
        assert "\n" not in str(error)


if __name__ == "__main__":
    sys.exit(pytest.main([__file__, "-q", "-p", "no:cacheprovider"]))
