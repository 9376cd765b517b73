# SPDX-License-Identifier: BSD-2-Clause
"""the pages of docs/reference are what tools/docs makes of headers and interface files"""

from docs import hal_header, hal_reference, mig_reference

PAGE = "docs/reference/hal.md"


def _is_page(tree, path, page):
    try:
        return tree.text(path) == page
    except FileNotFoundError:
        return False


def check(tree):
    wrong = []
    if not _is_page(tree, PAGE, hal_reference.render(hal_header.read(tree.root / "hal/include/hal"))):
        wrong.append(f"{PAGE} is out of date: run tools/docs/hal_reference.py")
    for name in mig_reference.PAGES:
        if (tree.root / "include" / "mach" / f"{name}.defs").exists():
            path = mig_reference.page_of(name)
            if not _is_page(tree, path, mig_reference.render(tree.root, name)):
                wrong.append(f"{path} is out of date: run tools/docs/mig_reference.py")
    return wrong


_HEADER = "/* About. */\n\n/* Does a. */\n/*@ assigns \\nothing; */\nvoid hal_a(void);\n"
SEEDS = {
    "a page that is not there": {"hal/include/hal/a.h": _HEADER},
    "a page of an older header": {"hal/include/hal/a.h": _HEADER, PAGE: "# The hardware abstraction layer\n"},
}
