/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * mach_port_request_notification(): who wants to be told what.
 *
 * A receive right has its requests in the port.  A name that stands for another's port has one request, which the entry and the
 * port share (struct ipc_port_request): when the port dies it is told that, and one that asked for room is told when there is some.
 * Then it is spent: the port has done with it, and the entry gives it up when it is looked at next.
 */
#include <ipc/entry.h>
#include <ipc/kmsg.h>
#include <ipc/notify.h>
#include <ipc/request.h>
#include <ipc/right.h>
#include <kern/cache.h>
#include <kern/ledger.h>
#include <mach/mach_port_server.h>
#include <mach/notify.h>

static struct cache request_cache;

void ipc_request_init_module(void)
{
    cache_init(&request_cache, "ipc_port_request", sizeof(struct ipc_port_request), 8);
}

/* --- the request of a name --- */

void ipc_request_drop(struct ipc_port_request *request)
{
    if (__atomic_fetch_sub(&request->owners, 1, __ATOMIC_ACQ_REL) != 1)
        return;
    ledger_uncharge(request->payer, sizeof(*request));
    cache_free(&request_cache, request);
}

struct ipc_kmsg *ipc_request_cancel(struct ipc_entry *entry, bool *told)
{
    struct ipc_port_request *request = entry->request;
    struct ipc_kmsg *message = NULL;
    bool died = false;

    if (request != NULL) {
        struct ipc_port *port = entry->object;
        entry->request = NULL;
        ipc_port_lock(port);
        if (ipc_port_alive(port) && !request->spent) {
            list_remove(&request->link);
            message = request->message;
            request->owners--; /* the port's part */
        } else {
            died = !request->spent;
        }
        ipc_port_unlock(port);
        ipc_request_drop(request);
    }
    if (told != NULL)
        *told = died;
    return message;
}

/* --- room --- */

/* The first of the port's requests if it waits for room. */
static struct ipc_port_request *first_armed(const struct ipc_port *port)
{
    struct list *node = list_first(&port->requests);
    struct ipc_port_request *request =
        node == NULL ? NULL : CONTAINER_OF(node, struct ipc_port_request, link);

    return request != NULL && request->armed ? request : NULL;
}

bool ipc_request_is_due(const struct ipc_port *port)
{
    return !list_empty(&port->requests) && ipc_port_has_room(port) && first_armed(port) != NULL;
}

void ipc_request_tell_possible(struct ipc_port *port)
{
    struct ipc_kmsg *message;

    do {
        struct ipc_port_request *request = NULL;
        mach_port_name_t name = MACH_PORT_NULL;
        message = NULL;
        ipc_port_lock(port);
        if (ipc_request_is_due(port)) {
            request = first_armed(port);
            list_remove(&request->link);
            __atomic_store_n(&request->spent, true, __ATOMIC_RELAXED);
            message = request->message;
            name = request->name;
        }
        ipc_port_unlock(port);
        if (request != NULL)
            ipc_request_drop(request);
        ipc_notify_send_possible(message, name);
    } while (message != NULL);
}

/* Context: port locked. */
static void request_arm(struct ipc_port *port, struct ipc_port_request *request)
{
    request->armed = true;
    list_remove(&request->link);
    list_insert_head(&port->requests, &request->link);
}

void ipc_request_arm(struct ipc_space *space, mach_port_name_t name)
{
    struct ipc_port *port = NULL;

    spin_lock(&space->lock);
    struct ipc_entry *entry = ipc_right_lookup(space, name);
    if (entry != NULL && entry->request != NULL && entry->request->possible) {
        port = entry->object;
        ipc_port_ref(port);
        ipc_port_lock(port);
        if (ipc_port_alive(port) && !entry->request->spent)
            request_arm(port, entry->request);
        ipc_port_unlock(port);
    }
    spin_unlock(&space->lock);
    if (port == NULL)
        return;
    ipc_request_tell_possible(port); /* room may have come meanwhile */
    ipc_port_unref(port);
}

/* --- mach_port_request_notification --- */

