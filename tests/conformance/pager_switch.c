/* SPDX-License-Identifier: BSD-2-Clause */
/* A pager that answers a request and waits for the next one in one call: it and who faults change places. */
#include "lib/pager.h"
#include "lib/ports.h"
#include "lib/test.h"

#include <libmach/thread.h>
#include <mach/memory_object_control.h>
#include <mach/memory_object_server.h>

#define SELF mach_task_self()
#define PAGES 32u
#define ID_DATA_SUPPLY 2001
#define RECEIVE (MACH_RCV_MSG | MACH_RCV_TRAILER_ELEMENTS(MACH_RCV_TRAILER_SENDER))

union message {
    mach_msg_header_t header;
    __Request__memory_object_data_request_t request;
    __Request__memory_object_data_supply_t supply;
    uint8_t room[256]; /* with a trailer */
};

/* A thread that serves `count` requests. */
struct server {
    mach_port_t object;
    memory_object_control_t control;
    union message *buffer;
    unsigned count;
    void (*before)(struct server *server); /* each receive; or NULL */
    thread_act_t thread;

    /* what it found */
    mach_msg_return_t result;
    unsigned served;
    unsigned wrong; /* requests that were not as they should be */
};

static const security_token_t kernel = KERNEL_SECURITY_TOKEN_VALUE;
static uint8_t contents[PAGE_SIZE] __attribute__((aligned(PAGE_SIZE)));

/* The answer, in the place of the request: a page of ones. */
static void answer(union message *m)
{
    const mach_port_t control = m->request.memory_control.name;
    const memory_object_offset_t offset = m->request.offset;

    m->supply = (__Request__memory_object_data_supply_t){
        .Head = {.msgh_bits = MACH_MSGH_BITS(MACH_MSG_TYPE_COPY_SEND, 0) | MACH_MSGH_BITS_COMPLEX,
                 .msgh_size = sizeof(m->supply),
                 .msgh_remote_port = control,
                 .msgh_id = ID_DATA_SUPPLY},
        .msgh_body = {2},
        .data = {.address = contents,
                 .size = PAGE_SIZE,
                 .copy = MACH_MSG_VIRTUAL_COPY,
                 .type = MACH_MSG_OOL_DESCRIPTOR},
        .reply_to = {.disposition = MACH_MSG_TYPE_MAKE_SEND_ONCE, .type = MACH_MSG_PORT_DESCRIPTOR},
        .NDR = NDR_record,
        .offset = offset,
        .dataCnt = PAGE_SIZE,
    };
}

static bool is_request(const struct server *s, const union message *m)
{
    const mach_msg_max_trailer_t *trailer = (const void *)(m->room + m->header.msgh_size);

    return m->header.msgh_id == PAGER_DATA_REQUEST && m->header.msgh_size == sizeof(m->request) &&
           m->header.msgh_bits == (MACH_MSGH_BITS_COMPLEX | MACH_MSGH_BITS(0, MACH_MSG_TYPE_PORT_SEND)) &&
           m->header.msgh_local_port == s->object && m->header.msgh_remote_port == MACH_PORT_NULL &&
           m->request.memory_control.name == s->control &&
           m->request.memory_control.disposition == MACH_MSG_TYPE_PORT_SEND &&
           trailer->msgh_sender.val[0] == kernel.val[0] && trailer->msgh_sender.val[1] == kernel.val[1];
}

static void server_run(void *argument)
{
    struct server *s = argument;
    union message *m = s->buffer;
    mach_msg_option_t option = RECEIVE;

    while (s->served < s->count) {
        if (s->before != NULL)
            s->before(s);
        s->result = mach_msg(&m->header, option, sizeof(m->supply), sizeof(*m), s->object, 0, MACH_PORT_NULL);
        if (s->result != MACH_MSG_SUCCESS)
            mach_thread_exit();
        s->served++;
        s->wrong += !is_request(s, m);
        answer(m);
        option = RECEIVE | MACH_SEND_MSG;
    }
    s->result = mach_msg(&m->header, MACH_SEND_MSG, sizeof(m->supply), 0, MACH_PORT_NULL, 0, MACH_PORT_NULL);
    mach_thread_exit();
}

/* An object with a server; its memory. */
static mach_vm_address_t begin(struct server *s)
{
    mach_vm_address_t a;

    s->object = pager_object(PAGES, &a);
    s->control = pager_begin(s->object, MEMORY_OBJECT_COPY_DELAY);
    contents[0] = 1;
    REQUIRE_OK(mach_thread_start(server_run, s, &s->thread));
    return a;
}

/* The server has ended. */
static void end(struct server *s, mach_vm_address_t a)
{
    test_deallocate(a, PAGES * PAGE_SIZE);
    CHECK(pager_ended(s->object), "the object ends");
    test_port_destroy(s->object);
}

static unsigned pages_read(mach_vm_address_t a, unsigned count)
{
    unsigned good = 0;

    for (unsigned i = 0; i < count; i++)
        good += *(volatile uint32_t *)(a + i * PAGE_SIZE) == 1;
    return good;
}

static void test_many(void)
{
    static union message buffer;
    struct server s = {.buffer = &buffer, .count = PAGES};
    const mach_vm_address_t a = begin(&s);

    CHECK_EQUAL(pages_read(a, PAGES), PAGES, "who faults gets page after page");
    REQUIRE(test_child_wait(s.thread));
    CHECK(s.served == PAGES && s.wrong == 0 && s.result == MACH_MSG_SUCCESS,
          "each request is a message of the kernel's, as others are");
    CHECK_EQUAL(test_refs(s.control, MACH_PORT_RIGHT_SEND), PAGES + 1,
                "and brings one more reference to the control port");
    end(&s, a);
}

