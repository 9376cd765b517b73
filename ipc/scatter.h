/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Scatter lists (MACH_RCV_OVERWRITE): descriptors in the receiver's buffer that say for each piece out of line
 * whether it comes as new memory (MACH_MSG_ALLOCATE) or to memory that is there (MACH_MSG_OVERWRITE). The n-th of
 * them that is none of a port is for the n-th piece of the message; where the list ends, new memory is the rule.
 *
 * The list is read where it is, whenever it is needed: another thread of the receiver may change it in between, so nothing follows from an
 * earlier look.
 */
#ifndef IPC_SCATTER_H
#define IPC_SCATTER_H

#include <hal/types.h>
#include <ipc/kmsg.h>

#define IPC_OVERWRITE_MAX                                                                                    \
    (1u << 20) /* bytes of a piece: more come as new memory; interrupts are off meanwhile */

/* A way through a list. */
struct ipc_scatter {
    struct vm_map *map;
    hal_va_t next;
    uint32_t room; /* bytes of the list from there on */
    uint32_t left; /* descriptors */
    bool failed;   /* it could not be read */
};

/* Begin with the list in the `size` bytes at `buffer`. Context: no lock; map is the current one. */
void ipc_scatter_begin(struct ipc_scatter *scatter, struct vm_map *map, hal_va_t buffer, uint32_t size);

/*
 * Does the list fit the message?  It is gone through for that.
 * Returns: MACH_MSG_SUCCESS; MACH_RCV_INVALID_TYPE a descriptor is of another kind than the piece, or says neither of both ways;
 * MACH_RCV_SCATTER_SMALL the piece is larger than the place for it.
 * Context: as above.
 */
HAL_NODISCARD mach_msg_return_t ipc_scatter_check(struct ipc_scatter *scatter, struct ipc_kmsg *kmsg);

/* The next piece of the message is `d`. Returns: whether it is to be written to *address. Context: as above. */
HAL_NODISCARD bool ipc_scatter_place(struct ipc_scatter *scatter, const mach_msg_descriptor_t *d,
                                     hal_va_t *address);

#endif
