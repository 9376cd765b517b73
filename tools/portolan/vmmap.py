# SPDX-License-Identifier: BSD-2-Clause
"""What servers/vmmap prints: is it the map of a program, and does it add up?"""

import re

from portolan.machines import Boot, build_dir, machines_of
from portolan.pool import run_all

PAGE_KIB = 4
REGION = re.compile(r"([0-9a-f]{16})-([0-9a-f]{16}) +(\d+) KiB +(\d+) KiB  "
                    r"([r-][w-][x-])/([r-][w-][x-]) (empty|shared|private|copied) +(share|copy|none)(?: +wired \d+)?\s*$")
TOTAL = re.compile(r"(\d+) regions, (\d+) KiB, (\d+) KiB resident\s*$")
KEPT = re.compile(r"(vm_map|vm_map_entry|vm_object|vm_radix|pmap|page|page table) +(\d+) +(\d+)\b")
KINDS = 7  # of what the kernel keeps


def _region_problems(regions):
    """What can't be true of the regions, (start, end, KiB, KiB resident, protection, maximum, ...) each."""
    below = 0
    for start, end, size, resident, now, most, mode in regions:
        where = f"{start:016x}"
        if not below <= start < end or start % 4096 or end % 4096:
            yield f"{where}: not above the one before, or no pages"
        if size * 1024 != end - start or resident > size:
            yield f"{where}: {size} KiB, {resident} KiB resident"
        if any(bit not in (wanted, "-") for bit, wanted in zip(now, most)) or "wx" in now:
            yield f"{where}: {now} of {most}"
        if mode == "empty" and resident > 0:
            yield f"{where}: empty, with pages"
        below = end


def problems(lines):
    """Why these lines are not the output for a program that runs; empty: they are."""
    matches = [match for match in map(REGION.match, lines) if match]
    regions = [(int(m[1], 16), int(m[2], 16), int(m[3]), int(m[4]), m[5], m[6], m[7]) for m in matches]
    totals = [tuple(map(int, match.groups())) for match in map(TOTAL.match, lines) if match]
    kept = {match[1]: (int(match[2]), int(match[3])) for match in map(KEPT.match, lines) if match}
    found = list(_region_problems(regions))
    size, resident = sum(r[2] for r in regions), sum(r[3] for r in regions)

    if totals != [(len(regions), size, resident)]:
        found.append(f"totals {totals}, but {len(regions)} regions, {size} KiB, {resident} KiB resident")
    for protection, what in (("r-x", "code"), ("rw-", "data"), ("---", "guard page")):
        if not any(r[4] == protection for r in regions):
            found.append(f"no {what}")
    if len(kept) != KINDS or any(0 in sizes for sizes in kept.values()):
        found.append(f"the kernel keeps {kept}")
    elif kept["vm_map_entry"][1] < len(regions) or kept["page"][1] * PAGE_KIB < resident:
        found.append(f"the kernel keeps less than what this task has: {kept}")
    return found


def check(boards, flavours, tally, progress, verbose):
    """Boot the program, and read what it prints. Returns the outcomes."""
    boots = [Boot(machines_of(board)[0], build_dir(board, flavour), 1, "run=vmmap") for flavour in flavours
             for board in boards]
    outcomes = run_all(boots, progress, verbose, wants_tests=False)
    for outcome in outcomes:
        wrong = problems(outcome.console.lines)
        tally.expect(not wrong, f"{outcome.boot.title}: vmmap: " + "; ".join(wrong))
    return outcomes
