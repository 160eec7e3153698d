// SPDX-License-Identifier: GPL-2.0-only
#include <stdlib.h>

#include "pool_machine.h"

static void must(const void *memory)
{
	if (!memory)
		abort();
}

/* ---- looking at what a power failure would leave ---- */

static void violation(struct machine *m, const char *what)
{
	if (!m->violation)
		m->violation = what;
}

static bool disk_loses(const struct machine *m)
{
	return m->fault == FAULT_CATALOG_LOST || m->fault == FAULT_OLD_CATALOG_ACCEPTED;
}

/* The disk drops a block of a catalog now and then. */
static bool lose_catalog(void *ctx, u64 block, const u8 *data)
{
	const struct drp_block_header *h = (const void *)data;
	struct machine *m = ctx;

	(void)block;
	return le32_to_cpu(h->kind) == DRP_BLOCK_CATALOG && m->nr_checkpoints > 2 &&
	       sim_once_in(&m->cuts, 3);
}

/* A catalog of any checkpoint passes for the one that is wanted. */
static int accept_old_catalog(void *ctx, u64 block, u8 *data)
{
	const struct drp_block_header *h = (const void *)data;
	struct machine *m = ctx;
	struct drp_block_id id = {
		.kind = DRP_BLOCK_CATALOG, .index = le64_to_cpu(h->index),
		.seq = m->load->sb.catalog_seq,
	};
	int len = drp_block_check(data, m->load->sb.nonce, &id, NULL);

	(void)block;
	if (len >= 0)
		drp_block_seal(data, m->load->sb.nonce, &id, len);
	return 0;
}

/* Is what was loaded what the contract allows at this moment? */
static void compare_loaded(struct machine *m)
{
	static const u32 all[MODEL_ELEMENTS] = { ~0U, ~0U, ~0U };
	const struct model_state *want;
	const char *problem;

	if (!m->formatted && m->load->probe != DRP_PROBE_VALID &&
	    m->load->probe != DRP_PROBE_REPAIR)
		return;		/* the format did not happen */
	if (m->load->error && disk_loses(m)) {
		m->refused = true;
		return;
	}
	want = m->in_flight && m->load->state.commits == m->next.commits ? &m->next : &m->now;
	problem = model_compare(m->load, want, m->fault == FAULT_CUT_MOVED_BACK ? all : m->may_active);
	if (problem)
		violation(m, problem);
}

static void check_image(struct machine *m, struct sim_disk *image)
{
	m->nr_cuts++;
	if (m->fault == FAULT_OLD_CATALOG_ACCEPTED) {
		image->hooks.read = accept_old_catalog;
		image->hooks.ctx = m;
	}
	model_load(m->load, image);
	compare_loaded(m);
}

/* Recover an image of the disk, and look into that recovery. */
static void check_recovery(struct machine *m, struct sim_disk *image)
{
	struct machine *n = machine_new(sim_random(&m->cuts), m->fault);

	sim_disk_free(n->disk);
	n->disk = image;
	n->image = true;
	n->formatted = true;
	n->last_page_seq = m->last_page_seq + 1000;
	if (machine_recover(n))
		violation(m, "an image cannot be recovered");
	m->nr_cuts += n->nr_cuts;
	m->nr_nested += n->nr_cuts;
	if (n->violation)
		violation(m, n->violation);
	n->disk = NULL;
	machine_free(n);
}

static void look(void *ctx, struct sim_disk *disk)
{
	static const enum sim_keep keeps[] = {
		SIM_KEEP_NOTHING, SIM_KEEP_ALL, SIM_KEEP_SECTORS, SIM_KEEP_BLOCKS,
	};
	struct machine *m = ctx;
	struct sim_disk *image;
	u32 i, n = ARRAY_SIZE(keeps);

	if ((!m->formatted || m->fault == FAULT_TORN_SEQUENCE_USED) && !sim_once_in(&m->cuts, 8))
		n = 0;		/* most of a format is the same; that fault shows after recoveries */
	for (i = 0; i < n && !m->violation && !m->refused; i++) {
		image = sim_disk_image(disk, keeps[i], &m->cuts);
		check_image(m, image);
		if (!m->image && m->formatted && !m->violation && !disk_loses(m) &&
		    sim_once_in(&m->cuts, 40))
			check_recovery(m, image);
		sim_disk_free(image);
	}
	if (m->power_fails_in && !--m->power_fails_in)
		disk->fail = -EIO;
}

/* ---- commits and writes ---- */

