# SPDX-License-Identifier: BSD-2-Clause
"""User stubs: functions that send a request, await the reply and take it apart."""

from .c_descriptor import disposition, emit_descriptor_checks, emit_put, memory_size, taken, taken_disposition
from .c_fill import count_in, count_limit, emit_checks, emit_gap, emit_pads, used_bytes, view, view_declarations
from .emit import Writer, declaration, file_comment, is_polymorphic, parameters, prototype_head
from .layout import reply_of, request_of
from .model import REPLY_ID_OFFSET, REPLY_TRAILER_ROLES


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
    return f"{'*' if argument.is_out else ''}{argument.count_name}"


def routine_arrays(routine):
    """The arrays that go in and have a count, of their own or shared."""
    return [argument for argument in routine.arguments if argument.is_in and argument.is_counted]


class _Stub:
    def __init__(self, writer, interface, routine):
        self._writer = writer
        self._interface = interface
        self._routine = routine
        self._request = request_of(routine)
        self._reply = None if routine.one_way else reply_of(routine)

    def emit(self):
        writer, routine = self._writer, self._routine
        writer.comment(f"{routine.kind} {routine.name}, id {routine.id}")
        head = prototype_head(routine, self._interface.user_name(routine), "user")
        writer.call(head, parameters(routine, "user"), tail="", depth=0)
        writer.line("{")
        self._emit_declarations()
        self._emit_request()
        self._emit_header()
        if routine.one_way:
            self._emit_send()
        else:
            self._emit_call()
            self._emit_reply()
            if routine.returns_code:
                writer.line("return KERN_SUCCESS;", 1)
            elif routine.result:
                writer.line("return ValueRoom;", 1)
        writer.lines("}", "")

    def _fail(self, result):
        """C statement that leaves the stub with an error."""
        if self._routine.returns_code:
            return f"return {result};"
        value = " ValueRoom" if self._routine.result else ""
        return f"{{ {self._interface.error}({result}); return{value}; }}"

    def _refuse(self, result):
        """The same, with a reply that must be taken back to nothing."""
        return self._fail(f"mig_refuse_reply(&Out->Head, {result})")

    def _emit_declarations(self):
        writer = self._writer
        if self._reply is None:
            writer.lines(f"{self._request.struct} Mess;", f"{self._request.struct} *In = &Mess;", depth=1)
            writer.declarations(view_declarations(self._request, "In"))
            if not self._routine.returns_code:
                writer.line("kern_return_t Result;", 1)
        else:
            trailer = "mach_msg_max_trailer_t" if self._tokens() else "mach_msg_trailer_t"
            writer.line("union {", 1)
            writer.line(f"{self._request.struct} In;", 2)
            writer.line("struct {", 2)
            writer.lines(f"{self._reply.struct} Body;", f"{trailer} Trailer;", depth=3)
            writer.line("} Out;", 2)
            writer.line("} Mess;", 1)
            writer.line(f"{self._request.struct} *In = &Mess.In;", 1)
            writer.line(f"{self._reply.struct} *Out = &Mess.Out.Body;", 1)
            pairs = view_declarations(self._request, "In") + view_declarations(self._reply, "Out")
            writer.declarations(dict.fromkeys(pairs))
            if self._tokens():
                writer.line("const mach_msg_max_trailer_t *Trailer;", 1)
            if self._routine.result:
                c_type = self._routine.result.type.user_type
                writer.line(declaration(c_type, "ValueRoom = {0};"), 1)
                writer.line(declaration(c_type, "*Value = &ValueRoom;"), 1)
            writer.line("kern_return_t Result;", 1)
        writer.line()

    def _tokens(self):
        return self._routine.with_role(*REPLY_TRAILER_ROLES)

    def _emit_request(self):
        writer, request = self._writer, self._request
        for argument in routine_arrays(self._routine):
            limit = count_limit(argument)
            if limit is not None:
                writer.line(f"if ({count_reference(argument)} > {limit})", 1)
                writer.line(self._fail("MIG_ARRAY_TOO_LARGE"), 2)
        if request.descriptors:
            writer.line(f"In->msgh_body.msgh_descriptor_count = {request.descriptor_count};", 1)
        for descriptor in request.descriptors:
            argument = descriptor.argument
            by_reference = argument.is_out and descriptor.kind != "ports"
            value = ("*" if by_reference else "") + argument.name
            emit_put(writer, "In", descriptor, value, count_reference(argument), "user")
        if request.has_ndr:
            writer.line("In->NDR = NDR_record;", 1)
        for piece, behind in request.steps():
            self._emit_input(piece, behind)

    def _emit_input(self, piece, behind):
        writer, argument, name = self._writer, piece.argument, piece.argument.name
        place = view("In", behind)
        if piece.kind == "room":
            most = argument.type.length
            room = f"*{name}Cnt < {most} ? *{name}Cnt : {most}" if most else f"*{name}Cnt"
            writer.line(f"{place}->{name}Cnt = {room};", 1)
        elif piece.kind in ("array", "rest", "count"):
            if piece.has_count:
                writer.line(f"{place}->{name}Cnt = {count_reference(argument)};", 1)
            if piece.has_data:
                used = used_bytes(self._request, "In", piece, behind)
                writer.call("memcpy", [f"{place}->{name}", name, used])
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
        if piece.has_data:
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
        if self._request.descriptors:
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

    def _argument_or(self, role, setting):
        """The name of the argument with a role, or what the subsystem says."""
        argument = next(iter(self._routine.with_role(role)), None)
        return argument.name if argument else setting

    def _options(self):
        """C expressions for mach_msg's option and timeout, or None if there is nothing special."""
        interface = self._interface
        wait = self._argument_or("waittime", interface.wait_time)
        send = self._argument_or("sendtime", interface.send_time)
        options = [self._argument_or("msgoption", interface.message_option)]
        if wait and not self._routine.one_way:
            options.append("MACH_RCV_TIMEOUT")
        elif wait or send:
            options.append("MACH_SEND_TIMEOUT")
        if self._tokens():
            tokens = [REPLY_TRAILER_ROLES[argument.role] for argument in self._tokens()]
            most = max(tokens, key=lambda token: token.rank)
            options.append(f"MACH_RCV_TRAILER_ELEMENTS({most.elements})")
        text = " | ".join(part for part in options if part)
        if not text:
            return None
        return [text, wait or send or "MACH_MSG_TIMEOUT_NONE"]

    def _emit_send(self):
        writer = self._writer
        options = self._options() or ["MACH_MSG_OPTION_NONE", "MACH_MSG_TIMEOUT_NONE"]
        if self._routine.returns_code:
            writer.call("return mig_send", ["&In->Head", *options])
            return
        writer.call("Result = mig_send", ["&In->Head", *options])
        writer.line("if (Result != MACH_MSG_SUCCESS)", 1)
        writer.line(f"{self._interface.error}(Result);", 2)

    def _emit_call(self):
        writer, options = self._writer, self._options()
        plain = ["MACH_MSG_OPTION_NONE", "MACH_MSG_TIMEOUT_NONE"]
        if self._reply_port() is not None:
            writer.call("Result = mig_call_over", ["&In->Head", "MIG_SIZE(Mess.Out)", *(options or plain)])
        elif options:
            writer.call("Result = mig_call_options", ["&In->Head", "MIG_SIZE(Mess.Out)", *options])
        else:
            writer.call("Result = mig_call", ["&In->Head", "MIG_SIZE(Mess.Out)"])
        writer.line("if (Result != MACH_MSG_SUCCESS)", 1)
        writer.line(self._fail("Result"), 2)

    def _emit_reply(self):
        writer, reply = self._writer, self._reply
        emit_reply_form(writer, self._routine, reply, self._refuse)
        self._emit_tokens()
        for descriptor in reply.descriptors:
            self._emit_taken(descriptor)
        for piece, behind in reply.steps():
            emit_output(writer, reply, piece, behind)

    def _emit_tokens(self):
        """From the trailer of the reply."""
        writer = self._writer
        for argument in self._tokens():
            token = REPLY_TRAILER_ROLES[argument.role]
            writer.line(f"Trailer = mig_trailer(&Out->Head, sizeof({token.trailer}));", 1)
            writer.line("if (!Trailer)", 1)
            writer.line(self._refuse("MIG_TRAILER_ERROR"), 2)
            writer.line(f"*{argument.name} = Trailer->{token.name};", 1)

    def _emit_taken(self, descriptor):
        writer, argument, name = self._writer, descriptor.argument, descriptor.argument.name
        count = count_in(self._reply, "Out", argument) if argument.is_counted else None
        if descriptor.kind == "ports":
            writer.call("mig_get_ports", [f"Out->{name}", name, count or str(descriptor.number)])
        elif argument.overwrites:
            size = memory_size(argument, count)
            writer.call("mig_overwrite", [f"(void *)(uintptr_t){name}", f"&Out->{name}", size])
        else:
            writer.line(f"*{name} = {taken(descriptor, 'Out', 'user')};", 1)
        if is_polymorphic(argument, "user"):
            writer.line(f"*{name}Poly = {taken_disposition(descriptor, 'Out')};", 1)


