# SPDX-License-Identifier: BSD-2-Clause
"""Layout of messages: which argument is where in the request and in the reply."""

from dataclasses import dataclass, field

from .model import Argument
from .types import RECEIVED

HEADER_BYTES = 24
NDR_BYTES = 8
PORT_DESCRIPTOR_BYTES = 12
MEMORY_DESCRIPTOR_BYTES = 16
ERROR_REPLY_BYTES = 36


def rounded(size):
    """Data in messages takes whole words of 4 bytes."""
    return -(-size // 4) * 4


@dataclass
class Descriptor:
    """
    An argument ahead of the inline data.

    kind: port (a right), ports (an array of rights, each with its own descriptor), memory (a piece of memory),
    ool_ports (an array of rights out of line).
    """

    kind: str
    argument: Argument
    index: int  # of its first descriptor in the message

    @property
    def number(self):
        """Descriptors that it takes."""
        return self.argument.type.length if self.kind == "ports" else 1

    @property
    def size(self):
        one = PORT_DESCRIPTOR_BYTES if self.kind in ("port", "ports") else MEMORY_DESCRIPTOR_BYTES
        return one * self.number


@dataclass
class Field:
    """One piece of inline data.

    kind: value (scalar, struct, fixed array), array (variable, behind its count), rest (variable, its count stands
    elsewhere: SameCount), string (fixed), varying_string (behind offset and count), count (of an array that is not
    inline), room (the count that goes with CountInOut).
    """

    kind: str
    argument: Argument

    @property
    def is_varying(self):
        return self.kind in ("array", "rest", "varying_string")

    @property
    def has_data(self):
        return self.kind not in ("count", "room")

    @property
    def has_count(self):
        return self.kind in ("array", "varying_string", "count", "room")

    @property
    def declared(self):
        """Bytes of the data itself, at most."""
        return rounded(self.argument.type.size)

    @property
    def size(self):
        """Bytes in the message, at most, counts included."""
        counts = {"array": 4, "varying_string": 8, "count": 4, "room": 4}.get(self.kind, 0)
        return counts + (self.declared if self.has_data else 0)


@dataclass
class Message:
    """A request or a reply."""

    struct: str
    is_reply: bool
    descriptors: list = field(default_factory=list)
    fields: list = field(default_factory=list)

    def add_descriptor(self, argument):
        kind = argument.type
        if kind.shape == "port":
            name = "port"
        elif kind.right:
            name = "ool_ports" if kind.out_of_line else "ports"
        else:
            name = "memory"
        self.descriptors.append(Descriptor(name, argument, self.descriptor_count))
        if argument.has_count:
            self.fields.append(Field("count", argument))

    @property
    def descriptor_count(self):
        return sum(descriptor.number for descriptor in self.descriptors)

    @property
    def data(self):
        """The arguments that travel as inline data."""
        return [piece.argument for piece in self.fields if piece.has_data]

    @property
    def has_ndr(self):
        return bool(self.fields) or self.has_result

    @property
    def has_result(self):
        """Is there a RetCode?  The presence of descriptors says in itself that all went well."""
        return self.is_reply and not self.descriptors

    @property
    def max_size(self):
        size = HEADER_BYTES
        if self.descriptors:
            size += 4 + sum(descriptor.size for descriptor in self.descriptors)
        if self.has_ndr:
            size += NDR_BYTES
        if self.has_result:
            size += 4
        return size + sum(piece.size for piece in self.fields)

    @property
    def min_size(self):
        return self.max_size - sum(piece.declared for piece in self.varying)

    @property
    def varying(self):
        return [piece for piece in self.fields if piece.is_varying]

    def steps(self):
        """Each field with the number of varying ones ahead of it."""
        behind = 0
        for piece in self.fields:
            yield piece, behind
            behind += piece.is_varying

    def count_place(self, argument):
        """The number of varying fields ahead of the count of an array."""
        owner = argument.master or argument
        return next(behind for piece, behind in self.steps() if piece.has_count and piece.argument is owner)


def _travels_in_descriptor(argument):
    return argument.type.right is not None or argument.type.out_of_line


def _field(argument):
    shape = argument.type.shape
    if shape == "array" and argument.type.varying:
        return Field("rest" if argument.master else "array", argument)
    if shape == "string":
        return Field("varying_string" if argument.type.varying else "string", argument)
    return Field("value", argument)


def _add(message, argument):
    if _travels_in_descriptor(argument):
        message.add_descriptor(argument)
    else:
        message.fields.append(_field(argument))


def request_of(routine):
    message = Message(f"__Request__{routine.name}_t", False)
    for argument in routine.arguments:
        if argument.is_in:
            _add(message, argument)
        elif argument.count_in_out and argument.has_count:
            message.fields.append(Field("room", argument))
    return message


def reply_of(routine):
    message = Message(f"__Reply__{routine.name}_t", True)
    for argument in routine.outputs:
        _add(message, argument)
    return message


def received(disposition):
    """What the receiver holds of a right that was sent with a disposition."""
    return RECEIVED[disposition]
