// SPDX-License-Identifier: GPL-2.0
#define _GNU_SOURCE /* asprintf */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "command.h"
#include "disk_hook.h"
#include "msg.h"

#define HOOK_ENV_MAX 8

/**
 * struct hook_env - strings of an environment
 */
struct hook_env {
	char *string[HOOK_ENV_MAX + 1];
	unsigned int n;
	bool failed;
};

static void hook_set(struct hook_env *env, const char *name, const char *value)
{
	if (asprintf(&env->string[env->n], "%s=%s", name, value) < 0) {
		env->string[env->n] = NULL;
		env->failed = true;
		return;
	}
	env->n++;
}

static void hook_set_path(struct hook_env *env)
{
	const char *path = getenv("PATH");
	char *all = NULL;

	/* Last, so that a hook of ours takes the place of no other command. */
	if (asprintf(&all, "%s:%s", path ? path : "/usr/sbin:/usr/bin:/sbin:/bin", HOOK_DIR) < 0) {
		env->failed = true;
		return;
	}
	hook_set(env, "PATH", all);
	free(all);
}

static int hook_set_all(struct hook_env *env, const struct disk_hook *hook, const char *action,
			const struct domain *dom, const struct disks *disks, bool quiesced)
{
	char *text = disks_text(disks), domid[16];

	if (!text)
		return -1;
	snprintf(domid, sizeof(domid), "%u", dom->domid);
	hook_set(env, "STILLPOINT_ACTION", action);
	hook_set(env, "STILLPOINT_DOMAIN", dom->name);
	hook_set(env, "STILLPOINT_DOMID", domid);
	hook_set(env, "STILLPOINT_DISKS", text);
	hook_set(env, "STILLPOINT_QUIESCED", quiesced ? "1" : "0");
	hook_set(env, "STILLPOINT_FOR", hook->target ? "backup" : "save");
	if (hook->target)
		hook_set(env, "STILLPOINT_TARGET", hook->target);
	hook_set_path(env);
	free(text);
	return env->failed ? msg_error("out of memory") : 0;
}

/* A disk that came or went since is not in the image, or not where it says. */
static int hook_check_disks(struct domain *dom, const struct disks *disks)
{
	struct disks now;
	bool same;

	if (dom->ops->disks(dom, &now))
		return -1;
	same = disks_are_same(disks, &now);
	disks_free(&now);
	return same ? 0 : msg_error("the guest's disks have changed meanwhile; try again");
}

int disk_hook_run(const struct disk_hook *hook, const char *action, struct domain *dom,
		  const struct disks *disks, bool quiesced)
{
	const char *const argv[] = { "/bin/sh", "-c", hook->command, NULL };
	struct command c = {
		.argv = argv,
		.output_to_stderr = true,
		.through = !strcmp(action, DISK_HOOK_DROP),
		.timeout_ms = strcmp(action, DISK_HOOK_COLLECT) ? hook->timeout_ms : 0,
	};
	struct hook_env env = { .n = 0 };
	char what[128];
	int ret;

	snprintf(what, sizeof(what), "the disk hook '%.80s' (%s)", hook->command, action);
	c.name = what;
	if (!strcmp(action, DISK_HOOK_SNAPSHOT) && hook_check_disks(dom, disks))
		return -1;
	ret = hook_set_all(&env, hook, action, dom, disks, quiesced);
	if (!ret) {
		c.env = (const char *const *)env.string;
		ret = command_run(&c) || command_judge(&c) ? -1 : 0;
	}
	while (env.n)
		free(env.string[--env.n]);
	return ret;
}
