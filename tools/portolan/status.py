# SPDX-License-Identifier: BSD-2-Clause
"""Exit statuses of ./portolan, and the exceptions that lead to them."""

OK = 0
FAILED = 1  # something was run and did not pass
USAGE = 2  # the command line makes no sense
MISSING = 3  # a package or tool is missing
BUILD = 4  # the build failed, so nothing was run
INTERRUPTED = 130  # as a shell reports SIGINT

HELP = """exit status:
  0    everything passed
  1    a test failed, a guest did not boot or did not end, or figures differ
  2    wrong usage
  3    a package is missing and was not installed
  4    the build failed
  130  interrupted"""


class BuildError(Exception):
    """Meson or Ninja failed; the message holds the end of what they printed."""


class MissingError(Exception):
    """A program that the machine should have is not there."""
