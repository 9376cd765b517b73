/* SPDX-License-Identifier: BSD-2-Clause */
/* Devices for users: device.defs. */
#include "lib/alarm.h"
#include "lib/ports.h"
#include "lib/test.h"

#include <libmach/program.h>
#include <mach/device_types.h>
#include <mach/program.h>
#include <string.h>

#define SELF mach_task_self()
#define ANYWHERE (~UINT64_C(0))
#define SIZE (3 * PAGE_SIZE)
#define FOUR_GIB (UINT64_C(1) << 32)

static device_master_t master;
static mach_port_t no_master; /* some other port */

static void release(mach_port_t name)
{
    REQUIRE_OK(mach_port_deallocate(SELF, name));
}

static kern_return_t map(mach_port_t memory, mach_vm_size_t size, boolean_t copy, vm_inherit_t inheritance,
                         mach_vm_address_t *at)
{
    *at = 0;
    return mach_vm_map(SELF, at, size, 0, VM_FLAGS_ANYWHERE, memory, 0, copy, VM_PROT_DEFAULT,
                       VM_PROT_DEFAULT, inheritance);
}

static mach_port_t alarm_memory(void)
{
    mach_port_t memory;

    REQUIRE_OK(device_memory(master, alarm_address, PAGE_SIZE, &memory));
    return memory;
}

static volatile void *alarm_registers(void)
{
    const mach_port_t memory = alarm_memory();
    mach_vm_address_t at;

    REQUIRE_OK(map(memory, PAGE_SIZE, FALSE, VM_INHERIT_NONE, &at));
    release(memory);
    return (volatile void *)at;
}

static mach_port_t contiguous(mach_vm_size_t size, uint64_t *address)
{
    mach_port_t memory;

    REQUIRE_OK(device_contiguous_memory(master, size, ANYWHERE, address, &memory));
    return memory;
}

/* --- memory --- */

static void test_contiguous(void)
{
    mach_port_t memory;
    uint64_t address;
    mach_vm_address_t a, b;
    bool zero = true;

    CHECK_RESULT(device_contiguous_memory(master, SIZE, FOUR_GIB - 1, &address, &memory), KERN_SUCCESS,
                 "memory for a device");
    CHECK(address % (4 * PAGE_SIZE) == 0, "it is aligned to its size, which a power of two holds");
    CHECK(address + SIZE <= FOUR_GIB, "it ends where the device can still reach it");
    CHECK_RESULT(map(memory, SIZE, FALSE, VM_INHERIT_NONE, &a), KERN_SUCCESS, "it is mapped");
    CHECK_RESULT(map(memory, SIZE, FALSE, VM_INHERIT_NONE, &b), KERN_SUCCESS, "and once more");
    for (unsigned i = 0; i < SIZE / sizeof(uint64_t); i++)
        zero &= ((const uint64_t *)a)[i] == 0;
    CHECK(zero, "it is zero");
    *(volatile uint32_t *)(a + SIZE - 4) = 5;
    CHECK_EQUAL(*(volatile uint32_t *)(b + SIZE - 4), 5, "and the same in both places");
    release(memory);
    test_deallocate(a, SIZE);
    CHECK_EQUAL(*(volatile uint32_t *)(b + SIZE - 4), 5, "it stays as long as a mapping does");
    test_deallocate(b, SIZE);
    /* limit: device_contiguous_memory */
    CHECK_RESULT(device_contiguous_memory(master, DEVICE_CONTIGUOUS_MAX + 1, ANYWHERE, &address, &memory),
                 KERN_INVALID_ARGUMENT, "too much in one block is refused");
    CHECK_RESULT(device_contiguous_memory(master, 0, ANYWHERE, &address, &memory), KERN_INVALID_ARGUMENT,
                 "and so is nothing");
    CHECK_RESULT(device_contiguous_memory(master, PAGE_SIZE, 0, &address, &memory), KERN_RESOURCE_SHORTAGE,
                 "there is no memory below the first byte");
    CHECK_RESULT(device_contiguous_memory(no_master, PAGE_SIZE, ANYWHERE, &address, &memory),
                 KERN_INVALID_HOST, "memory for a device takes the right port");
}

