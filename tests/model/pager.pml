/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Memory of a pager (vm/memory_object*.c): requests and answers, the pager's death, pages that are given back.
 *
 * Clients need one page, read it or write to it, and wait where it is missing.  The pager takes its messages one by one and answers
 * each request, from what it has stored or by an error; FLUSH: it wants the page back at any time; DIE: it dies at any time.  What the
 * kernel does under the lock of the object is one step; messages that are sent later are a step of their own.
 *
 * Shown: nobody waits for ever (all clients end); an error is told to somebody; requests are freed once, and none is left; what was
 * written last is what is read next, and what the pager has stored at the end.
 *
 *   run answers: -DERRORS=1
 *   run dies: -DERRORS=1 -DDIE
 *   run flushed: -DFLUSH=2 -DERRORS=0
 *   bug 1 (answers): the pager is asked before the thread waits
 *   bug 2 (answers): who begins to wait does not look again whether the page has come
 *   bug 3 (answers): what was asked for before the pager was ready is not sent
 *   bug 4 (dies): its death does not answer who waits
 *   bug 5 (dies): who begins to wait does not look whether the pager is dead
 *   bug 6 (flushed): a page that leaves memory is sent when the lock is released
 *   bug 7 (flushed): the mark is cleared, and the mapping stays writable
 *   bug 8 (flushed): the mark is made after the mapping
 */
#ifndef BUG
#define BUG 0
#endif
#ifndef FLUSH
#define FLUSH 0
#endif
#define CLIENTS 2
#define ACCESSES 2 /* of each */

/* state of the object */
#define NEW 0
#define READY 1
#define FAILED 2

/* results of a wait */
#define NONE 0
#define AWAKENED 1
#define OBJECT_DEAD 2

/* messages to the pager */
#define REQUEST 1
#define RETURN 2

byte state = NEW;
bool page;         /* it is in memory ... */
byte value;        /* ... with this */
bool marked;       /* VM_PAGE_DIRTY */
bool writable;     /* it is mapped so: writes are not noticed */
byte stored;       /* what the pager has */
byte written;      /* the last that was written */
bool request;      /* the object has one */
bool unsent;       /* its message */
bool waits[CLIENTS];
byte result[CLIENTS];
bool dead;         /* the pager's port */
byte memory;       /* requests that are allocated */
byte ended;
chan messages = [8] of { byte, byte };

/* Whoever sends to a dead port sends to nobody. */
inline post(kind, content)
{
    if
    :: dead
    :: else -> messages!kind, content
    fi
}

/* page_requests_answer(), under the lock */
inline answer(why)
{
    if
    :: request ->
        request = false;
        memory--;
        if
        :: waits[0] -> waits[0] = false; result[0] = why
        :: else
        fi;
        if
        :: waits[1] -> waits[1] = false; result[1] = why
        :: else
        fi
    :: else
    fi
}

/* memory_object_wait() and what comes behind it */
inline wait_for_page()
{
    /* memory_object_resolve(): memory for the request, without locks */
    memory++;
    if
    :: BUG == 1 ->
        atomic {
            if
            :: !request && state == READY -> request = true; post(REQUEST, 0)
            :: !request && state == NEW -> request = true; unsent = true
            :: else -> memory--
            fi
        }
    :: else
    fi;
    atomic {
        message = false;
        result[me] = NONE;
        if
        :: BUG == 1 && !request -> result[me] = AWAKENED
        :: BUG == 1 && request -> waits[me] = true
        :: BUG != 1 && ((page && BUG != 2) || (state == FAILED && BUG != 5)) -> memory--; result[me] = AWAKENED
        :: BUG != 1 && !((page && BUG != 2) || (state == FAILED && BUG != 5)) ->
            if
            :: request || (BUG == 2 && page) -> memory--
            :: else ->
                request = true;
                message = state == READY;
                unsent = !message
            fi;
            waits[me] = true
        fi
    }
    if
    :: message -> atomic { post(REQUEST, 0) }
    :: else
    fi;
    result[me] != NONE
}

