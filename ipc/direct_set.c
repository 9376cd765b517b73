/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The direct switch to a thread that waits on a port set.  The rx of a port that is idle but for its sets names the first of them, and
 * the thread is in the rx of that (ipc/pset.h): one more exchange takes it.  All else is as where the thread waits in the port's
 * own rx, and to wait on a set, after an answer, is what it is to wait on a port.
 */
#include <ipc/direct.h>

struct uctx *ipc_direct_member(const struct direct *from, struct direct_message *m, uint64_t rx)
{
    struct ipc_port *receive = from->self->rcv_port;
    struct direct d = *from;
    uint64_t waiter = IPC_PORT_RX_LOCKED;

    d.member = true;
    d.set = ipc_port_rx_set(rx);
    if (d.set != NULL)
        waiter = __atomic_exchange_n(&d.set->rx, IPC_PORT_RX_LOCKED, __ATOMIC_ACQUIRE);
    if ((waiter & 1) != 0) {
        if (waiter != IPC_PORT_RX_LOCKED)
            __atomic_store_n(&d.set->rx, waiter, __ATOMIC_RELEASE);
        unlock_port(&d, rx);
        return NULL;
    }
    if (!partners_change(&d, m, waiter))
        return NULL;
    switch_to_next(&d, receive);
    return deliver(&d, m);
}