int machine_commit(struct machine *m)
{
	struct drp_commit c;
	u64 head = m->ring.head;
	u32 e;
	int ret;

	m->next = m->now;
	drp_commit_start(&c, m->commit_buf, DRP_COMMIT_BLOCKS_MAX);
	ret = machine_fill_commit(m, &c);
	machine_cow_seal(m);
	if (!ret)
		ret = drp_commit_seal(&c, &m->ring);
	machine_cow_sealed(m, ret ? NULL : &c);
	if (ret) {
		m->cut_open = 0;	/* whatever was built is dropped */
		return ret;
	}
	m->nr_wraps += m->ring.head < head;
	m->in_flight = true;
	m->disk->ignore_fua = m->fault == FAULT_COMMIT_NOT_FUA;
	ret = drp_commit_write(&c, &m->ring, &m->disk->io);
	m->disk->ignore_fua = false;
	if (ret)
		return ret;
	m->now = m->next;
	m->in_flight = false;
	drp_commit_complete(&c, &m->ring);
	for (e = 0; e < MODEL_ELEMENTS; e++) {
		m->may_active[e] |= m->now.active[e];
		m->new_active[e] |= m->now.active[e];
	}
	m->nr_commits++;
	return 0;
}

/* The host writes into an active extent; each sync of the element differs there now. */
static void host_write(struct machine *m)
{
	u32 e = sim_below(&m->random, MODEL_ELEMENTS), s;
	u32 extent = sim_below(&m->random, MODEL_EXTENTS);
	u32 first = extent * MODEL_EXTENT_BITS + sim_below(&m->random, MODEL_EXTENT_BITS - 16);
	u32 count = 1 + sim_below(&m->random, 16), page;

	if (m->fault != FAULT_WRITE_BEFORE_ACTIVATE && !(m->now.active[e] >> extent & 1))
		return;
	for (s = 0; s < MODEL_SYNCS; s++) {
		if (!m->now.sync[s] || model_source(s) != e)
			continue;
		drp_bits_set(m->now.bits[s], first, count);
		drp_bits_set(m->now.ever[s], first, count);
		for (page = first / DRP_PAGE_BITS; page <= (first + count) / DRP_PAGE_BITS; page++)
			m->dirty[s][page] = true;
	}
}

/* A resync has copied some regions. */
static void resync_some(struct machine *m)
{
	u32 s = sim_below(&m->random, MODEL_SYNCS);
	u32 first = sim_below(&m->random, MODEL_PLANE_BITS);
	u32 count = sim_below(&m->random, MODEL_PLANE_BITS - first);

	drp_bits_clear(m->now.bits[s], first, count);
	memset(m->dirty[s], true, sizeof(m->dirty[s]));
}

/* What may happen at any time, also while a checkpoint is written. */
static int small_step(struct machine *m)
{
	int ret = 0;

	if (m->recovering)
		return 0;
	switch (sim_below(&m->random, 10)) {
	case 0:
		resync_some(m);
		break;
	case 8:
	case 9:
		/* For that fault much has to be unconfirmed. */
		if (m->fault != FAULT_CUT_MOVED_BACK || sim_once_in(&m->random, 4))
			ret = machine_cow_data(m);
		break;
	case 1:
	case 2:
	case 3:
		host_write(m);
		break;
	default:
		ret = machine_commit(m);
	}
	return ret == -ENOSPC ? 0 : ret;
}

/* While a checkpoint is written, commits go on: one, or many. */
static int meanwhile(struct machine *m)
{
	u32 steps = sim_once_in(&m->random, 4) ? 16 : 1;
	int ret = 0;

	while (!ret && steps--)
		ret = small_step(m);
	return ret;
}

/* ---- checkpoints ---- */

static u64 page_first(const struct machine *m)
{
	return drp_super_area(&m->sb, DRP_AREA_PAGES, 0)->first;
}

static u64 page_alloc(struct machine *m)
{
	u64 busy = m->new_used | (m->fault == FAULT_PAGES_FREED_EARLY ? 0 : m->used);
	u32 i = sim_below(&m->random, MACHINE_PAGE_BLOCKS);

	while (busy >> i & 1)
		i = (i + 1) % MACHINE_PAGE_BLOCKS;
	m->new_used |= 1ULL << i;
	return page_first(m) + i;
}

static void page_keep(struct machine *m, const struct drp_dir_entry *e)
{
	if (e->state == DRP_PAGE_STORED)
		m->new_used |= 1ULL << (e->block - page_first(m));
}

static enum drp_page_state content_of(const u64 *words)
{
	if (!memchr_inv(words, 0, DRP_PAGE_BYTES))
		return DRP_PAGE_CLEAN;
	return memchr_inv(words, 0xff, DRP_PAGE_BYTES) ? DRP_PAGE_STORED : DRP_PAGE_DIRTY;
}

