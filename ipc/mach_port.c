/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * mach_port.defs, first part: names and user references.  The space comes referenced from the stub, which drops the
 * reference; it may be another task's, and may die meanwhile (KERN_INVALID_TASK).
 */
#include <ipc/entry.h>
#include <ipc/guard.h>
#include <ipc/hash.h>
#include <ipc/notify.h>
#include <ipc/port_life.h>
#include <ipc/port_trap.h>
#include <ipc/pset.h>
#include <ipc/request.h>
#include <ipc/right.h>
#include <kern/ledger.h>
#include <kern/panic.h>
#include <mach/mach_port_server.h>

/* Lock the space if it is alive. */
static bool space_enter(ipc_space_t space) TRY_ACQUIRE(true, space->lock) NO_THREAD_SAFETY_ANALYSIS
{
    spin_lock(&space->lock);
    if (space->active)
        return true;
    spin_unlock(&space->lock);
    return false;
}

static mach_port_type_t entry_type(const struct ipc_entry *entry)
{
    return (entry->bits & MACH_PORT_TYPE_ALL_RIGHTS) | ipc_request_type(entry);
}

kern_return_t mach_port_type(ipc_space_t space, mach_port_name_t name, mach_port_type_t *type)
{
    if (!space_enter(space))
        return KERN_INVALID_TASK;
    struct ipc_entry *entry = ipc_right_lookup(space, name);
    if (entry != NULL)
        *type = entry_type(entry);
    spin_unlock(&space->lock);
    return entry != NULL ? KERN_SUCCESS : KERN_INVALID_NAME;
}

/* --- making and renaming --- */

static inline __attribute__((always_inline)) kern_return_t allocate_receive(ipc_space_t space,
                                                                            mach_port_name_t *name,
                                                                            const bool named)
{
    struct ipc_entry *entry;

    spin_lock(&space->lock);
    kern_return_t kr =
        named ? ipc_entry_alloc_name(space, *name, &entry) : ipc_entry_alloc(space, name, &entry);
    if (__builtin_expect(kr == KERN_SUCCESS, 1)) {
        struct ipc_port *port = ipc_port_alloc_named(space, *name);
        if (__builtin_expect(port != NULL, 1)) {
            entry->object = port;
            ipc_entry_set(entry, *name, MACH_PORT_TYPE_RECEIVE, 0);
        } else {
            ipc_entry_free(space, *name, entry);
            kr = KERN_RESOURCE_SHORTAGE;
        }
    }
    spin_unlock(&space->lock);
    return kr;
}

kern_return_t ipc_receive_begin(ipc_space_t space, mach_port_name_t *name)
{
    return allocate_receive(space, name, false);
}

/* A port set or a dead name. */
static kern_return_t allocate_other(ipc_space_t space, mach_port_right_t right, mach_port_name_t *name,
                                    bool named)
{
    struct ipc_pset *pset = NULL;
    struct ipc_entry *entry;

    if (right == MACH_PORT_RIGHT_PORT_SET && (pset = ipc_pset_create(*name, &space->ledger->memory)) == NULL)
        return KERN_RESOURCE_SHORTAGE;
    spin_lock(&space->lock);
    kern_return_t kr =
        named ? ipc_entry_alloc_name(space, *name, &entry) : ipc_entry_alloc(space, name, &entry);
    if (kr == KERN_SUCCESS) {
        if (pset != NULL) {
            entry->object = pset;
            pset->name = *name;
        }
        ipc_entry_set(entry, *name, MACH_PORT_TYPE(right), 1);
    }
    spin_unlock(&space->lock);
    if (kr != KERN_SUCCESS && pset != NULL)
        ipc_pset_destroy(pset);
    return kr;
}

kern_return_t mach_port_allocate(ipc_space_t space, mach_port_right_t right, mach_port_name_t *name)
{
    *name = MACH_PORT_NULL;
    switch (right) {
    case MACH_PORT_RIGHT_RECEIVE:
        return ipc_receive_begin(space, name);
    case MACH_PORT_RIGHT_PORT_SET:
    case MACH_PORT_RIGHT_DEAD_NAME:
        return allocate_other(space, right, name, false);
    default:
        return KERN_INVALID_VALUE;
    }
}

