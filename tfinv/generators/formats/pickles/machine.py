"""The machine that pickles are programs for, without the calls."""

from __future__ import annotations

import pickletools
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any, BinaryIO

from tfinv.errors import UserError

__all__ = ["DICT", "Machine", "Made", "Name", "shown"]

DICT = "collections.OrderedDict"
"""The one function that the machine knows itself; all others it only puts down."""

# ProGAN's largest takes some 10,000. No operation takes more memory than its own bytes in the file
# and a small object, so that a file cannot make more of itself than this many small objects.
MAX_OPERATIONS = 200_000


def shown(value: Any) -> str:
    """A value of a file for a message: short, in ASCII, and never followed into containers."""
    if isinstance(value, str):
        return ascii(value[:60])[1:-1]
    if isinstance(value, float | None) or (isinstance(value, int) and abs(value) < 1 << 64):
        return repr(value)
    return f"of type {type(value).__name__}"


@dataclass(frozen=True, eq=False, slots=True)
class Name:
    """A function or class that the file names; only the name."""

    text: str


@dataclass(eq=False, slots=True)
class Made:
    """What the file would have made by a call.

    Attributes:
      maker: what the class or function is called here.
      args: what it was to be called with.
      state: what the object was then to be filled with.
    """

    maker: str
    args: tuple
    state: Any = None


class Machine:
    """Follows the opcodes of one pickle.

    Args:
      path: of the file, for messages.
      admitted: the names that may occur, and what each is called here.
      called: which of these are functions that may be "called", which gives a `Made`.
      classes: which are classes of which there may be objects, each a `Made`.
    """

    def __init__(
        self,
        path: str,
        admitted: Mapping[str, str],
        called: Collection[str],
        classes: Collection[str],
    ):
        self._path = path
        self._admitted, self._called, self._classes = admitted, called, classes
        self._stack: list[Any] = []
        self._marks: list[int] = []  # the height of the stack at each open mark
        self._memo: dict[int, Any] = {}  # a dict, because a file chooses the indices

    def run(self, contents: BinaryIO) -> Any:
        """Follows the opcodes up to STOP and returns what is then on top."""
        position = 0
        try:
            for count, (opcode, argument, position) in enumerate(pickletools.genops(contents)):
                if count >= MAX_OPERATIONS:
                    raise UserError(
                        f"{self._path}: refused, because it has more than {MAX_OPERATIONS} "
                        "operations, which no pickle of networks has"
                    )
                if opcode.name not in _OPCODES:
                    raise self._refusal(f"it uses {opcode.name} at byte {position}")
                _OPCODES[opcode.name](self, argument)
            return self._pop()
        except (ArithmeticError, LookupError, TypeError, ValueError) as error:
            line = " ".join(str(error).split())[:120]
            raise UserError(
                f"{self._path}: is no pickle or is damaged (byte {position}: {line}); download it "
                "again"
            ) from error

    def _refusal(self, why: str) -> UserError:
        return UserError(
            f"{self._path}: refused, because {why}; a pickle of networks holds numbers, texts and "
            "arrays, and nothing of it is run"
        )

    # The stack

    def _push(self, value: Any) -> None:
        self._stack.append(value)

    def _top(self) -> Any:
        if len(self._stack) <= (self._marks[-1] if self._marks else 0):
            raise ValueError("nothing is on the stack")
        return self._stack[-1]

    def _pop(self) -> Any:
        value = self._top()
        self._stack.pop()
        return value

    def _pop_to_mark(self) -> list[Any]:
        start = self._marks.pop()
        items = self._stack[start:]
        del self._stack[start:]
        return items

    def _mark(self, _: None) -> None:
        self._marks.append(len(self._stack))

    def _discard(self, _: None) -> None:
        if self._marks and self._marks[-1] == len(self._stack):
            self._marks.pop()
        else:
            self._pop()

    def _pop_mark(self, _: None) -> None:
        self._pop_to_mark()

    def _duplicate(self, _: None) -> None:
        self._push(self._top())

    def _put(self, index: int) -> None:
        self._memo[index] = self._top()

    def _memoize(self, _: None) -> None:
        self._put(len(self._memo))

    def _get(self, index: int) -> None:
        self._push(self._memo[index])

    # Containers

    def _tuple_of(self, count: int) -> None:
        items = [self._pop() for _ in range(count)]
        self._push(tuple(reversed(items)))

    def _marked(self, make: Callable[[list[Any]], Any]) -> None:
        self._push(make(self._pop_to_mark()))

    def _extend(self, items: list[Any]) -> None:
        target = self._top()
        if not isinstance(target, list):
            raise ValueError("items for what is no list")
        target.extend(items)

    def _update(self, items: list[Any]) -> None:
        target = self._top()
        if not isinstance(target, dict):
            raise ValueError("items for what is no dict")
        target.update(_pairs(items))

    # Names, and the calls that are not made

    def _name(self, full: str) -> None:
        if full not in self._admitted:
            raise self._refusal(f"it names {shown(full)}")
        self._push(Name(self._admitted[full]))

    def _stack_name(self, _: None) -> None:
        module, name = self._popped(2)
        if not isinstance(module, str) or not isinstance(name, str):
            raise ValueError("a name that is no text")
        self._name(f"{module}.{name}")

    def _popped(self, count: int) -> tuple:
        self._tuple_of(count)
        return self._pop()

    def _reduce(self, _: None) -> None:
        called, args = self._popped(2)
        if not isinstance(called, Name) or not isinstance(args, tuple):
            raise ValueError("a call of what is no function")
        if called.text == DICT and not args:
            self._push({})
        elif called.text in self._called or called.text in self._classes:
            self._push(Made(called.text, args))
        else:
            raise self._refusal(f"it calls {called.text}")

    def _new(self, _: None) -> None:
        self._instance(*self._popped(2))

    def _old_instance(self, _: None) -> None:
        made_of, *args = self._pop_to_mark()
        self._instance(made_of, tuple(args))

    def _named_instance(self, full: str) -> None:
        args = self._pop_to_mark()
        self._name(full)
        self._instance(self._pop(), tuple(args))

    def _instance(self, made_of: Any, args: Any) -> None:
        if not isinstance(made_of, Name) or not isinstance(args, tuple):
            raise ValueError("an object of what is no class")
        if made_of.text not in self._classes:
            raise self._refusal(f"it makes an object of {made_of.text}")
        self._push(Made(made_of.text, args))

    def _build(self, _: None) -> None:
        state = self._pop()
        target = self._top()
        if not isinstance(target, Made) or target.state is not None:
            raise self._refusal("it sets attributes of what has none")
        target.state = state


