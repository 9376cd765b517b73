/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A device line: the transmitter of the console's UART, which machine_line_set() makes ask for service.  Cases print
 * nothing while it is on.
 */
#include "test.h"

#define WAIT_US 10000000u

static bool no_lines(void)
{
    if (hal_info.irq_count <= MACHINE_LINE)
        test_skip("the interrupt controller has no such line");
    return hal_info.irq_count <= MACHINE_LINE;
}

static bool no_edges(void)
{
    if (!MACHINE_LINE_EDGE)
        test_skip("lines of this machine are levels");
    return no_lines() || !MACHINE_LINE_EDGE;
}

static bool no_levels(void)
{
    if (!MACHINE_LINE_LEVEL)
        test_skip("this line is an edge");
    return no_lines() || !MACHINE_LINE_LEVEL;
}

static const enum hal_irq_mode usual_mode = MACHINE_LINE_LEVEL ? HAL_IRQ_LEVEL : HAL_IRQ_EDGE;

/* The next interrupt within a moment. */
static hal_irq_t claim_wait(void)
{
    hal_ticks_t end = hal_time_now() + test_ticks(WAIT_US);
    hal_irq_t irq;

    do {
        irq = hal_irq_claim();
    } while (irq == HAL_IRQ_NONE && hal_time_now() < end);
    return irq;
}

/* Disabled, quiet, nothing pending. */
static void quiet(void)
{
    hal_irq_t irq;

    machine_line_set(false);
    hal_irq_enable(MACHINE_LINE, true);
    while ((irq = hal_irq_claim()) != HAL_IRQ_NONE)
        hal_irq_complete(irq);
    hal_irq_enable(MACHINE_LINE, false);
}

static void begin(enum hal_irq_mode mode)
{
    quiet();
    EXPECT_EQ(hal_irq_route(MACHINE_LINE, mode, 0), HAL_OK);
}

static void delivered(void)
{
    if (no_lines())
        return;
    begin(usual_mode);
    hal_irq_enable(MACHINE_LINE, true);
    for (unsigned i = 0; i < 20 && !test_failed(); i++) {
        machine_line_set(true);
        EXPECT_EQ(claim_wait(), MACHINE_LINE);
        machine_line_set(false);
        hal_irq_complete(MACHINE_LINE);
        EXPECT_EQ(hal_irq_claim(), HAL_IRQ_NONE);
    }
    quiet();
}

static void interrupts_user(void)
{
    struct uctx *u = test_thread(0, user_spin, 0);

    if (no_lines())
        return;
    begin(usual_mode);
    hal_irq_enable(MACHINE_LINE, true);
    machine_line_set(true);
    struct test_event event = test_resume(u);
    EXPECT_EQ(event.kind, TEST_INTERRUPT);
    EXPECT_EQ(hal_irq_claim(), MACHINE_LINE);
    machine_line_set(false);
    hal_irq_complete(MACHINE_LINE);
    quiet();
}

static void disabled(void)
{
    if (no_lines())
        return;
    begin(usual_mode);
    machine_line_set(true);
    test_delay_us(1000);
    EXPECT_EQ(hal_irq_claim(), HAL_IRQ_NONE);
    quiet();
}

static void disabled_again(void)
{
    if (no_lines())
        return;
    begin(usual_mode);
    hal_irq_enable(MACHINE_LINE, true);
    hal_irq_enable(MACHINE_LINE, false);
    machine_line_set(true);
    test_delay_us(1000);
    EXPECT_EQ(hal_irq_claim(), HAL_IRQ_NONE);
    quiet();
}

static void masked_edge(void)
{
    if (no_edges())
        return;
    begin(HAL_IRQ_EDGE);
    for (unsigned i = 0; i < 20 && !test_failed(); i++) {
        hal_irq_enable(MACHINE_LINE, false);
        machine_line_set(true);
        test_delay_us(200);
        EXPECT_EQ(hal_irq_claim(), HAL_IRQ_NONE);
        machine_line_set(false);
        hal_irq_enable(MACHINE_LINE, true);
        EXPECT_EQ(claim_wait(), MACHINE_LINE);
        hal_irq_complete(MACHINE_LINE);
        EXPECT_EQ(hal_irq_claim(), HAL_IRQ_NONE);
    }
    quiet();
}

static void edge_once(void)
{
    if (no_edges())
        return;
    begin(HAL_IRQ_EDGE);
    hal_irq_enable(MACHINE_LINE, true);
    machine_line_set(true);
    EXPECT_EQ(claim_wait(), MACHINE_LINE);
    hal_irq_complete(MACHINE_LINE);
    test_delay_us(1000);
    EXPECT_EQ(hal_irq_claim(), HAL_IRQ_NONE); /* still raised, but that is no new edge */
    quiet();
}

