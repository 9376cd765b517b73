# SPDX-License-Identifier: BSD-2-Clause
"""The emulated machines that Portolan runs on, and how QEMU is told about them."""

from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
ISAS = ("x86_64", "aarch64", "riscv64")
FLAVOURS = ("release", "checked")
MEMORY_MIB = 128  # enough for every program, and little enough to be used up in a moment

# Folder of hal/boards -> ISA. The first of an ISA is its default.
BOARDS = {
    "pc": "x86_64",
    "qemu-virt-aarch64": "aarch64",
    "qemu-virt-riscv64": "riscv64",
}


@dataclass(frozen=True)
class Machine:
    """One QEMU machine: which emulator, with which arguments, loads which file."""

    name: str
    board: str
    arguments: tuple
    kernel: str  # file in the build directory
    levels: int  # of page tables: as many as the CPU can have
    cmdline: str = ""  # words for the kernel's command line

    @property
    def isa(self):
        return BOARDS[self.board]


def _pc(name, machine, cpu="max", levels=5):
    return Machine(name, "pc", ("-M", machine, "-cpu", cpu), "kernel.elf", levels)


def _virt_aarch64(name, options, cpu="max", levels=5):
    machine = "virt,dtb-randomness=off," + options
    return Machine(name, "qemu-virt-aarch64", ("-M", machine, "-cpu", cpu), "kernel.img", levels)


def _virt_riscv64(name, cpu, levels, cmdline=""):
    return Machine(name, "qemu-virt-riscv64", ("-M", "virt", "-cpu", cpu), "kernel.img", levels, cmdline)


# The first machine of a board is the one that `run` and `bench` take; `test` boots all of them.
MACHINES = (
    _pc("q35", "q35"),
    _pc("pc", "pc"),
    _pc("microvm", "microvm"),
    _pc("q35-qemu64", "q35", cpu="qemu64", levels=4),
    _virt_aarch64("virt-gic3", "gic-version=3"),
    _virt_aarch64("virt-gic2", "gic-version=2"),
    _virt_aarch64("virt-el2", "gic-version=3,virtualization=on"),
    _virt_aarch64("virt-a72", "gic-version=3", cpu="cortex-a72", levels=4),
    _virt_riscv64("virt-sv57", "rv64", 5),
    _virt_riscv64("virt-sv48", "rv64", 4, cmdline="sv48"),
    _virt_riscv64("virt-sv39", "rv64", 3, cmdline="sv39"),
    _virt_riscv64("virt-u54", "sifive-u54", 5),  # QEMU 7.2 gives it modes that the real one lacks
)


def machines_of(board):
    return [machine for machine in MACHINES if machine.board == board]


def default_board(isa):
    return next(board for board, board_isa in BOARDS.items() if board_isa == isa)


@dataclass(frozen=True)
class Boot:
    """One boot: a machine, the build that it loads, and what the kernel is told."""

    machine: Machine
    build: Path  # directory with the kernel and boot.cpio
    cpus: int = 1
    cmdline: str = ""
    icount: bool = False  # instruction-counted virtual time: the same on every run
    memory: int = MEMORY_MIB
    gdb_port: int = 0  # > 0: wait for GDB on this port
    timeout: float = 600.0  # seconds, for the whole boot; generous, for slow hosts
    silence: float = 120.0  # seconds without a line: the guest hangs

    @property
    def title(self):
        return f"{self.build.name} on {self.machine.name}, {self.cpus} CPU" + "s"[: self.cpus > 1]

    @property
    def levels(self):
        return self.machine.levels

    def end_problem(self):
        """What is wrong with the way in which the machine ended, or None."""
        return None

    def command(self):
        """The QEMU command line of this boot."""
        words = ["qemu-system-" + self.machine.isa, *self.machine.arguments]
        words += ["-smp", str(self.cpus), "-m", str(self.memory), "-nographic", "-no-reboot", "-net", "none"]
        words += ["-kernel", str(self.build / self.machine.kernel)]
        words += ["-initrd", str(self.build / "boot.cpio")]
        cmdline = " ".join(filter(None, (self.machine.cmdline, self.cmdline)))
        if cmdline:
            words += ["-append", cmdline]
        if self.icount:
            words += ["-icount", "shift=0,sleep=off"]
        if self.gdb_port:
            words += ["-S", "-gdb", f"tcp:127.0.0.1:{self.gdb_port}"]
        return words


def build_dir(board, flavour):
    """build/<isa>-<flavour> for the default board of an ISA, build/<board>-<flavour> for any other."""
    isa = BOARDS[board]
    return ROOT / "build" / f"{isa if board == default_board(isa) else board}-{flavour}"
