/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef FAKE_RBTREE_H
#define FAKE_RBTREE_H
struct rb_node { int unused; };
struct rb_root { struct rb_node *rb_node; };
#endif
