/* SPDX-License-Identifier: BSD-2-Clause */
/* A result is system | subsystem | code, so that the results of many servers live beside each other. */
#ifndef MACH_ERROR_H
#define MACH_ERROR_H

#include <mach/kern_return.h>

typedef kern_return_t mach_error_t;

#define err_none ((mach_error_t)0)
#define ERR_SUCCESS ((mach_error_t)0)

#define err_system(x) ((mach_error_t)((((unsigned)(x)) & 0x3fu) << 26))
#define err_sub(x) (((x) & 0xfff) << 14)

#define err_get_system(err) (((err) >> 26) & 0x3f)
#define err_get_sub(err) (((err) >> 14) & 0xfff)
#define err_get_code(err) ((err) & 0x3fff)

#define err_kern err_system(0x0)     /* the kernel */
#define err_us err_system(0x1)       /* libraries */
#define err_server err_system(0x2)   /* servers */
#define err_ipc err_system(0x3)      /* old messages */
#define err_mach_ipc err_system(0x4) /* messages */
#define err_local err_system(0x3e)   /* for a user's own use */
#define err_max_system 0x3f

#define err_kern_ipc (err_mach_ipc | err_sub(0))

#ifndef KERNEL
/* A constant text for a result, "unknown error code" if it is none of ours. */
const char *mach_error_string(mach_error_t error);
#endif

#endif
