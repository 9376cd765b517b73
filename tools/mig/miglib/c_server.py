# SPDX-License-Identifier: BSD-2-Clause
"""Server stubs: check a request, call the routine, write the reply.  For user servers and for the kernel."""

from .c_fill import emit_checks, emit_gap, emit_pads, used_bytes, view, view_declarations
from .c_header import messages_of
from .c_user import disposition, port_test
from .emit import Writer, declaration, element_type, file_comment, is_polymorphic, value_type
from .layout import ERROR_REPLY_BYTES, received, reply_of, request_of
from .model import TRAILER_ROLES
from .types import POLYMORPHIC

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
    writer.line(f"static const mig_routine_t {interface.name}_routines[] = {{")
    for routine in interface.routines:
        writer.line(f"[{routine.id - interface.base}] = serve_{routine.name},", 1)
    largest = max(max(request_of(r).max_size, reply_size(r)) for r in interface.routines)
    last = interface.routines[-1].id + 1
    writer.lines("};", "", f"const mig_subsystem_t {interface.name}_subsystem = {{")
    writer.lines(
        f".start = {interface.base},",
        f".end = {last},",
        f".maxsize = {largest},",
        f".routine = {interface.name}_routines,",
        depth=1,
    )
    writer.lines("};", "", f"boolean_t {interface.demux}(mach_msg_header_t *request, mach_msg_header_t *reply)", "{")
    writer.line(f"return mig_serve(&{interface.name}_subsystem, request, reply);", 1)
    writer.line("}")


