/* SPDX-License-Identifier: BSD-2-Clause */
/* What mach_port_space_info() tells of a name space. */
#ifndef MACH_DEBUG_IPC_INFO_H
#define MACH_DEBUG_IPC_INFO_H

#include <mach/port.h>
#include <mach/vm_types.h>

typedef struct ipc_info_space {
    natural_t iis_genno_mask; /* the bits of a name that are its generation */
    natural_t iis_table_size; /* places in the table */
    natural_t iis_table_next; /* places that it will have when it grows next */
    natural_t iis_tree_size;  /* there is no tree beside the table: 0 */
    natural_t iis_tree_small;
    natural_t iis_tree_hash;
} ipc_info_space_t;

/* One name. */
typedef struct ipc_info_name {
    mach_port_name_t iin_name;
    integer_t iin_collision; /* of the hash table; 0 */
    mach_port_type_t iin_type;
    mach_port_urefs_t iin_urefs;
    natural_t iin_object; /* addresses are never told: 0 */
    natural_t iin_next;   /* 0 */
    natural_t iin_hash;   /* 0 */
} ipc_info_name_t;
typedef ipc_info_name_t *ipc_info_name_array_t;

/* A name in a tree, of which there is none. */
typedef struct ipc_info_tree_name {
    ipc_info_name_t iitn_base;
    mach_port_name_t iitn_lchild;
    mach_port_name_t iitn_rchild;
} ipc_info_tree_name_t;
typedef ipc_info_tree_name_t *ipc_info_tree_name_array_t;

#endif
