/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The parts of the command table. Each file of a noun or a command ends with
 * DEFINE_COMMANDS(<part>) = { ... }; END_COMMANDS(<part>).
 */
#ifndef REPLCTL_COMMANDS_H
#define REPLCTL_COMMANDS_H

#include "replctl.h"

#define DECLARE_COMMANDS(part)				\
	extern const struct command part##_commands[];	\
	extern const unsigned int part##_commands_nr

#define DEFINE_COMMANDS(part)	const struct command part##_commands[]
#define END_COMMANDS(part)	\
	const unsigned int part##_commands_nr = ARRAY_SIZE(part##_commands)

DECLARE_COMMANDS(pool);
DECLARE_COMMANDS(pool_activation);
DECLARE_COMMANDS(pool_check);
DECLARE_COMMANDS(pool_offline);
DECLARE_COMMANDS(space);
DECLARE_COMMANDS(element);
DECLARE_COMMANDS(sync);
DECLARE_COMMANDS(operation);
DECLARE_COMMANDS(map);
DECLARE_COMMANDS(group);
DECLARE_COMMANDS(job);
DECLARE_COMMANDS(aspect);
DECLARE_COMMANDS(set);
DECLARE_COMMANDS(status);
DECLARE_COMMANDS(capabilities);
DECLARE_COMMANDS(monitor);
DECLARE_COMMANDS(help);

#endif /* REPLCTL_COMMANDS_H */