/* One access, again and again until it is done, or fails. write: else it reads. */
inline access(write)
{
    done = false;
    do
    :: done -> break
    :: else ->
        atomic {
            miss = false;
            if
            :: page && !write ->
                assert(value == written || dead);
                done = true
            :: page && write && writable ->
                written++;
                value = written;
                done = true
            :: page && write && !writable -> /* the write is noticed, and the instruction repeated */
                writable = true;
                if
                :: BUG != 8 -> marked = true
                :: else
                fi
            :: !page && state == FAILED -> done = true /* an exception */
            :: !page && state != FAILED -> miss = true
            fi
        }
        if
        :: BUG == 8 && writable && !marked -> marked = true
        :: else
        fi;
        if
        :: miss ->
            wait_for_page();
            if
            :: result[me] == OBJECT_DEAD -> done = true /* an exception */
            :: else
            fi
        :: else
        fi
    od
}

proctype client(byte me)
{
    bool miss, message, done;
    byte n = 0;

    do
    :: n == ACCESSES -> break
    :: n < ACCESSES ->
        if
        :: access(false)
        :: access(true)
        fi;
        n++
    od;
    ended++
}

/* memory_object_lock_request() with should_flush, and the end of the object, where the page goes as well */
inline give_back()
{
    atomic {
        sends = page && marked;
        content = value;
        marked = false;
        if
        :: BUG != 7 -> writable = false; page = false
        :: else -> skip /* it stays as it is */
        fi;
        if
        :: sends && BUG != 6 -> post(RETURN, content); sends = false
        :: else
        fi
    }
    if
    :: sends -> atomic { post(RETURN, content) }
    :: else
    fi
}

proctype flusher()
{
    bool sends;
    byte content, n = 0;

    do
    :: n == FLUSH -> break
    :: n < FLUSH -> give_back(); n++
    od;
    ended == CLIENTS;
    give_back(); /* memory_object_terminate comes behind it */
}

/* The pager, and its messages to the kernel, which are served at once. */
proctype pager()
{
    byte kind, content, errors = 0, told;

    atomic {
        if
        :: state == NEW -> state = READY
        :: else
        fi
    }
    /* page_requests_send() */
    atomic {
        if
        :: unsent && BUG != 3 -> unsent = false; post(REQUEST, 0)
        :: else
        fi
    }
end:
    do
    :: dead -> break
    :: atomic {
        !dead && len(messages) > 0 ->
        messages?kind, content;
        if
        :: kind == RETURN -> stored = content
        :: else
        fi
    }
        if
        :: kind == REQUEST ->
            if
            :: atomic {
                if
                :: !dead && !page && state == READY -> page = true; value = stored; marked = false; writable = false
                :: else
                fi;
                answer(AWAKENED)
            }
            :: errors < ERRORS ->
                atomic {
                    told = waits[0] + waits[1];
                    assert(told > 0 || dead);
                    errors++;
                    answer(OBJECT_DEAD)
                }
            fi
        :: else
        fi
    od
}

/* memory_object_pager_died() comes some time after the death */
proctype death()
{
    atomic { dead = true }
    do
    :: messages?_, _
    :: empty(messages) -> break
    od;
    atomic {
        state = FAILED;
        if
        :: BUG != 4 -> answer(OBJECT_DEAD)
        :: else
        fi
    }
}

init {
    atomic {
        run pager();
        run client(0);
        run client(1);
#if FLUSH
        run flusher();
#endif
#ifdef DIE
        run death();
#endif
    }
    ended == CLIENTS;
    (_nr_pr == 2 || (dead && _nr_pr == 1)) && empty(messages); /* but for the pager */
    assert(memory == 0 && !request);
#if FLUSH
    assert(stored == written);
#endif
}
