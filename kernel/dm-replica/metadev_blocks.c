// SPDX-License-Identifier: GPL-2.0-only
/*
 * Which blocks of the metadata device's page area are in use, and what planes
 * may take: blocks and memory.
 */
#include <linux/lockdep.h>
#include <linux/mm.h>
#include <linux/slab.h>

#include "metadev.h"

#define WORD_BITS	64

static bool in_page_area(const struct drp_metadev *md, u64 block)
{
	return block >= md->first_page_block && block - md->first_page_block < md->page_blocks;
}

static u64 nr_words(const struct drp_metadev *md)
{
	return DIV_ROUND_UP_ULL(md->page_blocks, WORD_BITS);
}

void drp_metadev_unbind_super(struct drp_metadev *md)
{
	kvfree(md->used);
	kvfree(md->pending_free);
	kvfree(md->freed);
	kvfree(md->scratch);
	md->used = NULL;
	md->pending_free = NULL;
	md->freed = NULL;
	md->scratch = NULL;
	md->page_blocks = 0;
}

static int alloc_tables(struct drp_metadev *md)
{
	u64 words = nr_words(md);

	md->used = kvcalloc(words, sizeof(u64), GFP_KERNEL);
	md->pending_free = kvcalloc(words, sizeof(u64), GFP_KERNEL);
	md->freed = kvcalloc(words, sizeof(u64), GFP_KERNEL);
	md->scratch = kvzalloc(sizeof(*md->scratch), GFP_KERNEL);
	if (md->used && md->pending_free && md->freed && md->scratch)
		return 0;
	drp_metadev_unbind_super(md);
	return -ENOMEM;
}

int drp_metadev_bind_super(struct drp_metadev *md, const struct drp_super *sb)
{
	const struct drp_area *area = drp_super_area(sb, DRP_AREA_PAGES, 0);
	u32 tail;
	int err;

	drp_metadev_unbind_super(md);
	if (!area || !area->blocks || !area->first || area->first >= md->device_blocks ||
	    area->blocks > md->device_blocks - area->first)
		return -EBADMSG;
	md->nonce = sb->nonce;
	md->activation = (u16)sb->activation;
	md->first_page_block = area->first;
	md->page_blocks = area->blocks;
	err = alloc_tables(md);
	if (err)
		return err;
	/* what the last word has too much is never free */
	tail = md->page_blocks % WORD_BITS;
	if (tail)
		md->used[nr_words(md) - 1] = ~0ULL << tail;
	md->nr_used = 0;
	md->reserved = 0;
	md->next = 0;
	md->checkpoint = false;
	md->loading = false;
	return 0;
}

int drp_metadev_claim(struct drp_metadev *md, u64 block)
{
	u64 at = block - md->first_page_block;
	u64 mask = BIT_ULL(at % WORD_BITS);
	unsigned long flags;
	int err = -EBADMSG;

	if (!in_page_area(md, block))
		return err;
	spin_lock_irqsave(&md->lock, flags);
	if (!(md->used[at / WORD_BITS] & mask)) {
		md->used[at / WORD_BITS] |= mask;
		md->nr_used++;
		err = 0;
	}
	spin_unlock_irqrestore(&md->lock, flags);
	return err;
}

/* The caller knows that the word is not full. */
static u64 __take_from_word(struct drp_metadev *md, u64 word)
{
	u32 bit = fls64(~md->used[word] & (md->used[word] + 1)) - 1;

	lockdep_assert_held(&md->lock);
	md->used[word] |= BIT_ULL(bit);
	md->nr_used++;
	md->next = word;
	return md->first_page_block + word * WORD_BITS + bit;
}

u64 drp_metadev_alloc(struct drp_metadev *md)
{
	u64 words = nr_words(md);
	unsigned long flags;
	u64 block = 0, i;

	spin_lock_irqsave(&md->lock, flags);
	if (md->nr_used < md->page_blocks) {
		for (i = 0; i < words && !block; i++) {
			u64 word = md->next + i;

			if (word >= words)
				word -= words;
			if (~md->used[word])
				block = __take_from_word(md, word);
		}
	}
	spin_unlock_irqrestore(&md->lock, flags);
	return block;
}

static void mark_free(struct drp_metadev *md, u64 block, bool replaced)
{
	u64 at = block - md->first_page_block;
	unsigned long flags;
	u64 *set;

	if (WARN_ON_ONCE(!in_page_area(md, block)))
		return;
	spin_lock_irqsave(&md->lock, flags);
	set = replaced && md->checkpoint ? md->pending_free : md->freed;
	WARN_ON_ONCE(!(md->used[at / WORD_BITS] & BIT_ULL(at % WORD_BITS)));
	set[at / WORD_BITS] |= BIT_ULL(at % WORD_BITS);
	spin_unlock_irqrestore(&md->lock, flags);
}