static void level_stays(void)
{
    if (no_levels())
        return;
    if (!MACHINE_LINE_AGAIN) {
        test_skip("the emulated controller forwards a level once");
        return;
    }
    begin(HAL_IRQ_LEVEL);
    hal_irq_enable(MACHINE_LINE, true);
    machine_line_set(true);
    for (unsigned i = 0; i < 10; i++) {
        EXPECT_EQ(claim_wait(), MACHINE_LINE);
        hal_irq_complete(MACHINE_LINE);
    }
    machine_line_set(false);
    quiet();
    EXPECT_EQ(hal_irq_claim(), HAL_IRQ_NONE);
}

/* While it is claimed it is not claimed again. */
static void claimed_once(void)
{
    if (no_levels())
        return;
    begin(HAL_IRQ_LEVEL);
    hal_irq_enable(MACHINE_LINE, true);
    machine_line_set(true);
    EXPECT_EQ(claim_wait(), MACHINE_LINE);
    EXPECT(!hal_irq_pending());
    machine_line_set(false);
    hal_irq_complete(MACHINE_LINE);
    EXPECT_EQ(hal_irq_claim(), HAL_IRQ_NONE);
    quiet();
}

/* Masked before it is complete, as who serves the device later does; the level falls only then. */
static void masked_claimed(void)
{
    if (no_levels())
        return;
    begin(HAL_IRQ_LEVEL);
    for (unsigned i = 0; i < 20 && !test_failed(); i++) {
        hal_irq_enable(MACHINE_LINE, true);
        machine_line_set(true);
        EXPECT_EQ(claim_wait(), MACHINE_LINE);
        hal_irq_enable(MACHINE_LINE, false);
        hal_irq_complete(MACHINE_LINE);
        EXPECT_EQ(hal_irq_claim(), HAL_IRQ_NONE);
        quiet(); /* a controller may remember that it was up */
    }
}

/* The last of the lines that are messages. */
static bool no_messages(hal_irq_t *line)
{
    *line = hal_info.irq_count - 1;
    if (hal_info.irq_message_first >= hal_info.irq_count)
        test_skip("no line is a message");
    return hal_info.irq_message_first >= hal_info.irq_count;
}

/* The message of a device, from a CPU. */
static void message_send(hal_irq_t line)
{
    volatile uint32_t *at = test_device(HAL_PA(hal_info.irq_message_address.addr & ~(HAL_PAGE_SIZE - 1ull)));

    at[hal_info.irq_message_address.addr % HAL_PAGE_SIZE / sizeof *at] = hal_info.irq_message_data + line;
}

static void message_route(void)
{
    hal_irq_t line;

    if (no_messages(&line))
        return;
    EXPECT_EQ(hal_irq_route(line, HAL_IRQ_EDGE, 0), HAL_OK);
    EXPECT_EQ(hal_irq_route(line, HAL_IRQ_LEVEL, 0), HAL_UNSUPPORTED);
    if (hal_info.cpu_count > 1)
        EXPECT_EQ(hal_irq_route(line, HAL_IRQ_EDGE, 1), HAL_UNSUPPORTED);
}

static void message_delivered(void)
{
    hal_irq_t line;

    if (no_messages(&line))
        return;
    if (!MACHINE_MESSAGES) {
        test_skip("a CPU can't send what a device sends");
        return;
    }
    EXPECT_EQ(hal_irq_route(line, HAL_IRQ_EDGE, 0), HAL_OK);
    hal_irq_enable(line, true);
    for (unsigned i = 0; i < 20 && !test_failed(); i++) {
        message_send(line);
        EXPECT_EQ(claim_wait(), line);
        hal_irq_complete(line);
        EXPECT_EQ(hal_irq_claim(), HAL_IRQ_NONE);
    }
    hal_irq_enable(line, false);
    message_send(line);
    test_delay_us(200);
    EXPECT_EQ(hal_irq_claim(), HAL_IRQ_NONE);
    hal_irq_enable(line, true);
    EXPECT_EQ(claim_wait(), line);
    hal_irq_complete(line);
    hal_irq_enable(line, false);
}

static void timer_beside(void)
{
    if (no_lines())
        return;
    begin(usual_mode);
    hal_irq_enable(MACHINE_LINE, true);
    machine_line_set(true);
    EXPECT_EQ(claim_wait(), MACHINE_LINE);
    machine_line_set(false);
    hal_irq_complete(MACHINE_LINE);
    hal_timer_arm(hal_time_now());
    EXPECT_EQ(claim_wait(), HAL_IRQ_TIMER);
    hal_irq_complete(HAL_IRQ_TIMER);
    quiet();
}

static void route_invalid(void)
{
    if (hal_info.irq_count < HAL_IRQ_MAX)
        EXPECT_EQ(hal_irq_route(hal_info.irq_count, usual_mode, 0), HAL_INVALID);
    if (hal_info.irq_count < HAL_IRQ_MAX - 1)
        EXPECT_EQ(hal_irq_route(HAL_IRQ_MAX - 1, usual_mode, 0), HAL_INVALID);
    if (hal_info.cpu_count < HAL_CPU_MAX) {
        EXPECT_EQ(hal_irq_route(MACHINE_LINE, usual_mode, hal_info.cpu_count), HAL_INVALID);
        EXPECT_EQ(hal_irq_route(MACHINE_LINE, usual_mode, HAL_CPU_MAX - 1), HAL_INVALID);
    }
    hal_irq_enable(HAL_IRQ_MAX - 1, true); /* no effect, no harm */
    EXPECT_EQ(hal_irq_claim(), HAL_IRQ_NONE);
}