def _pairs(items: list[Any]) -> dict[str, Any]:
    keys, values = items[0::2], items[1::2]
    if any(not isinstance(key, str) for key in keys):
        raise ValueError("a key that is no text")
    return dict(zip(keys, values, strict=True))


_Operation = Callable[[Machine, Any], None]


def _dotted(operation: Callable[[Machine, str], None]) -> _Operation:
    # pickletools joins module and name by a space.
    return lambda machine, argument: operation(machine, argument.replace(" ", ".", 1))


def _operations() -> dict[str, _Operation]:
    """What is done at each opcode; those that are not here are refused."""
    values = (
        "INT LONG LONG1 LONG4 BININT BININT1 BININT2 FLOAT BINFLOAT STRING BINSTRING "
        "SHORT_BINSTRING BINBYTES SHORT_BINBYTES BINBYTES8 BYTEARRAY8 UNICODE SHORT_BINUNICODE "
        "BINUNICODE BINUNICODE8"
    )
    constants = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False}
    containers = {"EMPTY_LIST": list, "EMPTY_TUPLE": tuple, "EMPTY_DICT": dict}
    nothing = ("PROTO", "FRAME", "STOP")
    return {
        **dict.fromkeys(values.split(), Machine._push),
        **{name: lambda m, _, value=value: m._push(value) for name, value in constants.items()},
        **{name: lambda m, _, make=make: m._push(make()) for name, make in containers.items()},
        **{f"TUPLE{n}": lambda m, _, n=n: m._tuple_of(n) for n in (1, 2, 3)},
        **dict.fromkeys(nothing, lambda m, _: None),
        **dict.fromkeys(("PUT", "BINPUT", "LONG_BINPUT"), Machine._put),
        **dict.fromkeys(("GET", "BINGET", "LONG_BINGET"), Machine._get),
        "MEMOIZE": Machine._memoize,
        "MARK": Machine._mark,
        "POP": Machine._discard,
        "POP_MARK": Machine._pop_mark,
        "DUP": Machine._duplicate,
        "LIST": lambda m, _: m._marked(list),
        "TUPLE": lambda m, _: m._marked(tuple),
        "DICT": lambda m, _: m._marked(_pairs),
        "APPEND": lambda m, _: m._extend([m._pop()]),
        "APPENDS": lambda m, _: m._extend(m._pop_to_mark()),
        "SETITEM": lambda m, _: m._update(list(m._popped(2))),
        "SETITEMS": lambda m, _: m._update(m._pop_to_mark()),
        "GLOBAL": _dotted(Machine._name),
        "INST": _dotted(Machine._named_instance),
        "STACK_GLOBAL": Machine._stack_name,
        "REDUCE": Machine._reduce,
        "NEWOBJ": Machine._new,
        "OBJ": Machine._old_instance,
        "BUILD": Machine._build,
    }


_OPCODES = _operations()
