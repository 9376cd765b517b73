/* SPDX-License-Identifier: BSD-2-Clause */
/* What vm/pmap.c and vm/pmap_asid.c know of each other. */
#ifndef VM_PMAP_I_H
#define VM_PMAP_I_H

#include <vm/pmap.h>

/* Boot. */
void pmap_asid_init(void);
/* Enter a new pmap: it may be activated from now on. */
void pmap_asid_insert(struct pmap *pmap);
/* Take a pmap out that no CPU uses any more; CPUs that idle on it leave it. */
void pmap_asid_remove(struct pmap *pmap);

#endif
