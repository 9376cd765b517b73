/* SPDX-License-Identifier: BSD-2-Clause */
/* Ports and messages, as tests need them all the time. */
#ifndef TEST_PORTS_H
#define TEST_PORTS_H

#include <mach/mach.h>

#define TEST_WORDS 16u
#define TEST_NEVER_MS 50u /* waits that should end by themselves */
/* Waits that should succeed: what an emulated machine may take on a host that is busy otherwise.  Only a test that hangs takes it. */
#define TEST_SOON_MS 60000u

/* A simple message, with room for the largest trailer. */
struct test_message {
    mach_msg_header_t header;
    uint32_t word[TEST_WORDS];
    mach_msg_max_trailer_t trailer;
};

/* A message with one port descriptor. */
struct test_port_message {
    mach_msg_header_t header;
    mach_msg_body_t body;
    mach_msg_port_descriptor_t port;
    uint32_t word[2];
    mach_msg_max_trailer_t trailer;
};

/* A new port: its receive right; with _send also one send right under the same name. */
mach_port_t test_port(void);
mach_port_t test_port_send(void);

/* Release all rights of the name. */
void test_port_destroy(mach_port_t name);

/* User references of the name for a kind of right; ~0: the name is invalid. */
mach_port_urefs_t test_refs(mach_port_t name, mach_port_right_t right);

/* What the name denotes: MACH_PORT_TYPE_*; 0: nothing. */
mach_port_type_t test_type(mach_port_t name);

/* The state of a receive right. */
mach_port_status_t test_status(mach_port_t name);

/* Send that message, not waiting. */
mach_msg_return_t test_send_now(mach_msg_header_t *header, mach_msg_size_t size);

/* Send a message of `words` words (word[i] = i) with that id over a right of `disposition`, not waiting. */
mach_msg_return_t test_send(mach_port_t to, mach_msg_type_name_t disposition, mach_msg_id_t id,
                            unsigned words);

/* Send with a right of `disposition` to `port` as the one descriptor. */
mach_msg_return_t test_send_right(mach_port_t to, mach_msg_id_t id, mach_port_t port,
                                  mach_msg_type_name_t disposition);

/* Receive any message into *m, waiting at most `ms`. */
mach_msg_return_t test_receive(mach_port_t from, void *m, mach_msg_size_t size, unsigned ms);

/* Receive, expecting nothing. */
mach_msg_return_t test_receive_nothing(mach_port_t from);

/* Receive a message with that id within TEST_SOON_MS and release what it holds. Returns: whether one came. */
int test_receive_id(mach_port_t from, mach_msg_id_t id);

/*
 * A task that runs `function` in a copy of this task's memory and then ends.  It finds the rights given here
 * as TEST_CHILD_PORT(0), TEST_CHILD_PORT(1) ...  Returns: its task port, a send right.
 */
struct test_right {
    mach_port_t name;
    mach_msg_type_name_t disposition;
};
#define TEST_CHILD_PORT(i) ((mach_port_t)((100u + (i)) << 8 | 1u))
task_t test_child(void (*function)(void), const struct test_right *rights, unsigned count);

/* As test_child(), but the thread's port is wanted, too. */
task_t test_child_thread(void (*function)(void), const struct test_right *rights, unsigned count,
                         thread_act_t *thread);

/* Wait until the task is dead, release its port. Returns: whether it died within TEST_SOON_MS. */
int test_child_wait(task_t task);

#endif
