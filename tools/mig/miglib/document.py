# SPDX-License-Identifier: BSD-2-Clause
"""Documentation in Markdown: every routine with its prototype, its id and the sizes of its messages."""

from .emit import Writer, parameters, prototype_head
from .layout import reply_of, request_of


def _prototype(interface, routine):
    writer = Writer()
    writer.call(prototype_head(routine, interface.user_name(routine), "user"), parameters(routine, "user"), depth=0)
    return writer.text()


def _size(message):
    least, most = message.min_size, message.max_size
    return f"{most}" if least == most else f"{least} to {most}"


_DESCRIPTORS = {
    "port": "a right",
    "ports": "{} rights",
    "memory": "a piece of memory",
    "ool_ports": "an array of rights",
}


def _descriptors(message):
    return [_DESCRIPTORS[descriptor.kind].format(descriptor.number) + " in it" for descriptor in message.descriptors]


def _messages(routine):
    request = request_of(routine)
    parts = [f"request {_size(request)} bytes", *_descriptors(request)]
    if routine.one_way:
        parts.append("no reply")
    else:
        reply = reply_of(routine)
        parts += [f"reply {_size(reply)} bytes", *_descriptors(reply)]
    return ", ".join(parts)


def document(interface):
    """The reference page of a subsystem."""
    kind = "the kernel" if interface.kernel_server else "a kernel upcall" if interface.kernel_user else "a server"
    lines = [
        f"# Subsystem {interface.name}",
        "",
        f"Ids from {interface.base}; served by {kind}." if kind != "a kernel upcall" else
        f"Ids from {interface.base}; sent by the kernel.",
        "",
    ]
    if interface.documentation:
        lines += [interface.documentation, ""]
    lines += ["| id | routine |", "|---:|---|"]
    for routine in interface.routines:
        name = interface.user_name(routine)
        lines.append(f"| {routine.id} | [`{name}`](#{name.lower()}) |")
    lines.append("")
    for routine in interface.routines:
        lines += [f"## {interface.user_name(routine)}", ""]
        if routine.documentation:
            lines += [routine.documentation, ""]
        lines += ["```c", _prototype(interface, routine).rstrip(), "```", ""]
        lines += [f"Id {routine.id}: {_messages(routine)}.", ""]
    return "\n".join(lines).rstrip() + "\n"
