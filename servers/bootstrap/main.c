/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The first program.  It is the name service, and it runs what the kernel command line names:
 *
 *   start=NAME[,NAME]          servers, which stay
 *   drivers=NAME[,NAME]        the same, and they may have the device master port and the privileged host port
 *                              (program_device_master(), program_host_priv()); page-out leaves their memory alone
 *   memory=all                 programs may use up memory: for machines with a default pager
 *   run=NAME[,NAME]            programs, one after another, each to its end
 *   conformance=all|NAME,...   the same for programs of the folder conformance of the boot archive, which
 *                              may have that port, too, and may not leave anything behind in the kernel
 *   bench=all|NAME,...         the same for programs of the folder bench
 *
 * Then it switches the machine off.  One thread; while it waits for a program to end, it serves.
 */
#include "archive.h"
#include "names.h"
#include "programs.h"
#include "usage.h"

#include <libmach/program.h>
#include <mach/bootstrap_server.h>
#include <mach/mach.h>
#include <mach/program_server.h>
#include <stdio.h>
#include <string.h>

#define REQUEST_MAX 1024u /* bytes; larger requests are none of ours */

static mach_port_t port_set;
static mach_port_t notify_port;

static unsigned programs_run;
static unsigned programs_failed;
static mach_port_t host;
static uint64_t start_time; /* nanoseconds since boot */

/* The kernel sends to notify_port, and nobody else has a right to it. */
static void handle_notification(mach_msg_header_t *request)
{
    if (request->msgh_id == MACH_NOTIFY_DEAD_NAME) {
        mach_port_name_t name = ((const mach_dead_name_notification_t *)request)->not_port;
        if (!program_task_died(name) && !names_port_died(name))
            (void)mach_port_deallocate(mach_task_self(), name);
    }
    mach_msg_destroy(request);
}

static boolean_t demux(mach_msg_header_t *request, mach_msg_header_t *reply)
{
    if (request->msgh_local_port == notify_port) {
        handle_notification(request);
        *(mig_reply_error_t *)reply = (mig_reply_error_t){.RetCode = MIG_NO_REPLY};
        return TRUE;
    }
    return bootstrap_server(request, reply) || program_server(request, reply);
}

/* Serve until the program has died. */
static void wait_for(const struct program *program)
{
    while (!program->dead) {
        mach_msg_return_t result = mach_msg_server_once(demux, REQUEST_MAX, port_set, MACH_MSG_OPTION_NONE);
        if (result != MACH_MSG_SUCCESS)
            printf("bootstrap: receive: %s\n", mach_error_string(result));
    }
}

/* What went wrong around a program, as a test result of its own. */
static void report_failure(const char *name, const char *what)
{
    printf("# program: %s:end\nnot ok 1 - %s %s\n1..1\n", name, name, what);
}

/* Returns: whether the program ran and told that all was well. */
static bool run_to_end(const char *name, bool drives)
{
    struct program *program;

    kern_return_t kr = program_start(name, drives, &program);
    if (kr != KERN_SUCCESS) {
        printf("bootstrap: %s: %s\n", name, mach_error_string(kr));
        report_failure(name, "is not started");
        return false;
    }
    wait_for(program);
    bool told = program->told;
    bool good = told && program->status == 0;
    program_forget(program);
    if (!told)
        report_failure(name, "died without telling its status");
    return good;
}

static void run(const char *name)
{
    programs_run++;
    programs_failed += !run_to_end(name, false);
}

/*
 * A test also must leave the kernel as it found it.  (With servers that come and go at the same time nobody
 * can tell.)
 */
static void run_test(const char *name)
{
    programs_run++;
    usage_note();
    bool good = run_to_end(name, true);
    if (!usage_is_as_noted()) {
        report_failure(name, "left kernel objects behind");
        good = false;
    }
    programs_failed += !good;
}

static void run_bench(const char *name)
{
    printf("bench: boot_to_user_ns %lu ns\n", start_time);
    run(name);
}

/* Returns NULL if it is not started. */
static const struct program *start_server(const char *name, bool drives)
{
    struct program *program = NULL;

    kern_return_t kr = program_start(name, drives, &program);
    if (kr != KERN_SUCCESS)
        printf("bootstrap: %s is not started: %s\n", name, mach_error_string(kr));
    return program;
}

