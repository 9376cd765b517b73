# SPDX-License-Identifier: BSD-2-Clause
"""Reading a .defs file: the C preprocessor, positions in the original files, and comments as documentation.

The preprocessor keeps comments and leaves line markers.  Both are blanked out before parsing, so that line and column
in the text that is parsed still lead back to where the author wrote it.
"""

import re
import subprocess

from .diagnostics import MigError, Position

PREPROCESSOR = "clang-19"

_MARKER = re.compile(r'^#(?:line)? (\d{1,9}) "((?:[^"\\]|\\.)*)"')
_COMMENT = re.compile(r"/\*.*?\*/|//[^\n]*", re.DOTALL)


class Source:
    """Preprocessed text with the way back to the original lines."""

    def __init__(self, text):
        self._origins = []
        lines = []
        file, number = "<input>", 1
        for line in text.split("\n"):
            marker = _MARKER.match(line)
            if marker:
                self._origins.append((file, number))
                number, file = int(marker.group(1)), marker.group(2)
                lines.append("")
                continue
            self._origins.append((file, number))
            lines.append("" if line.startswith("#") else line)
            number += 1
        self._docs = {}
        self.text = _COMMENT.sub(self._blank, "\n".join(lines))

    def _blank(self, match):
        comment, text = match.group(), match.string
        end_line = text.count("\n", 0, match.end())
        starts_line = not text[text.rfind("\n", 0, match.start()) + 1 : match.start()].strip()
        if starts_line and comment.startswith("/*"):
            self._docs[end_line + 1] = _clean(comment)
        return re.sub(r"[^\n]", " ", comment)

    def position(self, line, column):
        """Where line and column (from 1) of the text come from."""
        if not 1 <= line <= len(self._origins):
            line = len(self._origins)
        file, number = self._origins[line - 1]
        return Position(file, number, column)

    def files(self):
        """The files that the text comes from."""
        return {file for file, _ in self._origins if not file.startswith("<")}

    def documentation(self, line):
        """The comment that ends right above a line of the text, or ''."""
        return self._docs.get(line - 1, "")


def _clean(comment):
    """The words of a comment without its decoration."""
    lines = [line.strip() for line in comment[2:-2].split("\n")]
    lines = [line[1:].strip() if line.startswith("*") else line for line in lines]
    return "\n".join(lines).strip()


def preprocess(path, include_dirs=(), definitions=()):
    """Run the C preprocessor over a file. Returns: its output."""
    command = [PREPROCESSOR, "-E", "-C", "-x", "c", "-nostdinc", "-undef"]
    command += [f"-I{directory}" for directory in include_dirs]
    command += [f"-D{definition}" for definition in definitions]
    try:
        result = subprocess.run(
            command + [str(path)], capture_output=True, text=True, errors="surrogateescape", check=False
        )
    except FileNotFoundError:
        raise MigError(None, f"the preprocessor {PREPROCESSOR} is not installed") from None
    if result.returncode:
        raise MigError(None, f"the preprocessor failed:\n{result.stderr.rstrip()}")
    return result.stdout


def load(path, include_dirs=(), definitions=()):
    """Read and preprocess a .defs file. Returns: Source."""
    return Source(preprocess(path, include_dirs, definitions))
