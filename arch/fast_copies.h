/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Copies of small messages by functions in machine code, for ISAs that have these: arch_message_read and arch_message_write.
 * An ISA defines MESSAGE_CALL, the call, the registers of the functions: MESSAGE_TO (in it comes their status), MESSAGE_FROM, MESSAGE_SIZE (of
 * the body, kept), MESSAGE_A, MESSAGE_B (of arch_message_read: the first two words), MESSAGE_C, and MESSAGE_CLOBBERS.
 */
#define IPC_FAST_READ(m, from, body, first, ports)                                                           \
    ({                                                                                                       \
        register uint64_t to_ __asm__(MESSAGE_TO) = (uint64_t)(m);                                           \
        register uint64_t from_ __asm__(MESSAGE_FROM) = (from);                                              \
        register uint64_t body_ __asm__(MESSAGE_SIZE) = (body);                                              \
        register uint64_t first_ __asm__(MESSAGE_A);                                                         \
        register uint64_t ports_ __asm__(MESSAGE_B);                                                         \
        __asm__ volatile(MESSAGE_CALL " arch_message_read"                                                   \
                         : "+r"(to_), "+r"(from_), "=r"(first_), "=r"(ports_)                                \
                         : "r"(body_)                                                                        \
                         : MESSAGE_CLOBBERS);                                                                \
        (first) = first_;                                                                                    \
        (ports) = ports_;                                                                                    \
        to_;                                                                                                 \
    })

#define IPC_FAST_WRITE(to, m, body, bits, name, port)                                                        \
    ({                                                                                                       \
        register uint64_t to_ __asm__(MESSAGE_TO) = (to);                                                    \
        register uint64_t from_ __asm__(MESSAGE_FROM) = (uint64_t)(m);                                       \
        register uint64_t body_ __asm__(MESSAGE_SIZE) = (body);                                              \
        register uint64_t bits_ __asm__(MESSAGE_A) = (bits);                                                 \
        register uint64_t name_ __asm__(MESSAGE_B) = (name);                                                 \
        register uint64_t port_ __asm__(MESSAGE_C) = (port);                                                 \
        __asm__ volatile(MESSAGE_CALL " arch_message_write"                                                  \
                         : "+r"(to_), "+r"(from_)                                                            \
                         : "r"(body_), "r"(bits_), "r"(name_), "r"(port_)                                    \
                         : MESSAGE_CLOBBERS);                                                                \
        to_;                                                                                                 \
    })
