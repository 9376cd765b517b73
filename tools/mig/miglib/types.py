# SPDX-License-Identifier: BSD-2-Clause
"""Types: what a declaration means for messages and for C."""

from dataclasses import dataclass, replace

from .diagnostics import MigError
from .syntax import Translation, TypeSpec

POLYMORPHIC = "polymorphic"
SIZE_MAX = 0xFFFFFFFF  # bytes in one piece of out-of-line memory
RIGHTS_INSIDE_MAX = 64  # an array that may hold more travels out of line

# Primitive data types: size in bits, and the C type of one without a name.
_DATA = {
    "MACH_MSG_TYPE_UNSTRUCTURED": (0, None),
    "MACH_MSG_TYPE_BIT": (1, None),
    "MACH_MSG_TYPE_BOOLEAN": (32, "boolean_t"),
    "MACH_MSG_TYPE_INTEGER_8": (8, "int8_t"),
    "MACH_MSG_TYPE_INTEGER_16": (16, "int16_t"),
    "MACH_MSG_TYPE_INTEGER_32": (32, "int32_t"),
    "MACH_MSG_TYPE_INTEGER_64": (64, "int64_t"),
    "MACH_MSG_TYPE_CHAR": (8, "char"),
    "MACH_MSG_TYPE_BYTE": (8, "uint8_t"),
    "MACH_MSG_TYPE_REAL": (32, "float"),
    "MACH_MSG_TYPE_REAL_32": (32, "float"),
    "MACH_MSG_TYPE_REAL_64": (64, "double"),
    "MACH_MSG_TYPE_STRING": (8, None),
    "MACH_MSG_TYPE_STRING_C": (8, None),
    "MACH_MSG_TYPE_PORT_NAME": (32, "mach_port_name_t"),
}

_STRINGS = ("MACH_MSG_TYPE_STRING", "MACH_MSG_TYPE_STRING_C")

# Rights: what the receiver holds, by what the sender says.
RECEIVED = {
    "MACH_MSG_TYPE_MOVE_RECEIVE": "MACH_MSG_TYPE_PORT_RECEIVE",
    "MACH_MSG_TYPE_MOVE_SEND": "MACH_MSG_TYPE_PORT_SEND",
    "MACH_MSG_TYPE_MOVE_SEND_ONCE": "MACH_MSG_TYPE_PORT_SEND_ONCE",
    "MACH_MSG_TYPE_COPY_SEND": "MACH_MSG_TYPE_PORT_SEND",
    "MACH_MSG_TYPE_MAKE_SEND": "MACH_MSG_TYPE_PORT_SEND",
    "MACH_MSG_TYPE_MAKE_SEND_ONCE": "MACH_MSG_TYPE_PORT_SEND_ONCE",
    "MACH_MSG_TYPE_PORT_RECEIVE": "MACH_MSG_TYPE_PORT_RECEIVE",
    "MACH_MSG_TYPE_PORT_SEND": "MACH_MSG_TYPE_PORT_SEND",
    "MACH_MSG_TYPE_PORT_SEND_ONCE": "MACH_MSG_TYPE_PORT_SEND_ONCE",
    POLYMORPHIC: POLYMORPHIC,
}

# These say what the receiver gets and leave it to the sender how.
_RECEIVER_ONLY = ("MACH_MSG_TYPE_PORT_RECEIVE", "MACH_MSG_TYPE_PORT_SEND", "MACH_MSG_TYPE_PORT_SEND_ONCE")


