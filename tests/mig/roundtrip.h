/* SPDX-License-Identifier: BSD-2-Clause */
/* What the parts of the round-trip test share. */
#ifndef ROUNDTRIP_H
#define ROUNDTRIP_H

#include <mach/mig.h>
#include <stdbool.h>

#define SERVER 100u

/* One call of a routine with good arguments. Returns: that of the stub; *good: are the results right? */
typedef kern_return_t (*roundtrip_try_t)(bool *good);

struct roundtrip_routine {
    const char *name;
    roundtrip_try_t try;
    mach_msg_id_t id;
    bool one_way;
};

/* Those with plain values, strings and single rights; those with memory, arrays of rights and the rest. NULL ends them. */
extern const struct roundtrip_routine roundtrip_plain_routines[];
extern const struct roundtrip_routine roundtrip_memory_routines[];

kern_return_t try_arrays(bool *good);
kern_return_t try_ports(bool *good);
kern_return_t try_strings(bool *good);
kern_return_t try_nothing(bool *good);
kern_return_t try_memory_in(bool *good);
kern_return_t try_rights_in(bool *good);
kern_return_t try_same_count(bool *good);

/* What the last procedure or function told the client's error function; KERN_SUCCESS: nothing. */
kern_return_t told(void);

void check(bool condition, const char *what);

/* Set the word at `offset` of a request of routine `try` and expect `result` from the server. */
void expect(roundtrip_try_t try, unsigned offset, uint32_t value, kern_return_t result, const char *what);

/* What of them a table can't say. */
void test_memory(void);

#endif
