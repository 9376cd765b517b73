/* SPDX-License-Identifier: BSD-2-Clause */
/* vm/pmap.c as it is compiled, on the model of page tables that its walker's contract speaks of. */
#include <page_tables.h>
#include <vm/pmap.c>
