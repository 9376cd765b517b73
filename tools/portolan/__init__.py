# SPDX-License-Identifier: BSD-2-Clause
"""The runner behind ./portolan: builds the kernel, boots it in QEMU, and reports what the guests say."""
