// SPDX-License-Identifier: GPL-2.0-only
/* Lists of steps as text. */
#include <err.h>
#include <stdlib.h>
#include <string.h>

#include "step.h"

static const char *const names[NR_STEPS] = {
	"io", "protected", "create", "operate", "set", "fault", "heal", "meta", "detach",
	"attach", "bounce", "reload", "pool-bounce", "recreate", "hold", "aspects", "settle",
	"restart", "tamper", "power", "arm", "snapshot", "copy", "clone",
};

void step_text(const struct step *st, char *buf, size_t size)
{
	snprintf(buf, size,
		 "%s s=%d e=%d to=%d n=%d force=%d rate=%d threads=%d seed=%u",
		 names[st->kind], st->s, st->e, st->to, st->n, st->force, st->rate, st->threads,
		 st->seed);
}

static int parse_step(const char *line, struct step *st)
{
	char name[32];
	int i;

	if (sscanf(line, "%31s s=%d e=%d to=%d n=%d force=%d rate=%d threads=%d seed=%u", name,
		   &st->s, &st->e, &st->to, &st->n, &st->force, &st->rate, &st->threads,
		   &st->seed) != 9)
		return -1;
	for (i = 0; i < NR_STEPS; i++)
		if (!strcmp(names[i], name)) {
			st->kind = i;
			return 0;
		}
	return -1;
}

#define SHAPE "shape pools=%u elements=%u mib=%u extent=%u active=%u meta=%u cache=%u slow=%u"
#define SHAPE_SNAPSHOTS " snapshots=%u chunk=%u"
#define SHAPE_COW " cow=%u"

static int parse_shape(const char *line, struct shape *s)
{
	int n = sscanf(line, SHAPE SHAPE_SNAPSHOTS SHAPE_COW, &s->nr_pools, &s->nr_elements, &s->mib,
		       &s->extent, &s->active, &s->meta_mib, &s->cache, &s->slow, &s->snapshots,
		       &s->chunk, &s->cow_mib);

	return (n == 8 || n == 10 || n == 11) && s->snapshots <= VIRTUAL_MAX &&
	       s->nr_pools >= 1 && s->nr_pools <= POOLS_MAX && s->nr_elements >= 1 &&
	       s->nr_elements <= ELEMENTS_MAX && s->mib >= 1 && s->mib <= 64 ? 0 : -1;
}

void steps_add(struct steps *l, struct step st)
{
	if (l->nr == l->room) {
		l->room = l->room ? 2 * l->room : 64;
		l->v = realloc(l->v, l->room * sizeof(*l->v));
		if (!l->v)
			err(1, "memory");
	}
	l->v[l->nr++] = st;
}

int steps_read(struct steps *l, const char *path)
{
	FILE *f = fopen(path, "r");
	unsigned int number = 0;
	bool shaped = false;
	char line[256];
	struct step st;

	memset(l, 0, sizeof(*l));
	if (!f) {
		warn("%s", path);
		return -1;
	}
	while (fgets(line, sizeof(line), f)) {
		number++;
		if (*line == '#' || *line == '\n')
			continue;
		if (!shaped && !parse_shape(line, &l->shape)) {
			shaped = true;
		} else if (shaped && !parse_step(line, &st)) {
			steps_add(l, st);
		} else {
			warnx("%s:%u: not understood: %s", path, number, line);
			fclose(f);
			return -1;
		}
	}
	fclose(f);
	return shaped ? 0 : -1;
}

int steps_write(const struct steps *l, const char *path, const char *comment)
{
	const struct shape *s = &l->shape;
	FILE *f = fopen(path, "w");
	char line[256];
	unsigned int i;

	if (!f) {
		warn("%s", path);
		return -1;
	}
	fprintf(f, "%s" SHAPE, comment, s->nr_pools, s->nr_elements, s->mib, s->extent, s->active,
		s->meta_mib, s->cache, s->slow);
	if (s->snapshots)
		fprintf(f, SHAPE_SNAPSHOTS, s->snapshots, s->chunk);
	if (s->cow_mib)
		fprintf(f, SHAPE_COW, s->cow_mib);
	fprintf(f, "\n");
	for (i = 0; i < l->nr; i++) {
		step_text(&l->v[i], line, sizeof(line));
		fprintf(f, "%s\n", line);
	}
	return fclose(f) ? -1 : 0;
}
