/* SPDX-License-Identifier: GPL-2.0-only */
/* What every unit test includes first: cmocka wants these before its header. */
#ifndef DRP_UNIT_H
#define DRP_UNIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#endif /* DRP_UNIT_H */