kern_return_t mach_port_allocate_name(ipc_space_t space, mach_port_right_t right, mach_port_name_t name)
{
    if (!MACH_PORT_VALID(name))
        return KERN_INVALID_VALUE;
    switch (right) {
    case MACH_PORT_RIGHT_RECEIVE:
        return allocate_receive(space, &name, true);
    case MACH_PORT_RIGHT_PORT_SET:
    case MACH_PORT_RIGHT_DEAD_NAME:
        return allocate_other(space, right, &name, true);
    default:
        return KERN_INVALID_VALUE;
    }
}

/* Everything that an entry is moves from one to another. Port or set locked as needed by the caller. */
static void entry_move(ipc_space_t space, struct ipc_entry *from, mach_port_name_t from_name,
                       struct ipc_entry *to, mach_port_name_t to_name)
{
    uint32_t bits = from->bits;
    bool hashed = ipc_entry_is_hashed(bits);

    if (hashed)
        ipc_hash_remove(space, from);
    to->object = from->object;
    to->request = from->request;
    from->request = NULL;
    if (to->request != NULL)
        to->request->name = to_name;
    ipc_entry_set(to, to_name, bits, from->urefs);
    ipc_entry_free(space, from_name, from);
    if (hashed)
        ipc_hash_insert(space, to);
}

kern_return_t mach_port_rename(ipc_space_t space, mach_port_name_t old_name, mach_port_name_t new_name)
{
    struct ipc_entry *to;

    if (!MACH_PORT_VALID(new_name))
        return KERN_INVALID_VALUE;
    if (!space_enter(space))
        return KERN_INVALID_TASK;
    struct ipc_entry *from = ipc_right_lookup(space, old_name);
    kern_return_t kr = from == NULL ? KERN_INVALID_NAME : ipc_entry_alloc_name(space, new_name, &to);
    if (kr == KERN_SUCCESS && (from->bits & MACH_PORT_TYPE_PORT_RIGHTS) != 0) {
        struct ipc_port *port = from->object;
        ipc_port_lock(port);
        if (from->bits & MACH_PORT_TYPE_RECEIVE) {
            ipc_port_fast_to_list(port);
            port->name = new_name;
            ipc_port_moved(port);
        }
        entry_move(space, from, old_name, to, new_name);
        ipc_port_unlock(port);
    } else if (kr == KERN_SUCCESS) {
        if (from->bits & MACH_PORT_TYPE_PORT_SET)
            ipc_pset_rename(from->object, new_name);
        entry_move(space, from, old_name, to, new_name);
    }
    spin_unlock(&space->lock);
    return kr;
}

/* --- user references --- */

/* What fell out of an entry, to be destroyed without locks. */
struct fallen {
    mach_port_name_t name;
    struct ipc_port *receive;
    struct ipc_port *send;
    struct ipc_port *send_once;
    struct ipc_pset *pset;
    struct ipc_kmsg *deleted;
};

static void fallen_destroy(struct fallen *f)
{
    if (f->deleted != NULL)
        ipc_notify_port_deleted(f->deleted, f->name);
    if (f->pset != NULL)
        ipc_pset_destroy(f->pset);
    if (f->receive != NULL)
        ipc_port_destroy(f->receive);
    if (f->send != NULL)
        ipc_port_release_send(f->send);
    if (f->send_once != NULL)
        ipc_port_release_send_once(f->send_once);
}

/* Take the rights of `kinds` out of the entry. Context: space locked. */
static void entry_drop(ipc_space_t space, struct ipc_entry *entry, mach_port_name_t name, uint32_t kinds,
                       struct fallen *f)
{
    uint32_t drop = entry->bits & kinds;
    uint32_t left = entry->bits & ~kinds & MACH_PORT_TYPE_ALL_RIGHTS;

