// SPDX-License-Identifier: GPL-2.0-only
/*
 * From a request to its completion. A request is admitted (errors injected,
 * memory found), waits on a channel for as long as the model says, then takes
 * effect and is ended. Without latency all of it happens in queue_rq.
 *
 * Requests are ended outside the disk's lock, for who waits may submit the
 * next one at once.
 */
#include <linux/ktime.h>

#include "simdisk.h"

#define SIM_ALLOC_RETRIES	1000

static bool op_changes_content(struct request *rq)
{
	switch (req_op(rq)) {
	case REQ_OP_WRITE:
	case REQ_OP_DISCARD:
	case REQ_OP_WRITE_ZEROES:
		return true;
	default:
		return false;
	}
}

static bool is_fua(struct request *rq)
{
	return rq->cmd_flags & REQ_FUA;
}

static u64 service_ns(const struct sim_latency *latency, struct request *rq)
{
	u64 transfer = ((u64)blk_rq_bytes(rq) * latency->ns_per_kib) >> 10;

	switch (req_op(rq)) {
	case REQ_OP_READ:
		return latency->read_us * 1000ULL + transfer;
	case REQ_OP_WRITE:
		return (is_fua(rq) ? latency->fua_us : latency->write_us) *
		       1000ULL + transfer;
	case REQ_OP_FLUSH:
		return latency->flush_us * 1000ULL;
	default:
		return latency->discard_us * 1000ULL;
	}
}

static bool in_fail_range(const struct sim_faults *faults, struct request *rq)
{
	sector_t start = blk_rq_pos(rq), end = start + blk_rq_sectors(rq);
	bool write = op_changes_content(rq);
	unsigned int i;

	if (req_op(rq) == REQ_OP_FLUSH)
		return false;
	for (i = 0; i < faults->ranges; i++) {
		const struct sim_fail_range *range = &faults->range[i];

		if (start < range->end && end > range->start &&
		    (write ? range->writes : range->reads))
			return true;
	}
	return false;
}

static bool is_injected(struct sim_faults *faults, struct request *rq)
{
	if (faults->offline)
		return true;
	if (faults->fail_after != SIM_FAIL_AFTER_OFF) {
		if (!faults->fail_after)
			return true;
		faults->fail_after--;
	}
	if (faults->ranges && in_fail_range(faults, rq))
		return true;
	switch (req_op(rq)) {
	case REQ_OP_READ:
		return faults->fail_reads;
	case REQ_OP_WRITE:
		return faults->fail_writes;
	case REQ_OP_FLUSH:
		return faults->fail_flushes;
	case REQ_OP_DISCARD:
	case REQ_OP_WRITE_ZEROES:
		return faults->fail_discards;
	default:
		return true;
	}
}

static void count_done(struct sim_stats *stats, struct request *rq)
{
	switch (req_op(rq)) {
	case REQ_OP_READ:
		stats->reads++;
		stats->read_sectors += blk_rq_sectors(rq);
		break;
	case REQ_OP_WRITE:
		stats->writes++;
		stats->write_sectors += blk_rq_sectors(rq);
		if (is_fua(rq))
			stats->fua++;
		break;
	case REQ_OP_FLUSH:
		stats->flushes++;
		break;
	case REQ_OP_DISCARD:
		stats->discards++;
		stats->discard_sectors += blk_rq_sectors(rq);
		break;
	default:
		stats->write_zeroes++;
		stats->write_zeroes_sectors += blk_rq_sectors(rq);
	}
}

/* The moment at which a request has its effect. */
static blk_status_t take_effect(struct sim_disk *disk, struct sim_cmd *cmd)
{
	struct request *rq = blk_mq_rq_from_pdu(cmd);
	struct sim_store *store = &disk->store;
	bool durable = !disk->limits.write_cache || is_fua(rq);
	bool unmap;

	switch (req_op(rq)) {
	case REQ_OP_READ:
		sim_store_read(store, rq);
		return BLK_STS_OK;
	case REQ_OP_WRITE:
		if (sim_store_write(store, rq, durable))
			return BLK_STS_IOERR;
		return BLK_STS_OK;
	case REQ_OP_FLUSH:
		return BLK_STS_OK;
	default:
		unmap = req_op(rq) == REQ_OP_DISCARD ||
			!(rq->cmd_flags & REQ_NOUNMAP);
		sim_store_zero(store, blk_rq_pos(rq), blk_rq_sectors(rq),
			       durable, unmap);
		return BLK_STS_OK;
	}
}

static void leave_disk(struct sim_disk *disk, struct sim_cmd *cmd)
{
	list_del(&cmd->inflight);
	disk->inflight_count--;
	sim_record_end(disk, cmd);
	if (cmd->status) {
		blk_mq_rq_from_pdu(cmd)->rq_flags |= RQF_QUIET;
		disk->stats.errors++;
	}
}

/* Its data is there, but who wrote is told that it failed. */
static bool answer_is_lost(struct sim_faults *faults, struct request *rq)
{
	if (req_op(rq) != REQ_OP_WRITE ||
	    faults->fail_written == SIM_FAIL_AFTER_OFF)
		return false;
	if (!faults->fail_written)
		return true;
	faults->fail_written--;
	return false;
}

