# SPDX-License-Identifier: BSD-2-Clause
"""Types: what a declaration means for messages and for C."""

from dataclasses import dataclass, replace

from .diagnostics import MigError
from .syntax import TypeSpec

POLYMORPHIC = "polymorphic"

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
    """shape: scalar, port, array, struct, string, record, or unsupported (`lacking` says what the back end lacks)."""

    shape: str
    name: str = None
    bits: int = 0  # scalar: its size
    sent: str = None  # port: the sender's disposition, or polymorphic
    received: str = None  # port: the receiver's, or polymorphic
    element: "Type" = None  # array, struct
    length: int = 0  # array, struct, string: elements, at most
    varying: bool = False  # array, string: carries its length
    members: tuple = ()  # record: types
    lacking: str = None
    c_type: str = None
    c_user: str = None
    c_server: str = None
    intran: tuple = None  # (C type, function)
    outtran: tuple = None
    destructor: tuple = None

    @property
    def user_type(self):
        return self.c_user or self.c_type or self.name

    @property
    def server_type(self):
        return self.c_server or self.c_type or self.name

    @property
    def object_type(self):
        """C type that the server's routine sees."""
        translation = self.intran or self.outtran
        return translation[0] if translation else self.server_type

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
        return self.shape in ("array", "string")


class Types:
    """The types that are declared so far; some files count on those of C being there from the start."""

    def __init__(self):
        built_in = (("char", 8), ("short", 16), ("int", 32), ("uintptr_t", 64))
        self._types = {name: Type("scalar", name=name, bits=bits) for name, bits in built_in}

    def declare(self, declaration):
        self._types[declaration.name] = self.resolve(declaration.spec, declaration.name, declaration.position)

    def resolve(self, spec: TypeSpec, name, position):
        """The type that spec means. name: of its declaration, or None. position: of what uses it."""
        base = self._shape(spec, position)
        renamed = name or (base.name if spec.kind == "named" else None)
        if name is not None or spec.c_types or spec.translations:
            # A new type: what the old one was translated to does not carry over.
            base = replace(base, c_type=None, c_user=None, c_server=None, intran=None, outtran=None, destructor=None)
        base = replace(
            base,
            name=renamed or base.name,
            c_type=spec.c_types.get("ctype", base.c_type),
            c_user=spec.c_types.get("cusertype", base.c_user),
            c_server=spec.c_types.get("cservertype", base.c_server),
        )
        for keyword, c_type, function in spec.translations:
            if keyword in ("intran", "outtran", "destructor"):
                base = replace(base, **{keyword: (c_type, function)})
        return base

    def _shape(self, spec, position):
        return getattr(self, "_" + spec.kind)(spec, spec.position or position)

    def _message(self, spec, position):
        first = _canonical(spec.names[0])
        if first not in RECEIVED:
            if first not in _DATA:
                raise MigError(position, f"unknown message type '{spec.names[0]}'")
            bits, c_type = _DATA[first]
            lacking = None if bits % 8 == 0 and bits else f"data of type {spec.names[0]}"
            return Type("scalar", name=c_type, bits=bits, lacking=lacking)
        received = _canonical(spec.names[-1])
        if received not in RECEIVED:
            raise MigError(position, f"'{spec.names[-1]}' is no kind of right")
        sent = POLYMORPHIC if first in _RECEIVER_ONLY else first
        return Type("port", name="mach_port_t", sent=sent, received=RECEIVED[received])

    def _sized(self, spec, position):
        base = self._message(spec, position)
        if base.shape != "scalar":
            return base
        if spec.bits % 8:
            raise MigError(position, f"a size of {spec.bits} bits is no whole number of bytes")
        return replace(base, bits=spec.bits, lacking=None)

    def _named(self, spec, position):
        found = self._types.get(spec.names[0])
        if found is None:
            raise MigError(position, f"type '{spec.names[0]}' is not declared")
        return found

    def _array(self, spec, position):
        element = self._shape(spec.of, position)
        kind, length = spec.bound
        lacking = element.lacking
        if kind == "unbounded":
            lacking = "arrays without a bound (they travel out of line)"
        elif element.shape == "port":
            lacking = "arrays of ports"
        elif element.varying:
            lacking = "arrays of variable arrays"
        if not element.user_type:
            raise MigError(position, "the elements of an array need a type with a name in C")
        if kind != "unbounded" and length <= 0:
            raise MigError(position, f"an array needs at least one element, not {length}")
        return Type("array", element=element, length=length or 0, varying=kind != "exactly", lacking=lacking)

    def _pointer(self, spec, position):
        base = self._shape(spec.of, position)
        return replace(base, name=None, lacking="out-of-line data (^)")

    def _struct(self, spec, position):
        element = self._shape(spec.of, position)
        length = spec.bound[1]
        lacking = element.lacking or ("structs of ports" if element.shape == "port" else None)
        if length <= 0:
            raise MigError(position, f"a struct needs at least one element, not {length}")
        return Type("struct", element=element, length=length, lacking=lacking)

    def _record(self, spec, position):
        members = tuple(self._shape(member, position) for member, _ in spec.members)
        lacking = next((member.lacking for member in members if member.lacking), None)
        if any(member.shape == "port" or member.varying for member in members):
            lacking = "ports or variable arrays in a struct"
        return Type("record", members=members, lacking=lacking)

    def _string(self, spec, position):
        kind, length = spec.bound
        if kind == "unbounded":
            return Type("string", lacking="strings without a bound")
        if length <= 0:
            raise MigError(position, f"a string needs room for its NUL, not {length} bytes")
        return Type("string", length=length, varying=kind == "at_most")


def _canonical(name):
    return POLYMORPHIC if name.lower() in (POLYMORPHIC, "mach_msg_type_polymorphic") else name
