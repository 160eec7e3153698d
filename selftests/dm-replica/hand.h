/* SPDX-License-Identifier: GPL-2.0-only */
/* Contents of devices and hosts that use them: commands of hand, 0 or a negative errno. */
#ifndef HAND_H
#define HAND_H

/* DEVICE MIB SEED: data that the seed gives, from its start. */
int hand_fill(char *rest);
/* DEVICE MIB: one durable write of 64 KiB somewhere in it. */
int hand_poke(char *rest);

/* DEVICE */
int hand_flush(char *rest);

/* DEVICE NAME: remember its content. */
int hand_keep(char *rest);
/* DEVICE NAME: it shows that. -EBADE: it does not. */
int hand_shows(char *rest);
/* NAME OTHER: what is called NAME is what is called OTHER. */
int hand_as(char *rest);
/* DEVICE DEVICE: they are equal. -EBADE: they are not. */
int hand_same(char *rest);

/*
 * DEVICE: a host begins to write and another to read there, until their I/O fails
 * or hosts-end, which waits for them.
 */
int hand_host(char *rest);
int hand_hosts_end(char *rest);
/* DEVICE: what hosts wrote there so far may be gone. */
int hand_forget(char *rest);
/* DEVICE: it has all writes that were acknowledged there. -EBADE: it does not. */
int hand_has(char *rest);

#endif
