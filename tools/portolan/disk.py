# SPDX-License-Identifier: BSD-2-Clause
"""Boots with a disk: the driver serves it, programs of tests/disk use it, and what they left on it is looked at here.
Or the default pager has it: programs of tests/pageout use more memory than there is, than the disk has room for, or than it can read.

Each sector is filled with a 64-bit word that tells its number; tests/disk/block.c writes the complement to some.
"""

import struct
import tempfile
from dataclasses import dataclass
from pathlib import Path

from portolan.machines import Boot, build_dir, machines_of
from portolan.pool import run_all

SECTOR = 512
SECTORS = 8192
PATTERN = 0x706f72746f6c616e
WRITTEN = range(1000, 1300)
CPUS = 2
DRIVER = "drivers=virtio_blk "
PAGEOUT_MEMORY = 16  # MiB of the machine
PAGEOUT_STORE = 128  # MiB of the disk
PAGEOUT_CPUS = {"memory": 1, "error": CPUS}  # each page that is out and back costs cross-calls, which wait for the host
PAGEOUT = "memory=all drivers=virtio_blk,default_pager run=pageout/"
FULL = "drivers=ramdisk,default_pager run=pageout/full"
NO_READS = ("driver=blkdebug,inject-error.0.event=none,inject-error.0.iotype=read,inject-error.0.errno=5,"
            "image.driver=file,image.filename=")

# How a machine gets a virtio device: of the present kind of registers, or on PCI.
MMIO = ("-global", "virtio-mmio.force-legacy=false", "-device", "virtio-blk-device,drive=disk")
DEVICE = {"x86_64": ("-device", "virtio-blk-pci,drive=disk"), "aarch64": MMIO, "riscv64": MMIO}


def image(written):
    """The bytes of the disk, with the sectors of `written` as the guest writes them."""
    words = ((PATTERN + n) ^ (2**64 - 1 if n in written else 0) for n in range(SECTORS))
    return b"".join(struct.pack("<Q", word) * (SECTOR // 8) for word in words)


@dataclass(frozen=True)
class DiskBoot(Boot):
    """A boot of a machine with a disk."""

    image: str = ""
    read_only: bool = False
    unreadable: bool = False

    @property
    def title(self):
        how = " to be read" if self.read_only else " that can't be read" if self.unreadable else ""
        return f"{super().title}, with a disk{how}"

    def command(self):
        file = f"{NO_READS}{self.image}" if self.unreadable else f"format=raw,file={self.image}"
        drive = f"if=none,id=disk,{file}" + (",read-only=on" if self.read_only else "")
        return super().command() + ["-drive", drive, *DEVICE[self.machine.isa]]


def plan(boards, flavours, folder):
    """For each build a disk that is written to, and one that can't be."""
    return [DiskBoot(machines_of(board)[0], build_dir(board, flavour), CPUS, DRIVER + "run=disk/" + program,
                     image=str(Path(folder) / f"{board}-{flavour}-{program}"), read_only=read_only)
            for flavour in flavours for board in boards
            for program, read_only in (("block", False), ("block_read_only", True))]


def pageout_plan(boards, flavours, folder):
    """A machine with little memory, and a disk for the default pager, of whose contents nothing is expected."""
    return [DiskBoot(machines_of(board)[0], build_dir(board, flavour), PAGEOUT_CPUS[program], PAGEOUT + program,
                     memory=PAGEOUT_MEMORY, image=str(Path(folder) / f"{board}-{flavour}-pageout-{program}"),
                     unreadable=program == "error")
            for flavour in flavours for board in boards for program in PAGEOUT_CPUS]


def memory_plan(boards, flavours):
    """The disk of memory, also for the default pager, and files as memory, which need no device."""
    return [Boot(machines_of(board)[0], build_dir(board, flavour), CPUS, cmdline)
            for flavour in flavours for board in boards
            for cmdline in ("start=ramdisk run=disk/memory", "start=file_pager run=file/paged", FULL)]


def check(boards, flavours, tally, progress, verbose):
    """Boot all; count what the guests say, and compare the disks. Returns the outcomes."""
    with tempfile.TemporaryDirectory(prefix="portolan-") as folder:
        boots = plan(boards, flavours, folder)
        for boot in boots:
            Path(boot.image).write_bytes(image(()))
        paging = pageout_plan(boards, flavours, folder)
        for boot in paging:
            with open(boot.image, "wb") as disk:
                disk.truncate(PAGEOUT_STORE << 20)
        outcomes = run_all(boots + paging + memory_plan(boards, flavours), progress, verbose)
        for boot in boots:
            expected = image(() if boot.read_only else WRITTEN)
            tally.expect(Path(boot.image).read_bytes() == expected, f"{boot.title}: the disk is not as it should be")
    return outcomes
