# SPDX-License-Identifier: BSD-2-Clause
"""Pieces of C that write inline data into a message, and that check and find it in one.

A message is reached through pointers, its views: view 0 (In or Out) for what is ahead of the first variable array,
view 1 (In1, Out1) for what is behind it, and so on.
"""

from .types import SIZE_MAX


def view(base, behind):
    return base if behind == 0 else f"{base}{behind}"


def count_in(message, base, argument):
    """C expression: the count of an array, in the message."""
    return f"{view(base, message.count_place(argument))}->{argument.count_name}"


def times(count, unit):
    """C expression: bytes of `count` elements."""
    return f"{unit} * {count}" if unit != 1 else count


def used_bytes(message, base, piece, behind):
    """C expression: bytes that the data of a varying field takes, before rounding; its count is in the message."""
    if piece.kind == "varying_string":
        return f"{view(base, behind)}->{piece.argument.name}Cnt"
    return times(count_in(message, base, piece.argument), piece.argument.type.element.size)


def needs_padding(piece):
    unit = 1 if piece.kind == "varying_string" else piece.argument.type.element.size
    return unit % 4 != 0


def emit_gap(writer, message, piece, base, behind, padded):
    """Account for what a varying field leaves free; step to the next view if something follows."""
    used = used_bytes(message, base, piece, behind)
    if padded and needs_padding(piece):
        used = f"mig_pad({view(base, behind)}->{piece.argument.name}, {used})"
    elif needs_padding(piece):
        used = f"MIG_ROUND({used})"
    operator = "=" if behind == 0 else "+="
    writer.line(f"Gap {operator} {piece.declared} - {used};", 1)
    if message.fields[-1] is not piece:
        writer.line(f"{view(base, behind + 1)} = mig_moved({base}, Gap);", 1)


def view_declarations(message, base, const=False):
    """Declarations of the views and of Gap that walking through a message needs."""
    struct = ("const " if const else "") + message.struct
    pairs = [
        (f"{struct} *", view(base, behind + 1))
        for piece, behind in message.steps()
        if piece.is_varying and message.fields[-1] is not piece
    ]
    if message.varying:
        pairs.append(("mach_msg_size_t", "Gap"))
    return pairs


def emit_pads(writer, piece, base, behind):
    """Clear the bytes behind a value that is no multiple of a word: nothing of ours leaks through them."""
    size = piece.argument.type.size
    if piece.kind in ("value", "string") and size % 4:
        place = view(base, behind)
        for byte in range(piece.declared - size):
            writer.line(f"{place}->{piece.argument.name}Pad[{byte}] = 0;", 1)


def count_limit(argument):
    """The number that the count of an array or string must not exceed, or None if any will do."""
    if argument.type.shape == "string":
        return argument.type.length
    if argument.master:
        return argument.type.most if argument.type.most < argument.master.type.most else None
    return argument.type.most if argument.type.most < SIZE_MAX else None


def _emit_count_check(writer, message, base, piece, behind, fail):
    limit = count_limit(piece.argument) if piece.is_varying or piece.kind == "count" else None
    if limit is None:
        return
    count = f"{view(base, behind)}->{piece.argument.name}Cnt"
    if piece.kind == "rest":
        count = count_in(message, base, piece.argument)
    writer.line(f"if ({count} > {limit})", 1)
    writer.line(fail, 2)


def emit_checks(writer, message, base, fail):
    """Check the counts and strings of a message whose outer form was checked, find the views. fail: statement."""
    rest = sum(piece.declared for piece in message.varying)
    for piece, behind in message.steps():
        name, place = piece.argument.name, view(base, behind)
        if piece.kind == "string":
            writer.line(f"if (mig_string_size({place}->{name}, {piece.argument.type.length}) == 0)", 1)
            writer.line(fail, 2)
        _emit_count_check(writer, message, base, piece, behind, fail)
        if not piece.is_varying:
            continue
        rest -= piece.declared
        emit_gap(writer, message, piece, base, behind, padded=False)
        operator = "!=" if rest == 0 else "<"
        bound = f"{message.max_size} - Gap" if rest == 0 else f"{message.max_size - rest} - Gap"
        writer.line(f"if ({base}->Head.msgh_size {operator} {bound})", 1)
        writer.line(fail, 2)
        if piece.kind == "varying_string":
            writer.line(f"if (mig_string_size({place}->{name}, {place}->{name}Cnt) == 0)", 1)
            writer.line(fail, 2)
