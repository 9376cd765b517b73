# SPDX-License-Identifier: BSD-2-Clause
"""The meaning of a .defs file: subsystem, routines with their arguments sorted by role, ids."""

from dataclasses import dataclass, field

from . import syntax
from .diagnostics import MigError
from .types import Type, Types

REPLY_ID_OFFSET = 100

_HEADER_ROLES = ("requestport", "replyport", "sreplyport", "ureplyport")
_OPTION_ROLES = ("waittime", "msgoption")

# Where the server finds them: field of the trailer, smallest trailer that has it.
TRAILER_ROLES = {
    "msgseqno": ("msgh_seqno", "mach_msg_seqno_trailer_t"),
    "serversectoken": ("msgh_sender", "mach_msg_security_trailer_t"),
    "serveraudittoken": ("msgh_audit", "mach_msg_audit_trailer_t"),
    "servercontexttoken": ("msgh_context", "mach_msg_context_trailer_t"),
}


@dataclass
class Argument:
    """role: in, out, inout, or one of the others that the grammar calls direction."""

    role: str
    name: str
    type: Type
    flags: list
    position: object

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
    def has_count(self):
        return self.type.shape == "array" and self.type.varying


@dataclass
class Routine:
    name: str
    id: int
    one_way: bool
    arguments: list
    documentation: str
    position: object

    def with_role(self, *roles):
        return [argument for argument in self.arguments if argument.role in roles]

    @property
    def request_port(self):
        return self.with_role("requestport")[0]

    @property
    def inputs(self):
        return [argument for argument in self.arguments if argument.is_in]

    @property
    def outputs(self):
        return [argument for argument in self.arguments if argument.is_out]


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
    wait_time: str = None
    message_option: str = None
    user_imports: list = field(default_factory=list)
    server_imports: list = field(default_factory=list)
    routines: list = field(default_factory=list)
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
            "waittime": "wait_time",
            "msgoption": "message_option",
        }.get(setting.keyword)
        if attribute:
            setattr(self._interface, attribute, setting.value or None)

    def _routine(self, routine):
        if routine.name in self._names:
            raise MigError(routine.position, f"a second routine '{routine.name}'")
        self._names[routine.name] = routine
        arguments = [self._argument(argument) for argument in routine.arguments]
        seen = set()
        for argument in arguments:
            if argument.name in seen:
                raise MigError(argument.position, f"a second argument '{argument.name}'")
            seen.add(argument.name)
        self._choose_request_port(routine, arguments)
        for argument in arguments:
            self._check(routine, argument)
        self._interface.routines.append(
            Routine(
                routine.name,
                self._interface.end,
                routine.one_way,
                arguments,
                routine.documentation,
                routine.position,
            )
        )
        self._interface.end += 1

    def _argument(self, argument):
        resolved = self._types.resolve(argument.spec, argument.type_name, argument.position)
        return Argument(argument.direction, argument.name, resolved, argument.flags, argument.position)

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

    def _check(self, routine, argument):
        kind, role = argument.type, argument.role
        if role in _HEADER_ROLES and kind.shape != "port":
            raise MigError(argument.position, f"'{argument.name}' is a {role}, but its type is no port")
        if routine.one_way and argument.is_out:
            raise MigError(argument.position, f"simpleroutine '{routine.name}' can't return '{argument.name}'")
        if "countinout" in argument.flags and not (role == "out" and argument.has_count):
            raise MigError(argument.position, "CountInOut is for variable arrays that are out arguments")
        if not (kind.user_type and kind.server_type):
            raise MigError(argument.position, f"the type of '{argument.name}' has no name in C: add a ctype")


def analyse(statements):
    """Make an Interface of statements. Raises: MigError."""
    return _Analysis(statements).run()


def require_supported(interface):
    """Refuse what can be parsed, but for which no C can be generated. Raises: MigError."""
    for routine in interface.routines:
        for argument in routine.arguments:
            lacking = _lacking(interface, argument)
            if lacking:
                raise MigError(
                    argument.position, f"'{argument.name}' of '{routine.name}': the C back end does not do {lacking}"
                )


def _lacking(interface, argument):
    """What the back end would have to do for this argument, but doesn't; or None."""
    kernel = interface.kernel_server or interface.kernel_user
    if argument.role in TRAILER_ROLES:
        return f"{argument.role} arguments in the kernel" if kernel else None
    if argument.role not in ("in", "out", "inout") + _HEADER_ROLES + _OPTION_ROLES:
        return f"{argument.role} arguments"
    if argument.type.shape != "port" and (argument.type.intran or argument.type.outtran):
        return "translations of data (only of ports)"
    if argument.is_out and argument.type.intran and not argument.type.outtran:
        return "objects that go out without an outtran function"
    if interface.kernel_server and argument.role in ("replyport", "sreplyport"):
        return "reply ports as arguments in the kernel"
    if argument.role in _HEADER_ROLES + _OPTION_ROLES:
        return None
    for flag in ("samecount", "physicalcopy", "overwrite", "dealloc", "servercopy"):
        if flag in argument.flags:
            return f"the flag {flag} here"
    if argument.role == "inout" and argument.type.shape == "port":
        return "inout ports"
    return argument.type.lacking
