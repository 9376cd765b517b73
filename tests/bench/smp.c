/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Several CPUs: under -icount the clock counts the instructions of all of them, so what is divided by the number of calls is
 * what the machine did for one.
 */
#include "client.h"

#include <libmach/thread.h>
#include <mach/host_info.h>

#define SELF mach_task_self()
#define CPUS_MAX 8u
#define CALLS 5000u
#define SETTLE_MS 20u
#define KEY_MAX 40

struct client {
    mach_port_t service; /* send right */
    mach_port_t reply;   /* receive right: of the word to begin, then of answers */
    mach_vm_address_t memory;
};

static struct client client[CPUS_MAX];
static mach_port_t done; /* each client sends a message when it is through */

static void call_all(void *arg)
{
    const struct client *c = arg;

    bench_receive(c->reply);
    for (unsigned i = 0; i < CALLS; i++) {
        struct mach_rpc m = {
            .remote = c->service, .local = c->reply, .header = MACH_RPC_HEADER(BENCH_ID, MACH_RPC_WORDS)};
        REQUIRE_OK(mach_rpc_call(&m));
    }
    bench_send(done, MACH_MSG_TYPE_COPY_SEND);
}

/* What one of `calls` takes while `count` clients make theirs, each by `run`. By the clock of the machine: counters of CPUs differ. */
static uint64_t clients_run(unsigned count, void (*run)(void *client), unsigned calls)
{
    thread_act_t thread[CPUS_MAX];

    for (unsigned i = 0; i < count; i++) {
        client[i].reply = test_port_send();
        REQUIRE_OK(mach_thread_start(run, &client[i], &thread[i]));
    }
    test_sleep(SETTLE_MS);
    const uint64_t start = test_now();
    for (unsigned i = 0; i < count; i++)
        bench_send(client[i].reply, MACH_MSG_TYPE_COPY_SEND);
    for (unsigned i = 0; i < count; i++)
        bench_receive(done);
    uint64_t time = test_now() - start;
    for (unsigned i = 0; i < count; i++) {
        REQUIRE(test_child_wait(thread[i]));
        test_port_destroy(client[i].reply);
    }
    return time / (calls * count);
}

/* A client and a server of its own for each CPU. */
static void bench_pairs(unsigned cpus)
{
    task_t server[CPUS_MAX];
    char key[KEY_MAX];

    for (unsigned i = 0; i < cpus; i++) {
        server[i] = bench_server_start(bench_child_serves_registers);
        client[i].service = bench_service;
    }
    (void)snprintf(key, sizeof(key), "rpc_pairs_%ucpus", cpus);
    bench_report(key, clients_run(cpus, call_all, CALLS), "instructions");
    for (unsigned i = 0; i < cpus; i++) {
        bench_service = client[i].service;
        bench_server_stop(server[i]);
    }
}

#define FAULTS 512u

/* The first access to each page of its memory. */
static void fault_all(void *arg)
{
    const struct client *c = arg;

    bench_receive(c->reply);
    for (unsigned i = 0; i < FAULTS; i++)
        *(volatile uint8_t *)(c->memory + i * PAGE_SIZE) = 1;
    bench_send(done, MACH_MSG_TYPE_COPY_SEND);
}

/* Faults in one map, each CPU in a range of its own. */
static void bench_faults(unsigned cpus)
{
    const mach_vm_size_t size = FAULTS * PAGE_SIZE;
    char key[KEY_MAX];

    for (unsigned i = 0; i < cpus; i++)
        client[i].memory = test_allocate(size);
    (void)snprintf(key, sizeof(key), "fault_zero_fill_%ucpus", cpus);
    bench_report(key, clients_run(cpus, fault_all, FAULTS), "instructions");
    for (unsigned i = 0; i < cpus; i++)
        test_deallocate(client[i].memory, size);
}

#define PAUSE_MS 1u
#define BUSY_TICKS 2000000u /* more than the server's pause, at a tick for each instruction */
#define CROSS_CALLS 20u

static void sleep_a_while(void)
{
    test_sleep(PAUSE_MS);
}

/* After each answer the server sleeps. When it wakes, its client keeps their CPU busy, so it goes to another one to wait. */
static void child_serves_elsewhere(void)
{
    bench_serve_late(TEST_CHILD_PORT(0), sleep_a_while);
}

static uint64_t cross(unsigned loops)
{
    uint64_t ticks = 0;

    for (unsigned i = 0; i < loops; i++) {
        uint64_t now = counter_read();
        for (const uint64_t end = now + BUSY_TICKS; now < end;)
            now = counter_read();
        bench_call_buffer(0, 0, bench_reply);
        ticks += counter_read() - now;
    }
    return ticks;
}

/* A call to a server that waits on another CPU. */
static void bench_cross(void)
{
    task_t server = bench_server_start(child_serves_elsewhere);

    (void)bench_run("rpc_cross_cpu", cross, CROSS_CALLS);
    bench_server_stop(server);
}

static uint64_t register_6w(unsigned loops)
{
    return BENCH_LOOP(loops, bench_call_registers(6));
}

/* One pair, and nothing to do for the other CPUs. */
static void bench_one_pair(unsigned cpus)
{
    task_t server = bench_server_start(bench_child_serves_registers);
    char key[KEY_MAX];

    (void)snprintf(key, sizeof(key), "rpc_register_6w_%ucpus", cpus);
    (void)bench_run(key, register_6w, BENCH_LOOPS);
    bench_server_stop(server);
}

int main(void)
{
    host_basic_info_data_t info;
    mach_msg_type_number_t count = HOST_BASIC_INFO_COUNT;

    REQUIRE_OK(host_info(test_host(), HOST_BASIC_INFO, (host_info_t)&info, &count));
    const unsigned cpus = (unsigned)info.avail_cpus;
    REQUIRE(cpus <= CPUS_MAX);
    done = test_port_send();
    bench_reply = test_port();
    bench_one_pair(cpus);
    bench_pairs(cpus);
    bench_faults(cpus);
    if (cpus == 2)
        bench_cross();
    return 0;
}
