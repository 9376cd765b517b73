# SPDX-License-Identifier: BSD-2-Clause
"""MIG, the Mach interface generator: reads .defs files, writes C stubs and documentation."""
