# SPDX-License-Identifier: BSD-2-Clause
"""The meaning of a .defs file: subsystem, routines with their arguments sorted by role, ids."""

import re
from dataclasses import dataclass, field

from . import syntax
from .diagnostics import MigError
from .types import Type, Types

REPLY_ID_OFFSET = 100
ID_MAX = 0x7FFFFFFF - REPLY_ID_OFFSET

_HEADER_ROLES = ("requestport", "replyport", "sreplyport", "ureplyport")
OPTION_ROLES = {
    "waittime": "mach_msg_timeout_t",
    "sendtime": "mach_msg_timeout_t",
    "msgoption": "mach_msg_option_t",
}


@dataclass(frozen=True)
class TrailerField:
    """What a trailer tells: its name there, the smallest trailer that has it, and how a receiver asks for that."""

    name: str
    trailer: str
    elements: str = None
    rank: int = 0  # of trailers, each the beginning of the next


TRAILER_ROLES = {
    "msgseqno": TrailerField("msgh_seqno", "mach_msg_seqno_trailer_t"),
    "serversectoken": TrailerField("msgh_sender", "mach_msg_security_trailer_t"),
    "serveraudittoken": TrailerField("msgh_audit", "mach_msg_audit_trailer_t"),
    "servercontexttoken": TrailerField("msgh_context", "mach_msg_context_trailer_t"),
}

REPLY_TRAILER_ROLES = {
    "usersectoken": TrailerField("msgh_sender", "mach_msg_security_trailer_t", "MACH_RCV_TRAILER_SENDER", 2),
    "useraudittoken": TrailerField("msgh_audit", "mach_msg_audit_trailer_t", "MACH_RCV_TRAILER_AUDIT", 3),
}

_DATA_FLAGS = ("samecount", "physicalcopy", "overwrite", "dealloc", "dealloc[]", "servercopy")


@dataclass
class Argument:
    """role: in, out, inout, or one of the others that the grammar calls direction."""

    role: str
    name: str
    type: Type
    flags: list
    position: object
    master: "Argument" = None  # SameCount: the array whose count this one shares

    @property
    def is_in(self):
        return self.role in ("in", "inout")

    @property
    def is_out(self):
        return self.role in ("out", "inout")

    @property
    def count_in_out(self):
        """Does the caller say how much room it has for an output array?"""
        return self.role == "out" and "countinout" in self.flags

    @property
    def overwrites(self):
        """Does output out of line end up in memory that the caller has?"""
        return self.role == "out" and "overwrite" in self.flags

    @property
    def is_counted(self):
        """Is it an array of which the number of elements may differ from message to message?"""
        return self.type.shape == "array" and self.type.varying

    @property
    def has_count(self):
        """Is there a count of its own?"""
        return self.is_counted and self.master is None

    @property
    def count_name(self):
        return f"{(self.master or self).name}Cnt"


@dataclass
class Routine:
    name: str
    id: int
    kind: str
    arguments: list
    result: Argument  # of a function: an output that C returns; else None
    documentation: str
    position: object

    def with_role(self, *roles):
        return [argument for argument in self.arguments if argument.role in roles]

    @property
    def one_way(self):
        return self.kind in ("simpleroutine", "simpleprocedure")

    @property
    def returns_code(self):
        """Does the C function return a kern_return_t?  Those of old return nothing, or their result."""
        return self.kind in ("routine", "simpleroutine")

    @property
    def request_port(self):
        return self.with_role("requestport")[0]

    @property
    def outputs(self):
        return [argument for argument in self.arguments if argument.is_out] + ([self.result] if self.result else [])


@dataclass
class Interface:
    """All of a .defs file."""

    name: str
    base: int
    kernel_server: bool
    kernel_user: bool
    documentation: str
    user_prefix: str = ""
    server_prefix: str = ""
    demux: str = None
    error: str = None  # function that is told why a procedure or function failed
    wait_time: str = None
    send_time: str = None
    message_option: str = None
    user_imports: list = field(default_factory=list)
    server_imports: list = field(default_factory=list)
    routines: list = field(default_factory=list)
    types: dict = field(default_factory=dict)
    end: int = 0  # last id + 1, skipped ones included

    def user_name(self, routine):
        return self.user_prefix + routine.name

    def server_name(self, routine):
        return self.server_prefix + routine.name


