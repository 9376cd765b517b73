# SPDX-License-Identifier: BSD-2-Clause
"""C is formatted as .clang-format says"""

import re
import subprocess
from pathlib import Path

STYLE = Path(__file__).resolve().parents[3] / ".clang-format"
COMPLAINT = re.compile(r"^(.*?):(\d+):\d+: ", re.MULTILINE)


def check(tree):
    files = [str(path) for path in tree.files(".c", ".h")]
    if not files:
        return []
    result = subprocess.run(["clang-format-19", f"--style=file:{STYLE}", "--dry-run", *files], cwd=tree.root,
                            capture_output=True, text=True, check=True)
    first = {}
    for path, line in COMPLAINT.findall(result.stderr):
        first.setdefault(path, line)
    return [f"{path}:{line} and perhaps below: clang-format-19 -i {path}" for path, line in first.items()]


SEEDS = {
    "a tab": {"kern/a.c": "void f(void)\n{\n\tg();\n}\n"},
    "a brace": {"kern/a.c": "void f(void) {\n    g();\n}\n"},
    "a long line": {"kern/a.c": "void f(" + ", ".join(f"int a{i}" for i in range(30)) + ");\n"},
}
