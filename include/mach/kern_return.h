/* SPDX-License-Identifier: BSD-2-Clause */
/* Results of kernel operations: the customary names and values. */
#ifndef MACH_KERN_RETURN_H
#define MACH_KERN_RETURN_H

typedef int kern_return_t;

#define KERN_SUCCESS 0
#define KERN_INVALID_ADDRESS 1         /* the address is not (entirely) in valid memory */
#define KERN_PROTECTION_FAILURE 2      /* the memory is valid but does not permit this access */
#define KERN_NO_SPACE 3                /* no room in the address space, name space or table */
#define KERN_INVALID_ARGUMENT 4        /* an argument is invalid, or the named object is of the wrong kind */
#define KERN_FAILURE 5                 /* the operation can't be done; see its manual for the reason */
#define KERN_RESOURCE_SHORTAGE 6       /* a system resource is exhausted */
#define KERN_NOT_RECEIVER 7            /* the task does not hold receive rights */
#define KERN_NO_ACCESS 8               /* access is restricted */
#define KERN_MEMORY_FAILURE 9          /* a pager lost the data for good */
#define KERN_MEMORY_ERROR 10           /* a pager can't provide the data now */
#define KERN_ALREADY_IN_SET 11         /* the receive right is a member already */
#define KERN_NOT_IN_SET 12             /* the receive right is no member */
#define KERN_NAME_EXISTS 13            /* the name denotes a right already */
#define KERN_ABORTED 14                /* the operation was aborted */
#define KERN_INVALID_NAME 15           /* the name denotes no right */
#define KERN_INVALID_TASK 16           /* the task is not alive */
#define KERN_INVALID_RIGHT 17          /* the name denotes a right of another kind */
#define KERN_INVALID_VALUE 18          /* a value is out of range */
#define KERN_UREFS_OVERFLOW 19         /* the count of user references would overflow */
#define KERN_INVALID_CAPABILITY 20     /* the port supplied is not the one required */
#define KERN_RIGHT_EXISTS 21           /* the task has send or receive rights under another name */
#define KERN_INVALID_HOST 22           /* the port is not a (privileged) host port */
#define KERN_MEMORY_PRESENT 23         /* a page was supplied that is already there */
#define KERN_MEMORY_DATA_MOVED 24      /* the page moved to another object */
#define KERN_MEMORY_RESTART_COPY 25    /* a copy must be started again */
#define KERN_INVALID_PROCESSOR_SET 26  /* the port is no processor set control port */
#define KERN_POLICY_LIMIT 27           /* beyond the limits of the scheduling policy */
#define KERN_INVALID_POLICY 28         /* the processor set does not permit the policy */
#define KERN_INVALID_OBJECT 29         /* the memory object is in no state for this */
#define KERN_ALREADY_WAITING 30        /* another thread waits there already */
#define KERN_DEFAULT_SET 31            /* not possible on the default processor set */
#define KERN_EXCEPTION_PROTECTED 32    /* the exception port can't be changed */
#define KERN_INVALID_LEDGER 33         /* the port is no ledger */
#define KERN_INVALID_MEMORY_CONTROL 34 /* the port is no memory object control port */
#define KERN_INVALID_SECURITY 35       /* the port is no security port */
#define KERN_NOT_DEPRESSED 36          /* the thread's priority is not depressed */
#define KERN_TERMINATED 37             /* the object is terminated */
#define KERN_LOCK_SET_DESTROYED 38     /* the lock set is destroyed */
#define KERN_LOCK_UNSTABLE 39          /* the holder of the lock died with it */
#define KERN_LOCK_OWNED 40             /* somebody holds the lock already */
#define KERN_LOCK_OWNED_SELF 41        /* the caller holds the lock already */
#define KERN_SEMAPHORE_DESTROYED 42    /* the semaphore is destroyed */
#define KERN_RPC_SERVER_TERMINATED 43  /* the server ended before it replied */
#define KERN_RPC_TERMINATE_ORPHAN 44   /* an orphaned activation is terminated */
#define KERN_RPC_CONTINUE_ORPHAN 45    /* an orphaned activation goes on */
#define KERN_NOT_SUPPORTED 46          /* not supported on this system */
#define KERN_NODE_DOWN 47              /* the remote node does not answer */
#define KERN_NOT_WAITING 48            /* the thread does not wait */
#define KERN_OPERATION_TIMED_OUT 49    /* the time is up */
#define KERN_CODESIGN_ERROR 50         /* a page fails its signature */
#define KERN_POLICY_STATIC 51          /* the policy can't be changed */
#define KERN_INSUFFICIENT_BUFFER_SIZE 52 /* the buffer is too small for the result */
#define KERN_DENIED 53                   /* refused by policy */
#define KERN_NOT_FOUND 56                /* nothing of that name or kind */

#define KERN_RETURN_MAX 0x100

#endif
