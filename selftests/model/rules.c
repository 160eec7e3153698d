// SPDX-License-Identifier: GPL-2.0-only
#include "rules.h"
#include "rules_table.h"