/* Blocks of all sizes, until the first is tried again. */
static void test_contiguous_again(void)
{
    uint64_t address;
    bool aligned = true;

    for (mach_vm_size_t size = PAGE_SIZE; size <= DEVICE_CONTIGUOUS_MAX; size *= 2) {
        const mach_port_t memory = contiguous(size, &address);
        aligned &= address % size == 0;
        release(memory);
    }
    CHECK(aligned, "blocks of every size are aligned");
}

static void test_registers(void)
{
    mach_port_t memory, none;
    uint64_t ram;
    const mach_port_t block = contiguous(PAGE_SIZE, &ram);

    CHECK_RESULT(device_memory(master, alarm_address, PAGE_SIZE, &memory), KERN_SUCCESS,
                 "the registers of a device");
    release(memory);
    CHECK_RESULT(device_memory(master, ram, PAGE_SIZE, &none), KERN_NO_ACCESS, "RAM is no device");
    release(block);
    CHECK_RESULT(device_memory(master, 0, UINT64_C(1) << 40, &none), KERN_NO_ACCESS,
                 "nor what has some in it");
    CHECK_RESULT(device_memory(master, alarm_address, 0, &none), KERN_INVALID_ARGUMENT,
                 "no bytes are refused");
    CHECK_RESULT(device_memory(master, alarm_address + 4, PAGE_SIZE, &none), KERN_INVALID_ARGUMENT,
                 "and so are parts of pages");
    CHECK_RESULT(device_memory(master, alarm_address, PAGE_SIZE + 4, &none), KERN_INVALID_ARGUMENT,
                 "at the end, too");
    CHECK_RESULT(device_memory(master, UINT64_C(1) << 48, PAGE_SIZE, &none), KERN_INVALID_ARGUMENT,
                 "no such address");
    CHECK_RESULT(device_memory(master, (UINT64_C(1) << 48) - PAGE_SIZE, 2 * PAGE_SIZE, &none),
                 KERN_INVALID_ARGUMENT, "no such end");
    CHECK_RESULT(device_memory(no_master, alarm_address, PAGE_SIZE, &none), KERN_INVALID_HOST,
                 "registers take the right port");
}

/* Send a page of it out of line. */
static mach_msg_return_t send_memory(mach_vm_address_t at)
{
    const mach_port_t port = test_port_send();
    struct {
        mach_msg_base_t base;
        mach_msg_ool_descriptor_t memory;
    } message = {
        .base = {.header = {.msgh_bits = MACH_MSGH_BITS(MACH_MSG_TYPE_COPY_SEND, 0) | MACH_MSGH_BITS_COMPLEX,
                            .msgh_remote_port = port},
                 .body = {.msgh_descriptor_count = 1}},
        .memory = {.address = (void *)at, .size = PAGE_SIZE, .type = MACH_MSG_OOL_DESCRIPTOR},
    };

    mach_msg_return_t kr = test_send_now(&message.base.header, sizeof(message));
    test_port_destroy(port);
    return kr;
}

/* What devices use is not copied in any way: `what` it is. */
static void refuse_copies(mach_port_t memory, const char *what)
{
    mach_vm_address_t at, other = 0;
    mach_msg_type_number_t count;
    vm_offset_t data;
    vm_prot_t now, most;

    printf("# %s\n", what);
    REQUIRE_OK(map(memory, PAGE_SIZE, FALSE, VM_INHERIT_COPY, &at));
    CHECK_RESULT(map(memory, PAGE_SIZE, TRUE, VM_INHERIT_NONE, &other), KERN_PROTECTION_FAILURE,
                 "it is not mapped as a copy");
    CHECK_RESULT(mach_vm_map(SELF, &other, PAGE_SIZE, 0, VM_FLAGS_ANYWHERE, memory, 0, TRUE, VM_PROT_DEFAULT,
                             VM_PROT_DEFAULT, VM_INHERIT_NONE),
                 KERN_PROTECTION_FAILURE, "wherever");
    CHECK_RESULT(mach_vm_read(SELF, at, PAGE_SIZE, &data, &count), KERN_PROTECTION_FAILURE, "not read");
    CHECK_RESULT(send_memory(at), MACH_SEND_INVALID_MEMORY, "not sent");
    CHECK_RESULT(mach_vm_copy(SELF, at, PAGE_SIZE, at), KERN_PROTECTION_FAILURE, "not copied");
    CHECK_RESULT(mach_vm_remap(SELF, &other, PAGE_SIZE, 0, VM_FLAGS_ANYWHERE, SELF, at, TRUE, &now, &most,
                               VM_INHERIT_NONE),
                 KERN_PROTECTION_FAILURE, "not mapped again as a copy");
    CHECK_RESULT(mach_vm_remap(SELF, &other, PAGE_SIZE, 0, VM_FLAGS_ANYWHERE, SELF, at, FALSE, &now, &most,
                               VM_INHERIT_NONE),
                 KERN_SUCCESS, "but mapped again");
    test_deallocate(other, PAGE_SIZE);
    CHECK_RESULT(mach_vm_map(SELF, &other, 2 * PAGE_SIZE, 0, VM_FLAGS_ANYWHERE, memory, 0, FALSE,
                             VM_PROT_DEFAULT, VM_PROT_DEFAULT, VM_INHERIT_NONE),
                 KERN_INVALID_ARGUMENT, "what is behind it is not mapped");
    test_deallocate(at, PAGE_SIZE);
}

