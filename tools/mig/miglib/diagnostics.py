# SPDX-License-Identifier: BSD-2-Clause
"""Positions in source files, and errors that name one."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Position:
    file: str
    line: int
    column: int

    def __str__(self):
        return f"{self.file}:{self.line}:{self.column}"


class MigError(Exception):
    """An error in the input, at a position if that is known."""

    def __init__(self, position, message):
        super().__init__(message)
        self.position = position
        self.message = message

    def __str__(self):
        return f"{self.position or 'mig'}: error: {self.message}"
