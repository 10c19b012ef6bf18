// SPDX-License-Identifier: GPL-2.0
/*
 * imagebench: the single steps of tests/bench/image.sh. What is measured goes to stdout
 * as a line of five numbers: microseconds, microseconds of processors, KiB of memory at
 * most, bytes of the image, bytes that it has on disk.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "memory.h"
#include "msg.h"
#include "ours.h"
#include "peer.h"
#include "signals.h"

static const char usage_text[] = "usage: imagebench make MEMORY DATA MIB SEED\n"
				 "       imagebench create MEMORY MIB\n"
				 "       imagebench compare MEMORY MEMORY [but-tables]\n"
				 "       imagebench forget FILE\n"
				 "       imagebench save LAYOUT[:CODEC] MEMORY IMAGE\n"
				 "       imagebench load IMAGE MEMORY\n"
				 "       imagebench qemu-save WAY IMAGE QEMU ARGUMENT...\n"
				 "       imagebench qemu-load WAY IMAGE QEMU ARGUMENT...\n"
				 "       imagebench run IMAGE COMMAND ARGUMENT...\n";

static int report(const struct usage *usage, const char *image)
{
	struct stat st;

	if (stat(image, &st))
		return msg_error("cannot look at '%s': %s", image, strerror(errno));
	printf("%" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 "\n", usage->us,
	       usage->cpu_us, usage->peak_kib, (uint64_t)st.st_size, (uint64_t)st.st_blocks * 512);
	return 0;
}

static int do_make(char *const argv[])
{
	return memory_make(argv[0], argv[1], strtoull(argv[2], NULL, 10),
			   strtoull(argv[3], NULL, 10));
}

static int do_create(char *const argv[])
{
	return memory_create(argv[0], strtoull(argv[1], NULL, 10));
}

static int do_compare(char *const argv[])
{
	return memory_compare(argv[0], argv[1], argv[2] && !strcmp(argv[2], "but-tables"));
}

/* Drop the file from the page cache. */
static int do_forget(char *const argv[])
{
	int fd = open(argv[0], O_RDONLY | O_CLOEXEC), ret = 0;

	if (fd < 0 || fsync(fd) || posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED))
		ret = msg_error("cannot drop '%s' from the page cache: %s", argv[0],
				strerror(errno));
	if (fd >= 0)
		close(fd);
	return ret;
}

static int do_save(char *const argv[])
{
	struct image_options image;
	struct usage usage;

	if (ours_parse(argv[0], &image) || ours_save(argv[1], &image, argv[2], &usage))
		return -1;
	return report(&usage, argv[2]);
}

static int do_load(char *const argv[])
{
	struct usage usage;

	return ours_load(argv[0], argv[1], &usage) ? -1 : report(&usage, argv[0]);
}

static int do_qemu_save(char *const argv[])
{
	struct usage usage;
	enum peer_way way;

	if (peer_parse(argv[0], &way) || peer_save(way, argv[1], argv + 2, &usage))
		return -1;
	return report(&usage, argv[1]);
}

static int do_qemu_load(char *const argv[])
{
	struct usage usage;
	enum peer_way way;

	if (peer_parse(argv[0], &way) || peer_load(way, argv[1], argv + 2, &usage))
		return -1;
	return report(&usage, argv[1]);
}

static int do_run(char *const argv[])
{
	struct usage usage;
	int status;
	pid_t pid;

	if (usage_begin(&usage, getpid()))
		return -1;
	pid = fork();
	if (!pid) {
		execvp(argv[1], argv + 1);
		_exit(127);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		return msg_error("cannot run '%s': %s", argv[1], strerror(errno));
	usage_done(&usage);
	usage_end(&usage);
	if (status)
		return msg_error("'%s' failed", argv[1]);
	return report(&usage, argv[0]);
}

static const struct {
	const char *name;
	int arguments;
	int (*run)(char *const argv[]);
} commands[] = {
	{ "make", 4, do_make },
	{ "create", 2, do_create },
	{ "compare", 2, do_compare },
	{ "forget", 1, do_forget },
	{ "save", 3, do_save },
	{ "load", 2, do_load },
	{ "qemu-save", 3, do_qemu_save },
	{ "qemu-load", 3, do_qemu_load },
	{ "run", 2, do_run },
};

int main(int argc, char **argv)
{
	size_t i;
	int ret;

	msg_set_command("imagebench");
	signals_catch();
	for (i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		if (argc < 2 || strcmp(argv[1], commands[i].name) ||
		    argc < 2 + commands[i].arguments)
			continue;
		ret = commands[i].run(argv + 2);
		msg_flush();
		return ret || fflush(stdout) ? 1 : 0;
	}
	fputs(usage_text, stderr);
	return 2;
}
