/* SPDX-License-Identifier: BSD-2-Clause */
/* mach_port.defs, second part: attributes of receive rights and of rights to kernel objects, membership in port sets. */
#include <ipc/entry.h>
#include <ipc/mqueue.h>
#include <ipc/pset.h>
#include <ipc/request.h>
#include <ipc/right.h>
#include <mach/mach_port_server.h>

/* What one call does to a receive right: it writes *value there, or reads it. Context: port locked. */
typedef void attribute_t(struct ipc_port *port, uint64_t *value);

static void write_mscount(struct ipc_port *port, uint64_t *value)
{
    port->mscount = (mach_port_mscount_t)*value;
}

static void write_seqno(struct ipc_port *port, uint64_t *value)
{
    port->seqno = (mach_port_seqno_t)*value;
}

static void read_srights(struct ipc_port *port, uint64_t *value)
{
    *value = port->srights < UINT32_MAX ? port->srights : UINT32_MAX;
}

static void read_requests(struct ipc_port *port, uint64_t *value)
{
    LIST_FOR_EACH(node, &port->requests)
    (*value)++;
}

static inline kern_return_t attribute(ipc_space_t space, mach_port_name_t name, attribute_t *attribute,
                                      uint64_t *value)
{
    struct ipc_port *port;
    kern_return_t kr = ipc_right_receive_enter(space, name, &port);
    if (kr != KERN_SUCCESS)
        return kr;
    attribute(port, value);
    ipc_port_unlock(port);
    return KERN_SUCCESS;
}

kern_return_t mach_port_set_mscount(ipc_space_t space, mach_port_name_t name, mach_port_mscount_t mscount)
{
    uint64_t value = mscount;

    return attribute(space, name, write_mscount, &value);
}

kern_return_t mach_port_set_seqno(ipc_space_t space, mach_port_name_t name, mach_port_seqno_t seqno)
{
    uint64_t value = seqno;

    return attribute(space, name, write_seqno, &value);
}

kern_return_t mach_port_get_srights(ipc_space_t space, mach_port_name_t name, mach_port_rights_t *srights)
{
    uint64_t value = 0;
    kern_return_t kr = attribute(space, name, read_srights, &value);

    *srights = (mach_port_rights_t)value;
    return kr;
}

static uint32_t set_count(const struct ipc_port *port)
{
    uint32_t count = 0;

    LIST_FOR_EACH(node, &port->sets)
    count++;
    return count;
}

static void status_fill(const struct ipc_port *port, mach_port_status_t *status)
{
    uint32_t loan = port->cacher != NULL ? port->cacher->rcv_loan : 0;

    *status = (mach_port_status_t){
        .mps_pset = set_count(port),
        .mps_seqno = port->seqno,
        .mps_mscount = port->mscount,
        .mps_qlimit = port->qlimit,
        .mps_msgcount = port->msgcount,
        .mps_sorights = port->sorights - loan,
        .mps_srights = port->srights > 0,
        .mps_pdrequest = port->port_destroyed != NULL,
        .mps_nsrequest = port->no_senders != NULL,
        .mps_flags = (port->guard != IPC_PORT_UNGUARDED ? MACH_PORT_STATUS_FLAG_GUARDED : 0) |
                     (port->guard == IPC_PORT_GUARDED_STRICTLY ? MACH_PORT_STATUS_FLAG_STRICT_GUARD : 0),
    };
}

kern_return_t mach_port_get_attributes(ipc_space_t space, mach_port_name_t name, mach_port_flavor_t flavor,
                                       mach_port_info_t info, mach_msg_type_number_t *count)
{
    struct ipc_port *port;
    mach_msg_type_number_t need =
        flavor == MACH_PORT_LIMITS_INFO ? MACH_PORT_LIMITS_INFO_COUNT : MACH_PORT_RECEIVE_STATUS_COUNT;

    if (flavor != MACH_PORT_LIMITS_INFO && flavor != MACH_PORT_RECEIVE_STATUS)
        return KERN_INVALID_ARGUMENT;
    if (*count < need)
        return KERN_FAILURE;
    kern_return_t kr = ipc_right_receive_enter(space, name, &port);
    if (kr != KERN_SUCCESS)
        return kr;
    if (flavor == MACH_PORT_LIMITS_INFO)
        ((mach_port_limits_t *)info)->mpl_qlimit = port->qlimit;
    else
        status_fill(port, (mach_port_status_t *)info);
    ipc_port_unlock(port);
    *count = need;
    return KERN_SUCCESS;
}

