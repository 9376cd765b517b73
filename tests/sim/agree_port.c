/* SPDX-License-Identifier: BSD-2-Clause */
#include "agree_port.h"

#include "../../lib/libmach/trap_message.h"
#include <mach/mig.h>

enum kind {
    ALLOCATE, /* under a name of the kernel's choice, which then becomes the one that is meant */
    DESTROY,
    DEALLOCATE,
    MOD_REFS,
    INSERT_RIGHT,
    MOVE_MEMBER,
    INSERT_MEMBER,
    EXTRACT_MEMBER,
    KINDS
};

struct port_call {
    enum kind kind;
    mach_port_name_t name, other;
    mach_port_name_t made; /* what ALLOCATE gave */
    uint32_t right;        /* one more than there are, too */
    mach_port_delta_t delta;
    mach_msg_type_name_t disposition;
};

uint64_t agree_port_traps;

static kern_return_t by_message(struct port_call *c)
{
    const mach_port_t self = mach_task_self();

    switch (c->kind) {
    case ALLOCATE:
        return mach_port_allocate_message(self, c->right, &c->made);
    case DESTROY:
        return mach_port_destroy_message(self, c->name);
    case DEALLOCATE:
        return mach_port_deallocate_message(self, c->name);
    case MOD_REFS:
        return mach_port_mod_refs_message(self, c->name, c->right, c->delta);
    case INSERT_RIGHT:
        return mach_port_insert_right_message(self, c->name, c->other, c->disposition);
    case MOVE_MEMBER:
        return mach_port_move_member_message(self, c->name, c->other);
    case INSERT_MEMBER:
        return mach_port_insert_member_message(self, c->name, c->other);
    default:
        return mach_port_extract_member_message(self, c->name, c->other);
    }
}

static kern_return_t by_trap(struct port_call *c)
{
    const mach_port_t self = mach_task_self();

    switch (c->kind) {
    case ALLOCATE: {
        const uint64_t result = mach_port_allocate_trap(self, c->right);
        c->made = (mach_port_name_t)(result >> 32);
        return (kern_return_t)result;
    }
    case DESTROY:
        return mach_port_destroy_trap(self, c->name);
    case DEALLOCATE:
        return mach_port_deallocate_trap(self, c->name);
    case MOD_REFS:
        return mach_port_mod_refs_trap(self, c->name, c->right, c->delta);
    case INSERT_RIGHT:
        return mach_port_insert_right_trap(self, c->name, c->other, c->disposition);
    case MOVE_MEMBER:
        return mach_port_move_member_trap(self, c->name, c->other);
    case INSERT_MEMBER:
        return mach_port_insert_member_trap(self, c->name, c->other);
    default:
        return mach_port_extract_member_trap(self, c->name, c->other);
    }
}

static kern_return_t perform(struct port_call *c, bool traps)
{
    if (!traps)
        return by_message(c);
    const kern_return_t kr = by_trap(c);
    if (kr == MACH_SEND_INVALID_DEST) /* a right that can't be taken is the message's to refuse */
        return by_message(c);
    agree_port_traps++;
    return kr;
}

kern_return_t agree_port_call(uint64_t random, bool traps, mach_port_name_t names, uint32_t count,
                              mach_port_name_t set)
{
    const uint32_t generations = 256; /* from the name of one index to that of the next */
    struct port_call c = {
        .kind = (enum kind)(random % KINDS),
        .name = names + (uint32_t)(random >> 8) % count * generations,
        .other = names + (uint32_t)(random >> 16) % count * generations,
        .right = (uint32_t)(random >> 24) % (MACH_PORT_RIGHT_DEAD_NAME + 2),
        .delta = (mach_port_delta_t)(random >> 32 & 3) - 2,
        .disposition = MACH_MSG_TYPE_MOVE_RECEIVE + (uint32_t)(random >> 40) % 6,
    };

    if (c.kind >= MOVE_MEMBER && (random >> 48) % 4 != 0)
        c.other = (random >> 52) % 4 != 0 ? set : MACH_PORT_NULL;
    kern_return_t kr = perform(&c, traps);
    if (c.kind == ALLOCATE && kr == KERN_SUCCESS) {
        kr = mach_port_rename(mach_task_self(), c.made, c.name);
        if (kr != KERN_SUCCESS)
            (void)mach_port_destroy(mach_task_self(), c.made);
    }
    return kr;
}

void agree_port_forget(void)
{
    mig_dealloc_reply_port(mig_get_reply_port());
}
