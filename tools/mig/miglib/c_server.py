# SPDX-License-Identifier: BSD-2-Clause
"""Server stubs: check a request, call the routine, write the reply.  For user servers and for the kernel."""

from .c_descriptor import (
    emit_descriptor_checks,
    emit_put,
    port_element_type,
    ports_number,
    taken,
    taken_disposition,
)
from .c_fill import count_in, emit_checks, emit_gap, emit_pads, used_bytes, view, view_declarations
from .c_sender import emit_kernel_put, emit_kernel_taken
from .emit import Writer, declaration, element_type, file_comment, is_polymorphic
from .layout import ERROR_REPLY_BYTES, reply_of, request_of
from .model import OPTION_ROLES, REPLY_TRAILER_ROLES, TRAILER_ROLES

FAIL = "return MIG_BAD_ARGUMENTS;"


def server_stubs(interface, header):
    """The C file of all server stubs of an interface; header: the name under which it includes its header."""
    writer = Writer()
    writer.line(file_comment(interface, "Server stubs"))
    string = "kern/string.h" if interface.kernel_server else "string.h"
    writer.lines(f'#include "{header}"', f"#include <{string}>", "")
    kind = _KernelStub if interface.kernel_server else _Stub
    for routine in interface.routines:
        kind(writer, interface, routine).emit()
    (_emit_kernel_table if interface.kernel_server else _emit_table)(writer, interface)
    return writer.text()


def reply_size(routine):
    """Bytes of the reply, at most; every routine can be answered with an error."""
    return ERROR_REPLY_BYTES if routine.one_way else max(ERROR_REPLY_BYTES, reply_of(routine).max_size)


def _emit_table(writer, interface):
    largest = max((max(request_of(r).max_size, reply_size(r)) for r in interface.routines), default=ERROR_REPLY_BYTES)
    last = interface.routines[-1].id + 1 if interface.routines else interface.base
    table = f"{interface.name}_routines" if interface.routines else "(const mig_routine_t *)0"
    if interface.routines:
        writer.line(f"static const mig_routine_t {interface.name}_routines[] = {{")
        for routine in interface.routines:
            writer.line(f"[{routine.id - interface.base}] = serve_{routine.name},", 1)
        writer.lines("};", "")
    writer.line(f"const mig_subsystem_t {interface.name}_subsystem = {{")
    writer.lines(
        f".start = {interface.base},",
        f".end = {last},",
        f".maxsize = {largest},",
        f".routine = {table},",
        depth=1,
    )
    writer.lines("};", "", f"boolean_t {interface.demux}(mach_msg_header_t *request, mach_msg_header_t *reply)", "{")
    writer.line(f"return mig_serve(&{interface.name}_subsystem, request, reply);", 1)
    writer.line("}")


def _emit_kernel_table(writer, interface):
    table = f"{interface.name}_entries" if interface.routines else "NULL"
    if interface.routines:
        writer.line(f"static const struct mig_kernel_entry {interface.name}_entries[] = {{")
        for routine in interface.routines:
            ports = 0 if routine.one_way else reply_of(routine).descriptor_count
            entry = f"{{serve_{routine.name}, {reply_size(routine)}, {ports}}}"
            writer.line(f"[{routine.id - interface.base}] = {entry},", 1)
        writer.lines("};", "")
    writer.line(f"const struct mig_kernel_subsystem {interface.name}_subsystem = {{")
    writer.lines(
        f".first = {interface.base},",
        f".end = {interface.routines[-1].id + 1 if interface.routines else interface.base},",
        f".max_reply_size = {max((reply_size(r) for r in interface.routines), default=ERROR_REPLY_BYTES)},",
        f".entry = {table},",
        depth=1,
    )
    writer.line("};")