@dataclass(frozen=True)
class Type:
    """shape: scalar, port, array, struct, string or record.  Out of line, all are arrays, if need be of one element."""

    shape: str
    name: str = None
    bits: int = 0  # scalar: its size
    sent: str = None  # port: the sender's disposition, or polymorphic
    received: str = None  # port: the receiver's, or polymorphic
    element: "Type" = None  # array, struct
    length: int = 0  # array, struct, string: elements, at most; 0: no bound (out of line)
    varying: bool = False  # array, string: carries its length
    out_of_line: bool = False  # array: travels as a piece of memory, or as an array of rights
    members: tuple = ()  # record: types
    c_type: str = None
    c_user: str = None
    c_server: str = None
    intran: Translation = None
    intranpayload: Translation = None
    outtran: Translation = None
    destructor: Translation = None

    @property
    def user_type(self):
        return self.c_user or self.c_type or self.name or self._pointer_type("user_type")

    @property
    def server_type(self):
        return self.c_server or self.c_type or self.name or self._pointer_type("server_type")

    def _pointer_type(self, side):
        """C type of an array out of line that has no name."""
        element = getattr(self.element, side) if self.out_of_line else None
        return element and f"{element} *"

    @property
    def wire_type(self):
        """C type of the server for what is in the message."""
        if self.intran or self.outtran:
            return self.intran.parameter if self.intran else self.outtran.result
        return self.server_type

    @property
    def object_type(self):
        """C type that the server's routine sees."""
        for translation in (self.intran, self.intranpayload):
            if translation:
                return translation.result
        return self.outtran.parameter if self.outtran else self.server_type

    @property
    def right(self):
        """The type of the right or rights in it, or None if it is data."""
        if self.shape == "port":
            return self
        return self.element if self.shape == "array" and self.element.shape == "port" else None

    @property
    def most(self):
        """The largest count of an array."""
        return self.length or SIZE_MAX // (4 if self.right else self.element.size)

    @property
    def size(self):
        """Bytes in a message, without padding; of an array or string at most."""
        if self.shape == "scalar":
            return self.bits // 8
        if self.shape == "string":
            return self.length
        if self.shape == "record":
            offset = 0
            for member in self.members:
                offset = -(-offset // member.alignment) * member.alignment + member.size
            return -(-offset // self.alignment) * self.alignment
        return self.length * self.element.size

    @property
    def alignment(self):
        """Of the C type, on every ISA that we know."""
        if self.shape == "scalar":
            return max(1, self.bits // 8)
        if self.shape == "record":
            return max(member.alignment for member in self.members)
        return self.element.alignment if self.element else 1

    @property
    def is_reference(self):
        """Is the C parameter a pointer to the data even for input?"""
        return self.shape in ("array", "string") and not self.out_of_line


class Types:
    """The types that are declared so far; some files count on those of C being there from the start."""

    def __init__(self):
        built_in = (("char", 8), ("short", 16), ("int", 32), ("uintptr_t", 64))
        self._types = {name: Type("scalar", name=name, bits=bits) for name, bits in built_in}

    def declare(self, declaration):
        self._types[declaration.name] = self.resolve(declaration.spec, declaration.name, declaration.position)

    def declared(self):
        """Every type with a name."""
        return dict(self._types)

    def resolve(self, spec: TypeSpec, name, position):
        """The type that spec means. name: of its declaration, or None. position: of what uses it."""
        base = self._shape(spec, position)
        if name is not None or spec.c_types or spec.translations:
            # A new type: what the old one was translated to does not carry over.
            base = replace(
                base, c_type=None, c_user=None, c_server=None,
                intran=None, intranpayload=None, outtran=None, destructor=None,
            )
        return replace(
            base,
            name=name or base.name,
            c_type=spec.c_types.get("ctype", base.c_type),
            c_user=spec.c_types.get("cusertype", base.c_user),
            c_server=spec.c_types.get("cservertype", base.c_server),
            **spec.translations,
        )

    def _shape(self, spec, position):
        return getattr(self, "_" + spec.kind)(spec, spec.position or position)

    def _message(self, spec, position):
        first = _canonical(spec.names[0])
        if first not in RECEIVED:
            if first not in _DATA:
                raise MigError(position, f"unknown message type '{spec.names[0]}'")
            bits, c_type = _DATA[first]
            if bits % 8 or not bits:
                raise MigError(position, f"{spec.names[0]} needs a size: ({spec.names[0]}, BITS)")
            return Type("scalar", name=c_type, bits=bits)
        received = _canonical(spec.names[-1])
        if received not in RECEIVED:
            raise MigError(position, f"'{spec.names[-1]}' is no kind of right")
        sent = POLYMORPHIC if first in _RECEIVER_ONLY else first
        return Type("port", name="mach_port_t", sent=sent, received=RECEIVED[received])

    def _sized(self, spec, position):
        name = spec.names[0]
        if spec.bits <= 0 or spec.bits % 8:
            raise MigError(position, f"a size of {spec.bits} bits is no whole number of bytes")
        if name in _STRINGS:
            return Type("string", length=spec.bits // 8)
        if name in _DATA:
            size, c_type = _DATA[name]
            if spec.bits in (8, 16, 32, 64):
                return Type("scalar", name=c_type if spec.bits == size else None, bits=spec.bits)
            return Type("struct", element=Type("scalar", bits=8), length=spec.bits // 8)
        return self._message(spec, position)

    def _named(self, spec, position):
        found = self._types.get(spec.names[0])
        if found is None:
            raise MigError(position, f"type '{spec.names[0]}' is not declared")
        return found

    def _array(self, spec, position):
        element = self._shape(spec.of, position)
        kind, length = spec.bound
        _require_fixed_size(element, position, "an element of an array")
        if kind == "unbounded":
            return Type("array", element=element, varying=True, out_of_line=True)
        if length <= 0:
            raise MigError(position, f"an array needs at least one element, not {length}")
        if element.shape != "port" and not element.user_type:
            raise MigError(position, "the elements of an array need a type with a name in C")
        out_of_line = element.shape == "port" and length > RIGHTS_INSIDE_MAX
        array = Type("array", element=element, length=length, varying=kind != "exactly", out_of_line=out_of_line)
        _require_addressable(array, position)
        return array

    def _pointer(self, spec, position):
        base = self._shape(spec.of, position)
        if base.shape == "string":
            raise MigError(position, "a string can't travel out of line: use ^array[] of char")
        if base.shape == "array":
            return replace(base, name=None, out_of_line=True)
        return Type("array", element=base, length=1, out_of_line=True)

    def _struct(self, spec, position):
        element = self._shape(spec.of, position)
        length = spec.bound[1]
        _require_fixed_size(element, position, "an element of a struct")
        if element.shape == "port":
            raise MigError(position, "a struct can't hold rights: use an array")
        if length <= 0:
            raise MigError(position, f"a struct needs at least one element, not {length}")
        struct = Type("struct", element=element, length=length)
        _require_addressable(struct, position)
        return struct

    def _record(self, spec, position):
        members = tuple(self._shape(member, position) for member, _ in spec.members)
        for member in members:
            _require_fixed_size(member, position, "a member of a struct")
            if member.right:
                raise MigError(position, "a struct can't hold rights")
        return Type("record", members=members)

    def _string(self, spec, position):
        kind, length = spec.bound
        if kind == "unbounded":
            raise MigError(position, "a string needs a bound")
        if not 0 < length <= SIZE_MAX:
            raise MigError(position, f"a string needs room for its NUL, not {length} bytes")
        return Type("string", length=length, varying=kind == "at_most")


def _require_fixed_size(kind, position, what):
    if kind.varying or kind.out_of_line:
        raise MigError(position, f"{what} needs a fixed size")


def _require_addressable(kind, position):
    if not kind.right and kind.size > SIZE_MAX:
        raise MigError(position, f"{kind.size} bytes are too many")


def _canonical(name):
    return POLYMORPHIC if name.lower() in (POLYMORPHIC, "mach_msg_type_polymorphic") else name
