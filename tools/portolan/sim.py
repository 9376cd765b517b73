# SPDX-License-Identifier: BSD-2-Clause
"""`portolan sim`: the tests on the simulated machine (docs/design/sim.md)."""

import json
import subprocess
import sys

from portolan import builder, conformance, status
from portolan.machines import ROOT
from portolan.pool import run_all

# Programs of the suite that take --seeds A..B.
SEEDED = ("smoke", "scenario_test", "property", "property_race", "property_vm", "agree")
TSAN_CPUS = 4


def directory(flavour):
    return ROOT / "build" / f"sim-{flavour}"


def build(flavour, verbose=False):
    """Bring the simulator's build of one flavour (asan, tsan, coverage, fuzz) up to date. Raises BuildError."""
    place = directory(flavour)
    if not (place / "build.ninja").exists():
        command = ["meson", "setup", str(place), "--native-file", "tools/cross/sim.ini", f"-Dsim={flavour}"]
        builder.run(command + (["--wipe"] if place.exists() else []), place.name, verbose)
    print(f"building {place.relative_to(ROOT)}", file=sys.stderr)
    builder.run(["ninja", "-C", str(place)], place.name, verbose)
    return place


def programs(place):
    """{name: command} of the suite."""
    output = subprocess.run(["meson", "introspect", "--tests", str(place)], check=True, capture_output=True,
                            text=True).stdout
    return {test["name"]: test["cmd"] for test in json.loads(output)}


def _command(name, command, options, scenario):
    words = command if name not in SEEDED or not options.seeds else command[:1]
    words = list(words)
    if options.seeds and name in SEEDED:
        words += ["--seeds", f"0..{options.seeds - 1}"]
    return words + ([scenario] if scenario else [])


def _run(place, name, words, progress):
    """Run one program. Returns the numbers of its tests that passed and failed."""
    process = subprocess.run(words, cwd=place, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                             stderr=subprocess.PIPE, text=True, errors="replace", check=False)
    lines = process.stdout.splitlines()
    passed = sum(line.startswith("ok ") for line in lines)
    failed = sum(line.startswith("not ok ") for line in lines)
    if process.returncode != 0 and failed == 0:
        failed = 1
    progress.say(f"{name}: {passed} passed, {failed} failed")
    if failed:
        print("\n".join(line for line in lines if line.startswith("not ok ")), file=sys.stderr)
        print(process.stderr.rstrip(), file=sys.stderr)
    return passed, failed


def _race_detection(place, options, progress):
    """The conformance programs with CPUs that are host threads. Returns as _run()."""
    builder.build(conformance.BOARD, conformance.FLAVOUR, options.verbose)
    boot = conformance.SimBoot(place, TSAN_CPUS, cmdline="conformance=all")
    outcome = run_all([boot], progress, options.verbose)[0]
    for line in outcome.explain():
        print(line, file=sys.stderr)
    return outcome.passed, outcome.failed + (not outcome.good)


def command(options, boards, progress):
    place = build("tsan" if options.tsan else "asan", options.verbose)
    known = programs(place)
    wanted = [name.partition(":")[::2] for name in options.name] or [(name, "") for name in known]
    unknown = [name for name, _ in wanted if name not in known]
    if unknown:
        print(f"portolan: no test program {', '.join(unknown)}; there are {', '.join(known)}", file=sys.stderr)
        return status.USAGE
    results = [_run(place, name, _command(name, known[name], options, scenario), progress) for name, scenario in wanted]
    if options.tsan and not options.name:
        results.append(_race_detection(place, options, progress))
    passed, failed = (sum(column) for column in zip(*results))
    print(f"passed: {passed} failed: {failed}", flush=True)
    return status.FAILED if failed else status.OK
