/* SPDX-License-Identifier: BSD-2-Clause */
/* Names for the attributes that clang's -Wthread-safety checks.  In C it matches locks by their addresses: hence the '&'. */
#ifndef KERN_THREAD_SAFETY_H
#define KERN_THREAD_SAFETY_H

#ifdef __FRAMAC__
#define KERN_TSA(x)
#else
#define KERN_TSA(x) __attribute__((x))
#endif

#define CAPABILITY(name) KERN_TSA(capability(name))
#define GUARDED_BY(lock) KERN_TSA(guarded_by(&lock))
#define REQUIRES(lock) KERN_TSA(requires_capability(&lock))
#define EXCLUDES(lock) KERN_TSA(locks_excluded(&lock))
#define ACQUIRE(lock) KERN_TSA(acquire_capability(&lock))
#define RELEASE(lock) KERN_TSA(release_capability(&lock))
#define TRY_ACQUIRE(result, lock) KERN_TSA(try_acquire_capability(result, &lock))
#define NO_THREAD_SAFETY_ANALYSIS KERN_TSA(no_thread_safety_analysis)

#endif