static void set_limit(const char *what)
{
    if (strcmp(what, "all") == 0)
        (void)host_set_task_limit(mach_startup->host_priv, mach_task_self(), LIMIT_MEMORY, UINT64_MAX >> 2);
}

static void start(const char *name)
{
    (void)start_server(name, false);
}

/* Page-out may depend on it. */
static void start_driver(const char *name)
{
    const struct program *program = start_server(name, true);

    if (program != NULL)
        (void)host_set_task_privileged(mach_startup->host_priv, program->task, TRUE);
}

/* Call `function` for all files of `folder`. */
static void for_folder(const char *folder, void (*function)(const char *name))
{
    struct archive_file file;
    size_t position = 0;

    while (archive_next(&position, &file)) {
        if (strncmp(file.name, folder, strlen(folder)) == 0)
            function(file.name);
    }
}

/* Call `function` for each name of a list "a,b,c", with `folder` before it. */
static void for_list(const char *list, size_t length, const char *folder, void (*function)(const char *name))
{
    while (length > 0) {
        const char *comma = memchr(list, ',', length);
        size_t part = comma != NULL ? (size_t)(comma - list) : length;
        char name[PROGRAM_NAME_MAX];
        snprintf(name, sizeof(name), "%s%.*s", folder, (int)part, list);
        if (part > 0)
            function(name);
        part += comma != NULL;
        list += part;
        length -= part;
    }
}

/* A word of the command line that tells what to run. */
struct command {
    const char *key;
    const char *folder;
    void (*function)(const char *name);
};

static const struct command commands[] = {
    {"memory=", "", set_limit},
    {"start=", "", start},
    {"drivers=", "", start_driver},
    {"run=", "", run},
    {"conformance=", "conformance/", run_test},
    {"bench=", "bench/", run_bench},
};

static bool obey(const char *word, size_t length)
{
    for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
        const struct command *c = &commands[i];
        size_t key = strlen(c->key);
        if (length <= key || strncmp(word, c->key, key) != 0)
            continue;
        if (c->folder[0] != '\0' && length == key + 3 && strncmp(word + key, "all", 3) == 0)
            for_folder(c->folder, c->function);
        else
            for_list(word + key, length - key, c->folder, c->function);
        return true;
    }
    return false;
}

/* Returns: whether the command line told anything to do. */
static bool obey_all(const char *cmdline)
{
    bool any = false;

    while (*cmdline != '\0') {
        const char *space = strchr(cmdline, ' ');
        size_t length = space != NULL ? (size_t)(space - cmdline) : strlen(cmdline);
        any |= obey(cmdline, length);
        cmdline += length + (space != NULL);
    }
    return any;
}

static kern_return_t make_ports(void)
{
    const task_t self = mach_task_self();

    kern_return_t kr = mach_port_allocate(self, MACH_PORT_RIGHT_PORT_SET, &port_set);
    if (kr == KERN_SUCCESS)
        kr = mach_port_allocate(self, MACH_PORT_RIGHT_RECEIVE, &notify_port);
    if (kr == KERN_SUCCESS)
        kr = mach_port_move_member(self, notify_port, port_set);
    return kr;
}

static void note_start_time(void)
{
    time_value64_t now;

    host = mach_host_self();
    if (host_get_uptime64(host, &now) == KERN_SUCCESS)
        start_time = (uint64_t)now.seconds * NSEC_PER_SEC + (uint64_t)now.nanoseconds;
}

int main(int argc, char *argv[])
{
    (void)argc;
    (void)argv;

    note_start_time();
    kern_return_t kr = make_ports();
    if (kr != KERN_SUCCESS) {
        printf("bootstrap: no ports: %s\n", mach_error_string(kr));
    } else {
        archive_init((const void *)mach_startup->archive, mach_startup->archive_size);
        programs_init(port_set, notify_port);
        names_init(notify_port);
        usage_init(host);
        if (!obey_all((const char *)mach_startup->cmdline))
            printf("bootstrap: nothing to do. Try the kernel command line conformance=all\n");
        else if (programs_run > 0)
            printf("# bootstrap: %u programs, %u failed\n", programs_run, programs_failed);
    }
    kr = host_reboot(mach_startup->host_priv, HOST_REBOOT_HALT);
    printf("bootstrap: can't switch off: %s\n", mach_error_string(kr));
    return 1;
}