/* A child's map where the parent has `memory`, inherited in that way. */
static kern_return_t child_region(mach_port_t memory, vm_inherit_t inheritance)
{
    struct vm_region_basic_info_64 info;
    mach_msg_type_number_t count = VM_REGION_BASIC_INFO_COUNT_64;
    mach_vm_address_t at, found;
    mach_vm_size_t size;
    mach_port_t object;
    task_t child;

    REQUIRE_OK(map(memory, PAGE_SIZE, FALSE, inheritance, &at));
    REQUIRE_OK(task_create(SELF, TRUE, &child));
    found = at;
    kern_return_t kr = mach_vm_region(child, &found, &size, VM_REGION_BASIC_INFO_64, (vm_region_info_t)&info,
                                      &count, &object);
    REQUIRE_OK(task_terminate(child));
    release(child);
    test_deallocate(at, PAGE_SIZE);
    return kr == KERN_SUCCESS && found != at ? KERN_INVALID_ADDRESS : kr;
}

static void test_copies(void)
{
    uint64_t address;
    const mach_port_t registers = alarm_memory();
    const mach_port_t block = contiguous(PAGE_SIZE, &address);
    uint8_t byte = 1;
    mach_msg_type_number_t count;
    mach_vm_address_t at;

    refuse_copies(registers, "registers");
    refuse_copies(block, "contiguous memory");
    CHECK_EQUAL(child_region(block, VM_INHERIT_COPY), KERN_INVALID_ADDRESS, "a child gets no copy");
    CHECK_EQUAL(child_region(block, VM_INHERIT_SHARE), KERN_SUCCESS, "but may share it");
    REQUIRE_OK(map(registers, PAGE_SIZE, FALSE, VM_INHERIT_NONE, &at));
    CHECK_RESULT(mach_vm_write_inband(SELF, at, &byte, 1), KERN_PROTECTION_FAILURE,
                 "the kernel does not write to registers");
    CHECK_RESULT(mach_vm_read_inband(SELF, at, 1, &byte, &count), KERN_PROTECTION_FAILURE,
                 "nor does it read them");
    test_deallocate(at, PAGE_SIZE);
    REQUIRE_OK(map(block, PAGE_SIZE, FALSE, VM_INHERIT_NONE, &at));
    CHECK_RESULT(mach_vm_write_inband(SELF, at, &byte, 1), KERN_SUCCESS, "contiguous memory is memory");
    CHECK_EQUAL(*(volatile uint8_t *)at, 1, "to the kernel, too");
    test_deallocate(at, PAGE_SIZE);
    release(registers);
    release(block);
}

static void test_tables(void)
{
    int kind;
    uint64_t address;
    mach_vm_size_t size;
    mach_port_t memory;

    CHECK_RESULT(device_tables(no_master, &kind, &address, &size, &memory), KERN_INVALID_HOST,
                 "tables take the right port");
    CHECK_RESULT(device_tables(master, &kind, &address, &size, &memory), KERN_SUCCESS,
                 "the firmware tells of devices");
    CHECK((kind == DEVICE_TABLES_FDT && size > 0 && memory != MACH_PORT_NULL) ||
              (kind == DEVICE_TABLES_ACPI && address != 0 && memory == MACH_PORT_NULL),
          "by tables of a kind");
    if (memory != MACH_PORT_NULL)
        release(memory);
}

