// SPDX-License-Identifier: GPL-2.0-only
/* Errors in one form: replctl: <what>: <why>; <what to do next>. */
#include <stdarg.h>
#include <stdlib.h>

#include "replctl.h"

int fail(int status, const char *what, const char *fmt, ...)
{
	va_list args;

	fflush(stdout);
	fprintf(stderr, "replctl: %s: ", what);
	va_start(args, fmt);
	vfprintf(stderr, fmt, args);
	va_end(args);
	fputc('\n', stderr);
	return status;
}

static const char *remedy(u32 return_value)
{
	switch (return_value) {
	case DRP_RV_NOT_SUPPORTED:
		return "'replctl capabilities' shows what is supported";
	case DRP_RV_IN_USE:
		return "unmount or stop what uses it, then try again";
	case DRP_RV_TIMEOUT:
		return "nothing was changed; try again when there is less load";
	case DRP_RV_INVALID_PARAMETER:
		return "'replctl help COMMAND' explains what is wanted";
	case DRP_RV_INVALID_STATE:
		return "'replctl capabilities SYNC' shows what is possible now";
	case DRP_RV_FORCE_REQUIRED:
		return "--force consents to that, '--force --dry-run' says how much it is";
	case DRP_RV_ACCESS_DENIED:
		return "run it as root";
	case DRP_RV_NOT_FOUND:
		return "'replctl status' shows what there is";
	default:
		return "the kernel log may say more";
	}
}

/* Does @text say what to do, as "home is mounted: unmount it"? */
static bool brings_remedy(const char *text)
{
	static const char * const advice[] = {
		"activate ", "ask ", "attach ", "check ", "choose ", "detach ", "do it ", "fail ",
		"finish ", "fracture ", "give ", "grow ", "name ", "remove ", "Resume it",
		"Resync Replica with", "say ", "split ", "take ", "try ", "unmount ", "use ",
		"wait ",
	};
	unsigned int i;

	if (strchr(text, ';'))
		return true;
	for (text = strstr(text, ": "); text; text = strstr(text, ": ")) {
		text += 2;
		for (i = 0; i < ARRAY_SIZE(advice); i++)
			if (!strncmp(text, advice[i], strlen(advice[i])))
				return true;
	}
	return false;
}

int fail_rv(u32 return_value, const char *what, const char *text)
{
	const char *name = drp_name(DRP_ENUM_RETURN_VALUE, return_value);

	/* One remedy is enough, and who refused knows best. */
	if (text && *text && brings_remedy(text))
		fail(0, what, "%s (%u): %s", name, return_value, text);
	else if (text && *text)
		fail(0, what, "%s (%u): %s; %s", name, return_value, text, remedy(return_value));
	else
		fail(0, what, "%s (%u); %s", name, return_value, remedy(return_value));
	return drp_rv_to_exit_status(return_value);
}

void note(const char *what, const char *fmt, ...)
{
	va_list args;

	fflush(stdout);
	fprintf(stderr, "replctl: note: %s: ", what);
	va_start(args, fmt);
	vfprintf(stderr, fmt, args);
	va_end(args);
	fputc('\n', stderr);
}

void *xalloc(size_t size)
{
	void *p = calloc(1, size ? size : 1);

	if (!p) {
		fputs("replctl: out of memory\n", stderr);
		exit(EX_OSERR);
	}
	return p;
}

char *xstrdup(const char *text)
{
	size_t size = strlen(text) + 1;

	return memcpy(xalloc(size), text, size);
}
