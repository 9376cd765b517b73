#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""What mig writes: it compiles cleanly everywhere, and its stubs do what they promise."""

import re
import subprocess
import sys

import harness

KERNEL_SERVED = ("device", "host_priv", "host_security", "mach_host", "mach_port", "mach_vm", "memory_object_control",
                 "portolan", "task", "thread_act")
USER_SERVED = ("bootstrap", "exc", "mach_exc", "memory_object", "memory_object_default", "notify")
KERNEL_SENT = ("exc", "mach_exc", "memory_object", "memory_object_default", "notify")

# Ids that programs were compiled with, elsewhere and long ago.
CLASSIC_IDS = {
    "mach_port": {
        "mach_port_type": 3201,
        "mach_port_allocate": 3204,
        "mach_port_mod_refs": 3208,
        "mach_port_request_notification": 3213,
        "mach_port_extract_right": 3215,
        "mach_port_set_attributes": 3218,
        "mach_port_get_srights": 3222,
        "mach_port_kernel_object": 3225,
        "mach_port_set_context": 3229,
    },
    "task": {"task_create": 3400, "task_info": 3405, "thread_create_running": 3412, "task_policy": 3423},
    "thread_act": {"thread_terminate": 3600, "thread_set_state": 3604, "thread_info": 3612, "thread_policy": 3616},
    "mach_vm": {"mach_vm_allocate": 4800, "mach_vm_read_overwrite": 4808, "mach_vm_region": 4816},
    "mach_host": {"host_info": 200, "host_page_size": 202, "host_statistics64": 219},
    "host_priv": {"host_reboot": 401, "host_default_memory_manager": 403},
    "exc": {"exception_raise": 2401, "exception_raise_state_identity": 2403},
    "mach_exc": {"mach_exception_raise": 2405},
    "notify": {"mach_notify_port_deleted": 65, "mach_notify_no_senders": 70, "mach_notify_dead_name": 72},
    "bootstrap": {"bootstrap_check_in": 402, "bootstrap_look_up": 404},
}

ROUNDTRIP_PARTS = ("_plain", "_memory", "_server", "_memory_server", "_transport")
ROUNDTRIP_TESTS = ("", "_memory_test")

FUZZ_RUNS = 30000

STRING_H = """\
#include <stddef.h>
void *memcpy(void *, const void *, size_t);
void *memmove(void *, const void *, size_t);
void *memset(void *, int, size_t);
"""


class Generated(harness.MigTest):
    def syntax(self, file, isa, *options):
        """Compile without a C library for an ISA."""
        (self.folder.path / "mach").mkdir(exist_ok=True)
        self.folder.write("string.h", STRING_H)
        command = [f"--target={isa}-none-elf", "-std=gnu17", "-ffreestanding", "-fsyntax-only", *harness.WARNINGS]
        command += ["-I.", f"-I{harness.INCLUDE}", *options, file]
        complaint = self.folder.compile("clang-19", command)
        self.assertEqual(complaint, "", f"{file} for {isa}")

    def write_all(self):
        """One file that includes all that were generated: fewer runs of the compiler, and no two may clash."""
        files = sorted(path.name for path in self.folder.path.glob("*.c"))
        self.folder.write("all.c", "".join(f'#include "{name}"\n' for name in files))

    def generate(self, name, *options):
        return self.must(self.folder.mig(*options, harness.INCLUDE / f"mach/{name}.defs"))

    def test_user_side(self):
        """client and server stubs of every interface compile on every ISA without a warning"""
        (self.folder.path / "mach").mkdir()
        for name in KERNEL_SERVED + USER_SERVED:
            self.generate(name, "-user", f"{name}_user.c", "-header", f"{name}_user.h")
        for name in USER_SERVED:
            self.generate(name, "-server", f"{name}_server.c", "-sheader", f"{name}_server.h")
        self.write_all()
        for isa in harness.ISAS:
            self.syntax("all.c", isa)

    def test_kernel_side(self):
        """the kernel's stubs compile on every ISA without a warning"""
        for name in KERNEL_SERVED:
            self.generate(name, "-DKERNEL_SERVER=1", "-server", f"{name}.c", "-sheader", f"{name}.h")
        for name in KERNEL_SENT:
            self.generate(name, "-DKERNEL_USER=1", "-user", f"{name}.c", "-header", f"{name}.h")
        self.write_all()
        for isa in harness.ISAS:
            folders = [harness.ROOT, harness.ROOT / "hal/include", harness.ROOT / f"arch/{isa}/include"]
            self.syntax("all.c", isa, "-DKERNEL", *[f"-I{folder}" for folder in folders])

    def test_abi(self):
        """the public headers keep sizes, offsets and values"""
        for options in ((), ("-DKERNEL",)):
            for isa in harness.ISAS:
                self.syntax(harness.HERE / "abi.c", isa, *options)

    def test_headers_stand_alone(self):
        """every public header compiles by itself, as user code and as kernel code"""
        for header in sorted((harness.INCLUDE / "mach").glob("*.h")):
            if header.name == "mach.h":
                continue  # needs the generated ones
            self.folder.write("one.c", f"#include <mach/{header.name}>\n#include <mach/{header.name}>\n")
            for options in ((), ("-DKERNEL",)):
                self.syntax("one.c", "x86_64", *options)

    def test_umbrella(self):
        """<mach/mach.h> has everything, with the generated headers"""
        (self.folder.path / "mach").mkdir()
        for name in KERNEL_SERVED:
            self.generate(name, "-header", f"mach/{name}.h")
        self.folder.write("all.c", "#include <mach/mach.h>\n")
        for isa in harness.ISAS:
            self.syntax("all.c", isa)

    def test_classic_ids(self):
        """routines have the ids that they have elsewhere"""
        for name, ids in CLASSIC_IDS.items():
            self.generate(name, "-doc", "doc.md")
            found = dict(re.findall(r"^\| (\d+) \| \[`(\w+)`\]", self.folder.read("doc.md"), re.MULTILINE))
            by_name = {routine: int(number) for number, routine in found.items()}
            for routine, number in ids.items():
                with self.subTest(routine=routine):
                    self.assertEqual(by_name.get(routine), number)

    def test_documentation(self):
        """comments of the interface file reach the documentation and the headers"""
        self.generate("mach_port", "-doc", "doc.md", "-header", "h.h")
        for text in (self.folder.read("doc.md"), self.folder.read("h.h")):
            self.assertIn("Give a right another name, which must be free.", text)
            self.assertIn("kern_return_t mach_port_rename(ipc_space_t task, mach_port_name_t old_name,", text)
        self.assertIn("Id 3204: request 36 bytes, reply 40 bytes.", self.folder.read("doc.md"))

    def test_lines_fit(self):
        """generated C keeps to 110 columns"""
        for name in KERNEL_SERVED + USER_SERVED:
            self.generate(name, "-user", f"{name}.c", "-header", f"{name}.h")
            for suffix in "ch":
                long = [line for line in self.folder.read(f"{name}.{suffix}").splitlines() if len(line) > 110]
                self.assertEqual(long, [], name)