void drp_metadev_free_later(struct drp_metadev *md, u64 block)
{
	mark_free(md, block, false);
}

void drp_metadev_free_replaced(struct drp_metadev *md, u64 block)
{
	mark_free(md, block, true);
}

void drp_metadev_free_now(struct drp_metadev *md, u64 block)
{
	u64 at = block - md->first_page_block;
	u64 mask = BIT_ULL(at % WORD_BITS);
	unsigned long flags;

	if (WARN_ON_ONCE(!in_page_area(md, block)))
		return;
	spin_lock_irqsave(&md->lock, flags);
	if (!WARN_ON_ONCE(!(md->used[at / WORD_BITS] & mask))) {
		md->used[at / WORD_BITS] &= ~mask;
		md->nr_used--;
	}
	spin_unlock_irqrestore(&md->lock, flags);
}

void drp_metadev_checkpoint_begin(struct drp_metadev *md)
{
	u64 words = nr_words(md);
	unsigned long flags;
	u64 i;

	spin_lock_irqsave(&md->lock, flags);
	for (i = 0; i < words; i++) {
		md->pending_free[i] |= md->freed[i];
		md->freed[i] = 0;
	}
	md->checkpoint = true;
	spin_unlock_irqrestore(&md->lock, flags);
}

void drp_metadev_checkpoint_done(struct drp_metadev *md)
{
	u64 words = nr_words(md);
	unsigned long flags;
	u64 i;

	spin_lock_irqsave(&md->lock, flags);
	for (i = 0; i < words; i++) {
		u64 gone = md->used[i] & md->pending_free[i];

		md->used[i] &= ~gone;
		md->nr_used -= hweight64(gone);
		md->pending_free[i] = 0;
	}
	md->checkpoint = false;
	spin_unlock_irqrestore(&md->lock, flags);
}

int drp_metadev_reserve(struct drp_metadev *md, u64 blocks)
{
	unsigned long flags;
	bool ok;

	spin_lock_irqsave(&md->lock, flags);
	ok = md->loading || (md->reserved <= md->page_blocks &&
			     blocks <= (md->page_blocks - md->reserved) / 2);
	if (ok)
		md->reserved += 2 * blocks;
	spin_unlock_irqrestore(&md->lock, flags);
	return ok ? 0 : -ENOSPC;
}

void drp_metadev_unreserve(struct drp_metadev *md, u64 blocks)
{
	unsigned long flags;

	spin_lock_irqsave(&md->lock, flags);
	if (!WARN_ON_ONCE(2 * blocks > md->reserved))
		md->reserved -= 2 * blocks;
	spin_unlock_irqrestore(&md->lock, flags);
}

u64 drp_metadev_room(struct drp_metadev *md)
{
	unsigned long flags;
	u64 room;

	spin_lock_irqsave(&md->lock, flags);
	room = md->reserved <= md->page_blocks ? (md->page_blocks - md->reserved) / 2 : 0;
	spin_unlock_irqrestore(&md->lock, flags);
	return room;
}

void drp_metadev_load_begin(struct drp_metadev *md)
{
	unsigned long flags;

	spin_lock_irqsave(&md->lock, flags);
	md->loading = true;
	spin_unlock_irqrestore(&md->lock, flags);
}

int drp_metadev_load_end(struct drp_metadev *md)
{
	unsigned long flags;
	bool fits;

	spin_lock_irqsave(&md->lock, flags);
	md->loading = false;
	fits = md->reserved <= md->page_blocks;
	spin_unlock_irqrestore(&md->lock, flags);
	return fits ? 0 : -ENOSPC;
}

bool drp_metadev_charge(struct drp_metadev *md, u64 bytes, u64 max)
{
	unsigned long flags;
	bool ok;

	spin_lock_irqsave(&md->lock, flags);
	ok = md->memory + bytes <= max;
	if (ok)
		md->memory += bytes;
	spin_unlock_irqrestore(&md->lock, flags);
	return ok;
}

void drp_metadev_uncharge(struct drp_metadev *md, u64 bytes)
{
	unsigned long flags;

	spin_lock_irqsave(&md->lock, flags);
	if (!WARN_ON_ONCE(bytes > md->memory))
		md->memory -= bytes;
	spin_unlock_irqrestore(&md->lock, flags);
}

bool drp_metadev_over_memory(struct drp_metadev *md)
{
	return READ_ONCE(md->memory) > READ_ONCE(md->memory_max);
}