/* --- interrupts --- */

static interrupt_t alarm_interrupt(natural_t processor)
{
    interrupt_t interrupt;

    REQUIRE_OK(device_interrupt(master, alarm_line, DEVICE_INTERRUPT_LEVEL, processor, &interrupt));
    return interrupt;
}

/* The id of the next message to the port within that time; 0: none. *line: what it says. */
static mach_msg_id_t receive(mach_port_t port, unsigned ms, natural_t *line)
{
    mach_interrupt_notification_t message = {.not_line = 0};

    mach_msg_return_t kr = mach_msg(&message.not_header, MACH_RCV_MSG | MACH_RCV_TIMEOUT, 0, sizeof(message),
                                    port, ms, MACH_PORT_NULL);
    *line = message.not_line;
    return kr == MACH_MSG_SUCCESS ? message.not_header.msgh_id : 0;
}

static void test_interrupt(natural_t processor)
{
    volatile void *registers = alarm_registers();
    const interrupt_t interrupt = alarm_interrupt(processor);
    const mach_port_t port = test_port();
    natural_t line;

    alarm_raise(registers);
    CHECK_EQUAL(receive(port, TEST_NEVER_MS, &line), 0, "an interrupt that nobody asked for is not told");
    CHECK_RESULT(device_interrupt_request(interrupt, port), KERN_SUCCESS, "it is asked for");
    CHECK_EQUAL(receive(port, TEST_SOON_MS, &line), MACH_NOTIFY_INTERRUPT, "and told");
    CHECK_EQUAL(line, alarm_line, "with the number of the line");
    CHECK_EQUAL(receive(port, TEST_NEVER_MS, &line), 0, "once, though the level is still up");
    alarm_lower(registers);
    CHECK_RESULT(device_interrupt_request(interrupt, port), KERN_SUCCESS, "the device has been served");
    CHECK_EQUAL(receive(port, TEST_NEVER_MS, &line), 0, "and is quiet");
    CHECK_RESULT(device_interrupt_request(interrupt, port), KERN_ALREADY_WAITING,
                 "only one can be asked for at a time");
    CHECK_EQUAL(receive(port, TEST_SOON_MS, &line), MACH_NOTIFY_SEND_ONCE,
                "a right that is refused tells so");
    for (unsigned i = 0; i < 3; i++) {
        alarm_raise(registers);
        REQUIRE(receive(port, TEST_SOON_MS, &line) == MACH_NOTIFY_INTERRUPT);
        alarm_lower(registers);
        REQUIRE_OK(device_interrupt_request(interrupt, port));
    }
    CHECK(true, "interrupts come as often as the device asks");
    release(interrupt);
    CHECK_EQUAL(receive(port, TEST_SOON_MS, &line), MACH_NOTIFY_SEND_ONCE,
                "who gives the line up is told that the right was not used");
    test_port_destroy(port);
    test_deallocate((mach_vm_address_t)registers, PAGE_SIZE);
}

/* Asks, and ends. */
static void careless(void)
{
    REQUIRE_OK(device_interrupt_request(TEST_CHILD_PORT(0), test_port()));
}

static void test_dead_server(void)
{
    volatile void *registers = alarm_registers();
    const interrupt_t interrupt = alarm_interrupt(0);
    const mach_port_t port = test_port();
    natural_t line;

    REQUIRE(
        test_child_wait(test_child(careless, &(struct test_right){interrupt, MACH_MSG_TYPE_MOVE_SEND}, 1)));
    alarm_raise(registers);
    test_sleep(TEST_NEVER_MS);
    alarm_lower(registers);
    const interrupt_t again = alarm_interrupt(0);
    CHECK_RESULT(device_interrupt_request(again, port), KERN_SUCCESS, "the line of a dead server is free");
    alarm_raise(registers);
    CHECK_EQUAL(receive(port, TEST_SOON_MS, &line), MACH_NOTIFY_INTERRUPT, "and works");
    alarm_lower(registers);
    REQUIRE_OK(device_interrupt_request(again, port));
    test_port_destroy(port);
    alarm_raise(registers);
    test_sleep(TEST_NEVER_MS);
    alarm_lower(registers);
    const mach_port_t other = test_port();
    CHECK_RESULT(device_interrupt_request(again, other), KERN_SUCCESS,
                 "an interrupt that was to be told to a port that died is over");
    release(again);
    test_port_destroy(other);
    test_deallocate((mach_vm_address_t)registers, PAGE_SIZE);
}

