# SPDX-License-Identifier: BSD-2-Clause
"""Entry of `python3 -m portolan`."""

import sys

from portolan import cli

sys.exit(cli.main(sys.argv[1:]))
