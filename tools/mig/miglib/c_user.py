# SPDX-License-Identifier: BSD-2-Clause
"""User stubs: functions that send a request, await the reply and take it apart."""

from .c_fill import emit_checks, emit_gap, emit_pads, used_bytes, view, view_declarations
from .emit import Writer, file_comment, is_polymorphic, parameters
from .layout import received, reply_of, request_of
from .model import REPLY_ID_OFFSET
from .types import POLYMORPHIC


def user_stubs(interface, header):
    """The C file of all user stubs of an interface; header: the name under which it includes its header."""
    writer = Writer()
    writer.line(file_comment(interface, "User stubs"))
    writer.lines(f'#include "{header}"', "#include <string.h>", "")
    for routine in interface.routines:
        _Stub(writer, interface, routine).emit()
    return writer.text().rstrip("\n") + "\n"


def count_reference(argument):
    """C expression on the user's side for the count of an array that goes in."""
    return f"{'*' if argument.is_out else ''}{argument.name}Cnt"


def disposition(argument, side):
    """C expression for the disposition with which this side sends a right."""
    return f"{argument.name}Poly" if is_polymorphic(argument, side) else argument.type.sent


class _Stub:
    def __init__(self, writer, interface, routine):
        self._writer = writer
        self._interface = interface
        self._routine = routine
        self._request = request_of(routine)
        self._reply = None if routine.one_way else reply_of(routine)

    def emit(self):
        writer, routine = self._writer, self._routine
        writer.comment(f"{'simpleroutine' if routine.one_way else 'routine'} {routine.name}, id {routine.id}")
        writer.call(
            f"kern_return_t {self._interface.user_name(routine)}", parameters(routine, "user"), tail="", depth=0
        )
        writer.line("{")
        self._emit_declarations()
        self._emit_request()
        self._emit_header()
        if routine.one_way:
            self._emit_send()
        else:
            self._emit_call()
            self._emit_reply()
            writer.line("return KERN_SUCCESS;", 1)
        writer.lines("}", "")

    def _emit_declarations(self):
        writer = self._writer
        if self._reply is None:
            writer.lines(f"{self._request.struct} Mess;", f"{self._request.struct} *In = &Mess;", depth=1)
            writer.declarations(view_declarations(self._request, "In"))
        else:
            writer.line("union {", 1)
            writer.line(f"{self._request.struct} In;", 2)
            writer.line("struct {", 2)
            writer.lines(f"{self._reply.struct} Body;", "mach_msg_trailer_t Trailer;", depth=3)
            writer.line("} Out;", 2)
            writer.line("} Mess;", 1)
            writer.line(f"{self._request.struct} *In = &Mess.In;", 1)
            writer.line(f"{self._reply.struct} *Out = &Mess.Out.Body;", 1)
            pairs = view_declarations(self._request, "In") + view_declarations(self._reply, "Out")
            writer.declarations(dict.fromkeys(pairs))
            writer.line("kern_return_t Result;", 1)
        writer.line()

    def _emit_request(self):
        writer, request = self._writer, self._request
        for piece in request.varying:
            if piece.kind == "array":
                count = count_reference(piece.argument)
                writer.line(f"if ({count} > {piece.argument.type.length})", 1)
                writer.line("return MIG_ARRAY_TOO_LARGE;", 2)
        if request.ports:
            writer.line(f"In->msgh_body.msgh_descriptor_count = {len(request.ports)};", 1)
            for argument in request.ports:
                sent = disposition(argument, "user")
                writer.call("mig_put_port", [f"&In->{argument.name}", argument.name, sent])
        if request.has_ndr:
            writer.line("In->NDR = NDR_record;", 1)
        for piece, behind in request.steps():
            self._emit_input(piece, behind)

    def _emit_input(self, piece, behind):
        writer, argument, name = self._writer, piece.argument, piece.argument.name
        place = view("In", behind)
        if piece.kind == "room":
            most = argument.type.length
            writer.line(f"{place}->{name}Cnt = *{name}Cnt < {most} ? *{name}Cnt : {most};", 1)
        elif piece.kind == "array":
            writer.line(f"{place}->{name}Cnt = {count_reference(argument)};", 1)
            writer.call("memcpy", [f"{place}->{name}", name, used_bytes(piece, "In", behind)])
        elif piece.kind == "varying_string":
            writer.line(f"{place}->{name}Offset = 0;", 1)
            writer.line(f"{place}->{name}Cnt = mig_strncpy({place}->{name}, {name}, {argument.type.length});", 1)
        elif piece.kind == "string":
            writer.line(f"memset({place}->{name}, 0, sizeof({place}->{name}));", 1)
            writer.line(f"(void)mig_strncpy({place}->{name}, {name}, {argument.type.length});", 1)
        elif argument.type.is_reference:
            writer.line(f"memcpy({place}->{name}, {name}, sizeof({place}->{name}));", 1)
        else:
            writer.line(f"{place}->{name} = {'*' if argument.is_out else ''}{name};", 1)
        emit_pads(writer, piece, "In", behind)
        if piece.is_varying:
            emit_gap(writer, self._request, piece, "In", behind, padded=True)

    def _emit_header(self):
        writer, routine = self._writer, self._routine
        target, reply_port = routine.request_port, self._reply_port()
        local = "0"
        if reply_port is not None:
            local = disposition(reply_port, "user")
        elif not routine.one_way:
            local = "MACH_MSG_TYPE_MAKE_SEND_ONCE"
        writer.line(f"In->Head.msgh_bits = MACH_MSGH_BITS({disposition(target, 'user')}, {local});", 1)
        if self._request.ports:
            writer.line("In->Head.msgh_bits |= MACH_MSGH_BITS_COMPLEX;", 1)
        gap = " - Gap" if self._request.varying else ""
        writer.lines(
            f"In->Head.msgh_size = MIG_SIZE(*In){gap};",
            f"In->Head.msgh_remote_port = {target.name};",
            f"In->Head.msgh_id = {routine.id};",
            depth=1,
        )
        if reply_port is not None:
            writer.line(f"In->Head.msgh_local_port = {reply_port.name};", 1)
        elif routine.one_way:
            writer.line("In->Head.msgh_local_port = MACH_PORT_NULL;", 1)

    def _reply_port(self):
        return next(iter(self._routine.with_role("replyport", "ureplyport")), None)

    def _options(self, timeout_option):
        """C expressions for mach_msg's option and timeout, or None if there is nothing special."""
        wait = next(iter(self._routine.with_role("waittime")), None)
        option = next(iter(self._routine.with_role("msgoption")), None)
        timeout = wait.name if wait else self._interface.wait_time
        options = [option.name if option else self._interface.message_option or ""]
        options += [timeout_option] if timeout else []
        text = " | ".join(part for part in options if part)
        if not text:
            return None
        return [text, timeout or "MACH_MSG_TIMEOUT_NONE"]

    def _emit_send(self):
        options = self._options("MACH_SEND_TIMEOUT") or ["MACH_MSG_OPTION_NONE", "MACH_MSG_TIMEOUT_NONE"]
        self._writer.call("return mig_send", ["&In->Head", *options])

    def _emit_call(self):
        writer, options = self._writer, self._options("MACH_RCV_TIMEOUT")
        plain = ["MACH_MSG_OPTION_NONE", "MACH_MSG_TIMEOUT_NONE"]
        if self._reply_port() is not None:
            writer.call("Result = mig_call_over", ["&In->Head", "MIG_SIZE(Mess.Out)", *(options or plain)])
        elif options:
            writer.call("Result = mig_call_options", ["&In->Head", "MIG_SIZE(Mess.Out)", *options])
        else:
            writer.call("Result = mig_call", ["&In->Head", "MIG_SIZE(Mess.Out)"])
        writer.line("if (Result != MACH_MSG_SUCCESS)", 1)
        writer.line("return Result;", 2)

    def _emit_reply(self):
        writer, reply = self._writer, self._reply
        emit_reply_form(writer, self._routine, reply, "return mig_refuse_reply(&Out->Head, {});")
        for argument in reply.ports:
            name = argument.name
            writer.line(f"*{name} = Out->{name}.name;", 1)
            if is_polymorphic(argument, "user"):
                writer.line(f"*{name}Poly = Out->{name}.disposition;", 1)
        for piece, behind in reply.steps():
            emit_output(writer, piece, view("Out", behind), used_bytes(piece, "Out", behind))