static void test_lines(void)
{
    const interrupt_t interrupt = alarm_interrupt(0);
    const mach_port_t port = test_port();
    interrupt_t none;

    CHECK_RESULT(device_interrupt(master, alarm_line, DEVICE_INTERRUPT_LEVEL, 0, &none), KERN_RIGHT_EXISTS,
                 "a line is one server's");
    CHECK_RESULT(device_interrupt(master, 1u << 20, DEVICE_INTERRUPT_LEVEL, 0, &none), KERN_INVALID_ARGUMENT,
                 "a line that there is not");
    CHECK_RESULT(device_interrupt(master, alarm_line, 2, 0, &none), KERN_INVALID_ARGUMENT,
                 "a mode that there is not");
    CHECK_RESULT(device_interrupt(master, alarm_line, DEVICE_INTERRUPT_LEVEL, 1u << 20, &none),
                 KERN_INVALID_ARGUMENT, "a processor that there is not");
    CHECK_RESULT(device_interrupt(no_master, alarm_line, DEVICE_INTERRUPT_LEVEL, 0, &none), KERN_INVALID_HOST,
                 "lines take the right port");
    CHECK_RESULT(device_interrupt_request(no_master, port), KERN_INVALID_ARGUMENT,
                 "only an interrupt can be asked for");
    natural_t line;
    uint64_t address;
    uint32_t data;
    CHECK_RESULT(device_message_interrupt(no_master, &line, &address, &data, &none), KERN_INVALID_HOST,
                 "and so do messages");
    release(interrupt);
    test_port_destroy(port);
}

/* Nothing more may be charged to this task from now on. */
static void test_shortage(void)
{
    struct task_limits_info info;
    mach_msg_type_number_t words = TASK_LIMITS_INFO_COUNT;
    const interrupt_t interrupt = alarm_interrupt(0);
    const mach_port_t port = test_port();
    mach_port_t none;
    uint64_t address;

    REQUIRE_OK(task_info(SELF, TASK_LIMITS_INFO, (task_info_t)&info, &words));
    REQUIRE_OK(task_set_limit(SELF, LIMIT_MEMORY, info.memory + info.memory_below));
    CHECK_RESULT(device_memory(master, alarm_address, PAGE_SIZE, &none), KERN_RESOURCE_SHORTAGE,
                 "registers take a little memory");
    CHECK_RESULT(device_contiguous_memory(master, PAGE_SIZE, ANYWHERE, &address, &none),
                 KERN_RESOURCE_SHORTAGE, "contiguous memory is the caller's");
    CHECK_RESULT(device_interrupt(master, alarm_line + 1, DEVICE_INTERRUPT_LEVEL, 0, &none),
                 KERN_RESOURCE_SHORTAGE, "a line takes a little memory");
    CHECK_RESULT(device_interrupt_request(interrupt, port), KERN_RESOURCE_SHORTAGE,
                 "and so does a notification");
}

int main(int argc, char *argv[])
{
    struct host_basic_info info;
    mach_msg_type_number_t count = HOST_BASIC_INFO_COUNT;

    (void)argc, (void)argv;
    test_begin("device");
    REQUIRE_OK(program_device_master(bootstrap_port, &master));
    no_master = test_host();
    REQUIRE_OK(host_info(no_master, HOST_BASIC_INFO, (host_info_t)&info, &count));
    test_contiguous();
    test_contiguous_again();
    test_registers();
    test_copies();
    test_tables();
    test_interrupt(0);
    test_interrupt((natural_t)info.max_cpus - 1);
    test_dead_server();
    test_lines();
    test_shortage();
    return test_end();
}
