/* SPDX-License-Identifier: BSD-2-Clause */
/* What a run leaves behind: the console, the last events and a hash of all, and the report of a run that failed. */
#include "machine.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define EVENTS_MAX 4096u
#define EVENTS_SHOWN 60u
#define CONSOLE_SHOWN 2000u
#define FRAMES_MAX 24u
#define PANIC "panic: "

struct trace_event {
    const char *what;
    uint64_t time;
    uint32_t cpu;
    uint64_t a, b;
};

static struct trace_event ring[EVENTS_MAX];
static uint64_t event_count;
static uint64_t hash;

static char *console;
static size_t console_size, console_room;
static size_t line_start; /* of the last line */
static size_t panic_line; /* where a line begins with PANIC; SIZE_MAX: nowhere */
static size_t input_read; /* of config.input */

void sim_trace_reset(void)
{
    event_count = 0;
    hash = 0xcbf29ce484222325;
    console_size = line_start = input_read = 0;
    panic_line = SIZE_MAX;
}

/* ---- events ---- */

static void hash_add(uint64_t value)
{
    hash = (hash ^ value) * 0x100000001b3;
    hash ^= hash >> 29;
}

static void event_print(const struct trace_event *e)
{
    (void)fprintf(stderr, "%12lu  cpu %u  %-10s %lx %lx\n", (unsigned long)e->time, e->cpu, e->what,
                  (unsigned long)e->a, (unsigned long)e->b);
}

void sim_trace(const char *what, uint64_t a, uint64_t b)
{
    if (!sim_layer_deterministic())
        return;
    struct trace_event *e = &ring[event_count++ % EVENTS_MAX];
    *e = (struct trace_event){what, sim_layer_now(), sim_this->index, a, b};
    hash_add((uint64_t)(unsigned char)what[0] << 8 | e->cpu);
    hash_add(e->time);
    hash_add(a);
    hash_add(b);
    if (sim.config.trace)
        event_print(e);
}

void sim_trace_note(const char *what, uint64_t a, uint64_t b)
{
    sim_trace(what, a, b);
}

void sim_trace_print(void)
{
    uint64_t first = event_count > EVENTS_SHOWN ? event_count - EVENTS_SHOWN : 0;

    for (uint64_t i = first; i < event_count; i++)
        event_print(&ring[i % EVENTS_MAX]);
}

/* ---- console ---- */

void hal_console_putc(char c)
{
    if (console_size + 1 >= console_room) {
        console_room = 2 * console_room + 4096;
        console = realloc(console, console_room);
        if (console == NULL)
            abort();
    }
    console[console_size++] = c;
    hash_add((unsigned char)c);
    if (console_size - line_start == sizeof PANIC - 1 &&
        memcmp(console + line_start, PANIC, sizeof PANIC - 1) == 0)
        panic_line = line_start;
    if (c == '\n')
        line_start = console_size;
    if (sim.config.echo)
        (void)fputc(c, stdout);
}

int hal_console_getc(void)
{
    const char *input = sim.config.input;

    return input != NULL && input[input_read] != '\0' ? (unsigned char)input[input_read++] : -1;
}

bool sim_trace_panicked(char *line, size_t size)
{
    if (panic_line == SIZE_MAX)
        return false;
    console[console_size] = '\0';
    (void)snprintf(line, size, "%s", console + panic_line);
    line[strcspn(line, "\n")] = '\0';
    return true;
}

void sim_trace_result(struct sim_result *result)
{
    if (console != NULL)
        console[console_size] = '\0';
    result->console = console != NULL ? console : "";
    result->console_size = console_size;
    result->hash = hash;
}

/* ---- backtraces ---- */

static bool on_stack(const struct sim_context *c, uint64_t fp)
{
    uint64_t low = (uint64_t)(uintptr_t)c->bottom;

    return fp % 16 == 0 && fp >= low && fp + 16 <= low + c->size;
}

/* What the caller guesses may lie in between variables. */
__attribute__((no_sanitize("address"))) static bool frame_next(const struct sim_context *c, uint64_t *fp,
                                                               uint64_t *pc)
{
    if (!on_stack(c, *fp))
        return false;
    const uint64_t *frame = (const uint64_t *)(uintptr_t)*fp;
    if (frame[1] == 0)
        return false;
    *pc = frame[1];
    *fp = frame[0];
    return true;
}

bool hal_frame_next(uint64_t *fp, uint64_t *pc)
{
    return frame_next(&sim_this->context, fp, pc);
}

/* The functions of a stack that does not run, by llvm-symbolizer. */
static void backtrace_print(const struct sim_context *c)
{
    uint64_t pc[FRAMES_MAX], fp;
    char command[64 + 20 * FRAMES_MAX];
    unsigned n = 0;

    sim_context_where(c, &fp, &pc[n++]);
    while (n < FRAMES_MAX && frame_next(c, &fp, &pc[n]))
        n++;
    size_t used = (size_t)snprintf(command, sizeof command, "llvm-symbolizer-19 -spa --obj=/proc/%d/exe >&2",
                                   (int)getpid());
    for (unsigned i = 0; i < n; i++)
        used += (size_t)snprintf(command + used, sizeof command - used, " 0x%lx", (unsigned long)pc[i] - 1);
    (void)fflush(stderr);
    if (system(command) != 0)
        for (unsigned i = 0; i < n; i++)
            (void)fprintf(stderr, "  %lx\n", (unsigned long)pc[i]);
}

/* ---- the report ---- */

static void cpu_print(const struct sim_cpu *cpu)
{
    static const char *const mode[] = {"off", "in the kernel", "in user mode", "idle"};

    (void)fprintf(stderr, "cpu %u: %s%s, ipi %lx, timer %lx\n", cpu->index, mode[cpu->mode],
                  cpu->halted ? ", halted" : "", (unsigned long)cpu->ipi_time, (unsigned long)cpu->deadline);
    if (cpu->mode == SIM_CPU_KERNEL)
        backtrace_print(&cpu->context);
    if (cpu->mode == SIM_CPU_USER && cpu->fiber != NULL && cpu->uctx != NULL)
        backtrace_print(&cpu->fiber->context);
}

void sim_report(void)
{
    size_t skip = console_size > CONSOLE_SHOWN ? console_size - CONSOLE_SHOWN : 0;

    (void)fprintf(stderr, "%s: %s\n", sim_end_name(sim.result.end), sim.result.message);
    for (uint32_t i = 0; i < sim.config.cpus; i++)
        cpu_print(&sim.cpu[i]);
    (void)fprintf(stderr, "the last events (time, what, arguments):\n");
    sim_trace_print();
    (void)fprintf(stderr, "the end of the console:\n%.*s\n", (int)(console_size - skip),
                  console != NULL ? console + skip : "");
}