class RoundTrip(harness.MigTest):
    def build(self, name, sources, *options):
        command = ["-std=gnu17", *harness.SANITIZERS, *harness.WARNINGS]
        command += ["-I.", f"-I{harness.INCLUDE}", f"-I{harness.HERE}"]
        complaint = self.folder.compile("gcc", [*command, *options, *sources, "-o", name])
        self.assertEqual(complaint, "")

    def test_user_stubs(self):
        """client and server stubs: every kind of argument, every broken message"""
        sample = harness.HERE / "sample.defs"
        self.must(self.folder.mig("-user", "sample_user.c", "-header", "sample.h", sample))
        self.must(self.folder.mig("-server", "sample_server.c", "-sheader", "sample_server.h", sample))
        sources = [harness.HERE / f"roundtrip{part}.c" for part in ROUNDTRIP_TESTS + ROUNDTRIP_PARTS]
        self.build("roundtrip", ["sample_user.c", "sample_server.c", *sources])
        self.run_program("roundtrip")

    def test_fuzzed_stubs(self):
        """no change of a message leads the stubs astray (a short run of the fuzzer)"""
        self.build_fuzzer(self.folder.path)
        result = subprocess.run(
            [self.folder.path / "fuzz_stubs", "-seed=1", "-max_len=64", f"-runs={FUZZ_RUNS}"],
            cwd=self.folder.path, capture_output=True, text=True, timeout=300, check=False,
        )
        self.assertEqual(result.returncode, 0, result.stderr[-3000:])
        self.assertIn(f"Done {FUZZ_RUNS} runs", result.stderr)

    def build_fuzzer(self, folder):
        sample = harness.HERE / "sample.defs"
        self.must(self.folder.mig("-user", "sample_user.c", "-header", "sample.h", sample))
        self.must(self.folder.mig("-server", "sample_server.c", "-sheader", "sample_server.h", sample))
        sources = [harness.HERE / f"roundtrip{part}.c" for part in ROUNDTRIP_PARTS] + [harness.HERE / "fuzz_stubs.c"]
        command = ["-std=gnu17", *harness.SANITIZERS, "-fsanitize=fuzzer", "-I.", f"-I{harness.INCLUDE}"]
        command += [f"-I{harness.HERE}", "sample_user.c", "sample_server.c", *sources, "-o", folder / "fuzz_stubs"]
        self.assertEqual(self.folder.compile("clang-19", command), "")

    def test_kernel_stubs(self):
        """kernel stubs: rights and references end where they should"""
        self.must(
            self.folder.mig(
                "-server", "kernel_sample_server.c", "-sheader", "kernel_sample_server.h",
                harness.HERE / "kernel_sample.defs",
            )
        )
        for name in ("notify", "mach_exc"):
            path = harness.INCLUDE / f"mach/{name}.defs"
            self.must(
                self.folder.mig("-DKERNEL_USER=1", "-user", f"{name}_sender.c", "-header", f"{name}_sender.h", path)
            )
        sources = ["kernel_sample_server.c", "notify_sender.c", "mach_exc_sender.c", harness.HERE / "kernel_stubs.c"]
        self.build("kernel_stubs", sources, "-DKERNEL", f"-I{harness.ROOT}")
        self.run_program("kernel_stubs")

    def test_kernel_memory(self):
        """kernel stubs: memory and arrays of rights, sent and served"""
        sample = harness.HERE / "kernel_memory.defs"
        for side, kind in (("sender", "user"), ("server", "server")):
            header = {"user": "-header", "server": "-sheader"}[kind]
            files = [f"-{kind}", f"kernel_memory_{side}.c", header, f"kernel_memory_{side}.h"]
            self.must(self.folder.mig(f"-kernel-{kind}", *files, sample))
        sources = ["kernel_memory_sender.c", "kernel_memory_server.c", harness.HERE / "kernel_memory.c"]
        self.build("kernel_memory", sources, "-DKERNEL", f"-I{harness.ROOT}")
        self.run_program("kernel_memory")


if __name__ == "__main__":
    sys.exit(harness.main(Generated, RoundTrip))