class _Stub:
    """A stub in a user server."""

    side = "server"

    def __init__(self, writer, interface, routine):
        self._writer = writer
        self._interface = interface
        self._routine = routine
        self._request = request_of(routine)
        self._reply = None if routine.one_way else reply_of(routine)

    def emit(self):
        writer, routine = self._writer, self._routine
        writer.comment(f"{routine.kind} {routine.name}, id {routine.id}")
        self._emit_prototype()
        writer.line("{")
        self._emit_declarations()
        self._emit_check()
        self._emit_conversions()
        self._emit_copies_in()
        self._emit_routine_call()
        self._emit_releases()
        self._emit_no_reply()
        if routine.returns_code:
            writer.line("if (RetCode != KERN_SUCCESS)", 1)
            writer.line("return RetCode;", 2)
        self._emit_consumed()
        if routine.one_way:
            writer.line("return MIG_NO_REPLY;", 1)
        else:
            self._emit_reply()
            writer.line("return KERN_SUCCESS;", 1)
        writer.lines("}", "")

    # What differs between user servers and the kernel.

    def _emit_prototype(self):
        self._writer.call(
            f"static kern_return_t serve_{self._routine.name}",
            ["mach_msg_header_t *InHead", "mach_msg_header_t *OutHead"],
            tail="",
            depth=0,
        )

    def _heads(self):
        return "(void *)InHead", "(void *)OutHead"

    def _unused_reply(self):
        return "OutHead"

    def _target(self):
        return "In->Head.msgh_local_port"

    def _target_disposition(self):
        return "MACH_MSGH_BITS_LOCAL(In->Head.msgh_bits)"

    def _reply_port(self):
        return "In->Head.msgh_remote_port"

    def _reply_disposition(self):
        return "MACH_MSGH_BITS_REMOTE(In->Head.msgh_bits)"

    def _taken(self, descriptor):
        return taken(descriptor, "In", "server")

    def _emit_no_reply(self):
        pass

    def _emit_consumed(self):
        pass

    def _emit_reply_ports(self):
        writer, reply = self._writer, self._reply
        writer.line(f"Out->msgh_body.msgh_descriptor_count = {reply.descriptor_count};", 1)
        for descriptor in reply.descriptors:
            argument = descriptor.argument
            emit_put(writer, "Out", descriptor, self._value_out(argument), argument.count_name, "server")

    def _value_out(self, argument):
        if argument.type.outtran:
            return f"{argument.type.outtran.function}({argument.name})"
        return argument.name

    def _emit_reply_bits(self):
        if self._reply.descriptors:
            self._writer.line("Out->Head.msgh_bits |= MACH_MSGH_BITS_COMPLEX;", 1)

    def _emit_target_conversion(self, target):
        """From the label of the port, if the trailer has one and the type wants it, else from its name."""
        writer, kind = self._writer, target.type
        value = f"{kind.intran.function}({self._target()})" if kind.intran else self._target()
        if kind.intranpayload:
            value = f"Label ? {kind.intranpayload.function}(Label) : {value}"
        writer.line(f"{target.name} = {value};", 1)

    def _release(self, argument):
        return [f"{argument.type.destructor.function}({argument.name});"]

    def _port_array(self, descriptor):
        """C expression for an array of rights that came in the message."""
        return descriptor.argument.name

    # The common parts.

    def _emit_declarations(self):
        writer, heads = self._writer, self._heads()
        writer.line(f"{self._request.struct} *In = {heads[0]};", 1)
        if self._reply is not None:
            writer.line(f"{self._reply.struct} *Out = {heads[1]};", 1)
        pairs = view_declarations(self._request, "In")
        if self._reply is not None:
            pairs += view_declarations(self._reply, "Out")
        writer.declarations(dict.fromkeys(pairs))
        self._emit_alignment_checks()
        if self._trailer_arguments():
            writer.line("const mach_msg_max_trailer_t *Trailer;", 1)
        if self._uses_label():
            writer.line("mach_port_context_t Label = mig_label(&In->Head);", 1)
        for argument in self._locals():
            self._emit_local(argument)
        if self._routine.returns_code:
            writer.line("kern_return_t RetCode;", 1)
        writer.line()
        if self._reply is None:
            writer.line(f"(void){self._unused_reply()};", 1)

    def _locals(self):
        return self._routine.arguments + ([self._routine.result] if self._routine.result else [])

    def _uses_label(self):
        return self._routine.request_port.type.intranpayload is not None

    def _emit_alignment_checks(self):
        """Data that the routine uses in place stands at multiples of 4; only C knows what a struct needs."""
        for argument in self._request.data + (self._reply.data if self._reply else []):
            element = argument.type.element
            if argument.type.shape == "array" and not self._needs_buffer(argument) and element.shape != "scalar":
                condition = f"_Alignof({element_type(argument, 'server')}) <= 4"
                self._writer.call("_Static_assert", [condition, '"declare it as made of wider types"'])

    def _trailer_arguments(self):
        return self._routine.with_role(*TRAILER_ROLES)

    def _emit_local(self, argument):
        writer, name, kind = self._writer, argument.name, argument.type
        if argument.role in TRAILER_ROLES or argument.role in REPLY_TRAILER_ROLES:
            return
        if self._is_converted(argument):
            writer.line(declaration(kind.object_type, f"{name};"), 1)
        elif self._is_port_array(argument):
            self._emit_local_ports(argument)
        elif kind.shape == "array" and not kind.out_of_line:
            if self._needs_buffer(argument):
                writer.line(declaration(element_type(argument, "server"), f"{name}[{kind.length}];"), 1)
        elif argument.is_out and not kind.is_reference:
            # A routine that forgets a result must not hand out what was on the stack.
            zero = "{0}" if kind.shape in ("struct", "record") or kind.outtran and kind.shape != "port" else "0"
            start = f" = {zero}" if argument.role == "out" else ""
            writer.line(declaration(kind.object_type, f"{name}{start};"), 1)
        if argument.is_out and is_polymorphic(argument, "server"):
            writer.line(f"mach_msg_type_name_t {name}Poly = 0;", 1)
        if argument.is_out and argument.has_count:
            writer.line(f"mach_msg_type_number_t {name}Cnt;", 1)
        if argument.is_out and "dealloc[]" in argument.flags:
            writer.line(f"boolean_t {name}Dealloc = FALSE;", 1)

    def _emit_local_ports(self, argument):
        if argument.is_out or self.side == "server":
            zero = " = {0}" if argument.role == "out" else ""
            c_type = port_element_type(argument, "server")
            self._writer.line(declaration(c_type, f"{argument.name}[{argument.type.length}]{zero};"), 1)

    def _is_port_array(self, argument):
        """Is it an array of rights inside the message?"""
        return argument.type.shape == "array" and argument.type.right and not argument.type.out_of_line

    def _is_converted(self, argument):
        if argument.is_out:
            return False
        return argument.type.intran or argument.role == "requestport" and argument.type.intranpayload

    def _needs_buffer(self, argument):
        kind = argument.type
        return kind.shape == "array" and not kind.out_of_line and not kind.right and kind.alignment > 4

    def _emit_check(self):
        writer, request = self._writer, self._request
        sizes = [str(request.min_size), str(request.max_size)]
        writer.call("if (!mig_has_form", ["&In->Head", str(request.descriptor_count), *sizes], tail=")")
        writer.line(FAIL, 2)
        emit_checks(writer, request, "In", FAIL)
        emit_descriptor_checks(writer, request, "In", FAIL)
        trailers = [TRAILER_ROLES[argument.role].trailer for argument in self._trailer_arguments()]
        for trailer in dict.fromkeys(trailers):
            writer.line(f"Trailer = mig_trailer(&In->Head, sizeof({trailer}));", 1)
            writer.line("if (!Trailer)", 1)
            writer.line("return MIG_TRAILER_ERROR;", 2)

    def _emit_conversions(self):
        for descriptor in self._request.descriptors:
            self._emit_port_conversion(descriptor)
        if self._is_converted(self._routine.request_port):
            self._emit_target_conversion(self._routine.request_port)
        self._emit_reply_port_conversion()

    def _emit_reply_port_conversion(self):
        for argument in self._routine.with_role("replyport", "sreplyport"):
            if self._is_converted(argument):
                function = argument.type.intran.function
                self._writer.line(f"{argument.name} = {function}({self._reply_port()});", 1)

    def _emit_port_conversion(self, descriptor):
        argument = descriptor.argument
        if descriptor.kind == "port" and argument.type.intran:
            function = argument.type.intran.function
            self._writer.line(f"{argument.name} = {function}({self._taken(descriptor)});", 1)

    def _emit_copies_in(self):
        """Local copies of what the routine changes, and of what it can't use in place."""
        writer = self._writer
        for descriptor in self._request.descriptors:
            self._emit_descriptor_in(descriptor)
        for piece, behind in self._request.steps():
            self._emit_copy_in(piece, view("In", behind))
        for argument in self._routine.outputs:
            if argument.role == "out" and argument.has_count and not argument.count_in_out:
                most = 0 if argument.type.out_of_line else argument.type.length
                writer.line(f"{argument.name}Cnt = {most};", 1)

    def _emit_descriptor_in(self, descriptor):
        writer, argument, name = self._writer, descriptor.argument, descriptor.argument.name
        if descriptor.kind == "ports":
            self._emit_ports_in(descriptor)
        elif argument.role == "inout" and not argument.type.intran:
            writer.line(f"{name} = {self._taken(descriptor)};", 1)
        if argument.role == "inout" and is_polymorphic(argument, "server"):
            writer.line(f"{name}Poly = {taken_disposition(descriptor, 'In')};", 1)

    def _emit_ports_in(self, descriptor):
        argument = descriptor.argument
        count = count_in(self._request, "In", argument) if argument.is_counted else None
        self._writer.call("mig_get_ports", [f"In->{argument.name}", argument.name, ports_number(argument, count)])

    def _emit_copy_in(self, piece, place):
        writer, argument, name = self._writer, piece.argument, piece.argument.name
        inout = argument.role == "inout"
        if piece.kind == "room":
            most = argument.type.length
            room = f"{place}->{name}Cnt < {most} ? {place}->{name}Cnt : {most}" if most else f"{place}->{name}Cnt"
            writer.line(f"{name}Cnt = {room};", 1)
            return
        if piece.kind == "count":
            if inout:
                writer.line(f"{name}Cnt = {place}->{name}Cnt;", 1)
            return
        if argument.type.intran and piece.kind == "value":
            writer.line(f"{name} = {argument.type.intran.function}({place}->{name});", 1)
        elif inout and not argument.type.is_reference:
            writer.line(f"{name} = {place}->{name};", 1)
        elif self._needs_buffer(argument) or (inout and argument.type.is_reference):
            destination = name if self._needs_buffer(argument) else f"Out->{name}"
            behind = next(behind for step, behind in self._request.steps() if step is piece)
            size = used_bytes(self._request, "In", piece, behind) if piece.is_varying else f"sizeof({place}->{name})"
            writer.call("memcpy", [destination, f"{place}->{name}", size])
            if inout and argument.has_count:
                writer.line(f"{name}Cnt = {place}->{name}Cnt;", 1)

    def _emit_routine_call(self):
        writer, routine = self._writer, self._routine
        arguments = []
        places = {id(piece.argument): view("In", behind) for piece, behind in self._request.steps()}
        descriptors = {id(descriptor.argument): descriptor for descriptor in self._request.descriptors}
        for argument in routine.arguments:
            arguments += self._actuals(argument, places.get(id(argument)), descriptors.get(id(argument)))
        name = self._interface.server_name(routine)
        if routine.returns_code:
            name = f"RetCode = {name}"
        elif routine.result:
            name = f"{routine.result.name} = {name}"
        writer.call(name, arguments)

    def _actuals(self, argument, place, descriptor):
        """The C arguments for one of the routine's. place: its view, if it is data; descriptor: its own, or None."""
        name, role = argument.name, argument.role
        if role == "ureplyport" or role in OPTION_ROLES or role in REPLY_TRAILER_ROLES:
            return []
        if role in TRAILER_ROLES:
            return [f"Trailer->{TRAILER_ROLES[role].name}"]
        if role == "requestport":
            poly = [self._target_disposition()] if is_polymorphic(argument, "server") else []
            return [name if self._is_converted(argument) else self._target()] + poly
        if role in ("replyport", "sreplyport"):
            poly = [self._reply_disposition()] if is_polymorphic(argument, "server") else []
            return [name if self._is_converted(argument) else self._reply_port()] + poly
        if argument.is_out:
            return self._out_actuals(argument)
        if descriptor is not None:
            return self._descriptor_actuals(argument, descriptor, place)
        in_buffer = self._needs_buffer(argument) or self._is_converted(argument)
        value = name if in_buffer else f"{place}->{name}"
        return [value] + ([f"{place}->{name}Cnt"] if argument.has_count else [])

    def _descriptor_actuals(self, argument, descriptor, place):
        name = argument.name
        if descriptor.kind == "ports":
            value = self._port_array(descriptor)
        else:
            value = name if self._is_converted(argument) else self._taken(descriptor)
        poly = [taken_disposition(descriptor, "In")] if is_polymorphic(argument, "server") else []
        count = [f"{place}->{name}Cnt"] if argument.has_count else []
        return [value] + poly + count + (["TRUE"] if "servercopy" in argument.flags else [])

    def _out_actuals(self, argument):
        name = argument.name
        if argument.type.is_reference:
            in_buffer = self._needs_buffer(argument) or self._is_port_array(argument)
            values = [name if in_buffer else f"Out->{name}"]
        else:
            values = [f"&{name}"]
        if is_polymorphic(argument, "server"):
            values.append(f"&{name}Poly")
        if argument.has_count:
            values.append(f"&{name}Cnt")
        if "dealloc[]" in argument.flags:
            values.append(f"&{name}Dealloc")
        return values + (["TRUE"] if "servercopy" in argument.flags else [])

    def _emit_releases(self):
        for argument in [descriptor.argument for descriptor in self._request.descriptors]:
            if self._is_converted(argument) and argument.type.destructor:
                self._writer.lines(*self._release(argument), depth=1)
        for argument in self._routine.with_role("replyport", "sreplyport", "requestport"):
            if self._is_converted(argument) and argument.type.destructor:
                self._writer.lines(*self._release(argument), depth=1)

    def _emit_reply(self):
        writer, reply = self._writer, self._reply
        self._emit_reply_bits()
        if reply.descriptors:
            self._emit_reply_ports()
        if reply.has_ndr:
            writer.line("Out->NDR = NDR_record;", 1)
        if reply.has_result:
            writer.line("Out->RetCode = KERN_SUCCESS;", 1)
        for piece, behind in reply.steps():
            self._emit_output(piece, behind)
        gap = " - Gap" if reply.varying else ""
        writer.line(f"Out->Head.msgh_size = MIG_SIZE(*Out){gap};", 1)

    def _emit_output(self, piece, behind):
        writer, argument, name = self._writer, piece.argument, piece.argument.name
        place = view("Out", behind)
        source = name if self._needs_buffer(argument) else f"Out->{name}"
        if piece.kind in ("array", "rest", "count"):
            self._emit_array_out(piece, behind, source)
        elif piece.kind == "varying_string":
            writer.line(f"{place}->{name}Offset = 0;", 1)
            # The count stands ahead of the string: read the string before that moves over it.
            writer.line(f"{place}->{name}Cnt = mig_string_end(Out->{name}, {argument.type.length});", 1)
            if behind:
                writer.line(f"memmove({place}->{name}, Out->{name}, {place}->{name}Cnt);", 1)
        elif piece.kind == "string" or argument.type.is_reference:
            if self._needs_buffer(argument):
                writer.line(f"memcpy({place}->{name}, {name}, sizeof({place}->{name}));", 1)
            elif behind:
                writer.line(f"memmove({place}->{name}, Out->{name}, sizeof({place}->{name}));", 1)
            if piece.kind == "string":
                self._emit_string_end(place, argument)
        else:
            writer.line(f"{place}->{name} = {self._value_out(argument)};", 1)
        if piece.has_data:
            emit_pads(writer, piece, "Out", behind)
        if piece.is_varying:
            emit_gap(writer, self._reply, piece, "Out", behind, padded=True)

    def _emit_array_out(self, piece, behind, source):
        writer, argument, name, place = self._writer, piece.argument, piece.argument.name, view("Out", behind)
        if piece.has_count:
            writer.line(f"{place}->{name}Cnt = {name}Cnt;", 1)
        if piece.has_data and (behind or self._needs_buffer(argument)):
            copy = "memcpy" if self._needs_buffer(argument) else "memmove"
            writer.call(copy, [f"{place}->{name}", source, used_bytes(self._reply, "Out", piece, behind)])

    def _emit_string_end(self, place, argument):
        """Nothing but the string: the rest of its room is cleared."""
        name, length = argument.name, argument.type.length
        self._writer.call(
            "memset",
            [
                f"{place}->{name} + mig_string_end({place}->{name}, {length})",
                "0",
                f"{length} - mig_string_size({place}->{name}, {length})",
            ],
        )