/* The name is gone with all its references. */
static void forget_control(struct server *s)
{
    if (s->served > 0)
        REQUIRE_OK(mach_port_mod_refs(SELF, s->control, MACH_PORT_RIGHT_SEND, -1));
}

static void test_name(void)
{
    static union message buffer;
    struct server s = {.buffer = &buffer, .count = 4, .before = forget_control};
    const mach_vm_address_t a = begin(&s);

    CHECK_EQUAL(pages_read(a, 4), 4, "a pager may give up its references");
    REQUIRE(test_child_wait(s.thread));
    CHECK_EQUAL(test_refs(s.control, MACH_PORT_RIGHT_SEND), 2, "which are counted");
    CHECK_EQUAL(s.wrong, 0, "and the name stays");
    REQUIRE_OK(mach_port_mod_refs(SELF, s.control, MACH_PORT_RIGHT_SEND, -2));
    struct pager_access access;
    pager_access_start(&access, a + 4 * PAGE_SIZE, false, 0);
    const struct pager_message m = pager_expect(s.object, PAGER_DATA_REQUEST);
    CHECK_EQUAL(test_refs(m.control, MACH_PORT_RIGHT_SEND), 1, "without any it gets another name");
    pager_supply(m.control, m.offset, 1);
    CHECK_RESULT(pager_access_end(&access, TEST_SOON_MS), KERN_SUCCESS, "for the same port");
    end(&s, a);
}

/* The buffer is shared with a copy, and so must be copied before it can be written. */
static void share_buffer(struct server *s)
{
    mach_vm_address_t copy = 0;

    REQUIRE_OK(mach_vm_remap(SELF, &copy, PAGE_SIZE, 0, VM_FLAGS_ANYWHERE, SELF, (uintptr_t)s->buffer, TRUE,
                             &(vm_prot_t){0}, &(vm_prot_t){0}, VM_INHERIT_NONE));
    test_deallocate(copy, PAGE_SIZE);
}

static void test_copied_buffer(void)
{
    struct server s = {.count = 8, .before = share_buffer};

    s.buffer = (union message *)(uintptr_t)test_allocate(PAGE_SIZE);
    const mach_vm_address_t a = begin(&s);
    CHECK_EQUAL(pages_read(a, 8), 8, "a buffer that is copied on write");
    REQUIRE(test_child_wait(s.thread));
    CHECK_EQUAL(s.wrong, 0, "gets every request");
    end(&s, a);
    test_deallocate((uintptr_t)s.buffer, PAGE_SIZE);
}

static void protect_buffer(struct server *s)
{
    REQUIRE_OK(mach_vm_protect(SELF, (uintptr_t)s->buffer, PAGE_SIZE, FALSE, VM_PROT_READ));
}

static void test_lost(void)
{
    struct server s = {.count = 1, .before = protect_buffer};
    struct pager_access access;

    s.buffer = (union message *)(uintptr_t)test_allocate(PAGE_SIZE);
    const mach_vm_address_t a = begin(&s);
    pager_access_start(&access, a, false, 0);
    REQUIRE(test_child_wait(s.thread));
    CHECK_RESULT(s.result, MACH_RCV_INVALID_DATA, "a pager whose buffer can't be written loses the request");
    CHECK_EQUAL(test_refs(s.control, MACH_PORT_RIGHT_SEND), 1, "and the reference that came with it");
    pager_supply(s.control, 0, 2);
    CHECK_RESULT(pager_access_end(&access, TEST_SOON_MS), KERN_SUCCESS, "but may answer it");
    end(&s, a);
    test_deallocate((uintptr_t)s.buffer, PAGE_SIZE);
}

/* The buffer is memory of another pager, which has to provide it first. */
static void test_paged_buffer(void)
{
    mach_vm_address_t b;
    const mach_port_t other = pager_object(1, &b);
    const memory_object_control_t control = pager_begin(other, MEMORY_OBJECT_COPY_DELAY);
    struct server s = {.buffer = (union message *)(uintptr_t)b, .count = 2};
    const mach_vm_address_t a = begin(&s);
    struct pager_access access;

    pager_access_start(&access, a, false, 0);
    CHECK_EQUAL(pager_receive(other, TEST_SOON_MS).id, PAGER_DATA_REQUEST,
                "a pager whose buffer another one provides waits for that");
    pager_supply(control, 0, 0);
    CHECK_RESULT(pager_access_end(&access, TEST_SOON_MS), KERN_SUCCESS, "and serves its own client then");
    CHECK_EQUAL(access.word, 1, "with its contents");
    CHECK_EQUAL(pages_read(a + PAGE_SIZE, 1), 1, "again and again");
    REQUIRE(test_child_wait(s.thread));
    CHECK_EQUAL(s.wrong, 0, "what it was asked is not lost");
    end(&s, a);
    test_deallocate(b, PAGE_SIZE);
    CHECK(pager_finished(other), "so does the other");
    test_port_destroy(other);
}

int main(void)
{
    test_begin("pager_switch");
    test_many();
    test_name();
    test_copied_buffer();
    test_lost();
    test_paged_buffer();
    return test_end();
}