static int write_page(struct machine *m, u32 s, u32 p)
{
	const u64 *words = m->now.bits[s] + p * MODEL_PAGE_WORDS;
	struct drp_dir_entry *e = &m->dir[s][p];
	u8 block[DRP_BLOCK_BYTES] __aligned(8);

	m->dirty[s][p] = false;
	*e = (struct drp_dir_entry){ .state = content_of(words) };
	if (e->state != DRP_PAGE_STORED)
		return 0;
	e->block = page_alloc(m);
	e->seq = ++m->last_page_seq;
	drp_page_encode(block, m->sb.nonce, MODEL_SYNC_ID + s, DRP_PLANE_D, p, e->seq, words);
	return m->disk->io.ops->write(m->disk, e->block, block, 1, false);
}

static int write_dir(struct machine *m, u32 s)
{
	struct drp_dir_entry entries[DRP_DIR_ENTRIES] = { };
	struct drp_dir_entry *root = &m->root[s];
	u8 block[DRP_BLOCK_BYTES] __aligned(8);

	memcpy(entries, m->dir[s], sizeof(m->dir[s]));
	*root = (struct drp_dir_entry){ .state = DRP_PAGE_STORED };
	root->block = page_alloc(m);
	root->seq = ++m->last_page_seq;
	drp_dir_encode(block, m->sb.nonce, MODEL_SYNC_ID + s, DRP_PLANE_D, 0, root->seq, entries);
	return m->disk->io.ops->write(m->disk, root->block, block, 1, false);
}

static int write_plane(struct machine *m, u32 s)
{
	bool any_dirty = false;
	int ret = 0;
	u32 p;

	for (p = 0; p < MODEL_PAGES; p++)
		any_dirty |= m->dirty[s][p];
	if (!any_dirty) {
		page_keep(m, &m->root[s]);
		for (p = 0; p < MODEL_PAGES; p++)
			page_keep(m, &m->dir[s][p]);
		return 0;
	}
	for (p = 0; !ret && p < MODEL_PAGES; p++) {
		if (m->dirty[s][p])
			ret = write_page(m, s, p);
		else
			page_keep(m, &m->dir[s][p]);
		if (!ret && sim_once_in(&m->random, 6))
			ret = small_step(m);
	}
	return ret ? ret : write_dir(m, s);
}

static void block_keep(struct machine *m, u64 block)
{
	m->new_used |= 1ULL << (block - page_first(m));
}

/* Pool, elements, syncs with their planes, active extents: one record per call. */
static int catalog_record(struct machine *m, u32 at, void *buf, u32 room)
{
	static const struct drp_dir_entry all_used = { .state = DRP_PAGE_DIRTY };
	struct drp_pool_rec pool = {
		.next_id = 1000, .next_job_id = m->now.commits, .next_cut_id = 1,
	};
	u32 i, taken;

	if (at-- == 0)
		return drp_encode_pool(&pool, buf, room);
	if (at < MODEL_ELEMENTS)
		return m->now.element[at] ? machine_encode_element(m, at, buf, room) : 0;
	at -= MODEL_ELEMENTS;
	i = at / 2;
	if (i < MODEL_SYNCS && at % 2 == 0)
		return m->now.sync[i] ? machine_encode_sync(m, i, buf, room) : 0;
	if (i < MODEL_SYNCS)
		return m->now.sync[i] ? drp_encode_plane_root(MODEL_SYNC_ID + i, DRP_PLANE_D, 0,
							      &m->root[i], 1, &taken, buf, room) : 0;
	at -= 2 * MODEL_SYNCS;
	if (at-- == 0)
		return drp_encode_cow_root(&m->new_cow_root, buf, room);
	if (at-- == 0)
		return drp_encode_plane_root(DRP_COW_PLANE_ID, DRP_PLANE_SLOTS, 0, &all_used, 1,
					     &taken, buf, room);
	i = at / MODEL_EXTENTS;
	at %= MODEL_EXTENTS;
	if (i >= MODEL_ELEMENTS)
		return -ENOENT;
	return m->now.element[i] && m->now.active[i] >> at & 1 ?
		drp_encode_activate(MODEL_ELEMENT_ID + i, at, 1, buf, room) : 0;
}

static int catalog_next(void *ctx, void *buf, u32 room)
{
	struct machine *m = ctx;
	int len;

	do {
		if (sim_once_in(&m->random, 30)) {
			len = meanwhile(m);
			if (len)
				return len;
		}
		len = catalog_record(m, m->catalog_at, buf, room);
		if (len == -ENOENT)
			return 0;
		m->catalog_at += len >= 0;
	} while (!len);
	return len;
}

