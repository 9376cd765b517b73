# SPDX-License-Identifier: BSD-2-Clause
"""clang-tidy finds nothing in the kernel's sources (.clang-tidy lists its checks)"""

import json
import re
import subprocess
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

NEEDS_BUILD = True
COMMON_ISA = "x86_64"  # whose build answers for the machine-independent code
TIDY = "clang-tidy-19"
WORKERS = 2
FINDING = re.compile(r"^(?:\.\./)*([^:\s]+:\d+:\d+: (?:error|warning): .*)$", re.MULTILINE)


def _findings(build, path, config):
    process = subprocess.run([TIDY, "--quiet", f"--config-file={config}", "-p", build, path],
                             cwd=build, capture_output=True, text=True)
    findings = FINDING.findall(process.stdout)
    return findings or ([f"{path}: {process.stderr.strip()}"] if process.returncode != 0 else [])


def _all(build, paths, config):
    with ThreadPoolExecutor(WORKERS) as pool:
        return sorted({finding for findings in pool.map(lambda path: _findings(build, path, config), paths)
                       for finding in findings})


def check(tree, build):
    commands = json.loads((build / "compile_commands.json").read_text(encoding="utf-8"))
    libraries = ["libkernel-md.a"]
    if f"--target={COMMON_ISA}-" in commands[0]["command"]:
        libraries.append("libkernel-mi.a")
    paths = {(build / entry["file"]).resolve() for entry in commands if entry["output"].split("/")[0][:-2] in libraries}
    return _all(build, sorted(path for path in paths if path.suffix == ".c" and tree.root.resolve() in path.parents
                              and build.resolve() not in path.parents), tree.root / ".clang-tidy")


def seeded():
    """(name, found) for small files that must be found bad."""
    seeds = {
        "a null pointer that is used": "int f(int *p) { if (p == 0) return *p; return 1; }",
        "a comparison of a thing with itself": "int f(int a) { return a == a; }",
        "the size of a size": "unsigned long f(int *p) { return sizeof(sizeof(*p)); }",
    }
    config = Path(__file__).resolve().parents[3] / ".clang-tidy"
    for name, source in seeds.items():
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "seed.c"
            path.write_text(source + "\n", encoding="utf-8")
            database = [{"directory": folder, "file": "seed.c", "command": "clang-19 -c seed.c"}]
            (Path(folder) / "compile_commands.json").write_text(json.dumps(database), encoding="utf-8")
            yield name, bool(_all(Path(folder), [path], config))
