# SPDX-License-Identifier: BSD-2-Clause
"""GDB commands for the Portolan kernel: gdb-multiarch build/<isa>-checked/kernel.elf -x tools/gdb/portolan.py

    portolan attach PORT   connect to the guest of ./portolan run --gdb and stop at kern_boot
    portolan tasks         every task
    portolan threads       every thread: state, what it waits for, where it will continue
    portolan rights TASK   the port rights of a task, by name
    portolan port PORT     one port: who receives, what is queued, who waits

TASK and PORT are addresses or any expression, such as `$task` or `thread->task`.
"""

import gdb

LEAF_SHIFT = 7  # IPC_LEAF_SHIFT
RIGHT_TYPES = {1 << 16: "send", 1 << 17: "receive", 1 << 18: "send-once", 1 << 19: "port set", 1 << 20: "dead name"}


def fields(kind, prefix):
    """Names of an enum's constants, by value, without their common prefix."""
    return {field.enumval: field.name.removeprefix(prefix).lower().replace("_", " ")
            for field in gdb.lookup_type(f"enum {kind}").fields()}


def pointer(kind, expression):
    return gdb.parse_and_eval(f"(struct {kind} *)({expression})")


def entries(head, kind, member):
    """Pointers to the `struct kind` objects whose `member` is on the list `head`."""
    target = gdb.lookup_type(f"struct {kind}")
    offset = next(field.bitpos // 8 for field in target.fields() if field.name == member)
    node = head["next"]
    while int(node) not in (0, int(head.address)):  # 0: before the kernel initialised it
        yield gdb.Value(int(node) - offset).cast(target.pointer())
        node = node["next"]


def length(head):
    count, node = 0, head["next"]
    while int(node) not in (0, int(head.address)):  # 0: before the kernel initialised it
        count, node = count + 1, node["next"]
    return count


def symbol(address):
    """The function at `address`, or the number."""
    block = gdb.block_for_pc(int(address)) if int(address) else None
    while block and not block.function:
        block = block.superblock
    return block.function.name if block else hex(int(address))


def objects(cache_name, kind):
    """Live objects of a cache. A freed one keeps its contents, and with them a reference count of 0 (kern/cache.c)."""
    cache = gdb.parse_and_eval(cache_name)
    kind_pointer = gdb.lookup_type(f"struct {kind}").pointer()
    for head in (cache["partial"], cache["full"]):
        for slab in entries(head, "slab", "link"):
            for index in range(int(cache["slab_capacity"])):
                address = int(slab) + int(cache["slab_offset"]) + index * int(cache["size"])
                candidate = gdb.Value(address).cast(kind_pointer)
                if int(candidate["refs"]) > 0:
                    yield candidate


def tasks():
    return objects("task_cache", "task")


def task_title(task):
    name = task["name"].string(errors="replace")
    return f"{int(task):#x} {name or '(no name)'}"


def thread_wait(thread, states, waits):
    """What a thread does or waits for, in words."""
    state = states[int(thread["state"])]
    if state == "waiting":
        text = f"waits: {waits[int(thread['wait'])]} on {int(thread['wait_object']):#x}"
        if int(thread["continuation"]):
            text += f", then {symbol(thread['continuation'])}"
        return text
    if state == "receiving":
        place = "set" if int(thread["rcv_set"]) else "port"
        return f"waits for a message to {place} {int(thread['rcv_' + place]):#x}"
    return state if int(thread["suspend_count"]) == 0 else f"{state}, suspended {int(thread['suspend_count'])} times"


class Portolan(gdb.Command):
    """Commands that show kernel objects: attach, tasks, threads, rights, port."""

    def __init__(self):
        super().__init__("portolan", gdb.COMMAND_DATA, prefix=True)


class Attach(gdb.Command):
    """portolan attach PORT: connect to a waiting guest and run it up to kern_boot."""

    def __init__(self):
        super().__init__("portolan attach", gdb.COMMAND_RUNNING)

    def invoke(self, argument, from_tty):
        if not argument.isdigit():
            raise gdb.GdbError("usage: portolan attach PORT")
        gdb.execute(f"target remote 127.0.0.1:{argument}")
        gdb.execute("thbreak kern_boot")
        gdb.execute("continue")


class Tasks(gdb.Command):
    """portolan tasks: every task with its number of threads and rights."""

    def __init__(self):
        super().__init__("portolan tasks", gdb.COMMAND_DATA)

    def invoke(self, argument, from_tty):
        for task in tasks():
            state = "" if task["active"] else ", terminating"
            print(f"task {task_title(task)}: {int(task['thread_count'])} threads, "
                  f"{int(task['space']['used'])} rights{state}")


class Threads(gdb.Command):
    """portolan threads: every thread, by task."""

    def __init__(self):
        super().__init__("portolan threads", gdb.COMMAND_DATA)

    def invoke(self, argument, from_tty):
        states, waits = fields("thread_state", "THREAD_"), fields("thread_wait", "THREAD_WAIT_")
        for task in tasks():
            print(f"task {task_title(task)}")
            for thread in entries(task["threads"], "thread", "task_link"):
                cpu = int(thread["cpu"]["index"]) if int(thread["cpu"]) else "-"
                print(f"  thread {int(thread):#x} CPU {cpu} priority {int(thread['priority'])}: "
                      f"{thread_wait(thread, states, waits)}")


class Rights(gdb.Command):
    """portolan rights TASK: the port rights of a task."""

    def __init__(self):
        super().__init__("portolan rights", gdb.COMMAND_DATA)

    def invoke(self, argument, from_tty):
        if not argument:
            raise gdb.GdbError("usage: portolan rights TASK")
        space = pointer("task", argument)["space"]
        for index in range(1, int(space["size"])):
            entry = space["leaf"][index >> LEAF_SHIFT][index & ((1 << LEAF_SHIFT) - 1)]
            bits, key = int(entry["bits"]), int(entry["key"])
            if bits == 0:
                continue
            name = key if key >> 8 == index else ~key & 0xFFFFFFFF
            kinds = " + ".join(text for bit, text in RIGHT_TYPES.items() if bits & bit)
            print(f"{name:#010x} {kinds}, {int(entry['urefs'])} references, object {int(entry['object']):#x}")


class Port(gdb.Command):
    """portolan port PORT: the state of one port."""

    def __init__(self):
        super().__init__("portolan port", gdb.COMMAND_DATA)

    def invoke(self, argument, from_tty):
        if not argument:
            raise gdb.GdbError("usage: portolan port PORT")
        port = pointer("ipc_port", argument)
        place = fields("ipc_port_place", "IPC_PORT_")[int(port["place"])]
        print(f"port {int(port):#x}: {place}, {int(port['refs'])} references, rx {int(port['rx']):#x}")
        if place == "in space":
            print(f"  receive right: name {int(port['name']):#x} in space {int(port['receiver']):#x}")
        elif place == "in transit":
            print(f"  receive right: in a message to port {int(port['destination']):#x}")
        elif place == "in kernel":
            kind = fields("ipc_kotype", "IPC_KOTYPE_")[int(port["kotype"])]
            print(f"  kernel object: {kind} {int(port['kobject']):#x}")
        print(f"  rights: {int(port['srights'])} send, {int(port['sorights'])} send-once; "
              f"make-send count {int(port['mscount'])}, sequence number {int(port['seqno'])}")
        print(f"  messages: {int(port['msgcount'])} of {int(port['qlimit'])}; "
              f"receivers waiting: {length(port['receivers'])}; senders waiting: {length(port['senders'])}; "
              f"in sets: {length(port['sets'])}")


for command in (Portolan, Attach, Tasks, Threads, Rights, Port):
    command()
