/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Single words of requests and table lines, for the parsers of args.h only.
 * All of them are pure and run in any context. What an argument is called in
 * an error's text is @what; -EINVAL means that @err has been filled.
 */
#ifndef DRP_CORE_ARGS_WORD_H
#define DRP_CORE_ARGS_WORD_H

#include "args.h"
#include "names.h"

/* Formats into @err, keeps what the user typed printable; returns -EINVAL. */
int __printf(2, 3) drp_bad(struct drp_parse_error *err, const char *fmt, ...);

/*
 * Decimal digits, no sign, no superfluous zero in front; *@end is the first
 * other character. -EINVAL, -ERANGE: not of 64 bits.
 */
int drp_arg_digits(const char *text, const char **end, u64 *value);

/* A decimal number from @low to @high. */
int drp_arg_range(const char *what, const char *text, u64 low, u64 high, u64 *value,
		  struct drp_parse_error *err);
int drp_arg_range32(const char *what, const char *text, u32 low, u32 high, u32 *value,
		    struct drp_parse_error *err);

/* An object's id; 0 only where @zero_chooses one. */
int drp_arg_id(const char *what, const char *text, bool zero_chooses, u64 *id,
	       struct drp_parse_error *err);

/* A value of an enumeration, by name. */
int drp_arg_word(const char *what, enum drp_enum which, const char *text, u16 *value,
		 struct drp_parse_error *err);

/* An object's new name, a device's identity; *@name and *@identity point into @text. */
int drp_arg_new_name(const char *text, const char **name, struct drp_parse_error *err);
int drp_arg_identity(const char *text, const char **identity, struct drp_parse_error *err);

/* "force" and the like: 1 if @text is @word and was taken, 0 if it is another word. */
int drp_arg_flag(const char *text, const char *word, bool *flag, struct drp_parse_error *err);

#endif /* DRP_CORE_ARGS_WORD_H */
