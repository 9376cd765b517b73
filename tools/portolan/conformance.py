# SPDX-License-Identifier: BSD-2-Clause
"""The conformance programs of the riscv64 build on the simulated machine, interpreted (tests/sim/conformance.c)."""

from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

from portolan import run
from portolan.machines import build_dir

BOARD = "qemu-virt-riscv64"  # whose programs are taken
FLAVOUR = "checked"
CPU_COUNTS = (1, 2, 4)


@dataclass(frozen=True)
class SimBoot:
    """One boot of the simulated machine; stands where machines.Boot does for QEMU."""

    build: Path  # of the simulator
    cpus: int
    seed: int = 0  # 0: the machine with all defaults
    cmdline: str = run.CMDLINE
    environment: tuple = ()  # NAME=VALUE
    timeout: float = 600.0  # seconds
    silence: float = 120.0

    machine = SimpleNamespace(isa="sim")
    levels = None  # of page tables: any

    @property
    def title(self):
        return f"{self.build.name}, seed {self.seed}, {self.cpus} CPU" + "s"[: self.cpus > 1]

    def command(self):
        words = ["env", *self.environment] if self.environment else []
        return words + [str(self.build / "tests" / "sim" / "conformance"),
                        str(build_dir(BOARD, FLAVOUR) / "boot.cpio"), "--cpus", str(self.cpus),
                        "--seed", str(self.seed), "--cmdline", self.cmdline]


def boots(build, seeds=(0,), environment=()):
    """Every seed on every number of CPUs."""
    return [SimBoot(build, cpus, seed, environment=environment) for seed in seeds for cpus in CPU_COUNTS]
