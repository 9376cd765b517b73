/* SPDX-License-Identifier: BSD-2-Clause */
/* Start of programs, and their end. */
#include "programs.h"

#include "archive.h"
#include "loader.h"

#include <libmach/program.h>
#include <libmach/thread.h>
#include <mach/mach.h>
#include <mach/program_server.h>
#include <stdlib.h>
#include <string.h>

static mach_port_t port_set;
static mach_port_t notify_port;
static struct program *programs;

void programs_init(mach_port_t set, mach_port_t notify)
{
    port_set = set;
    notify_port = notify;
}

/* A bootstrap port for the program, given to its task. */
static kern_return_t give_bootstrap_port(struct program *p)
{
    const task_t self = mach_task_self();

    kern_return_t kr = mach_port_allocate(self, MACH_PORT_RIGHT_RECEIVE, &p->bootstrap);
    if (kr == KERN_SUCCESS)
        kr = mach_port_move_member(self, p->bootstrap, port_set);
    if (kr == KERN_SUCCESS)
        kr = mach_port_insert_right(self, p->bootstrap, p->bootstrap, MACH_MSG_TYPE_MAKE_SEND);
    if (kr == KERN_SUCCESS) {
        kr = task_set_bootstrap_port(p->task, p->bootstrap);
        (void)mach_port_deallocate(self, p->bootstrap);
    }
    return kr;
}

static kern_return_t watch(struct program *p)
{
    mach_port_t previous = MACH_PORT_NULL;

    return mach_port_request_notification(mach_task_self(), p->task, MACH_NOTIFY_DEAD_NAME, 0, notify_port,
                                          MACH_MSG_TYPE_MAKE_SEND_ONCE, &previous);
}

static kern_return_t load_and_run(struct program *p, const struct archive_file *file)
{
    const char *argv[] = {p->name};
    vm_address_t entry, stack, startup;
    thread_state_data_t state;
    natural_t count;
    thread_act_t thread;

    kern_return_t kr = loader_load(p->task, file, 1, argv, &entry, &stack, &startup);
    if (kr != KERN_SUCCESS)
        return kr;
    mach_thread_state_init(state, &count, entry, stack, startup);
    kr = thread_create_running(p->task, THREAD_STATE_FLAVOR_GENERAL, state, count, &thread);
    if (kr == KERN_SUCCESS)
        (void)mach_port_deallocate(mach_task_self(), thread);
    return kr;
}

kern_return_t program_start(const char *name, bool drives, struct program **program)
{
    struct archive_file file;

    if (!archive_find(name, &file))
        return KERN_NOT_FOUND;
    struct program *p = calloc(1, sizeof(*p));
    if (p == NULL)
        return KERN_RESOURCE_SHORTAGE;
    strlcpy(p->name, name, sizeof(p->name));
    p->drives = drives;
    kern_return_t kr = task_create(mach_task_self(), FALSE, &p->task);
    if (kr == KERN_SUCCESS)
        kr = give_bootstrap_port(p);
    if (kr == KERN_SUCCESS)
        kr = watch(p);
    if (kr == KERN_SUCCESS)
        kr = load_and_run(p, &file);
    p->next = programs;
    programs = p;
    if (kr != KERN_SUCCESS) {
        if (p->task != MACH_PORT_NULL)
            (void)task_terminate(p->task);
        program_forget(p);
        return kr;
    }
    *program = p;
    return KERN_SUCCESS;
}

void program_forget(struct program *program)
{
    struct program **link = &programs;

    while (*link != program)
        link = &(*link)->next;
    *link = program->next;
    if (program->task != MACH_PORT_NULL)
        (void)mach_port_destroy(mach_task_self(), program->task);
    if (program->bootstrap != MACH_PORT_NULL)
        (void)mach_port_destroy(mach_task_self(), program->bootstrap);
    free(program);
}

bool program_task_died(mach_port_name_t name)
{
    for (struct program *p = programs; p != NULL; p = p->next) {
        if (p->task == name) {
            p->dead = true;
            return true;
        }
    }
    return false;
}

kern_return_t do_program_exit(mach_port_t bootstrap, int status)
{
    for (struct program *p = programs; p != NULL; p = p->next) {
        if (p->bootstrap == bootstrap && !p->told) {
            p->told = true;
            p->status = status;
            return KERN_SUCCESS;
        }
    }
    return KERN_FAILURE;
}

kern_return_t do_program_archive(mach_port_t bootstrap, mach_port_t *archive, mach_vm_size_t *size)
{
    memory_object_size_t length = mach_startup->archive_size;
    kern_return_t kr = mach_make_memory_entry_64(mach_task_self(), &length, mach_startup->archive,
                                                 VM_PROT_READ, archive, MACH_PORT_NULL);

    (void)bootstrap;
    *size = mach_startup->archive_size;
    return kr;
}

/* Was the program that has this bootstrap port started as a driver or test? */
static bool drives(mach_port_t bootstrap)
{
    const struct program *p = programs;

    while (p != NULL && p->bootstrap != bootstrap)
        p = p->next;
    return p != NULL && p->drives;
}

kern_return_t do_program_device_master(mach_port_t bootstrap, mach_port_t *device_master)
{
    *device_master = mach_startup->device_master;
    return drives(bootstrap) ? KERN_SUCCESS : KERN_NO_ACCESS;
}

kern_return_t do_program_host_priv(mach_port_t bootstrap, mach_port_t *host_priv)
{
    *host_priv = mach_startup->host_priv;
    return drives(bootstrap) ? KERN_SUCCESS : KERN_NO_ACCESS;
}