def _emit_kernel_table(writer, interface):
    rights = max(len(message.ports) for routine in interface.routines for message in messages_of(routine))
    if rights:
        writer.call("_Static_assert", [f"{rights} <= MIG_KERNEL_PORTS_MAX", '"too many rights in a message"'], depth=0)
        writer.line()
    writer.line(f"static const struct mig_kernel_entry {interface.name}_entries[] = {{")
    for routine in interface.routines:
        writer.line(f"[{routine.id - interface.base}] = {{serve_{routine.name}, {reply_size(routine)}}},", 1)
    writer.lines("};", "", f"const struct mig_kernel_subsystem {interface.name}_subsystem = {{")
    writer.lines(
        f".first = {interface.base},",
        f".end = {interface.routines[-1].id + 1},",
        f".max_reply_size = {max(reply_size(r) for r in interface.routines)},",
        f".entry = {interface.name}_entries,",
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
        writer.comment(f"{'simpleroutine' if routine.one_way else 'routine'} {routine.name}, id {routine.id}")
        self._emit_prototype()
        writer.line("{")
        self._emit_declarations()
        self._emit_check()
        self._emit_conversions()
        self._emit_copies_in()
        self._emit_routine_call()
        self._emit_releases()
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

    def _unused_target(self):
        return None

    def _target(self):
        return "In->Head.msgh_local_port"

    def _sender_of_reply(self):
        return "In->Head.msgh_remote_port"

    def _port(self, index, argument):
        return f"In->{argument.name}.name"

    def _emit_consumed(self):
        pass

    def _emit_reply_ports(self):
        writer, reply = self._writer, self._reply
        writer.line(f"Out->msgh_body.msgh_descriptor_count = {len(reply.ports)};", 1)
        for argument in reply.ports:
            sent = disposition(argument, "server")
            writer.call("mig_put_port", [f"&Out->{argument.name}", self._port_out(argument), sent])

    def _port_out(self, argument):
        if argument.type.outtran:
            return f"{argument.type.outtran[1]}({argument.name})"
        return argument.name

    def _emit_reply_bits(self):
        if self._reply.ports:
            self._writer.line("Out->Head.msgh_bits |= MACH_MSGH_BITS_COMPLEX;", 1)

    def _emit_invalid_target(self, name):
        pass

    def _release(self, argument):
        return [f"{argument.type.destructor[1]}({argument.name});"]

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
        for argument in self._routine.arguments:
            self._emit_local(argument)
        writer.line("kern_return_t RetCode;", 1)
        writer.line()
        if self._reply is None:
            writer.line(f"(void){self._unused_reply()};", 1)
        if self._unused_target():
            writer.line(f"(void){self._unused_target()};", 1)

    def _emit_alignment_checks(self):
        """Data that the routine uses in place stands at multiples of 4; only C knows what a struct needs."""
        for argument in self._request.data + (self._reply.data if self._reply else []):
            element = argument.type.element
            if argument.type.shape == "array" and not self._needs_buffer(argument) and element.shape != "scalar":
                condition = f"_Alignof({element_type(argument, 'server')}) <= 4"
                self._writer.call("_Static_assert", [condition, '"declare it as made of wider types"'])

    def _trailer_arguments(self):
        return self._routine.with_role(*TRAILER_ROLES)

    def _object_type(self, argument):
        return argument.type.object_type

    def _emit_local(self, argument):
        writer, name, kind = self._writer, argument.name, argument.type
        if argument.role in TRAILER_ROLES:
            return
        if self._is_converted(argument):
            writer.line(declaration(self._object_type(argument), f"{name};"), 1)
        elif kind.shape == "port":
            if argument.role == "out":
                writer.line(declaration(self._object_type(argument), f"{name} = 0;"), 1)
                if is_polymorphic(argument, "server"):
                    writer.line(f"mach_msg_type_name_t {name}Poly = 0;", 1)
        elif kind.shape == "array":
            if self._needs_buffer(argument):
                writer.line(declaration(element_type(argument, "server"), f"{name}[{kind.length}];"), 1)
            if argument.is_out and argument.has_count:
                writer.line(f"mach_msg_type_number_t {name}Cnt;", 1)
        elif argument.role == "out" and not kind.is_reference:
            # A routine that forgets a result must not hand out what was on the stack.
            zero = "{0}" if kind.shape in ("struct", "record") else "0"
            writer.line(declaration(value_type(argument, "server"), f"{name} = {zero};"), 1)
        elif argument.role == "inout" and not kind.is_reference:
            writer.line(declaration(value_type(argument, "server"), f"{name};"), 1)

    def _is_converted(self, argument):
        return argument.type.shape == "port" and argument.type.intran and not argument.is_out

    def _needs_buffer(self, argument):
        return argument.type.shape == "array" and argument.type.alignment > 4

    def _emit_check(self):
        writer, request = self._writer, self._request
        sizes = [str(request.min_size), str(request.max_size)]
        writer.call("if (!mig_has_form", ["&In->Head", str(len(request.ports)), *sizes], tail=")")
        writer.line(FAIL, 2)
        for argument in request.ports:
            writer.line(f"if (!{port_test(argument, 'In')})", 1)
            writer.line(FAIL, 2)
        emit_checks(writer, request, "In", FAIL)
        trailers = [TRAILER_ROLES[argument.role][1] for argument in self._trailer_arguments()]
        for trailer in dict.fromkeys(trailers):
            writer.line(f"Trailer = mig_trailer(&In->Head, sizeof({trailer}));", 1)
            writer.line("if (!Trailer)", 1)
            writer.line("return MIG_TRAILER_ERROR;", 2)

    def _emit_conversions(self):
        writer = self._writer
        target = self._routine.request_port
        for index, argument in enumerate(self._request.ports):
            if self._is_converted(argument):
                writer.line(f"{argument.name} = {argument.type.intran[1]}({self._port(index, argument)});", 1)
        if self._is_converted(target):
            writer.line(f"{target.name} = {target.type.intran[1]}({self._target()});", 1)
            self._emit_invalid_target(target.name)

    def _emit_copies_in(self):
        """Local copies of what the routine changes, and of what it can't use in place."""
        writer = self._writer
        for piece, behind in self._request.steps():
            argument, name, place = piece.argument, piece.argument.name, view("In", behind)
            if piece.kind == "room":
                most = argument.type.length
                writer.line(f"{name}Cnt = {place}->{name}Cnt < {most} ? {place}->{name}Cnt : {most};", 1)
            elif argument.role == "inout" and not argument.type.is_reference:
                writer.line(f"{name} = {place}->{name};", 1)
            elif self._needs_buffer(argument) or (argument.role == "inout" and argument.type.is_reference):
                destination = name if self._needs_buffer(argument) else f"Out->{name}"
                size = used_bytes(piece, "In", behind) if piece.is_varying else f"sizeof({place}->{name})"
                writer.call("memcpy", [destination, f"{place}->{name}", size])
                if argument.role == "inout" and argument.has_count:
                    writer.line(f"{name}Cnt = {place}->{name}Cnt;", 1)
        for argument in self._routine.outputs:
            if argument.role == "out" and argument.has_count and not argument.count_in_out:
                writer.line(f"{argument.name}Cnt = {argument.type.length};", 1)

    def _emit_routine_call(self):
        arguments = []
        places = {id(piece.argument): view("In", behind) for piece, behind in self._request.steps()}
        ports = {id(argument): index for index, argument in enumerate(self._request.ports)}
        for argument in self._routine.arguments:
            arguments += self._actuals(argument, places, ports)
        self._writer.call(f"RetCode = {self._interface.server_name(self._routine)}", arguments)

    def _actuals(self, argument, places, ports):
        name, kind = argument.name, argument.type
        if argument.role in ("ureplyport", "waittime", "msgoption"):
            return []
        if argument.role in TRAILER_ROLES:
            return [f"Trailer->{TRAILER_ROLES[argument.role][0]}"]
        if argument.role == "requestport":
            poly = ["MACH_MSGH_BITS_LOCAL(In->Head.msgh_bits)"] if is_polymorphic(argument, "server") else []
            return [name if self._is_converted(argument) else self._target()] + poly
        if argument.role in ("replyport", "sreplyport"):
            poly = ["MACH_MSGH_BITS_REMOTE(In->Head.msgh_bits)"] if is_polymorphic(argument, "server") else []
            return [self._sender_of_reply()] + poly
        if argument.is_out:
            return self._out_actuals(argument)
        if kind.shape == "port":
            value = name if self._is_converted(argument) else self._port(ports[id(argument)], argument)
            poly = [f"In->{name}.disposition"] if is_polymorphic(argument, "server") else []
            return [value] + poly
        place = places[id(argument)]
        value = name if self._needs_buffer(argument) else f"{place}->{name}"
        return [value] + ([f"{place}->{name}Cnt"] if argument.has_count else [])

    def _out_actuals(self, argument):
        name = argument.name
        if argument.type.is_reference:
            value = name if self._needs_buffer(argument) else f"Out->{name}"
            return [value] + ([f"&{name}Cnt"] if argument.has_count else [])
        poly = [f"&{name}Poly"] if is_polymorphic(argument, "server") else []
        return [f"&{name}"] + poly

    def _emit_releases(self):
        for argument in self._request.ports + [self._routine.request_port]:
            if self._is_converted(argument) and argument.type.destructor:
                self._writer.lines(*self._release(argument), depth=1)

    def _emit_reply(self):
        writer, reply = self._writer, self._reply
        self._emit_reply_bits()
        if reply.ports:
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
        if piece.kind == "array":
            writer.line(f"{place}->{name}Cnt = {name}Cnt;", 1)
            if self._needs_buffer(argument):
                writer.call("memcpy", [f"{place}->{name}", source, used_bytes(piece, "Out", behind)])
            elif behind:
                writer.call("memmove", [f"{place}->{name}", source, used_bytes(piece, "Out", behind)])
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
            writer.line(f"{place}->{name} = {name};", 1)
        emit_pads(writer, piece, "Out", behind)
        if piece.is_varying:
            emit_gap(writer, self._reply, piece, "Out", behind, padded=True)

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

    def _target(self):
        return "Dest"

    def _port(self, index, argument):
        return f"Request->port[{index}]"

    def _emit_invalid_target(self, name):
        self._writer.line(f"if ({name} == NULL)", 1)
        self._writer.line(f"return MIG_KERNEL_INVALID({name});", 2)

    def _emit_conversions(self):
        """The destination first: nothing is held yet when it is refused."""
        writer, target = self._writer, self._routine.request_port
        if self._is_converted(target):
            writer.line(f"{target.name} = {target.type.intran[1]}(Dest);", 1)
            self._emit_invalid_target(target.name)
        for index, argument in enumerate(self._request.ports):
            if self._is_converted(argument):
                writer.line(f"{argument.name} = {argument.type.intran[1]}({self._port(index, argument)});", 1)

    def _release(self, argument):
        release = f"{argument.type.destructor[1]}({argument.name});"
        if argument.role == "requestport":
            return [release]
        return [f"if ({argument.name} != NULL)", f"    {release}"]

    def _emit_consumed(self):
        for index, argument in enumerate(self._request.ports):
            if not self._is_converted(argument):
                self._writer.line(f"Request->port[{index}] = IPC_PORT_NULL;", 1)

    def _emit_reply_bits(self):
        bits = "MACH_MSGH_BITS_COMPLEX" if self._reply.ports else "MACH_MSGH_BITS_ZERO"
        self._writer.line(f"Out->Head.msgh_bits = {bits};", 1)

    def _emit_reply_ports(self):
        writer, reply = self._writer, self._reply
        writer.line(f"Out->msgh_body.msgh_descriptor_count = {len(reply.ports)};", 1)
        for index, argument in enumerate(reply.ports):
            sent = f"{argument.name}Poly" if argument.type.sent == POLYMORPHIC else received(argument.type.sent)
            writer.line(f"Reply->port[{index}] = {self._port_out(argument)};", 1)
            writer.call("mig_put_port", [f"&Out->{argument.name}", "MACH_PORT_NULL", sent])
