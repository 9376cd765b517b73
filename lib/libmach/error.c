/* SPDX-License-Identifier: BSD-2-Clause */
/* Texts for results. */
#include <mach/bootstrap_types.h>
#include <mach/error.h>
#include <mach/mach.h>
#include <stddef.h>

struct error_text {
    mach_error_t error;
    const char *text;
};

static const struct error_text texts[] = {
    {KERN_SUCCESS, "success"},
    {KERN_INVALID_ADDRESS, "invalid address"},
    {KERN_PROTECTION_FAILURE, "protection failure"},
    {KERN_NO_SPACE, "no space available"},
    {KERN_INVALID_ARGUMENT, "invalid argument"},
    {KERN_FAILURE, "failure"},
    {KERN_RESOURCE_SHORTAGE, "resource shortage"},
    {KERN_NOT_RECEIVER, "not the receiver"},
    {KERN_NO_ACCESS, "no access"},
    {KERN_MEMORY_FAILURE, "memory failure"},
    {KERN_MEMORY_ERROR, "memory error"},
    {KERN_ALREADY_IN_SET, "already in the set"},
    {KERN_NOT_IN_SET, "not in the set"},
    {KERN_NAME_EXISTS, "name exists"},
    {KERN_ABORTED, "operation aborted"},
    {KERN_INVALID_NAME, "invalid name"},
    {KERN_INVALID_TASK, "invalid task"},
    {KERN_INVALID_RIGHT, "invalid right"},
    {KERN_INVALID_VALUE, "invalid value"},
    {KERN_UREFS_OVERFLOW, "too many user references"},
    {KERN_INVALID_CAPABILITY, "invalid capability"},
    {KERN_RIGHT_EXISTS, "right exists under another name"},
    {KERN_INVALID_HOST, "not the host port"},
    {KERN_TERMINATED, "object is terminated"},
    {KERN_NOT_SUPPORTED, "not supported"},
    {KERN_OPERATION_TIMED_OUT, "operation timed out"},
    {KERN_INSUFFICIENT_BUFFER_SIZE, "buffer too small"},
    {KERN_DENIED, "denied"},
    {KERN_NOT_FOUND, "not found"},

    {MACH_SEND_INVALID_DATA, "(ipc/send) message can't be read"},
    {MACH_SEND_INVALID_DEST, "(ipc/send) invalid destination port"},
    {MACH_SEND_TIMED_OUT, "(ipc/send) timed out"},
    {MACH_SEND_INTERRUPTED, "(ipc/send) interrupted"},
    {MACH_SEND_MSG_TOO_SMALL, "(ipc/send) message too small"},
    {MACH_SEND_INVALID_REPLY, "(ipc/send) invalid reply port"},
    {MACH_SEND_INVALID_RIGHT, "(ipc/send) invalid port right in message"},
    {MACH_SEND_INVALID_NOTIFY, "(ipc/send) invalid notify port"},
    {MACH_SEND_INVALID_MEMORY, "(ipc/send) invalid out-of-line memory"},
    {MACH_SEND_NO_BUFFER, "(ipc/send) no message buffer"},
    {MACH_SEND_TOO_LARGE, "(ipc/send) message too large"},
    {MACH_SEND_INVALID_TYPE, "(ipc/send) invalid descriptor type"},
    {MACH_SEND_INVALID_HEADER, "(ipc/send) invalid message header"},
    {MACH_SEND_INVALID_TRAILER, "(ipc/send) invalid trailer"},
    {MACH_SEND_INVALID_OPTIONS, "(ipc/send) invalid options"},
    {MACH_RCV_INVALID_NAME, "(ipc/rcv) invalid name"},
    {MACH_RCV_TIMED_OUT, "(ipc/rcv) timed out"},
    {MACH_RCV_TOO_LARGE, "(ipc/rcv) message too large"},
    {MACH_RCV_INTERRUPTED, "(ipc/rcv) interrupted"},
    {MACH_RCV_PORT_CHANGED, "(ipc/rcv) port changed"},
    {MACH_RCV_INVALID_NOTIFY, "(ipc/rcv) invalid notify port"},
    {MACH_RCV_INVALID_DATA, "(ipc/rcv) buffer can't be written"},
    {MACH_RCV_PORT_DIED, "(ipc/rcv) port died"},
    {MACH_RCV_IN_SET, "(ipc/rcv) port is in a set"},
    {MACH_RCV_HEADER_ERROR, "(ipc/rcv) no room for rights in the header"},
    {MACH_RCV_BODY_ERROR, "(ipc/rcv) no room for rights or memory in the body"},
    {MACH_RCV_INVALID_TRAILER, "(ipc/rcv) invalid trailer"},

    {MIG_TYPE_ERROR, "(mig) reply is not of the expected form"},
    {MIG_REPLY_MISMATCH, "(mig) reply has the wrong id"},
    {MIG_REMOTE_ERROR, "(mig) server failed"},
    {MIG_BAD_ID, "(mig) no such routine"},
    {MIG_BAD_ARGUMENTS, "(mig) bad arguments"},
    {MIG_NO_REPLY, "(mig) no reply"},
    {MIG_ARRAY_TOO_LARGE, "(mig) array too large"},
    {MIG_SERVER_DIED, "(mig) server died"},
    {MIG_TRAILER_ERROR, "(mig) trailer lacks what the routine needs"},

    {BOOTSTRAP_NOT_PRIVILEGED, "(bootstrap) not privileged"},
    {BOOTSTRAP_NAME_IN_USE, "(bootstrap) name in use"},
    {BOOTSTRAP_UNKNOWN_SERVICE, "(bootstrap) unknown service"},
    {BOOTSTRAP_SERVICE_ACTIVE, "(bootstrap) service active"},
    {BOOTSTRAP_NO_MEMORY, "(bootstrap) no memory"},
};

const char *mach_error_string(mach_error_t error)
{
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        if (texts[i].error == error)
            return texts[i].text;
    }
    return "unknown error code";
}
