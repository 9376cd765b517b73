# SPDX-License-Identifier: BSD-2-Clause
"""The kernel's sending side (KernelUser): functions that fill in a request, and that take a reply apart."""

from .c_fill import emit_gap, emit_pads, used_bytes, view, view_declarations
from .c_user import emit_output, emit_reply_form
from .emit import Writer, declaration, file_comment, is_polymorphic, value_type
from .layout import received, reply_of, request_of
from .types import POLYMORPHIC


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
        if (argument.is_in and argument.has_count) or argument.count_in_out:
            result.append(f"mach_msg_type_number_t {name}Cnt")
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


def _emit_request(writer, interface, routine):
    request = request_of(routine)
    writer.comment(f"{routine.name}, id {routine.id}: request")
    writer.call(f"void {interface.user_name(routine)}_request", request_parameters(routine), tail="", depth=0)
    writer.line("{")
    writer.line(f"{request.struct} *In = (void *)Message->head;", 1)
    writer.declarations(view_declarations(request, "In"))
    writer.line()
    if request.ports:
        writer.line(f"In->msgh_body.msgh_descriptor_count = {len(request.ports)};", 1)
    for index, argument in enumerate(request.ports):
        sent = f"{argument.name}Poly" if argument.type.sent == POLYMORPHIC else received(argument.type.sent)
        writer.line(f"Message->port[{index}] = {argument.name};", 1)
        writer.call("mig_put_port", [f"&In->{argument.name}", "MACH_PORT_NULL", sent])
    if request.has_ndr:
        writer.line("In->NDR = NDR_record;", 1)
    for piece, behind in request.steps():
        _emit_input(writer, request, piece, behind)
    bits = "MACH_MSGH_BITS_COMPLEX" if request.ports else "MACH_MSGH_BITS_ZERO"
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
    if piece.kind in ("room", "array"):
        writer.line(f"{place}->{name}Cnt = {name}Cnt;", 1)
    if piece.kind == "array":
        writer.call("memcpy", [f"{place}->{name}", name, used_bytes(piece, "In", behind)])
    elif piece.kind == "varying_string":
        writer.line(f"{place}->{name}Offset = 0;", 1)
        writer.line(f"{place}->{name}Cnt = mig_string_size({name}, {piece.argument.type.length});", 1)
        writer.line(f"memcpy({place}->{name}, {name}, {place}->{name}Cnt);", 1)
    elif piece.argument.type.is_reference:
        writer.line(f"memcpy({place}->{name}, {name}, sizeof({place}->{name}));", 1)
    elif piece.kind == "value":
        writer.line(f"{place}->{name} = {name};", 1)
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
    emit_reply_form(writer, routine, reply, "return {};")
    for index, argument in enumerate(reply.ports):
        writer.line(f"*{argument.name} = Message->port[{index}];", 1)
        writer.line(f"Message->port[{index}] = IPC_PORT_NULL;", 1)
        if is_polymorphic(argument, "user"):
            writer.line(f"*{argument.name}Poly = Out->{argument.name}.disposition;", 1)
    for piece, behind in reply.steps():
        emit_output(writer, piece, view("Out", behind), used_bytes(piece, "Out", behind))
    writer.line("return KERN_SUCCESS;", 1)
    writer.lines("}", "")
