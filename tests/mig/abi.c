/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The ABI, spot by spot: programs that were compiled against these headers depend on it.  Compiled as user
 * code and as kernel code; there is nothing to run.
 */
#include <mach/exception_types.h>
#include <mach/mach_types.h>
#include <mach/message.h>
#include <mach/mig_errors.h>
#include <mach/notify.h>
#include <stddef.h>

#define SAME(expression, value) _Static_assert((expression) == (value), #expression)

SAME(sizeof(natural_t), 4);
SAME(sizeof(mach_port_name_t), 4);
SAME(sizeof(vm_address_t), 8);
SAME(sizeof(mach_vm_size_t), 8);
SAME(sizeof(boolean_t), 4);

SAME(offsetof(mach_msg_header_t, msgh_size), 4);
SAME(offsetof(mach_msg_header_t, msgh_remote_port), 8);
SAME(offsetof(mach_msg_header_t, msgh_local_port), 12);
SAME(offsetof(mach_msg_header_t, msgh_voucher_port), 16);
SAME(offsetof(mach_msg_header_t, msgh_id), 20);
SAME(sizeof(mach_msg_base_t), 28);
SAME(sizeof(NDR_record_t), 8);
SAME(sizeof(mach_msg_trailer_t), 8);
SAME(sizeof(mach_msg_seqno_trailer_t), 12);
SAME(sizeof(mach_msg_security_trailer_t), 20);
SAME(sizeof(mach_msg_audit_trailer_t), 52);
SAME(sizeof(mach_msg_context_trailer_t), 60);
SAME(REQUESTED_TRAILER_SIZE(MACH_RCV_TRAILER_ELEMENTS(MACH_RCV_TRAILER_SENDER)), 20);

SAME(MACH_MSGH_BITS(MACH_MSG_TYPE_COPY_SEND, MACH_MSG_TYPE_MAKE_SEND_ONCE), 0x1513);
SAME(MACH_MSGH_BITS_LOCAL(0x1513), MACH_MSG_TYPE_MAKE_SEND_ONCE);
SAME(MACH_PORT_TYPE_RECEIVE, 0x20000);
SAME(MACH_PORT_TYPE_DEAD_NAME, 0x100000);
SAME(MACH_PORT_MAKE(MACH_PORT_INDEX(0x1234u), MACH_PORT_GEN(0x1234u)), 0x1234);
SAME(MACH_RCV_PORT_DIED, 0x10004009);
SAME(MACH_SEND_INVALID_DEST, 0x10000003);
SAME(MIG_BAD_ID, -303);
SAME(KERN_INVALID_RIGHT, 17);
SAME(MACH_NOTIFY_DEAD_NAME, 72);
SAME(EXC_MASK_ALL, 0x13fe);

SAME(MACH_PORT_RECEIVE_STATUS_COUNT, 10);
SAME(TASK_BASIC_INFO_COUNT, 10);
SAME(THREAD_BASIC_INFO_COUNT, 10);
SAME(HOST_BASIC_INFO_COUNT, 12);
SAME(VM_REGION_BASIC_INFO_COUNT_64, 9);
SAME(sizeof(mach_dead_name_notification_t), 56);
SAME(sizeof(mach_port_destroyed_notification_t), 60);