/* A request on a name on its way through. */
struct asking {
    mach_port_name_t name;
    bool possible; /* send possible, else dead name */
    bool at_once;
    struct ipc_kmsg *message; /* reserved, or NULL: no notification is wanted */
    struct ipc_kmsg *replaced;
    mach_msg_id_t due; /* the notification that is due at once, or 0 */
};

/* The name is dead already. */
static kern_return_t ask_dead(struct ipc_entry *entry, struct asking *a)
{
    if (!a->at_once || a->message == NULL)
        return KERN_INVALID_ARGUMENT;
    /* the notification counts as a user reference */
    kern_return_t kr = ipc_urefs_change(&entry->urefs, 1);
    if (kr == KERN_SUCCESS)
        a->due = MACH_NOTIFY_DEAD_NAME;
    return kr;
}

/* The request becomes the entry's and the port's, unless it is due. Consumes it. */
static void ask_register(struct ipc_entry *entry, struct asking *a, struct ipc_port_request *request)
{
    struct ipc_port *port = entry->object;

    ipc_port_lock(port);
    if (!ipc_port_alive(port)) {
        /* it died between the look-up and here: as if right after the request */
        entry->urefs = ipc_urefs_add(entry->urefs);
        a->due = MACH_NOTIFY_DEAD_NAME;
    } else if (a->possible && a->at_once && ipc_port_has_room(port)) {
        a->due = MACH_NOTIFY_SEND_POSSIBLE;
    } else {
        list_insert_tail(&port->requests, &request->link);
        entry->request = request;
        if (a->possible && a->at_once)
            request_arm(port, request);
        request = NULL;
    }
    ipc_port_unlock(port);
    if (request != NULL) {
        request->owners = 1;
        ipc_request_drop(request);
    }
}

static struct ipc_port_request *request_alloc(struct ledger_account *payer)
{
    if (!ledger_charge(payer, sizeof(struct ipc_port_request)))
        return NULL;
    struct ipc_port_request *request = cache_alloc(&request_cache);
    if (request == NULL)
        ledger_uncharge(payer, sizeof(*request));
    return request;
}

/* Context: space->lock held. */
static kern_return_t ask_live(ipc_space_t space, struct ipc_entry *entry, struct asking *a)
{
    struct ipc_port_request *request = NULL;
    bool told;

    if ((entry->bits & (a->possible ? MACH_PORT_TYPE_SEND : MACH_PORT_TYPE_PORT_RIGHTS)) == 0)
        return KERN_INVALID_RIGHT;
    if (a->message != NULL && (request = request_alloc(&space->ledger->memory)) == NULL)
        return KERN_RESOURCE_SHORTAGE;
    a->replaced = ipc_request_cancel(entry, &told);
    if (told) /* a moment ago: that counts as a user reference */
        entry->urefs = ipc_urefs_add(entry->urefs);
    if (request == NULL)
        return KERN_SUCCESS;
    *request = (struct ipc_port_request){.owners = 2,
                                         .name = a->name,
                                         .message = a->message,
                                         .possible = a->possible,
                                         .payer = &space->ledger->memory};
    list_init(&request->link);
    ask_register(entry, a, request);
    return KERN_SUCCESS;
}

static kern_return_t request_on_name(ipc_space_t space, struct asking *a, struct ipc_port **previous)
{
    kern_return_t kr = KERN_INVALID_TASK;

    spin_lock(&space->lock);
    if (space->active) {
        struct ipc_entry *entry = ipc_right_lookup(space, a->name);
        if (entry == NULL)
            kr = KERN_INVALID_NAME;
        else
            kr = entry->bits & MACH_PORT_TYPE_DEAD_NAME ? ask_dead(entry, a) : ask_live(space, entry, a);
    }
    spin_unlock(&space->lock);
    if (a->due == MACH_NOTIFY_DEAD_NAME)
        ipc_notify_dead_name(a->message, a->name);
    else if (a->due == MACH_NOTIFY_SEND_POSSIBLE)
        ipc_notify_send_possible(a->message, a->name);
    *previous = ipc_notify_release(a->replaced);
    return kr;
}

/* Returns whether there are no senders now, so that it is told at once. Context: port locked. */
static bool request_no_senders(struct ipc_port *port, mach_port_mscount_t sync, struct ipc_kmsg *message,
                               struct ipc_kmsg **previous)
{
    bool told = message != NULL && port->srights == 0 && sync <= port->mscount;

