/* SPDX-License-Identifier: BSD-2-Clause */
#include <ipc/kobject.h>
#include <kern/host.h>
#include <kern/ledger.h>
#include <kern/panic.h>

struct host host_self;

void host_init(void)
{
    spin_init(&host_self.lock, LOCK_RANK_TASK);
    host_self.port = ipc_kobject_create(IPC_KOTYPE_HOST, &host_self, &ledger_kernel.memory);
    host_self.priv_port = ipc_kobject_create(IPC_KOTYPE_HOST_PRIV, &host_self, &ledger_kernel.memory);
    host_self.device_port = ipc_kobject_create(IPC_KOTYPE_DEVICE_MASTER, &host_self, &ledger_kernel.memory);
    if (host_self.port == NULL || host_self.priv_port == NULL || host_self.device_port == NULL)
        panic("no memory for the host's ports");
}

struct ipc_port *host_make_port(void)
{
    return ipc_port_make_send(host_self.port);
}

struct ipc_port *host_make_priv_port(void)
{
    return ipc_port_make_send(host_self.priv_port);
}

struct ipc_port *host_make_device_port(void)
{
    return ipc_port_make_send(host_self.device_port);
}
