/* SPDX-License-Identifier: BSD-2-Clause */
/* Kinds of kernel object that a port can stand for. */
#ifndef IPC_KOTYPE_H
#define IPC_KOTYPE_H

enum ipc_kotype {
    IPC_KOTYPE_NONE,
    IPC_KOTYPE_TASK,
    IPC_KOTYPE_THREAD,
    IPC_KOTYPE_HOST,
    IPC_KOTYPE_HOST_PRIV,
    IPC_KOTYPE_PROCESSOR,
    IPC_KOTYPE_EXCEPTION_REPLY, /* kobject: the thread that waits for the answer to its exception */
    IPC_KOTYPE_MEMORY_ENTRY, /* kobject: a struct vm_memory_entry with a reference; ends with the last send right */
    IPC_KOTYPE_DEVICE_MASTER,
    IPC_KOTYPE_INTERRUPT, /* kobject: a struct interrupt with a reference; ends with the last send right */
    IPC_KOTYPE_MEMORY_CONTROL, /* kobject: a struct memory_object, which ends the port before it goes */
    IPC_KOTYPE_MEMORY_NAME,    /* the same */
    IPC_KOTYPE_COUNT,
};

#endif