static void retire_some(struct machine *m)
{
	u32 e;

	for (e = 0; e < MODEL_ELEMENTS; e++)
		m->now.active[e] &= (u32)sim_random(&m->random);
}

static int write_checkpoint(struct machine *m, struct drp_cut cut)
{
	u32 s;
	int ret;

	ret = machine_cow_merge(m, page_alloc, block_keep);
	for (s = 0; !ret && s < MODEL_SYNCS; s++)
		if (m->now.sync[s])
			ret = write_plane(m, s);
	if (!ret && (m->fault == FAULT_RETIRED_BEHIND_CUT || sim_once_in(&m->random, 3)))
		ret = meanwhile(m);
	if (!ret && m->fault == FAULT_RETIRED_BEHIND_CUT)
		retire_some(m);
	if (m->fault == FAULT_TAIL_RELEASED_EARLY)
		drp_ring_release(&m->ring, cut);
	if (m->fault == FAULT_CATALOG_IN_PLACE)
		m->sb.catalog_index ^= 1;
	m->catalog_at = 0;
	m->disk->ignore_flush = m->fault == FAULT_NO_FLUSH;
	if (!ret)
		ret = drp_checkpoint_write(&m->disk->io, &m->sb, cut, catalog_next, m, m->scratch);
	m->disk->ignore_flush = false;
	return ret;
}

int machine_checkpoint(struct machine *m)
{
	struct drp_cut cut;
	int ret = 0;
	u64 seq;

	if (!m->image)
		retire_some(m);
	memcpy(m->new_active, m->now.active, sizeof(m->new_active));
	/* The cut may not lie before this, whatever is unconfirmed then. */
	seq = m->ring.head_seq;
	if (!m->recovering && sim_once_in(&m->random, 3))
		ret = meanwhile(m);
	if (!ret && m->fault != FAULT_CUT_MOVED_BACK && m->fault != FAULT_CUT_PASSES_UNCONFIRMED)
		ret = machine_cow_wait(m, seq);
	if (ret)
		return ret;
	cut = machine_cow_cut(m, drp_ring_cut(&m->ring));
	m->new_used = 0;
	ret = write_checkpoint(m, cut);
	if (ret)
		return ret;
	drp_ring_release(&m->ring, cut);
	m->used = m->new_used;
	m->cow_root = m->new_cow_root;
	memcpy(m->tree, m->new_tree, sizeof(m->tree));
	memcpy(m->may_active, m->new_active, sizeof(m->may_active));
	m->nr_checkpoints++;
	return 0;
}

/* ---- lives ---- */

static int machine_format(struct machine *m)
{
	struct drp_format_params p = {
		.nonce = sim_random(&m->random) | 1, .name = "model",
		.device_blocks = MACHINE_DEVICE_BLOCKS,
		.chunk_sectors = 128, .region_sectors = 8, .extent_sectors = 8192,
	};
	u64 at = DRP_FIRST_AREA_BLOCK;
	const u64 blocks[] = {
		MACHINE_JOURNAL_BLOCKS, MACHINE_CATALOG_BLOCKS, MACHINE_CATALOG_BLOCKS,
		MACHINE_PAGE_BLOCKS,
	};
	u32 i;
	int ret;

	m->formatted = false;
	ret = drp_format_layout(&p, &m->sb);
	if (ret)
		abort();
	for (i = 0; i < ARRAY_SIZE(blocks); i++) {
		m->sb.areas[i].first = at;
		m->sb.areas[i].blocks = blocks[i];
		at += blocks[i];
	}
	m->sb.incompat = DRP_INCOMPAT_COW;
	m->sb.cow_sectors = (COW_SLOTS + 1) * m->sb.chunk_sectors;
	memset(&m->now, 0, sizeof(m->now));
	m->now.commits = 1;
	ret = drp_format_write(&m->disk->io, &m->sb, m->scratch);
	m->formatted = !ret;
	return ret;
}

static int keep_node(void *ctx, u64 block, u32 level)
{
	(void)level;
	block_keep(ctx, block);
	return 0;
}

static void keep_tree(struct machine *m)
{
	struct cow_reader r = { .disk = m->disk, .nonce = m->sb.nonce };
	const struct drp_cow_store store = {
		.get = cow_reader_get, .put = cow_reader_put, .ctx = &r, .nonce = m->sb.nonce,
	};

	if (drp_cow_walk(&store, &m->cow_root, keep_node, m))
		violation(m, "a tree that was read cannot be walked");
}

