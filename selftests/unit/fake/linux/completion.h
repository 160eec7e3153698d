/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef FAKE_COMPLETION_H
#define FAKE_COMPLETION_H
struct completion { int unused; };
#endif