    *previous = port->no_senders;
    port->no_senders = told ? NULL : message;
    return told;
}

static kern_return_t request_on_receive(ipc_space_t space, mach_port_name_t name, mach_msg_id_t id,
                                        mach_port_mscount_t sync, struct ipc_kmsg *message,
                                        struct ipc_port **previous)
{
    struct ipc_kmsg *replaced;
    struct ipc_port *port;
    bool told = false;

    if (id == MACH_NOTIFY_PORT_DESTROYED && sync != 0)
        return KERN_INVALID_VALUE;
    kern_return_t kr = ipc_right_receive_enter(space, name, &port);
    if (kr != KERN_SUCCESS)
        return kr;
    if (id == MACH_NOTIFY_NO_SENDERS) {
        told = request_no_senders(port, sync, message, &replaced);
    } else {
        replaced = port->port_destroyed;
        port->port_destroyed = message;
    }
    uint32_t mscount = port->mscount;
    ipc_port_unlock(port);
    if (told)
        ipc_notify_no_senders(message, mscount);
    *previous = ipc_notify_release(replaced);
    return KERN_SUCCESS;
}

static bool id_is_known(mach_msg_id_t id)
{
    return id == MACH_NOTIFY_NO_SENDERS || id == MACH_NOTIFY_PORT_DESTROYED || id == MACH_NOTIFY_DEAD_NAME ||
           id == MACH_NOTIFY_SEND_POSSIBLE;
}

kern_return_t mach_port_request_notification(ipc_space_t space, mach_port_name_t name, mach_msg_id_t id,
                                             mach_port_mscount_t sync, mach_port_t notify,
                                             mach_port_t *previous)
{
    struct asking a = {.name = name, .possible = id == MACH_NOTIFY_SEND_POSSIBLE, .at_once = sync != 0};
    kern_return_t kr;

    *previous = NULL;
    if (notify == IPC_PORT_DEAD)
        return KERN_INVALID_CAPABILITY;
    if (!id_is_known(id))
        return KERN_INVALID_VALUE;
    if (notify != NULL && (a.message = ipc_notify_reserve(notify, &space->ledger->memory)) == NULL)
        return KERN_RESOURCE_SHORTAGE;
    if (id == MACH_NOTIFY_NO_SENDERS || id == MACH_NOTIFY_PORT_DESTROYED)
        kr = request_on_receive(space, name, id, sync, a.message, previous);
    else
        kr = request_on_name(space, &a, previous);
    if (kr != KERN_SUCCESS)
        (void)ipc_notify_release(a.message); /* the right is the caller's yet */
    return kr;
}

/* --- requests of the kernel --- */

struct ipc_port_request *ipc_request_kernel_begin(struct ipc_port *port, struct ipc_port *notify,
                                                  struct ledger_account *payer)
{
    struct ipc_kmsg *message = ipc_notify_reserve(notify, payer);
    struct ipc_port_request *request = message != NULL ? request_alloc(payer) : NULL;

    if (request == NULL) {
        (void)ipc_notify_release(message);
        ipc_port_drop_send_once(notify);
        return NULL;
    }
    *request = (struct ipc_port_request){.owners = 2, .message = message, .payer = payer};
    list_init(&request->link);
    ipc_port_lock(port);
    bool alive = ipc_port_alive(port);
    if (alive)
        list_insert_tail(&port->requests, &request->link);
    ipc_port_unlock(port);
    if (alive)
        return request;
    request->owners = 1;
    ipc_request_drop(request);
    ipc_port_drop_send_once(ipc_notify_release(message));
    return NULL;
}

void ipc_request_kernel_end(struct ipc_port *port, struct ipc_port_request *request)
{
    struct ipc_kmsg *message = NULL;

    ipc_port_lock(port);
    if (ipc_port_alive(port)) {
        list_remove(&request->link);
        message = request->message;
        request->owners--; /* the port's part */
    }
    ipc_port_unlock(port);
    if (message != NULL)
        ipc_port_drop_send_once(ipc_notify_release(message));
    ipc_request_drop(request);
}
