# SPDX-License-Identifier: BSD-2-Clause
"""Headers: the messages as structs, the prototypes, and the sizes that the layout of the messages relies on."""

from .c_descriptor import descriptor_field
from .c_sender import reply_parameters, request_parameters
from .emit import Writer, declaration, element_type, file_comment, parameters, prototype_head, value_type
from .layout import reply_of, request_of, rounded


def _padding(writer, name, size):
    if size % 4:
        writer.line(f"char {name}Pad[{rounded(size) - size}];", 1)


def _emit_field(writer, piece, side):
    argument, name = piece.argument, piece.argument.name
    if piece.kind == "room":
        writer.line(f"mach_msg_type_number_t {name}Cnt; /* room for the reply */", 1)
        return
    if piece.kind == "varying_string":
        writer.line(f"mach_msg_type_number_t {name}Offset; /* 0 */", 1)
    if piece.has_count:
        writer.line(f"mach_msg_type_number_t {name}Cnt;", 1)
    if not piece.has_data:
        return
    if argument.type.shape == "string":
        writer.line(f"char {name}[{argument.type.length}];", 1)
    elif argument.type.shape == "array":
        writer.line(declaration(element_type(argument, side), f"{name}[{argument.type.length}];"), 1)
    else:
        c_type = value_type(argument, "user") if side == "user" else argument.type.wire_type
        writer.line(declaration(c_type, f"{name};"), 1)
    _padding(writer, name, argument.type.size)


def _emit_struct(writer, message, side):
    writer.line("typedef struct {")
    writer.line("mach_msg_header_t Head;", 1)
    if message.descriptors:
        writer.line("mach_msg_body_t msgh_body;", 1)
        for descriptor in message.descriptors:
            writer.line(descriptor_field(descriptor), 1)
    if message.has_ndr:
        writer.line("NDR_record_t NDR;", 1)
    if message.has_result:
        writer.line("kern_return_t RetCode;", 1)
    for piece in message.fields:
        _emit_field(writer, piece, side)
    writer.line(f"}} {message.struct};")
    writer.line()


def messages_of(routine):
    """Request and, if there is one, reply."""
    return [request_of(routine)] + ([] if routine.one_way else [reply_of(routine)])


def _emit_structs(writer, interface, side):
    guard = f"MIG_{interface.name.upper()}_MESSAGES"
    writer.lines(f"#ifndef {guard}", f"#define {guard}", "", "#pragma pack(push, 4)", "")
    for routine in interface.routines:
        for message in messages_of(routine):
            _emit_struct(writer, message, side)
    writer.lines("#pragma pack(pop)", "")
    for routine in interface.routines:
        for message in messages_of(routine):
            condition = f"sizeof({message.struct}) == {message.max_size}"
            writer.call("_Static_assert", [condition, '"types differ from the .defs"'], depth=0)
    writer.lines("", "#endif", "")


def _emit_includes(writer, files):
    for file in sorted(dict.fromkeys(["<mach/mig.h>"] + files)):
        writer.line(f"#include {file}")
    writer.line()


def _open(writer, interface, suffix, what):
    guard = f"MIG_{interface.name.upper()}_{suffix}_H"
    writer.line(file_comment(interface, what))
    writer.lines(f"#ifndef {guard}", f"#define {guard}", "")


def user_header(interface):
    """The header for clients."""
    writer = Writer()
    _open(writer, interface, "USER", "Client interface")
    _emit_includes(writer, interface.user_imports)
    for routine in interface.routines:
        if routine.documentation:
            writer.comment(routine.documentation)
        writer.call(prototype_head(routine, interface.user_name(routine), "user"), parameters(routine, "user"), depth=0)
        writer.line()
    _emit_error_function(writer, interface)
    _emit_structs(writer, interface, "user")
    writer.line("#endif")
    return writer.text()


def _emit_error_function(writer, interface):
    if interface.error and not all(routine.returns_code for routine in interface.routines):
        writer.comment("Told why a procedure or a function failed; the client defines it.")
        writer.lines(f"void {interface.error}(kern_return_t result);", "")


def server_header(interface):
    """The header for the server: what it has to implement, and the function that serves requests."""
    writer = Writer()
    _open(writer, interface, "SERVER", "Server interface")
    _emit_includes(writer, interface.server_imports + (["<kern/mig_kernel.h>"] if interface.kernel_server else []))
    side = "kernel" if interface.kernel_server else "server"
    for routine in interface.routines:
        writer.comment((routine.documentation or f"Message {routine.id}.").strip())
        head = prototype_head(routine, interface.server_name(routine), side)
        writer.call(head, parameters(routine, side), depth=0)
        writer.line()
    if interface.kernel_server:
        writer.line(f"extern const struct mig_kernel_subsystem {interface.name}_subsystem;")
        takers = sum(bool(routine.with_role("replyport", "sreplyport")) for routine in interface.routines)
        writer.comment("How many of the routines take the reply right as an argument.")
        writer.line(f"enum {{ {interface.name}_reply_rights = {takers} }};")
    else:
        writer.lines(
            f"extern const mig_subsystem_t {interface.name}_subsystem;",
            "",
            "/*",
            " * Check a request, call the routine that it is for, write the reply.",
            f" * *reply has room for {interface.name}_subsystem.maxsize bytes.",
            " * Returns: TRUE; FALSE no routine has its id (*reply says so).",
            " */",
            f"boolean_t {interface.demux}(mach_msg_header_t *request, mach_msg_header_t *reply);",
        )
    writer.line()
    _emit_structs(writer, interface, "server")
    writer.line("#endif")
    return writer.text()


def sender_header(interface):
    """The header for a kernel that sends requests (KernelUser)."""
    writer = Writer()
    _open(writer, interface, "KERNEL_USER", "Kernel's sending side")
    _emit_includes(writer, interface.user_imports + ["<kern/mig_kernel.h>"])
    for routine in interface.routines:
        writer.comment(routine.documentation or f"Message {routine.id}.")
        writer.call(f"void {interface.user_name(routine)}_request", request_parameters(routine), depth=0)
        if not routine.one_way:
            writer.call(f"kern_return_t {interface.user_name(routine)}_reply", reply_parameters(routine), depth=0)
        writer.line()
    _emit_structs(writer, interface, "user")
    writer.line("#endif")
    return writer.text()
