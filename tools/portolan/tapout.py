# SPDX-License-Identifier: BSD-2-Clause
"""`portolan guest`: boots one build and prints everything that it reports as one TAP stream. `meson test` runs it."""

from portolan import bench, guest, run, status
from portolan.console import outcome, result_line
from portolan.machines import MACHINES, Boot


def stream(boot_outcome, moved):
    """TAP lines: each result of each program, each figure, and each problem of the boot as a whole.

    moved: {key: why} for figures that are not what was recorded."""
    rows = []
    for program in boot_outcome.console.programs:
        for result in program.results:
            good = "not ok" if outcome(result) == "failed" else "ok"
            comments = [f"# {result_line(result)}", *(result.diagnostics or "").splitlines()]
            directive = f" # {result.directive.text}" if result.directive.text else ""
            rows.append((good, f"{program.name}: {result.description.lstrip('- ')}{directive}",
                         comments if good == "not ok" else []))
    rows += [("not ok" if key in moved else "ok", f"{key}: {value}", [f"# {moved[key]}"] if key in moved else [])
             for key, value in boot_outcome.console.bench.items()]
    lines = [f"# {line}" for line in boot_outcome.explain()]
    rows.append(("not ok" if boot_outcome.problems else "ok", boot_outcome.boot.title, lines))

    yield f"1..{len(rows)}"
    for number, (good, text, comments) in enumerate(rows, start=1):
        yield f"{good} {number} - {text}"
        yield from comments


def command(options, boards, progress):
    machine = next(machine for machine in MACHINES if machine.name == options.machine)
    boot = Boot(machine, options.build, options.smp, bench.CMDLINE if options.bench else run.CMDLINE,
                icount=options.bench)
    result = guest.run(boot, wants_tests=not options.bench)
    moved = bench.drift(machine.isa, result.console.bench, bench.recorded()) if options.bench else {}
    moved = {key: why for key, why in moved.items() if key in result.console.bench}  # the others are of other boots
    print("\n".join(stream(result, moved)))
    return status.OK if result.good and not moved else status.FAILED
