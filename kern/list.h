/* SPDX-License-Identifier: BSD-2-Clause */
/* Intrusive doubly linked lists with a head. A node that is on no list points to itself. */
#ifndef KERN_LIST_H
#define KERN_LIST_H

#include <stdbool.h>
#include <stddef.h>

struct list {
    struct list *next;
    struct list *prev;
};

#define CONTAINER_OF(pointer, type, member) ((type *)(void *)((char *)(pointer) - offsetof(type, member)))

#define LIST_FOR_EACH(node, head) for (struct list *node = (head)->next; node != (head); node = node->next)

/* Safe against removal of `node` by the body. */
#define LIST_FOR_EACH_SAFE(node, head)                                                                       \
    for (struct list *node = (head)->next, *node##_next = node->next; node != (head);                        \
         node = node##_next, node##_next = node->next)

/*@ // `node`, if it is not `l` itself, overlaps no part of `l`
    predicate list_apart(struct list *l, struct list *node) = node == l || \separated(node, l);
*/

/*@ requires \valid(l);
    assigns *l;
    ensures empty: l->next == l && l->prev == l;
*/
static inline void list_init(struct list *l)
{
    l->next = l;
    l->prev = l;
}

/*@ requires \valid_read(l);
    assigns \nothing;
    ensures empty: \result <==> l->next == l;
*/
static inline bool list_empty(const struct list *l)
{
    const struct list *first = l->next;

    return first == l;
}

/*@ requires \valid(head) && \valid(head->prev) && \valid(node);
    requires \separated(node, head) && \separated(node, head->prev) && list_apart(head, head->prev);
    assigns *node, head->prev, head->prev->next;
    ensures last: head->prev == node && node->next == head;
    ensures joined: node->prev == \old(head->prev) && \old(head->prev)->next == node;
*/
static inline void list_insert_tail(struct list *head, struct list *node)
{
    node->next = head;
    node->prev = head->prev;
    head->prev->next = node;
    head->prev = node;
}

/*@ requires \valid(head) && \valid(head->next) && \valid(node);
    requires \separated(node, head) && \separated(node, head->next) && list_apart(head, head->next);
    assigns *node, head->next, head->next->prev;
    ensures first: head->next == node && node->prev == head;
    ensures joined: node->next == \old(head->next) && \old(head->next)->prev == node;
*/
static inline void list_insert_head(struct list *head, struct list *node)
{
    node->next = head->next;
    node->prev = head;
    head->next->prev = node;
    head->next = node;
}

/* Take `node` off its list, if it is on one. */
/*@ requires \valid(node) && \valid(node->prev) && \valid(node->next);
    requires list_apart(node, node->prev) && list_apart(node, node->next) && list_apart(node->prev, node->next);
    requires node->prev == node <==> node->next == node;
    assigns *node, node->prev->next, node->next->prev;
    ensures off: node->next == node && node->prev == node;
    ensures joined: \old(node->prev)->next == \old(node->next) && \old(node->next)->prev == \old(node->prev);
*/
static inline void list_remove(struct list *node)
{
    node->prev->next = node->next;
    node->next->prev = node->prev;
    list_init(node);
}

/* The first node, or NULL. */
/*@ requires \valid_read(head);
    assigns \nothing;
    ensures none: head->next == head ==> \result == \null;
    ensures first: head->next != head ==> \result == head->next;
*/
static inline struct list *list_first(const struct list *head)
{
    return list_empty(head) ? NULL : head->next;
}

/* Take the first node off, or NULL. */
static inline struct list *list_pop(struct list *head)
{
    struct list *node = list_first(head);
    if (node != NULL)
        list_remove(node);
    return node;
}

#endif
