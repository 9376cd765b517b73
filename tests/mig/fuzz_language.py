#!/usr/bin/python3 -B
# SPDX-License-Identifier: BSD-2-Clause
"""Fuzz mig with interface files that are almost right.

    tests/mig/fuzz_language.py [--seconds N] [--seed N]

Takes the project's interface files and changes them: characters, words and lines are removed, doubled, exchanged,
replaced.  For each, mig must write its outputs or say what is wrong, and where; a Python exception is a bug.  The
preprocessor is left out: it is not ours.  Prints TAP; the text that went wrong is kept, and its name printed.
"""

import argparse
import random
import re
import sys
import tempfile
import time
import traceback
from pathlib import Path

import harness
import language_test

from miglib import cli, model, source, syntax
from miglib.diagnostics import MigError

WORDS = (
    "subsystem KernelServer KernelUser type routine simpleroutine procedure function skip import uimport simport "
    "serverprefix userprefix serverdemux error waittime sendtime nowaittime msgoption rcsid in out inout requestport "
    "replyport sreplyport ureplyport msgseqno serversectoken serveraudittoken usersectoken useraudittoken const "
    "samecount countinout physicalcopy overwrite dealloc dealloc[] notdealloc servercopy intran: outtran: "
    "intranpayload: destructor: ctype: cusertype: array struct c_string of polymorphic | ^ ^^^ [ ] [] [*] "
    "[*:4] [3] ( ) { } ; : , = 0 1 -1 4294967296 99999999999999999999 0x10 * / + int char mach_port_t "
    "MACH_MSG_TYPE_BIT MACH_MSG_TYPE_STRING_C (MACH_MSG_TYPE_BYTE,24) \"file\" <file> /* */ \\ \0 \x80 In Gap"
).split(" ")
OUTPUTS = ("user", "header", "server", "sheader", "doc")
PIECE = re.compile(r"\w+|\s+|[^\w\s]")


def seeds():
    files = sorted((harness.INCLUDE / "mach").glob("*.defs")) + sorted(harness.HERE.glob("*.defs"))
    texts = [source.preprocess(path, [harness.INCLUDE]) for path in files]
    return [*texts, language_test.WHOLE_LANGUAGE]


def change(text, chance):
    """One small change of a text."""
    pieces = PIECE.findall(text)
    if not pieces:
        return text
    at, other = chance.randrange(len(pieces)), chance.randrange(len(pieces))
    kind = chance.randrange(7)
    if kind == 0:
        del pieces[at]
    elif kind == 1:
        pieces.insert(at, f" {chance.choice(WORDS)} ")
    elif kind == 2:
        pieces[at] = f" {chance.choice(WORDS)} "
    elif kind == 3:
        pieces[at], pieces[other] = pieces[other], pieces[at]
    elif kind == 4:
        del pieces[min(at, other) : max(at, other)]
    elif kind == 5:
        pieces[at:at] = pieces[other : other + chance.randrange(40)]
    else:
        pieces[at] = pieces[at] * chance.choice((2, 3, 50, 5000))
    return "".join(pieces)


def run(text, outputs):
    """Let mig work on a preprocessed text. Returns: was it right?"""
    try:
        interface = model.analyse(syntax.parse(source.Source(text)))
        for kernel in (False, True):
            interface.kernel_server = interface.kernel_user = kernel
            cli.write(interface, outputs)
    except MigError as error:
        if not str(error):
            raise ValueError("an error that says nothing") from error
        return False
    return True


def fuzz(seconds, seed, folder):
    """Returns: (texts, those that were right, the path of the one that broke mig or None)."""
    chance = random.Random(seed)
    texts = seeds()
    outputs = cli.arguments([f"-{name}={folder}/{name}" for name in OUTPUTS] + ["-"])
    end = time.monotonic() + seconds
    number = right = 0
    while time.monotonic() < end:
        text = chance.choice(texts)
        for _ in range(chance.choice((1, 1, 2, 5))):
            text = change(text, chance)
        number += 1
        try:
            right += run(text, outputs)
        except Exception:  # noqa: BLE001 (whatever it is, it is the bug that we look for)
            traceback.print_exc()
            path = Path(tempfile.gettempdir()) / f"mig-fuzz-{seed}-{number}.defs"
            path.write_text(text, encoding="utf-8", errors="surrogateescape")
            return number, right, path
    return number, right, None


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="mig-fuzz-") as folder:
        number, right, broken = fuzz(arguments.seconds, arguments.seed, folder)
    harness.print_point(broken is None, f"no text breaks mig{f': {broken}' if broken else ''}")
    harness.print_point(right > 0 and number > right, "some of them were right, and some were not")
    print(f"# {number} texts, {right} of them right, seed {arguments.seed}")
    print("1..2")
    return 1 if broken or not right else 0


if __name__ == "__main__":
    sys.exit(main())