    *f = (struct fallen){.name = name};
    if (drop & MACH_PORT_TYPE_PORT_SET)
        f->pset = entry->object;
    if ((drop & MACH_PORT_TYPE_PORT_RIGHTS) == 0) {
        ipc_entry_free(space, name, entry);
        return;
    }
    struct ipc_port *port = entry->object;
    f->receive = drop & MACH_PORT_TYPE_RECEIVE ? port : NULL;
    f->send = drop & MACH_PORT_TYPE_SEND ? port : NULL;
    f->send_once = drop & MACH_PORT_TYPE_SEND_ONCE ? port : NULL;
    if (left == 0) {
        if (entry->request != NULL)
            f->deleted = ipc_request_cancel(entry, NULL);
        if (ipc_entry_is_hashed(entry->bits))
            ipc_hash_remove(space, entry);
    } else if (left == MACH_PORT_TYPE_SEND) {
        ipc_hash_insert(space, entry);
    }
    ipc_port_lock(port);
    if (drop & MACH_PORT_TYPE_SEND_ONCE && entry->bits != MACH_PORT_TYPE_SEND_ONCE)
        f->send_once = NULL; /* used on the fast path at this moment: that took it */
    else if (left == 0)
        ipc_entry_free(space, name, entry);
    else
        ipc_entry_set(entry, name, left, left & MACH_PORT_TYPE_SEND ? entry->urefs : 0);
    if (drop & MACH_PORT_TYPE_RECEIVE) {
        ipc_port_fast_to_list(port);
        ipc_port_moved(port);
        __atomic_store_n(&port->place, IPC_PORT_IN_TRANSIT, __ATOMIC_RELAXED);
    }
    ipc_port_unlock(port);
}

/* Context: space locked. Returns: the dead port, with a reference; NULL: nothing changed. */
static inline struct ipc_port *receive_drop(ipc_space_t space, mach_port_name_t name)
{
    struct ipc_entry *entry = ipc_entry_peek(space, name);

    if (entry == NULL || entry->bits != MACH_PORT_TYPE_RECEIVE || ~entry->key != name ||
        entry->request != NULL)
        return NULL;
    struct ipc_port *port = entry->object;
    if (!ipc_port_die_unnoticed(port))
        return NULL;
    ipc_entry_free(space, name, entry);
    return port;
}

bool ipc_receive_end(ipc_space_t space, mach_port_name_t name)
{
    spin_lock(&space->lock);
    struct ipc_port *dead = space->active ? receive_drop(space, name) : NULL;
    spin_unlock(&space->lock);
    if (dead == NULL)
        return false;
    if (__builtin_expect(ref_put(&dead->refs), 1))
        ipc_port_free_inline(dead);
    return true;
}

kern_return_t mach_port_destroy(ipc_space_t space, mach_port_name_t name)
{
    struct fallen fallen = {.name = name};

    if (ipc_receive_end(space, name))
        return KERN_SUCCESS;
    if (!space_enter(space))
        return KERN_INVALID_TASK;
    struct ipc_entry *entry = ipc_right_lookup(space, name);
    kern_return_t kr = entry == NULL ? KERN_INVALID_NAME : KERN_SUCCESS;
    if (kr == KERN_SUCCESS && (entry->bits & MACH_PORT_TYPE_RECEIVE) != 0 &&
        !ipc_guard_permits(entry->object, name, NULL, kGUARD_EXC_DESTROY))
        kr = KERN_INVALID_RIGHT;
    if (kr == KERN_SUCCESS)
        entry_drop(space, entry, name, MACH_PORT_TYPE_ALL_RIGHTS, &fallen);
    spin_unlock(&space->lock);
    fallen_destroy(&fallen);
    return kr;
}

kern_return_t mach_port_get_refs(ipc_space_t space, mach_port_name_t name, mach_port_right_t right,
                                 mach_port_urefs_t *refs)
{
    if (right > MACH_PORT_RIGHT_DEAD_NAME)
        return KERN_INVALID_VALUE;
    if (!space_enter(space))
        return KERN_INVALID_TASK;
    kern_return_t kr = KERN_SUCCESS;
    struct ipc_entry *entry = ipc_right_lookup(space, name);
    if (entry == NULL)
        kr = KERN_INVALID_NAME;
    else if ((entry->bits & MACH_PORT_TYPE(right)) == 0)
        *refs = 0;
    else if (right == MACH_PORT_RIGHT_SEND || right == MACH_PORT_RIGHT_DEAD_NAME)
        *refs = entry->urefs;
    else
        *refs = 1;
    spin_unlock(&space->lock);
    return kr;
}

