/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef MACH_FILE_TYPES_H
#define MACH_FILE_TYPES_H

#define FILE_SERVICE "portolan.files" /* the name of servers/file_pager */

typedef char file_name_t[128];

#endif