class _Analysis:
    def __init__(self, statements):
        self._statements = statements
        self._types = Types()
        self._names = {}

    def run(self):
        subsystems = [s for s in self._statements if isinstance(s, syntax.Subsystem)]
        if not subsystems:
            raise MigError(None, "no subsystem statement")
        if len(subsystems) > 1:
            raise MigError(subsystems[1].position, "a second subsystem statement")
        first = subsystems[0]
        self._interface = interface = Interface(
            first.name,
            first.base,
            "kernelserver" in first.modifiers,
            "kerneluser" in first.modifiers,
            first.documentation,
        )
        interface.end = first.base
        for statement in self._statements:
            getattr(self, "_" + type(statement).__name__.lower())(statement)
        interface.demux = interface.demux or f"{interface.name}_server"
        interface.types = self._types.declared()
        return interface

    def _subsystem(self, statement):
        pass

    def _typedeclaration(self, declaration):
        self._types.declare(declaration)

    def _skip(self, _):
        self._interface.end += 1

    def _import(self, statement):
        if statement.keyword in ("both", "user"):
            self._interface.user_imports.append(statement.file)
        if statement.keyword in ("both", "server"):
            self._interface.server_imports.append(statement.file)

    def _setting(self, setting):
        attribute = {
            "userprefix": "user_prefix",
            "serverprefix": "server_prefix",
            "serverdemux": "demux",
            "error": "error",
            "waittime": "wait_time",
            "sendtime": "send_time",
            "msgoption": "message_option",
        }.get(setting.keyword)
        if attribute:
            setattr(self._interface, attribute, setting.value or None)

    def _routine(self, routine):
        if routine.name in self._names:
            raise MigError(routine.position, f"a second routine '{routine.name}'")
        self._names[routine.name] = routine
        arguments = [self._argument(argument) for argument in routine.arguments]
        result = self._result(routine)
        _check_names(arguments)
        self._choose_request_port(routine, arguments)
        _choose_masters(arguments)
        made = Routine(
            routine.name, self._interface.end, routine.kind, arguments, result, routine.documentation, routine.position
        )
        for argument in arguments + ([result] if result else []):
            _check(made, argument)
        if not made.returns_code and not self._interface.error:
            raise MigError(routine.position, f"{routine.kind} '{routine.name}' needs an error statement ahead of it")
        self._interface.routines.append(made)
        self._interface.end += 1
        if self._interface.end > ID_MAX:
            raise MigError(routine.position, f"the id of '{routine.name}' leaves no room for that of its reply")

    def _argument(self, argument):
        resolved = self._types.resolve(argument.spec, argument.type_name, argument.position)
        return Argument(argument.direction, argument.name, resolved, argument.flags, argument.position)

    def _result(self, routine):
        """The output that stands for what a function returns."""
        if routine.result is None:
            return None
        resolved = self._types.resolve(routine.result, None, routine.position)
        if resolved.shape == "string" or (resolved.shape == "array") or resolved.right and resolved.shape != "port":
            raise MigError(routine.position, f"function '{routine.name}' can't return an array or a string")
        return Argument("out", "Value", resolved, [], routine.position)

    def _choose_request_port(self, routine, arguments):
        named = [argument for argument in arguments if argument.role == "requestport"]
        if len(named) > 1:
            raise MigError(named[1].position, "a second request port")
        if not named:
            first = next((a for a in arguments if a.role == "in" and a.type.shape == "port"), None)
            if first is None:
                raise MigError(routine.position, f"routine '{routine.name}' has no request port")
            first.role = "requestport"
        reply_ports = [a for a in arguments if a.role in ("replyport", "sreplyport", "ureplyport")]
        roles = sorted(a.role for a in reply_ports)
        if len(roles) > 1 and roles != ["sreplyport", "ureplyport"]:
            raise MigError(reply_ports[-1].position, "too many reply ports")


# Words of C, and names that the stubs use.
_TAKEN = re.compile(
    "(In|Out)[0-9]*|InHead|OutHead|Head|NDR|msgh_body|RetCode|Result|Mess|Gap|Trailer|Label|Value|ValueRoom|Dest|"
    "Request|Reply|Message|auto|break|case|char|const|continue|default|do|double|else|enum|extern|float|for|goto|if|"
    "inline|int|long|register|restrict|return|short|signed|sizeof|static|struct|switch|typedef|union|unsigned|void|"
    "volatile|while"
)
_SUFFIXES = ("Cnt", "Poly", "Dealloc", "SCopy", "Pad", "Offset")


