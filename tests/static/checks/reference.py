# SPDX-License-Identifier: BSD-2-Clause
"""docs/reference/hal.md is what tools/docs/hal_reference.py makes of the headers"""

from docs import hal_header, hal_reference

PAGE = "docs/reference/hal.md"


def check(tree):
    page = hal_reference.render(hal_header.read(tree.root / "hal/include/hal"))
    try:
        good = tree.text(PAGE) == page
    except FileNotFoundError:
        good = False
    return [] if good else [f"{PAGE} is out of date: run tools/docs/hal_reference.py"]


_HEADER = "/* About. */\n\n/* Does a. */\n/*@ assigns \\nothing; */\nvoid hal_a(void);\n"
SEEDS = {
    "a page that is not there": {"hal/include/hal/a.h": _HEADER},
    "a page of an older header": {"hal/include/hal/a.h": _HEADER, PAGE: "# The hardware abstraction layer\n"},
}
