// SPDX-License-Identifier: GPL-2.0-only
/* COW space of the machine: records and data written at the same time, slots, the tree. */
#include <stdlib.h>

#include "pool_machine.h"

/* ---- slots ---- */

static bool slot_taken(const struct machine *m, u64 slot)
{
	u32 i;

	for (i = 0; i < COW_KEYS; i++)
		if (m->next.cow[i].slot == slot || m->now.cow[i].slot == slot)
			return true;
	return false;
}

/* A slot that no entry has, also not one that the commit being built deletes. */
static u64 slot_take(struct machine *m)
{
	u64 slot = 1 + sim_below(&m->random, COW_SLOTS);

	while (slot_taken(m, slot))
		slot = slot % COW_SLOTS + 1;
	return slot;
}

static int write_data(struct machine *m, u32 i, u64 slot, u64 version)
{
	u8 block[DRP_BLOCK_BYTES] __aligned(8);

	cow_fill(block, i, version);
	return m->disk->io.ops->write(m->disk, COW_FIRST_BLOCK + slot, block, 1, true);
}

/* ---- records ---- */

static int del(struct machine *m, u32 i, u8 *buf, u32 room)
{
	struct drp_cow_key key = cow_key(i);
	u64 slot = m->next.cow[i].slot;

	m->next.cow[i] = (struct cow_value){ };
	if (m->fault == FAULT_SLOT_USED_EARLY) {
		int ret = write_data(m, i, slot, ++m->last_version);

		if (ret)
			return ret;
	}
	return drp_encode_cow_del(&key, buf, room);
}

/* Its data is written before its commit, or some time behind. */
int machine_cow_record(struct machine *m, u8 *buf, u32 room)
{
	u32 i = sim_below(&m->random, COW_KEYS);
	struct cow_value *v = &m->next.cow[i];
	struct drp_cow_entry e = { .key = cow_key(i), .kind = DRP_COW_PRESERVED };
	u8 block[DRP_BLOCK_BYTES] __aligned(8);
	int ret = 0;

	if (m->pending[i].version || (v->slot && !v->sure))
		return 0;	/* what is being preserved is not deleted */
	if (v->slot)
		return sim_once_in(&m->random, 8) && m->now.cow[i].slot == v->slot ?
			del(m, i, buf, room) : 0;
	if (m->now.cow[i].slot)
		return 0;	/* deleted in this very commit */
	v->slot = slot_take(m);
	v->version = ++m->last_version;
	cow_fill(block, i, v->version);
	e.slot = v->slot;
	e.crc = cow_crc(block);
	m->nr_puts++;
	if (sim_once_in(&m->random, 3)) {
		ret = write_data(m, i, v->slot, v->version);
		v->sure = true;
	} else {
		m->pending[i] = (struct pending_put){ .version = v->version };
	}
	return ret ? ret : drp_encode_cow_put(&e, buf, room);
}

void machine_cow_seal(struct machine *m)
{
	u64 confirmed = m->ring.head_seq - 1;
	u32 i;

	for (i = 0; i < COW_KEYS && m->fault != FAULT_CONFIRMED_EARLY; i++)
		if (m->pending[i].version && m->pending[i].commit.seq)
			confirmed = min_t(u64, confirmed, m->pending[i].commit.seq - 1);
	m->ring.confirmed = confirmed;
}

void machine_cow_sealed(struct machine *m, const struct drp_commit *c)
{
	u32 i;

	for (i = 0; i < COW_KEYS; i++) {
		if (!m->pending[i].version || m->pending[i].commit.seq)
			continue;
		if (c)
			m->pending[i].commit = (struct drp_cut){ .block = c->at, .seq = c->seq };
		else
			m->pending[i].version = 0;	/* never committed */
	}
}

static int put_data(struct machine *m, u32 i)
{
	int ret = write_data(m, i, m->now.cow[i].slot, m->pending[i].version);

	if (ret)
		return ret;
	m->pending[i].version = 0;
	m->now.cow[i].sure = true;
	return 0;
}

int machine_cow_data(struct machine *m)
{
	u32 from = sim_below(&m->random, COW_KEYS), n;

	for (n = 0; n < COW_KEYS; n++) {
		u32 i = (from + n) % COW_KEYS;

		if (m->pending[i].version)
			return put_data(m, i);
	}
	return 0;
}

int machine_cow_wait(struct machine *m, u64 seq)
{
	u32 i;
	int ret = 0;

	for (i = 0; i < COW_KEYS && !ret; i++)
		if (m->pending[i].version && m->pending[i].commit.seq < seq)
			ret = put_data(m, i);
	return ret;
}

/* ---- checkpoints ---- */

struct drp_cut machine_cow_cut(struct machine *m, struct drp_cut cut)
{
	u32 i;

	for (i = 0; i < COW_KEYS; i++) {
		bool pending = m->pending[i].version && m->fault != FAULT_CUT_PASSES_UNCONFIRMED;

		m->new_tree[i] = pending ? 0 : m->now.cow[i].slot;
		if (pending && m->pending[i].commit.seq < cut.seq)
			cut = m->pending[i].commit;
	}
	return cut;
}

struct merging {
	struct cow_reader reader;	/* first: the reading operations know only this */
	struct machine *m;
	u64 (*alloc)(struct machine *m);
	void (*keep)(struct machine *m, u64 block);
	u32 at;
};

static u64 op_alloc(void *ctx)
{
	struct merging *g = ctx;

	return g->alloc(g->m);
}

static int op_write(void *ctx, u64 block, const void *node)
{
	struct merging *g = ctx;

	return g->m->disk->io.ops->write(g->m->disk, block, node, 1, false);
}

static void op_free(void *ctx, u64 block)
{
	(void)ctx;
	(void)block;	/* what is not kept is free after the checkpoint */
}

static u64 op_next_seq(void *ctx)
{
	return ++((struct merging *)ctx)->m->last_page_seq;
}

static int next_change(void *ctx, struct drp_cow_mod *mod)
{
	struct merging *g = ctx;

	for (; g->at < COW_KEYS; g->at++) {
		u64 slot = g->m->new_tree[g->at];

		if (slot == g->m->tree[g->at])
			continue;
		*mod = (struct drp_cow_mod){
			.entry = { .key = cow_key(g->at), .slot = slot, .kind = DRP_COW_PRESERVED },
			.del = !slot,
		};
		g->at++;
		return 1;
	}
	return 0;
}

static int keep_block(void *ctx, u64 block, u32 level)
{
	struct merging *g = ctx;

	(void)level;
	g->keep(g->m, block);
	return 0;
}

int machine_cow_merge(struct machine *m, u64 (*alloc)(struct machine *m),
		      void (*keep)(struct machine *m, u64 block))
{
	struct merging g = {
		.reader = { .disk = m->disk, .nonce = m->sb.nonce }, .m = m,
		.alloc = alloc, .keep = keep,
	};
	const struct drp_cow_store store = {
		.get = cow_reader_get, .put = cow_reader_put, .alloc = op_alloc,
		.write = op_write, .free = op_free, .next_seq = op_next_seq, .ctx = &g,
		.nonce = m->sb.nonce,
	};
	void *merge = aligned_alloc(8, (drp_cow_merge_bytes() + 7) / 8 * 8);
	int ret;

	m->new_cow_root = m->cow_root;
	ret = drp_cow_merge(&store, &m->new_cow_root, next_change, &g, merge);
	free(merge);
	return ret ? ret : drp_cow_walk(&store, &m->new_cow_root, keep_block, &g);
}
