# SPDX-License-Identifier: BSD-2-Clause
"""One module for each static check; tests/static/run.py runs them."""
