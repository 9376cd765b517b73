# SPDX-License-Identifier: BSD-2-Clause
"""Python has no undefined or unused names, as pyflakes sees them"""

import subprocess


def check(tree):
    files = [str(path) for path in tree.files(".py")]
    process = subprocess.run(["/usr/bin/python3", "-m", "pyflakes", *files], cwd=tree.root, text=True,
                             stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    return process.stdout.splitlines()


SEEDS = {
    "a module that nothing imports": {"tools/a.py": "print(json.dumps(1))\n"},
    "an import that nothing uses": {"tools/a.py": "import json\n"},
    "a file that is no Python": {"tools/a.py": "def\n"},
}