class _KernelStub(_Stub):
    """A stub in the kernel: rights travel beside the message (kern/mig_kernel.h)."""

    side = "kernel"

    def _emit_prototype(self):
        self._writer.call(
            f"static kern_return_t serve_{self._routine.name}",
            [
                "struct ipc_port *Dest",
                "struct mig_kernel_message *Request",
                "struct mig_kernel_message *Reply",
            ],
            tail="",
            depth=0,
        )

    def _heads(self):
        return "(void *)Request->head", "(void *)Reply->head"

    def _unused_reply(self):
        return "Reply"

    def _uses_label(self):
        return False

    def _target(self):
        return "Dest"

    def _target_disposition(self):
        return "MACH_MSGH_BITS_REMOTE(In->Head.msgh_bits)"

    def _reply_port(self):
        return "Request->reply_port"

    def _reply_disposition(self):
        return "MACH_MSGH_BITS_LOCAL(In->Head.msgh_bits)"

    def _is_converted(self, argument):
        return not argument.is_out and argument.type.intran

    def _taken(self, descriptor):
        if descriptor.kind == "port":
            return f"Request->port[{descriptor.index}]"
        return taken(descriptor, "In", "server")

    def _port_array(self, descriptor):
        argument = descriptor.argument
        return argument.name if argument.is_out else f"&Request->port[{descriptor.index}]"

    def _emit_ports_in(self, descriptor):
        argument = descriptor.argument
        if argument.is_out:
            source = f"&Request->port[{descriptor.index}]"
            self._writer.call("memcpy", [argument.name, source, f"sizeof({argument.name})"])

    def _emit_target_conversion(self, target):
        writer = self._writer
        writer.line(f"{target.name} = {target.type.intran.function}(Dest);", 1)
        writer.line(f"if ({target.name} == NULL)", 1)
        writer.line(f"return MIG_KERNEL_INVALID({target.name});", 2)

    def _emit_conversions(self):
        """The destination first: nothing is held yet when it is refused."""
        if self._is_converted(self._routine.request_port):
            self._emit_target_conversion(self._routine.request_port)
        for descriptor in self._request.descriptors:
            self._emit_port_conversion(descriptor)
        self._emit_reply_port_conversion()

    def _release(self, argument):
        release = f"{argument.type.destructor.function}({argument.name});"
        if argument.role == "requestport":
            return [release]
        return [f"if ({argument.name} != NULL)", f"    {release}"]

    def _emit_no_reply(self):
        """Then the routine has taken the reply right, if it was given it."""
        if self._routine.returns_code and self._routine.with_role("replyport", "sreplyport"):
            self._writer.line("if (RetCode == MIG_NO_REPLY)", 1)
            self._writer.line("Request->reply_port = IPC_PORT_NULL;", 2)

    def _emit_consumed(self):
        for descriptor in self._request.descriptors:
            if not (descriptor.kind == "port" and descriptor.argument.type.intran):
                emit_kernel_taken(self._writer, "In", "Request", descriptor)

    def _emit_reply_bits(self):
        bits = "MACH_MSGH_BITS_COMPLEX" if self._reply.descriptors else "MACH_MSGH_BITS_ZERO"
        self._writer.line(f"Out->Head.msgh_bits = {bits};", 1)

    def _emit_reply_ports(self):
        writer, reply = self._writer, self._reply
        writer.line(f"Out->msgh_body.msgh_descriptor_count = {reply.descriptor_count};", 1)
        for descriptor in reply.descriptors:
            argument = descriptor.argument
            emit_kernel_put(writer, "Out", "Reply", descriptor, self._value_out(argument), argument.count_name)