static void finish(struct sim_disk *disk, struct sim_cmd *cmd)
{
	struct request *rq = blk_mq_rq_from_pdu(cmd);

	lockdep_assert_held(&disk->lock);
	if (!cmd->status)
		cmd->status = take_effect(disk, cmd);
	if (!cmd->status && answer_is_lost(&disk->faults, rq))
		cmd->status = BLK_STS_IOERR;
	if (req_op(rq) == REQ_OP_FLUSH)
		sim_store_flush_end(&disk->store, cmd->flush_epoch,
				    cmd->status);
	if (cmd->status && req_op(rq) == REQ_OP_FLUSH && disk->faults.lose_unflushed)
		while (sim_store_lose(&disk->store, 0, SIM_LOSS_DROP))
			;
	if (!cmd->status)
		count_done(&disk->stats, rq);
	leave_disk(disk, cmd);
}

static void end_all(struct list_head *done)
{
	struct sim_cmd *cmd, *next;

	list_for_each_entry_safe(cmd, next, done, queue)
		blk_mq_end_request(blk_mq_rq_from_pdu(cmd), cmd->status);
}

/*
 * Gives an admitted request to the channel that is free first. Returns true
 * when it took no time and is finished already.
 */
static bool dispatch(struct sim_disk *disk, struct sim_cmd *cmd)
{
	u64 ns = service_ns(&disk->latency, blk_mq_rq_from_pdu(cmd));
	struct sim_channel *channel = &disk->channel[0];
	unsigned int i;
	ktime_t now;

	lockdep_assert_held(&disk->lock);
	if (!ns) {
		finish(disk, cmd);
		return true;
	}
	for (i = 1; i < disk->channels; i++)
		if (disk->channel[i].free_at < channel->free_at)
			channel = &disk->channel[i];
	now = ktime_get();
	cmd->end = ktime_add_ns(max(now, channel->free_at), ns);
	channel->free_at = cmd->end;
	if (list_empty(&channel->queue))
		hrtimer_start(&channel->timer, cmd->end, HRTIMER_MODE_ABS);
	list_add_tail(&cmd->queue, &channel->queue);
	return false;
}

static enum hrtimer_restart channel_expired(struct hrtimer *timer)
{
	struct sim_channel *channel = container_of(timer, struct sim_channel,
						   timer);
	struct sim_disk *disk = channel->disk;
	struct sim_cmd *cmd, *next;
	ktime_t now = ktime_get();
	unsigned long flags;
	LIST_HEAD(done);

	spin_lock_irqsave(&disk->lock, flags);
	/* After a power failure sim_disk_cut() takes what is in flight. */
	if (!sim_power_off()) {
		list_for_each_entry_safe(cmd, next, &channel->queue, queue) {
			if (cmd->end > now) {
				hrtimer_start(timer, cmd->end,
					      HRTIMER_MODE_ABS);
				break;
			}
			list_move_tail(&cmd->queue, &done);
			finish(disk, cmd);
		}
	}
	spin_unlock_irqrestore(&disk->lock, flags);
	end_all(&done);
	return HRTIMER_NORESTART;
}

void sim_channels_init(struct sim_disk *disk)
{
	unsigned int i;

	for (i = 0; i < SIM_MAX_CHANNELS; i++) {
		struct sim_channel *channel = &disk->channel[i];

		channel->disk = disk;
		INIT_LIST_HEAD(&channel->queue);
		sim_timer_setup(&channel->timer, channel_expired);
	}
}

void sim_channels_stop(struct sim_disk *disk)
{
	unsigned int i;

	for (i = 0; i < SIM_MAX_CHANNELS; i++)
		hrtimer_cancel(&disk->channel[i].timer);
}

void sim_release_held(struct sim_disk *disk)
{
	struct sim_cmd *cmd, *next;
	unsigned long flags;
	LIST_HEAD(held);
	LIST_HEAD(done);

	spin_lock_irqsave(&disk->lock, flags);
	if (!sim_power_off()) {
		list_splice_init(&disk->held, &held);
		list_for_each_entry_safe(cmd, next, &held, queue) {
			list_del(&cmd->queue);
			if (disk->faults.offline)
				cmd->status = BLK_STS_IOERR;
			if (dispatch(disk, cmd))
				list_add_tail(&cmd->queue, &done);
		}
	}
	spin_unlock_irqrestore(&disk->lock, flags);
	end_all(&done);
}

/*
 * Memory for a write is found before it starts. Returns BLK_STS_RESOURCE to
 * be asked again later, an error when that did not help for seconds.
 */