def _check_names(arguments):
    names = {argument.name for argument in arguments}
    made = {argument.name + suffix: argument.name for argument in arguments for suffix in _SUFFIXES}
    seen = set()
    for argument in arguments:
        if argument.name in seen:
            raise MigError(argument.position, f"a second argument '{argument.name}'")
        seen.add(argument.name)
        if _TAKEN.fullmatch(argument.name):
            raise MigError(argument.position, f"'{argument.name}' can't name an argument: C or the stubs use it")
        if made.get(argument.name) in names:
            raise MigError(argument.position, f"the stubs use '{argument.name}' for '{made[argument.name]}'")


def _choose_masters(arguments):
    """SameCount: the count is that of the nearest array ahead that has one and goes the same way."""
    last = {}
    for argument in arguments:
        if "samecount" in argument.flags:
            if not argument.is_counted:
                raise MigError(argument.position, "SameCount is for variable arrays")
            if argument.role not in last:
                raise MigError(argument.position, f"there is no {argument.role} array ahead to share a count with")
            argument.master = last[argument.role]
        elif argument.is_counted:
            last[argument.role] = argument


def _check(routine, argument):
    kind, role, name = argument.type, argument.role, argument.name
    if role in _HEADER_ROLES and kind.shape != "port":
        raise MigError(argument.position, f"'{name}' is a {role}, but its type is no port")
    if routine.one_way and (argument.is_out or role in REPLY_TRAILER_ROLES):
        raise MigError(argument.position, f"{routine.kind} '{routine.name}' can't return '{name}'")
    if "countinout" in argument.flags and not (role == "out" and argument.is_counted):
        raise MigError(argument.position, "CountInOut is for variable arrays that are out arguments")
    if not (kind.user_type and kind.server_type):
        raise MigError(argument.position, f"the type of '{name}' has no name in C: add a ctype")
    if (kind.intran or kind.outtran or kind.intranpayload) and kind.shape in ("array", "string"):
        raise MigError(argument.position, f"'{name}' is translated, but only a right or a value can be")
    if kind.destructor and not kind.intran and not kind.intranpayload:
        raise MigError(argument.position, f"'{name}' has a destructor, but no intran that makes what it destroys")
    if argument.is_in or argument.is_out:
        _check_flags(argument)
    if argument.master and kind.length > argument.master.type.most:
        raise MigError(argument.position, f"'{name}' may hold more elements than '{argument.master.name}'")


def _check_flags(argument):
    """Flags that say how memory travels mean nothing for data inside the message."""
    flags, kind = argument.flags, argument.type
    if "overwrite" in flags and not (kind.out_of_line and argument.role == "out" and not kind.right):
        raise MigError(argument.position, "Overwrite is for out-of-line data that is an out argument")
    for flag in ("dealloc[]", "servercopy"):
        if flag in flags and not kind.out_of_line:
            raise MigError(argument.position, f"{flag} is for out-of-line arguments")


def analyse(statements):
    """Make an Interface of statements. Raises: MigError."""
    return _Analysis(statements).run()


def require_supported(interface, sides):
    """
    Refuse what can be parsed, but has no meaning for the stubs that are wanted.  sides: of "user", "server".
    Raises: MigError.
    """
    for routine in interface.routines:
        if "user" in sides:
            _require_one_timeout(interface, routine)
        for argument in routine.arguments:
            lacking = _lacking(interface, routine, argument, sides)
            if lacking:
                raise MigError(argument.position, f"'{argument.name}' of '{routine.name}': {lacking}")


def _require_one_timeout(interface, routine):
    wait = interface.wait_time or routine.with_role("waittime")
    send = interface.send_time or routine.with_role("sendtime")
    if wait and send:
        raise MigError(routine.position, f"'{routine.name}' has a waittime and a sendtime: a call has one timeout")


def _lacking(interface, routine, argument, sides):
    """Why no stub can be written for this argument, or None."""
    if argument.role in ("serverimpl", "userimpl", "sectoken", "audittoken"):
        return f"{argument.role} is not defined here: use a token of the trailer"
    if "server" in sides and interface.kernel_server and argument.role in TRAILER_ROLES:
        return "the kernel's services have no trailer to take it from"
    if "user" in sides and interface.kernel_user and not routine.returns_code:
        return f"a {routine.kind} can't be sent by a kernel"
    return None