kern_return_t mach_port_set_attributes(ipc_space_t space, mach_port_name_t name, mach_port_flavor_t flavor,
                                       mach_port_info_t info, mach_msg_type_number_t count)
{
    struct ipc_port *port;

    if (flavor != MACH_PORT_LIMITS_INFO)
        return KERN_INVALID_ARGUMENT;
    if (count != MACH_PORT_LIMITS_INFO_COUNT)
        return KERN_FAILURE;
    uint32_t limit = ((const mach_port_limits_t *)info)->mpl_qlimit;
    if (limit > MACH_PORT_QLIMIT_MAX)
        return KERN_INVALID_VALUE;
    kern_return_t kr = ipc_right_receive_enter(space, name, &port);
    if (kr != KERN_SUCCESS)
        return kr;
    port->qlimit = (uint16_t)limit;
    ipc_mqueue_admit(port);
    ipc_port_ref(port);
    ipc_port_unlock(port);
    ipc_request_tell_possible(port);
    ipc_port_unref(port);
    return KERN_SUCCESS;
}

kern_return_t mach_port_kobject(ipc_space_t space, mach_port_name_t name, natural_t *type,
                                mach_vm_address_t *address)
{
    struct ipc_entry *entry;

    *address = 0;
    spin_lock(&space->lock);
    kern_return_t kr = ipc_right_find(space, name, MACH_PORT_TYPE_SEND_RECEIVE, &entry);
    if (kr == KERN_SUCCESS)
        *type = ((const struct ipc_port *)entry->object)->kotype;
    spin_unlock(&space->lock);
    return kr;
}

kern_return_t mach_port_kernel_object(ipc_space_t space, mach_port_name_t name, unsigned *type,
                                      unsigned *address)
{
    mach_vm_address_t wide;

    *address = 0;
    return mach_port_kobject(space, name, type, &wide);
}

kern_return_t mach_port_dnrequest_info(ipc_space_t space, mach_port_name_t name, unsigned *total,
                                       unsigned *used)
{
    uint64_t count = 0;
    kern_return_t kr = attribute(space, name, read_requests, &count);

    *total = (unsigned)count;
    *used = *total;
    return kr;
}

/* --- port sets --- */

/* References to the member port (if wanted) and the set behind two names. */
static kern_return_t member_enter(ipc_space_t space, mach_port_name_t member, mach_port_name_t set,
                                  struct ipc_port **port, struct ipc_pset **pset)
{
    kern_return_t kr = KERN_SUCCESS;

    spin_lock(&space->lock);
    struct ipc_entry *m = ipc_right_lookup(space, member);
    struct ipc_entry *s = set == MACH_PORT_NULL ? NULL : ipc_right_lookup(space, set);
    if (!space->active)
        kr = KERN_INVALID_TASK;
    else if (m == NULL || (s == NULL && set != MACH_PORT_NULL))
        kr = KERN_INVALID_NAME;
    else if ((m->bits & MACH_PORT_TYPE_RECEIVE) == 0 ||
             (s != NULL && (s->bits & MACH_PORT_TYPE_PORT_SET) == 0))
        kr = KERN_INVALID_RIGHT;
    if (kr == KERN_SUCCESS) {
        *port = m->object;
        ipc_port_ref(*port);
        *pset = s == NULL ? NULL : s->object;
        if (s != NULL)
            ipc_pset_ref(*pset);
    }
    spin_unlock(&space->lock);
    return kr;
}

static void member_leave(struct ipc_port *port, struct ipc_pset *pset)
{
    ipc_port_unref(port);
    if (pset != NULL)
        ipc_pset_unref(pset);
}

kern_return_t mach_port_insert_member(ipc_space_t space, mach_port_name_t name, mach_port_name_t set)
{
    struct ipc_port *port;
    struct ipc_pset *pset;

    if (set == MACH_PORT_NULL)
        return KERN_INVALID_NAME;
    kern_return_t kr = member_enter(space, name, set, &port, &pset);
    if (kr != KERN_SUCCESS)
        return kr;
    kr = ipc_pset_insert(pset, port, space);
    member_leave(port, pset);
    return kr;
}

kern_return_t mach_port_extract_member(ipc_space_t space, mach_port_name_t name, mach_port_name_t set)
{
    struct ipc_port *port;
    struct ipc_pset *pset;

    if (set == MACH_PORT_NULL)
        return KERN_INVALID_NAME;
    kern_return_t kr = member_enter(space, name, set, &port, &pset);
    if (kr != KERN_SUCCESS)
        return kr;
    kr = ipc_pset_remove(pset, port);
    member_leave(port, pset);
    return kr;
}

static kern_return_t leave_sets(struct ipc_port *port)
{
    ipc_port_lock(port);
    bool was_member = port->in_set;
    ipc_pset_remove_all_locked(port);
    ipc_port_unlock(port);
    return was_member ? KERN_SUCCESS : KERN_NOT_IN_SET;
}

kern_return_t mach_port_move_member(ipc_space_t space, mach_port_name_t member, mach_port_name_t after)
{
    struct ipc_port *port;
    struct ipc_pset *pset;

    kern_return_t kr = member_enter(space, member, after, &port, &pset);
    if (kr != KERN_SUCCESS)
        return kr;
    if (pset != NULL)
        kr = ipc_pset_move(pset, port, space);
    else
        kr = leave_sets(port);
    member_leave(port, pset);
    return kr;
}