static blk_status_t find_memory(struct sim_disk *disk, struct request *rq)
{
	struct sim_cmd *cmd = blk_mq_rq_to_pdu(rq);

	if (!(rq->rq_flags & RQF_DONTPREP)) {
		rq->rq_flags |= RQF_DONTPREP;
		cmd->alloc_retries = 0;
	}
	if (req_op(rq) != REQ_OP_WRITE ||
	    !sim_store_prepare(&disk->store, blk_rq_pos(rq), blk_rq_bytes(rq)))
		return BLK_STS_OK;
	if (cmd->alloc_retries++ < SIM_ALLOC_RETRIES)
		return BLK_STS_RESOURCE;
	pr_warn_ratelimited("simdisk: %s: no memory for a write: give the machine more, or use smaller disks\n",
			    disk->name);
	return BLK_STS_IOERR;
}

static void enter_disk(struct sim_disk *disk, struct sim_cmd *cmd)
{
	struct request *rq = blk_mq_rq_from_pdu(cmd);

	list_add_tail(&cmd->inflight, &disk->inflight);
	if (++disk->inflight_count > disk->stats.max_inflight)
		disk->stats.max_inflight = disk->inflight_count;
	if (req_op(rq) == REQ_OP_FLUSH)
		cmd->flush_epoch = sim_store_flush_begin(&disk->store);
	sim_record_arrival(disk, cmd);
}

/* Returns true when the request is finished and is to be ended. */
static bool admit(struct sim_disk *disk, struct sim_cmd *cmd)
{
	struct request *rq = blk_mq_rq_from_pdu(cmd);

	lockdep_assert_held(&disk->lock);
	enter_disk(disk, cmd);
	if (!cmd->status && op_changes_content(rq))
		sim_power_count_write();
	if (sim_power_off()) {
		/* The write that switched it off is torn by sim_disk_cut(). */
		list_add_tail(&cmd->queue, &disk->held);
		return false;
	}
	if (disk->faults.hang) {
		list_add_tail(&cmd->queue, &disk->held);
		return false;
	}
	return dispatch(disk, cmd);
}

static blk_status_t sim_queue_rq(struct blk_mq_hw_ctx *hctx,
				 const struct blk_mq_queue_data *bd)
{
	struct request *rq = bd->rq;
	struct sim_disk *disk = rq->q->queuedata;
	struct sim_cmd *cmd = blk_mq_rq_to_pdu(rq);
	unsigned long flags;
	bool ended = true;

	spin_lock_irqsave(&disk->lock, flags);
	if (unlikely(sim_power_off())) {
		cmd->status = BLK_STS_IOERR;
	} else {
		cmd->status = find_memory(disk, rq);
		if (cmd->status == BLK_STS_RESOURCE) {
			spin_unlock_irqrestore(&disk->lock, flags);
			return BLK_STS_RESOURCE;
		}
	}
	blk_mq_start_request(rq);
	if (unlikely(sim_power_off())) {
		cmd->status = BLK_STS_IOERR;
		rq->rq_flags |= RQF_QUIET;
		disk->stats.errors++;
	} else {
		if (!cmd->status && is_injected(&disk->faults, rq))
			cmd->status = BLK_STS_IOERR;
		ended = admit(disk, cmd);
	}
	spin_unlock_irqrestore(&disk->lock, flags);
	if (ended)
		blk_mq_end_request(rq, cmd->status);
	return BLK_STS_OK;
}

const struct blk_mq_ops sim_mq_ops = {
	.queue_rq = sim_queue_rq,
};

/* Takes all that is in flight off the channels. Lock held. */
static void collect_inflight(struct sim_disk *disk, struct list_head *all)
{
	struct sim_cmd *cmd;
	unsigned int i;

	list_for_each_entry(cmd, &disk->inflight, inflight) {
		list_del(&cmd->queue);
		list_add_tail(&cmd->queue, all);
	}
	for (i = 0; i < SIM_MAX_CHANNELS; i++)
		disk->channel[i].free_at = 0;
}

static void tear_and_leave(struct sim_disk *disk, struct list_head *all,
			   u64 key)
{
	struct sim_cmd *cmd;

	list_for_each_entry(cmd, all, queue) {
		struct request *rq = blk_mq_rq_from_pdu(cmd);

		if (!cmd->status && op_changes_content(rq))
			sim_store_tear(&disk->store, rq,
				       sim_mix(key ^ sim_mix(blk_rq_pos(rq)) ^
					       blk_rq_bytes(rq)));
		cmd->status = BLK_STS_IOERR;
		leave_disk(disk, cmd);
	}
}

void sim_disk_cut(struct sim_disk *disk, u64 seed, enum sim_loss loss)
{
	u64 key = sim_mix(seed ^ disk->name_hash);
	unsigned long flags;
	LIST_HEAD(all);
	bool more;

	if (loss == SIM_LOSS_ANY)
		loss = 1 + sim_mix(key + 1) % (SIM_LOSS_COUNT - 1);
	do {
		spin_lock_irqsave(&disk->lock, flags);
		more = sim_store_lose(&disk->store, key, loss);
		spin_unlock_irqrestore(&disk->lock, flags);
		cond_resched();
	} while (more);

	spin_lock_irqsave(&disk->lock, flags);
	collect_inflight(disk, &all);
	tear_and_leave(disk, &all, sim_mix(key + 2));
	disk->store.flushes_running = 0;
	spin_unlock_irqrestore(&disk->lock, flags);
	end_all(&all);
}