/* Change a counted kind of right. Context: space locked. */
static kern_return_t delta_counted(ipc_space_t space, struct ipc_entry *entry, mach_port_name_t name,
                                   uint32_t kind, mach_port_delta_t delta, struct fallen *f)
{
    kern_return_t kr = ipc_urefs_change(&entry->urefs, delta);

    if (kr == KERN_SUCCESS && entry->urefs == 0)
        entry_drop(space, entry, name, kind, f);
    return kr;
}

/* A receive right, set or send-once right can only be kept (0) or dropped (-1). */
static kern_return_t delta_single(ipc_space_t space, struct ipc_entry *entry, mach_port_name_t name,
                                  uint32_t kind, mach_port_delta_t delta, struct fallen *f)
{
    if (delta != 0 && delta != -1)
        return KERN_INVALID_VALUE;
    if (delta == 0)
        return KERN_SUCCESS;
    if (kind == MACH_PORT_TYPE_RECEIVE && !ipc_guard_permits(entry->object, name, NULL, kGUARD_EXC_MOD_REFS))
        return KERN_INVALID_RIGHT;
    entry_drop(space, entry, name, kind, f);
    return KERN_SUCCESS;
}

static kern_return_t entry_delta(ipc_space_t space, mach_port_name_t name, uint32_t kinds,
                                 mach_port_delta_t delta, struct fallen *f)
{
    struct ipc_entry *entry = ipc_right_lookup(space, name);
    if (entry == NULL)
        return KERN_INVALID_NAME;
    uint32_t kind = entry->bits & kinds;
    if (kind == 0)
        return KERN_INVALID_RIGHT;
    if (kind & (MACH_PORT_TYPE_SEND | MACH_PORT_TYPE_DEAD_NAME))
        return delta_counted(space, entry, name, kind, delta, f);
    return delta_single(space, entry, name, kind, delta, f);
}

static kern_return_t mod_refs(ipc_space_t space, mach_port_name_t name, uint32_t kinds,
                              mach_port_delta_t delta)
{
    struct fallen fallen = {.name = name};

    if (!space_enter(space))
        return KERN_INVALID_TASK;
    kern_return_t kr = entry_delta(space, name, kinds, delta, &fallen);
    spin_unlock(&space->lock);
    fallen_destroy(&fallen);
    return kr;
}

kern_return_t mach_port_mod_refs(ipc_space_t space, mach_port_name_t name, mach_port_right_t right,
                                 mach_port_delta_t delta)
{
    if (right > MACH_PORT_RIGHT_DEAD_NAME)
        return KERN_INVALID_VALUE;
    if (right == MACH_PORT_RIGHT_RECEIVE && delta == -1 && ipc_receive_end(space, name))
        return KERN_SUCCESS;
    return mod_refs(space, name, MACH_PORT_TYPE(right), delta);
}

kern_return_t mach_port_deallocate(ipc_space_t space, mach_port_name_t name)
{
    return mod_refs(space, name, MACH_PORT_TYPE_SEND_RIGHTS | MACH_PORT_TYPE_DEAD_NAME, -1);
}

/* --- properties and guards --- */

#define OPTIONS (MPO_CONTEXT_AS_GUARD | MPO_QLIMIT | MPO_INSERT_SEND_RIGHT | MPO_STRICT)

static kern_return_t check_options(const mach_port_options_t *options)
{
    const bool guarded = (options->flags & MPO_CONTEXT_AS_GUARD) != 0;

    if ((options->flags & ~OPTIONS) != 0 || (!guarded && (options->flags & MPO_STRICT) != 0) ||
        options->reserved[0] != 0 || options->reserved[1] != 0)
        return KERN_INVALID_ARGUMENT;
    if ((options->flags & MPO_QLIMIT) != 0 && options->mpl.mpl_qlimit > MACH_PORT_QLIMIT_MAX)
        return KERN_INVALID_VALUE;
    return KERN_SUCCESS;
}

