/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Shared by the services of kernel objects (kern/service_*.c), whose routines MIG declares.  The object that a routine
 * gets first is never NULL: the stub refuses a port of another kind (MIG_KERNEL_INVALID()).
 */
#ifndef KERN_SERVICE_H
#define KERN_SERVICE_H

#include <mach/mach_types.h>
#include <sched/sched.h>

/*
 * Hand out information: `size` bytes, a multiple of 4. *count: room in words of 4 bytes in, words written
 * out.
 * Returns: KERN_SUCCESS; KERN_INVALID_ARGUMENT size is 0 (no such flavor) or does not fit: nothing written.
 */
kern_return_t service_info_copy(integer_t *out, mach_msg_type_number_t *count, const void *info, size_t size);

/* Check the arguments of thread_policy() and task_policy(). KERN_SUCCESS, KERN_INVALID_POLICY,
 * KERN_INVALID_ARGUMENT (count, priority, quantum): *out unchanged. */
kern_return_t service_policy(policy_t policy, policy_base_t base, mach_msg_type_number_t count,
                             struct sched_policy *out);

#endif
