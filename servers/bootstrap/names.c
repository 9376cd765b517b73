/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The name service.  A service is in one of two states:
 *   declared  (create_service) we hold the receive right, and a send right for clients; requests wait in
 *             the queue
 *   active    (register, or check_in of a declared one) we hold a send right and watch it: when the port
 *             dies, the name is free again
 */
#include "names.h"

#include <mach/bootstrap_server.h>
#include <mach/mach.h>
#include <stdlib.h>
#include <string.h>

struct service {
    struct service *next; /* in order of names */
    name_t name;
    mach_port_t port;
    mach_port_t owner; /* bootstrap port of the program that offered it */
    bool active;
};

static struct service *services;
static mach_port_t notify_port;

void names_init(mach_port_t notify)
{
    notify_port = notify;
}

/* Where the service `name` is linked, or would be. */
static struct service **find(const char *name)
{
    struct service **link = &services;

    while (*link != NULL && strcmp((*link)->name, name) < 0)
        link = &(*link)->next;
    return link;
}

static struct service *find_exactly(const char *name)
{
    struct service *s = *find(name);

    return s != NULL && strcmp(s->name, name) == 0 ? s : NULL;
}

/* A new service, without port. NULL: no memory. The name is free. */
static struct service *insert(const char *name, mach_port_t owner)
{
    struct service **link = find(name);
    struct service *s = calloc(1, sizeof(*s));

    if (s == NULL)
        return NULL;
    strlcpy(s->name, name, sizeof(s->name));
    s->owner = owner;
    s->next = *link;
    *link = s;
    return s;
}

/* Unlink and free; the rights are the caller's. */
static void discard(struct service *service)
{
    struct service **link = find(service->name);

    *link = service->next;
    free(service);
}

/* Ask to be told when the service's port dies. */
static kern_return_t watch(mach_port_t port)
{
    mach_port_t previous = MACH_PORT_NULL;

    kern_return_t kr = mach_port_request_notification(mach_task_self(), port, MACH_NOTIFY_DEAD_NAME, 0,
                                                      notify_port, MACH_MSG_TYPE_MAKE_SEND_ONCE, &previous);
    /* One request serves all services of a port. */
    if (kr == KERN_SUCCESS && previous != MACH_PORT_NULL)
        (void)mach_port_deallocate(mach_task_self(), previous);
    return kr;
}

bool names_port_died(mach_port_name_t name)
{
    bool found = false;

    for (struct service *s = services, *next; s != NULL; s = next) {
        next = s->next;
        if (s->port == name) {
            discard(s);
            found = true;
        }
    }
    if (found) /* our references, and the one that the notification brought */
        (void)mach_port_destroy(mach_task_self(), name);
    return found;
}

kern_return_t bootstrap_check_in(mach_port_t bootstrap, name_t name, mach_port_t *port)
{
    struct service *s = find_exactly(name);

    if (s == NULL)
        return BOOTSTRAP_UNKNOWN_SERVICE;
    if (s->active)
        return BOOTSTRAP_SERVICE_ACTIVE;
    kern_return_t kr = watch(s->port);
    if (kr != KERN_SUCCESS)
        return kr;
    s->active = true;
    s->owner = bootstrap;
    *port = s->port;
    return KERN_SUCCESS;
}

static kern_return_t unregister(mach_port_t bootstrap, const char *name)
{
    struct service *s = find_exactly(name);

    if (s == NULL)
        return BOOTSTRAP_UNKNOWN_SERVICE;
    if (s->owner != bootstrap)
        return BOOTSTRAP_NOT_PRIVILEGED;
    if (s->active)
        (void)mach_port_deallocate(mach_task_self(), s->port);
    else
        (void)mach_port_destroy(mach_task_self(), s->port);
    discard(s);
    return KERN_SUCCESS;
}

/* The send right `port` came with the request: ours if the result is KERN_SUCCESS. */
kern_return_t bootstrap_register(mach_port_t bootstrap, name_t name, mach_port_t port)
{
    if (port == MACH_PORT_NULL)
        return unregister(bootstrap, name);
    if (find_exactly(name) != NULL)
        return BOOTSTRAP_NAME_IN_USE;
    if (port == MACH_PORT_DEAD)
        return KERN_INVALID_RIGHT;
    struct service *s = insert(name, bootstrap);
    if (s == NULL)
        return BOOTSTRAP_NO_MEMORY;
    kern_return_t kr = watch(port);
    if (kr != KERN_SUCCESS) {
        discard(s);
        return kr;
    }
    s->port = port;
    s->active = true;
    return KERN_SUCCESS;
}

/* Another user reference of the service's send right, to be moved to a client. */
static kern_return_t send_right(const struct service *s, mach_port_t *port)
{
    kern_return_t kr = mach_port_mod_refs(mach_task_self(), s->port, MACH_PORT_RIGHT_SEND, 1);

    if (kr == KERN_INVALID_RIGHT) /* died; its notification is on the way */
        return BOOTSTRAP_UNKNOWN_SERVICE;
    if (kr == KERN_SUCCESS)
        *port = s->port;
    return kr;
}

kern_return_t bootstrap_look_up(mach_port_t bootstrap, name_t name, mach_port_t *port)
{
    const struct service *s = find_exactly(name);

    (void)bootstrap; /* everybody may */
    return s != NULL ? send_right(s, port) : BOOTSTRAP_UNKNOWN_SERVICE;
}

static int status_of(const struct service *s)
{
    return s->active ? BOOTSTRAP_STATUS_ACTIVE : BOOTSTRAP_STATUS_ON_DEMAND;
}

kern_return_t bootstrap_status(mach_port_t bootstrap, name_t name, int *active)
{
    const struct service *s = find_exactly(name);

    (void)bootstrap;
    *active = s != NULL ? status_of(s) : BOOTSTRAP_STATUS_INACTIVE;
    return KERN_SUCCESS;
}

kern_return_t bootstrap_create_service(mach_port_t bootstrap, name_t name, mach_port_t *port)
{
    const task_t self = mach_task_self();

    if (find_exactly(name) != NULL)
        return BOOTSTRAP_NAME_IN_USE;
    struct service *s = insert(name, bootstrap);
    if (s == NULL)
        return BOOTSTRAP_NO_MEMORY;
    kern_return_t kr = mach_port_allocate(self, MACH_PORT_RIGHT_RECEIVE, &s->port);
    if (kr != KERN_SUCCESS) {
        discard(s);
        return kr;
    }
    kr = mach_port_insert_right(self, s->port, s->port, MACH_MSG_TYPE_MAKE_SEND);
    if (kr == KERN_SUCCESS)
        kr = send_right(s, port);
    if (kr != KERN_SUCCESS) {
        (void)mach_port_destroy(self, s->port);
        discard(s);
    }
    return kr;
}

kern_return_t bootstrap_list(mach_port_t bootstrap, natural_t index, name_t name, int *active)
{
    const struct service *s = services;

    (void)bootstrap;
    for (; s != NULL && index > 0; index--)
        s = s->next;
    if (s == NULL)
        return BOOTSTRAP_UNKNOWN_SERVICE;
    strlcpy(name, s->name, sizeof(name_t));
    *active = status_of(s);
    return KERN_SUCCESS;
}