static void take_loaded(struct machine *m, const struct model_load *l)
{
	u32 s, p;

	m->sb = l->sb;
	if (m->fault == FAULT_NEWEST_SUPER_FIRST)
		m->sb.write_b_first = !m->sb.write_b_first;
	m->now = l->state;
	m->in_flight = false;
	m->cut_open = 0;
	memcpy(m->may_active, m->now.active, sizeof(m->may_active));
	memcpy(m->root, l->root, sizeof(m->root));
	memcpy(m->dir, l->dir, sizeof(m->dir));
	memset(m->dirty, true, sizeof(m->dirty));
	m->cow_root = l->cow_root;
	memcpy(m->tree, l->tree, sizeof(m->tree));
	memset(m->pending, 0, sizeof(m->pending));
	m->nr_dropped += l->dropped;
	drp_ring_init(&m->ring, &m->sb);
	drp_ring_resume(&m->ring, &l->result);
	m->used = m->new_used = 0;
	for (s = 0; s < MODEL_SYNCS; s++) {
		if (!m->now.sync[s]) {
			memset(m->now.bits[s], 0, sizeof(m->now.bits[s]));
			continue;
		}
		page_keep(m, &m->root[s]);
		for (p = 0; p < MODEL_PAGES; p++)
			page_keep(m, &m->dir[s][p]);
		model_or_active(m->now.bits[s], m->now.active[model_source(s)]);
	}
	keep_tree(m);
	m->used = m->new_used;
	memcpy(m->now.ever, m->now.bits, sizeof(m->now.ever));
}

int machine_recover(struct machine *m)
{
	struct model_load *l = m->load;
	int ret;

	model_load(l, m->disk);
	if (!m->image)
		compare_loaded(m);
	else if (l->error)
		violation(m, "an image that was loaded cannot be loaded again");
	if (m->violation || m->refused)
		return -ECANCELED;
	if (l->probe != DRP_PROBE_VALID && l->probe != DRP_PROBE_REPAIR) {
		ret = machine_format(m);
		return ret ? ret : machine_recover(m);
	}
	m->formatted = true;
	take_loaded(m, l);
	if (m->fault == FAULT_TORN_SEQUENCE_USED) {
		m->ring.head_seq--;
		m->ring.done_seq--;
	}
	m->disk->hooks.before = look;
	m->disk->hooks.ctx = m;
	/* A commit now would carry a sequence that the superblock does not expect. */
	m->recovering = true;
	ret = machine_checkpoint(m);
	m->recovering = false;
	return ret;
}

static int one_life(struct machine *m)
{
	u32 steps = sim_below(&m->random, 30);
	int ret;

	ret = machine_recover(m);
	while (!ret && !m->violation && steps--) {
		if (sim_once_in(&m->random, 8)) {
			ret = machine_checkpoint(m);
			continue;
		}
		ret = small_step(m);
		if (!ret && drp_ring_room(&m->ring) < 12)
			ret = machine_checkpoint(m);
	}
	return ret == -EIO || m->violation || m->refused ? 0 : ret;
}

void machine_run(struct machine *m, u32 lives)
{
	m->disk->hooks.before = look;
	m->disk->hooks.ctx = m;
	if (disk_loses(m))
		m->disk->hooks.lose = lose_catalog;
	while (lives-- && !m->violation && !m->refused) {
		m->power_fails_in = sim_once_in(&m->random, 3) ? 0 :
							       1 + sim_below(&m->random, 60);
		if (one_life(m))
			violation(m, "a step of the protocol was refused");
		sim_disk_power_fail(m->disk, sim_random(&m->random) & 1 ? SIM_KEEP_SECTORS :
				    SIM_KEEP_BLOCKS, &m->random);
		if (!m->formatted)
			memset(&m->now, 0, sizeof(m->now));
		m->nr_lives++;
	}
}

struct machine *machine_new(u64 seed, enum machine_fault fault)
{
	struct machine *m = calloc(1, sizeof(*m));

	must(m);
	m->disk = sim_disk_new(MACHINE_DEVICE_BLOCKS);
	m->random.state = seed;
	m->cuts.state = ~seed;
	m->fault = fault;
	m->load = calloc(1, sizeof(*m->load));
	m->commit_buf = aligned_alloc(8, DRP_COMMIT_BLOCKS_MAX * DRP_BLOCK_BYTES);
	m->scratch = aligned_alloc(8, 2 * DRP_BLOCK_BYTES);
	must(m->load);
	must(m->commit_buf);
	must(m->scratch);
	return m;
}

void machine_free(struct machine *m)
{
	sim_disk_free(m->disk);
	free(m->load);
	free(m->commit_buf);
	free(m->scratch);
	free(m);
}