def emit_reply_form(writer, routine, reply, refuse):
    """Check everything about a reply. refuse: makes the statement for a result."""
    writer.call(
        "Result = mig_check_reply",
        [
            "&Out->Head",
            str(routine.id + REPLY_ID_OFFSET),
            str(reply.descriptor_count),
            str(reply.min_size),
            str(reply.max_size),
        ],
    )
    writer.line("if (Result != KERN_SUCCESS)", 1)
    writer.line(refuse("Result"), 2)
    emit_checks(writer, reply, "Out", refuse("MIG_TYPE_ERROR"))
    emit_descriptor_checks(writer, reply, "Out", refuse("MIG_TYPE_ERROR"))
    for piece, behind in reply.steps():
        argument = piece.argument
        in_place = not argument.type.out_of_line or argument.overwrites
        if argument.count_in_out and in_place and piece.has_count:
            writer.line(f"if ({view('Out', behind)}->{argument.name}Cnt > *{argument.name}Cnt)", 1)
            writer.line(refuse("MIG_ARRAY_TOO_LARGE"), 2)


def emit_output(writer, reply, piece, behind):
    """Copy one result of a reply that was checked to where the caller wants it."""
    argument, name, place = piece.argument, piece.argument.name, view("Out", behind)
    if piece.kind in ("array", "rest", "count"):
        if piece.has_count:
            writer.line(f"*{name}Cnt = {place}->{name}Cnt;", 1)
        if piece.has_data:
            writer.call("memcpy", [name, f"{place}->{name}", used_bytes(reply, "Out", piece, behind)])
    elif argument.type.shape == "string":
        # The caller's buffer has the declared size; the string in the reply ends within it.
        size = f"{place}->{name}Cnt" if piece.is_varying else f"sizeof({place}->{name})"
        writer.line(f"memcpy({name}, {place}->{name}, {size});", 1)
    elif argument.type.is_reference:
        writer.line(f"memcpy({name}, {place}->{name}, sizeof({place}->{name}));", 1)
    else:
        writer.line(f"*{name} = {place}->{name};", 1)