static void route_mode(void)
{
    static const enum hal_irq_mode other = MACHINE_LINE_LEVEL ? HAL_IRQ_EDGE : HAL_IRQ_LEVEL;

    if (no_lines())
        return;
    begin(usual_mode);
    enum hal_status status = hal_irq_route(MACHINE_LINE, other, 0);
    EXPECT(status == HAL_OK || status == HAL_UNSUPPORTED);
    EXPECT(MACHINE_LINE_EDGE || status == HAL_UNSUPPORTED);
    EXPECT_EQ(hal_irq_route(MACHINE_LINE, usual_mode, 0), HAL_OK);
    delivered();
}

struct taken {
    hal_irq_t irq;
    bool ready;
};

static void take_job(void *arg)
{
    struct taken *t = arg;

    test_space_activate(test_space());
    (void)test_drain(); /* the interrupt that brought the job */
    __atomic_store_n(&t->ready, true, __ATOMIC_RELEASE);
    t->irq = claim_wait();
    machine_line_set(false);
    if (t->irq != HAL_IRQ_NONE)
        hal_irq_complete(t->irq);
}

/* Raise the line once `cpu` waits for it. */
static void raise_for(uint32_t cpu, struct taken *taken)
{
    test_cpu_begin(cpu, take_job, taken);
    while (!__atomic_load_n(&taken->ready, __ATOMIC_ACQUIRE))
        hal_cpu_pause();
    machine_line_set(true);
    test_cpu_wait(cpu);
}

static void routed(void)
{
    if (test_cpu_count() == 1)
        test_skip("one CPU");
    if (test_cpu_count() == 1 || no_lines())
        return;
    begin(usual_mode);
    for (uint32_t cpu = test_cpu_count() - 1; cpu >= 1 && !test_failed(); cpu--) {
        struct taken taken = {.irq = HAL_IRQ_NONE};
        EXPECT_EQ(hal_irq_route(MACHINE_LINE, usual_mode, cpu), HAL_OK);
        hal_irq_enable(MACHINE_LINE, true);
        raise_for(cpu, &taken);
        EXPECT_EQ(taken.irq, MACHINE_LINE);
        EXPECT_EQ(hal_irq_claim(), HAL_IRQ_NONE);
        hal_irq_enable(MACHINE_LINE, false);
    }
    EXPECT_EQ(hal_irq_route(MACHINE_LINE, usual_mode, 0), HAL_OK);
    hal_irq_enable(MACHINE_LINE, true);
    machine_line_set(true);
    EXPECT_EQ(claim_wait(), MACHINE_LINE);
    machine_line_set(false);
    hal_irq_complete(MACHINE_LINE);
    quiet();
}

/* Moved while it is enabled. */
static void routed_enabled(void)
{
    struct taken taken = {.irq = HAL_IRQ_NONE};

    if (test_cpu_count() == 1)
        test_skip("one CPU");
    if (test_cpu_count() == 1 || no_lines())
        return;
    begin(usual_mode);
    hal_irq_enable(MACHINE_LINE, true);
    EXPECT_EQ(hal_irq_route(MACHINE_LINE, usual_mode, 1), HAL_OK);
    raise_for(1, &taken);
    EXPECT_EQ(taken.irq, MACHINE_LINE);
    EXPECT_EQ(hal_irq_route(MACHINE_LINE, usual_mode, 0), HAL_OK);
    quiet();
}

static const struct test_case cases[] = {
    {"hal_irq_claim", "a device line by its number, once for each request", delivered},
    {"kern_interrupt", "a device line interrupts user code", interrupts_user},
    {"hal_irq_enable", "lines are masked until enabled", disabled},
    {"hal_irq_enable", "a line that was masked again is silent", disabled_again},
    {"hal_irq_enable", "an edge while masked is delivered after unmasking", masked_edge},
    {"hal_irq_route", "an edge line reports each edge once", edge_once},
    {"hal_irq_route", "a level line reports until the device is quiet", level_stays},
    {"hal_irq_complete", "until then the line is not claimed again", claimed_once},
    {"hal_irq_complete", "of a line that was masked meanwhile: it stays masked", masked_claimed},
    {"hal_info", "message lines are edges for CPU 0", message_route},
    {"hal_info", "a message raises its line; while it is masked it is kept", message_delivered},
    {"hal_irq_complete", "other interrupts come after a line's", timer_beside},
    {"hal_irq_route", "HAL_INVALID no such line or CPU", route_invalid},
    {"hal_irq_route", "HAL_UNSUPPORTED the controller can't: unchanged", route_mode},
    {"hal_irq_route", "the CPU that is named takes the line, no other", routed},
    {"hal_irq_route", "an enabled line stays enabled", routed_enabled},
};
TEST_GROUP(test_line, "device line", cases);
