/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Faults that go on without the lock of their map (vm/vm_map_i.h: vm_map_lock(), vm_map_to_reader(), vm_map_reader_end();
 * vm/vm_map.c: vm_map_wait_readers(); vm/vm_fault.c: fault_try()).
 *
 * Two CPUs fault in a map that a third one changes.  Nobody changes it while a fault is under way that found its entry before, faults
 * do not wait for each other, and a fault that flushes TLBs by a cross-call is not waited for by the CPU that it calls.
 *
 *   run faults: -DTURNS=2
 *   bug 1 (faults): who changes the map does not wait for the readers
 *   bug 2 (faults): a fault counts as a reader only after it has unlocked the map
 *   bug 3 (faults): who waits for the readers serves no calls
 */
#ifndef BUG
#define BUG 0
#endif

bool lock;     /* map->lock */
byte readers;  /* map->readers */
byte reading;  /* faults that use what they found */
bool changing;
bool call;     /* of a fault, for the CPU that changes the map; it has not been served */

active [2] proctype Fault()
{
    byte turn;

    do
    :: turn == TURNS -> break
    :: else ->
        turn++;
        atomic { !lock -> lock = true };
        /* vm_map_to_reader() */
#if BUG == 2
        lock = false;
        readers++;
#else
        readers++; /* atomic in the source: a fault may end meanwhile */
        lock = false;
#endif
        reading++;
        assert(!changing);
        if
        :: atomic { !call -> call = true }; !call /* smp_call(), one at a time */
        :: true -> skip
        fi;
        reading--;
        readers-- /* vm_map_reader_end() */
    od
}

active proctype Change()
{
    byte turn;

    do
    :: turn == TURNS -> break
    :: else ->
        turn++;
        /* vm_map_lock(): a CPU that spins serves calls */
        do
        :: call -> call = false
        :: atomic { !lock -> lock = true }; break
        od;
#if BUG != 1
        do
        :: readers == 0 -> break
#if BUG != 3
        :: call -> call = false
#endif
        od;
#endif
        changing = true;
        assert(reading == 0);
        changing = false;
        lock = false
    od;
end_user:
    do
    :: call -> call = false
    od
}
