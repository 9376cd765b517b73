# SPDX-License-Identifier: BSD-2-Clause
"""Pieces of C that write descriptors into a message, check those of one that came, and take what they hold."""

from .c_fill import count_in, count_limit, times
from .emit import element_type, value_type
from .layout import received
from .types import POLYMORPHIC

_STRUCTS = {
    "port": "mach_msg_port_descriptor_t",
    "ports": "mach_msg_port_descriptor_t",
    "memory": "mach_msg_ool_descriptor_t",
    "ool_ports": "mach_msg_ool_ports_descriptor_t",
}


def descriptor_field(descriptor):
    """Declaration of the descriptor in the message."""
    number = f"[{descriptor.number}]" if descriptor.kind == "ports" else ""
    return f"{_STRUCTS[descriptor.kind]} {descriptor.argument.name}{number};"


def disposition(argument, side):
    """C expression for the disposition with which this side sends a right."""
    right = argument.type.right
    if right.sent != POLYMORPHIC:
        return right.sent
    return f"{'*' if side == 'user' and argument.is_out else ''}{argument.name}Poly"


def kernel_disposition(argument):
    """The same in the kernel: what the receiver will hold."""
    return f"{argument.name}Poly" if argument.type.right.sent == POLYMORPHIC else received(argument.type.right.sent)


def _deallocation(argument):
    if "dealloc[]" in argument.flags:
        return f"{argument.name}Dealloc"
    return "TRUE" if "dealloc" in argument.flags else "FALSE"


def _copy_option(argument):
    return "MACH_MSG_PHYSICAL_COPY" if "physicalcopy" in argument.flags else "MACH_MSG_VIRTUAL_COPY"


def memory_size(argument, count):
    """C expression: bytes of an argument out of line. count: C expression for that of a counted one."""
    element = argument.type.element.size
    return times(count, element) if argument.is_counted else str(argument.type.size)


def ports_number(argument, count):
    """C expression: rights in an array. count: C expression for that of a counted one."""
    return count if argument.is_counted else str(argument.type.length)


def emit_put(writer, base, descriptor, value, count, side):
    """
    Write the descriptor of an argument.  value, count: C expressions of the sender's for it and, if it is counted,
    its count.  side: user, server or kernel.
    """
    argument = descriptor.argument
    place = f"{base}->{argument.name}"
    if descriptor.kind == "memory":
        size = memory_size(argument, count)
        arguments = [f"&{place}", _address(value), size, _deallocation(argument), _copy_option(argument)]
        writer.call("mig_put_memory", arguments)
        return
    sent = kernel_disposition(argument) if side == "kernel" else disposition(argument, side)
    if descriptor.kind == "port":
        writer.call("mig_put_port", [f"&{place}", value, sent])
        return
    number = ports_number(argument, count)
    if descriptor.kind == "ports":
        writer.call("mig_put_ports", [place, value, number, str(descriptor.number), sent])
    else:
        writer.call("mig_put_ool_ports", [f"&{place}", _address(value), number, _deallocation(argument), sent])


def _address(value):
    return f"(mach_msg_address_t)(uintptr_t){value}"


def _test(descriptor, base, count):
    """C expression: is the descriptor of this argument as the receiver expects it?"""
    argument, place = descriptor.argument, f"{base}->{descriptor.argument.name}"
    if descriptor.kind == "memory":
        return f"mig_is_memory(&{place}, {memory_size(argument, count)})"
    kind = argument.type.right.received
    expected = "" if kind == POLYMORPHIC else f", {received(kind)}"
    any_right = "any_" if kind == POLYMORPHIC else ""
    if descriptor.kind == "port":
        return f"mig_is_{any_right}port(&{place}{expected})"
    number = ports_number(argument, count)
    if descriptor.kind == "ports":
        return f"mig_are_{any_right}ports({place}, {number}, {descriptor.number}{expected})"
    return f"mig_is_{any_right}ool_ports(&{place}, {number}{expected})"


def emit_descriptor_checks(writer, message, base, fail):
    """Check the descriptors of a message of which size and counts were checked. fail: statement."""
    for descriptor in message.descriptors:
        argument = descriptor.argument
        count = count_in(message, base, argument) if argument.is_counted else None
        if argument.master and count_limit(argument) is not None:
            writer.line(f"if ({count} > {count_limit(argument)})", 1)
            writer.line(fail, 2)
        writer.line(f"if (!{_test(descriptor, base, count)})", 1)
        writer.line(fail, 2)


def taken(descriptor, base, side):
    """C expression: the value of an argument that came in a descriptor (but an array in `ports`)."""
    argument = descriptor.argument
    if descriptor.kind == "port":
        return f"{base}->{argument.name}.name"
    return f"({value_type(argument, side)})(uintptr_t){base}->{argument.name}.address"


def taken_disposition(descriptor, base):
    """C expression: as what the right or rights of a polymorphic argument came."""
    first = "[0]" if descriptor.kind == "ports" else ""
    return f"{base}->{descriptor.argument.name}{first}.disposition"


def port_element_type(argument, side):
    """C type of the elements of an array of rights inside the message."""
    return element_type(argument, side) or "mach_port_t"
