# SPDX-License-Identifier: BSD-2-Clause
"""The kernel's sending side (KernelUser): functions that fill in a request, and that take a reply apart."""

from .c_descriptor import emit_put, kernel_disposition, ports_number, taken, taken_disposition
from .c_fill import emit_gap, emit_pads, used_bytes, view, view_declarations
from .c_user import emit_output, emit_reply_form
from .emit import Writer, declaration, file_comment, is_polymorphic, value_type
from .layout import reply_of, request_of


def _inputs(routine):
    """Input arguments, and room for outputs, as parameters by value."""
    result = []
    for argument in routine.arguments:
        name = argument.name
        if argument.is_in:
            c_type = value_type(argument, "user")
            result.append(declaration(f"const {c_type}" if argument.type.is_reference else c_type, name))
            if is_polymorphic(argument, "user"):
                result.append(f"mach_msg_type_name_t {name}Poly")
        if (argument.is_in or argument.count_in_out) and argument.has_count:
            result.append(f"mach_msg_type_number_t {name}Cnt")
        if argument.is_in and "dealloc[]" in argument.flags:
            result.append(f"boolean_t {name}Dealloc")
    return result


def request_parameters(routine):
    return ["struct mig_kernel_message *Message"] + _inputs(routine)


def reply_parameters(routine):
    result = ["struct mig_kernel_message *Message"]
    for argument in routine.outputs:
        name, c_type = argument.name, value_type(argument, "user")
        result.append(declaration(c_type, name if argument.type.is_reference else f"*{name}"))
        if is_polymorphic(argument, "user"):
            result.append(f"mach_msg_type_name_t *{name}Poly")
        if argument.has_count:
            result.append(f"mach_msg_type_number_t *{name}Cnt")
    return result


def sender_stubs(interface, header):
    """The C file for a kernel that sends requests; header: the name under which it includes its header."""
    writer = Writer()
    writer.line(file_comment(interface, "Kernel's sending side"))
    writer.lines(f'#include "{header}"', "#include <kern/string.h>", "")
    for routine in interface.routines:
        _emit_request(writer, interface, routine)
        if not routine.one_way:
            _emit_reply(writer, interface, routine)
    return writer.text().rstrip("\n") + "\n"


def emit_kernel_put(writer, base, message, descriptor, value, count):
    """
    Write the descriptor of an argument in the kernel.  message: C expression for the struct mig_kernel_message;
    value, count: for the argument and its count.
    """
    argument, index = descriptor.argument, descriptor.index
    if descriptor.kind == "ports":
        number, room = ports_number(argument, count), str(descriptor.number)
        writer.call("mig_kernel_put_ports", [f"&{message}->port[{index}]", value, number, room])
        writer.call("mig_put_ports", [f"{base}->{argument.name}", "NULL", "0", room, kernel_disposition(argument)])
        return
    if descriptor.kind == "port":
        writer.line(f"{message}->port[{index}] = {value};", 1)
        value = "MACH_PORT_NULL"
    emit_put(writer, base, descriptor, value, count, "kernel")


def emit_kernel_taken(writer, base, message, descriptor):
    """What a descriptor holds belongs to the caller now: the message forgets it."""
    if descriptor.kind in ("port", "ports"):
        for index in range(descriptor.index, descriptor.index + descriptor.number):
            writer.line(f"{message}->port[{index}] = IPC_PORT_NULL;", 1)
    else:
        kind = "memory" if descriptor.kind == "memory" else "ool_ports"
        writer.line(f"mig_kernel_forget_{kind}(&{base}->{descriptor.argument.name});", 1)


def _emit_request(writer, interface, routine):
    request = request_of(routine)
    writer.comment(f"{routine.name}, id {routine.id}: request")
    writer.call(f"void {interface.user_name(routine)}_request", request_parameters(routine), tail="", depth=0)
    writer.line("{")
    writer.line(f"{request.struct} *In = (void *)Message->head;", 1)
    writer.declarations(view_declarations(request, "In"))
    writer.line()
    if request.descriptors:
        writer.line(f"In->msgh_body.msgh_descriptor_count = {request.descriptor_count};", 1)
    for descriptor in request.descriptors:
        argument = descriptor.argument
        emit_kernel_put(writer, "In", "Message", descriptor, argument.name, argument.count_name)
    if request.has_ndr:
        writer.line("In->NDR = NDR_record;", 1)
    for piece, behind in request.steps():
        _emit_input(writer, request, piece, behind)
    bits = "MACH_MSGH_BITS_COMPLEX" if request.descriptors else "MACH_MSGH_BITS_ZERO"
    gap = " - Gap" if request.varying else ""
    writer.lines(
        f"In->Head.msgh_bits = {bits};",
        f"In->Head.msgh_size = MIG_SIZE(*In){gap};",
        f"In->Head.msgh_id = {routine.id};",
        depth=1,
    )
    writer.lines("}", "")


def _emit_input(writer, request, piece, behind):
    name, place = piece.argument.name, view("In", behind)
    if piece.kind in ("room", "array", "count"):
        writer.line(f"{place}->{name}Cnt = {name}Cnt;", 1)
    if piece.kind in ("array", "rest"):
        writer.call("memcpy", [f"{place}->{name}", name, used_bytes(request, "In", piece, behind)])
    elif piece.kind == "varying_string":
        writer.line(f"{place}->{name}Offset = 0;", 1)
        writer.line(f"{place}->{name}Cnt = mig_string_size({name}, {piece.argument.type.length});", 1)
        writer.line(f"memcpy({place}->{name}, {name}, {place}->{name}Cnt);", 1)
    elif piece.has_data and piece.argument.type.is_reference:
        writer.line(f"memcpy({place}->{name}, {name}, sizeof({place}->{name}));", 1)
    elif piece.kind == "value":
        writer.line(f"{place}->{name} = {name};", 1)
    if piece.has_data:
        emit_pads(writer, piece, "In", behind)
    if piece.is_varying:
        emit_gap(writer, request, piece, "In", behind, padded=True)


def _emit_reply(writer, interface, routine):
    reply = reply_of(routine)
    writer.comment(f"{routine.name}, id {routine.id}: reply")
    writer.call(f"kern_return_t {interface.user_name(routine)}_reply", reply_parameters(routine), tail="", depth=0)
    writer.line("{")
    writer.line(f"{reply.struct} *Out = (void *)Message->head;", 1)
    writer.declarations(view_declarations(reply, "Out"))
    writer.lines("kern_return_t Result;", "", depth=1)
    emit_reply_form(writer, routine, reply, "return {};".format)
    for descriptor in reply.descriptors:
        _emit_taken(writer, descriptor)
    for piece, behind in reply.steps():
        emit_output(writer, reply, piece, behind)
    writer.line("return KERN_SUCCESS;", 1)
    writer.lines("}", "")


def _emit_taken(writer, descriptor):
    argument, name, index = descriptor.argument, descriptor.argument.name, descriptor.index
    if is_polymorphic(argument, "user"):
        writer.line(f"*{name}Poly = {taken_disposition(descriptor, 'Out')};", 1)
    if descriptor.kind == "port":
        writer.line(f"*{name} = Message->port[{index}];", 1)
    elif descriptor.kind == "ports":
        writer.line(f"memcpy({name}, &Message->port[{index}], {descriptor.number} * sizeof(*{name}));", 1)
    else:
        writer.line(f"*{name} = {taken(descriptor, 'Out', 'user')};", 1)
    emit_kernel_taken(writer, "Out", "Message", descriptor)
