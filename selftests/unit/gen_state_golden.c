// SPDX-License-Identifier: GPL-2.0-only
/* Prints the golden file of the state table: make golden. */
#include <stdio.h>
#include "state_rows.h"

static void print(void *ctx, const char *line)
{
	fprintf(ctx, "%s\n", line);
}

int main(void)
{
	printf("# Every decision of the state table; written by make golden, compared by test_state.\n"
	       "# type operation copy-states flags: verdict return-value [force removes source target job],\n"
	       "# during/progress -> after/progress: reason. Flags (* both): r reverse, m target not\n"
	       "# consistent, l not in sync, s source changed, t target changed, f Force given.\n"
	       "# source, target: In Use rules apply to that element.\n");
	state_rows(print, stdout);
	return ferror(stdout) || fflush(stdout) ? 1 : 0;
}