/* A new port becomes what the options say. Returns: what its entry denotes. Context: nobody else knows it yet. */
static uint32_t construct(struct ipc_port *port, const mach_port_options_t *options, uint64_t context)
{
    const bool send = (options->flags & MPO_INSERT_SEND_RIGHT) != 0;

    ipc_port_lock(port);
    port->context = context;
    if (options->flags & MPO_CONTEXT_AS_GUARD)
        port->guard = options->flags & MPO_STRICT ? IPC_PORT_GUARDED_STRICTLY : IPC_PORT_GUARDED;
    if (options->flags & MPO_QLIMIT)
        port->qlimit = (uint16_t)options->mpl.mpl_qlimit;
    if (send) {
        ipc_port_send_add(port, true);
        ipc_port_ref(port);
    }
    ipc_port_unlock(port);
    return MACH_PORT_TYPE_RECEIVE | (send ? MACH_PORT_TYPE_SEND : 0);
}

kern_return_t mach_port_construct(ipc_space_t space, mach_port_options_words_t words,
                                  mach_port_context_t context, mach_port_name_t *name)
{
    const mach_port_options_t *options = (const void *)words;
    struct ipc_entry *entry;

    kern_return_t kr = check_options(options);
    if (kr != KERN_SUCCESS)
        return kr;
    spin_lock(&space->lock);
    kr = ipc_entry_alloc(space, name, &entry);
    if (kr == KERN_SUCCESS) {
        struct ipc_port *port = ipc_port_alloc_named(space, *name);
        if (port != NULL) {
            uint32_t bits = construct(port, options, context);
            entry->object = port;
            ipc_entry_set(entry, *name, bits, bits & MACH_PORT_TYPE_SEND ? 1 : 0);
        } else {
            ipc_entry_free(space, *name, entry);
            kr = KERN_RESOURCE_SHORTAGE;
        }
    }
    spin_unlock(&space->lock);
    return kr;
}

/* Context: space locked; the entry has the receive right. */
static kern_return_t entry_destruct(ipc_space_t space, struct ipc_entry *entry, mach_port_name_t name,
                                    mach_port_delta_t srdelta, mach_port_context_t guard, struct fallen *f)
{
    uint32_t kinds = MACH_PORT_TYPE_RECEIVE;

    if (!ipc_guard_permits(entry->object, name, &guard, kGUARD_EXC_DESTROY))
        return KERN_INVALID_ARGUMENT;
    if (srdelta > 0 || (srdelta < 0 && ipc_urefs_change(&entry->urefs, srdelta) != KERN_SUCCESS))
        return KERN_INVALID_VALUE;
    if (srdelta < 0 && entry->urefs == 0)
        kinds |= MACH_PORT_TYPE_SEND;
    entry_drop(space, entry, name, kinds, f);
    return KERN_SUCCESS;
}

kern_return_t mach_port_destruct(ipc_space_t space, mach_port_name_t name, mach_port_delta_t srdelta,
                                 mach_port_context_t guard)
{
    struct fallen fallen = {.name = name};
    struct ipc_entry *entry;

    spin_lock(&space->lock);
    kern_return_t kr = ipc_right_find(space, name, MACH_PORT_TYPE_RECEIVE, &entry);
    if (kr == KERN_SUCCESS)
        kr = entry_destruct(space, entry, name, srdelta, guard, &fallen);
    spin_unlock(&space->lock);
    fallen_destroy(&fallen);
    return kr;
}

/* --- rights in and out --- */

kern_return_t mach_port_insert_right(ipc_space_t space, mach_port_name_t name, mach_port_t port,
                                     mach_msg_type_name_t type)
{
    if (!MACH_PORT_VALID(name) || !MACH_MSG_TYPE_PORT_ANY_RIGHT(type))
        return KERN_INVALID_VALUE;
    if (!IPC_PORT_VALID(port))
        return KERN_INVALID_CAPABILITY;
    return ipc_right_copyout_name(space, port, type, name);
}

kern_return_t mach_port_extract_right(ipc_space_t space, mach_port_name_t name,
                                      mach_msg_type_name_t disposition, mach_port_t *port,
                                      mach_msg_type_name_t *type)
{
    if (!MACH_MSG_TYPE_PORT_ANY(disposition))
        return KERN_INVALID_VALUE;
    if (!MACH_PORT_VALID(name))
        return KERN_INVALID_NAME;
    *type = ipc_right_result(disposition);
    return ipc_right_copyin(space, name, disposition, port);
}
