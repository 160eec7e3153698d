// SPDX-License-Identifier: GPL-2.0-only
/* Single words of requests and table lines: see args_word.h. */
#include "args_word.h"

int drp_bad(struct drp_parse_error *err, const char *fmt, ...)
{
	va_list args;
	char *c;

	va_start(args, fmt);
	vscnprintf(err->text, sizeof(err->text), fmt, args);
	va_end(args);
	for (c = err->text; *c; c++)
		if ((unsigned char)*c < ' ' || *c == 0x7f)
			*c = '?';
	return -EINVAL;
}

int drp_arg_digits(const char *text, const char **end, u64 *value)
{
	u64 v = 0;

	if (*text < '0' || *text > '9' || (text[0] == '0' && text[1] >= '0' && text[1] <= '9'))
		return -EINVAL;
	for (; *text >= '0' && *text <= '9'; text++) {
		unsigned int digit = *text - '0';

		if (v > U64_MAX / 10 || (v == U64_MAX / 10 && digit > U64_MAX % 10))
			return -ERANGE;
		v = v * 10 + digit;
	}
	*end = text;
	*value = v;
	return 0;
}

int drp_arg_range(const char *what, const char *text, u64 low, u64 high, u64 *value,
		  struct drp_parse_error *err)
{
	const char *end;

	if (drp_arg_digits(text, &end, value) || *end)
		return drp_bad(err, "%s: '%.48s' is not a decimal number", what, text);
	if (*value < low || *value > high)
		return drp_bad(err, "%s: '%.48s' is out of range: %llu to %llu", what, text,
			       (unsigned long long)low, (unsigned long long)high);
	return 0;
}

int drp_arg_range32(const char *what, const char *text, u32 low, u32 high, u32 *value,
		    struct drp_parse_error *err)
{
	u64 v;

	if (drp_arg_range(what, text, low, high, &v, err))
		return -EINVAL;
	*value = v;
	return 0;
}

int drp_arg_id(const char *what, const char *text, bool zero_chooses, u64 *id,
	       struct drp_parse_error *err)
{
	return drp_arg_range(what, text, zero_chooses ? 0 : 1, S64_MAX, id, err);
}

int drp_arg_word(const char *what, enum drp_enum which, const char *text, u16 *value,
		 struct drp_parse_error *err)
{
	u32 v;

	if (drp_parse_name(which, text, &v))
		return drp_bad(err, "%s: '%.48s' is none of its values", what, text);
	*value = v;
	return 0;
}

int drp_arg_new_name(const char *text, const char **name, struct drp_parse_error *err)
{
	const char *problem = drp_name_problem(text);

	if (problem)
		return drp_bad(err, "name: '%.64s': %s", text, problem);
	*name = text;
	return 0;
}

int drp_arg_identity(const char *text, const char **identity, struct drp_parse_error *err)
{
	size_t i;

	if (!*text)
		return drp_bad(err, "identity: must not be empty");
	for (i = 0; text[i]; i++) {
		if (i == DRP_IDENTITY_MAX)
			return drp_bad(err, "identity: '%.48s...' is longer than %d bytes", text,
				       DRP_IDENTITY_MAX);
		if (text[i] <= ' ' || text[i] > '~')
			return drp_bad(err,
				       "identity: '%.48s' is not printable ASCII without blanks",
				       text);
	}
	*identity = text;
	return 0;
}

int drp_arg_flag(const char *text, const char *word, bool *flag, struct drp_parse_error *err)
{
	if (strcmp(text, word))
		return 0;
	if (*flag)
		return drp_bad(err, "'%s' is given twice", word);
	*flag = true;
	return 1;
}