def emit_reply_form(writer, routine, reply, refuse):
    """Check everything about a reply. refuse: statement with a place for the result."""
    writer.call(
        "Result = mig_check_reply",
        [
            "&Out->Head",
            str(routine.id + REPLY_ID_OFFSET),
            str(len(reply.ports)),
            str(reply.min_size),
            str(reply.max_size),
        ],
    )
    writer.line("if (Result != KERN_SUCCESS)", 1)
    writer.line(refuse.format("Result"), 2)
    for argument in reply.ports:
        writer.line(f"if (!{port_test(argument, 'Out')})", 1)
        writer.line(refuse.format("MIG_TYPE_ERROR"), 2)
    emit_checks(writer, reply, "Out", refuse.format("MIG_TYPE_ERROR"))
    for piece, behind in reply.steps():
        if piece.argument.count_in_out:
            name = piece.argument.name
            writer.line(f"if ({view('Out', behind)}->{name}Cnt > *{name}Cnt)", 1)
            writer.line(refuse.format("MIG_ARRAY_TOO_LARGE"), 2)


def port_test(argument, base):
    """C expression: is the descriptor of this argument as the receiver expects it?"""
    if argument.type.received == POLYMORPHIC:
        return f"mig_is_any_port(&{base}->{argument.name})"
    return f"mig_is_port(&{base}->{argument.name}, {received(argument.type.received)})"


def emit_output(writer, piece, place, used):
    """Copy one result of a reply that was checked to where the caller wants it."""
    argument, name = piece.argument, piece.argument.name
    if piece.kind == "array":
        writer.line(f"*{name}Cnt = {place}->{name}Cnt;", 1)
        writer.call("memcpy", [name, f"{place}->{name}", used])
    elif argument.type.shape == "string":
        # The caller's buffer has the declared size; the string in the reply ends within it.
        size = f"{place}->{name}Cnt" if piece.is_varying else f"sizeof({place}->{name})"
        writer.line(f"memcpy({name}, {place}->{name}, {size});", 1)
    elif argument.type.is_reference:
        writer.line(f"memcpy({name}, {place}->{name}, sizeof({place}->{name}));", 1)
    else:
        writer.line(f"*{name} = {place}->{name};", 1)
