# SPDX-License-Identifier: BSD-2-Clause
"""Layout of messages: which argument is where in the request and in the reply."""

from dataclasses import dataclass, field

from .model import Argument
from .types import RECEIVED

HEADER_BYTES = 24
NDR_BYTES = 8
PORT_DESCRIPTOR_BYTES = 12
ERROR_REPLY_BYTES = 36


def rounded(size):
    """Data in messages takes whole words of 4 bytes."""
    return -(-size // 4) * 4


@dataclass
class Field:
    """One piece of inline data.

    kind: value (scalar, struct, fixed array), array (variable, behind its count), string (fixed), varying_string (behind
    offset and count), room (the count that goes with CountInOut).
    """

    kind: str
    argument: Argument

    @property
    def is_varying(self):
        return self.kind in ("array", "varying_string")

    @property
    def declared(self):
        """Bytes of the data itself, at most."""
        return rounded(self.argument.type.size)

    @property
    def size(self):
        """Bytes in the message, at most, counts included."""
        counts = {"array": 4, "varying_string": 8}.get(self.kind, 0)
        return 4 if self.kind == "room" else counts + self.declared


@dataclass
class Message:
    """A request or a reply."""

    struct: str
    is_reply: bool
    ports: list = field(default_factory=list)
    fields: list = field(default_factory=list)

    @property
    def data(self):
        """The arguments that travel as inline data."""
        return [piece.argument for piece in self.fields if piece.kind != "room"]

    @property
    def has_ndr(self):
        return bool(self.fields) or self.has_result

    @property
    def has_result(self):
        """Is there a RetCode?  The presence of rights says in itself that all went well."""
        return self.is_reply and not self.ports

    @property
    def max_size(self):
        size = HEADER_BYTES
        if self.ports:
            size += 4 + PORT_DESCRIPTOR_BYTES * len(self.ports)
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


def _field(argument):
    shape = argument.type.shape
    if shape == "array" and argument.type.varying:
        return Field("array", argument)
    if shape == "string":
        return Field("varying_string" if argument.type.varying else "string", argument)
    return Field("value", argument)


def _message(struct, is_reply, arguments):
    message = Message(struct, is_reply)
    for argument in arguments:
        if argument.type.shape == "port":
            message.ports.append(argument)
        else:
            message.fields.append(_field(argument))
    return message


def request_of(routine):
    message = _message(f"__Request__{routine.name}_t", False, [])
    for argument in routine.arguments:
        if argument.is_in and argument.type.shape == "port":
            message.ports.append(argument)
        elif argument.is_in:
            message.fields.append(_field(argument))
        elif argument.count_in_out:
            message.fields.append(Field("room", argument))
    return message


def reply_of(routine):
    return _message(f"__Reply__{routine.name}_t", True, routine.outputs)


def received(disposition):
    """What the receiver holds of a right that was sent with a disposition."""
    return RECEIVED[disposition]
