/* Runs one kind of system call many times for benchmarks/sensor_overhead.py and prints nanoseconds a call.
 * Reads lines `what count argument` until end of input. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <fcntl.h>
#include <ftw.h>
#include <netinet/in.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

static double now(void)
{
	struct timespec time;
	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec * 1e9 + time.tv_nsec;
}

static void untouched(long count, const char *unused)
{
	while (count--)
		syscall(SYS_getppid);
}

static void open_again(long count, const char *path)
{
	while (count--)
		close(open(path, O_RDONLY));
}

static void run(long count, const char *program)
{
	char *arguments[] = { (char *)program, NULL };
	pid_t child;
	while (count--) {
		posix_spawn(&child, program, NULL, NULL, arguments, environ);
		waitpid(child, NULL, 0);
	}
}

static void connect_again(long count, const char *unused)
{
	struct sockaddr_in end = { .sin_family = AF_INET, .sin_port = htons(9999), .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int descriptor = socket(AF_INET, SOCK_DGRAM, 0);
	while (count--)
		connect(descriptor, (void *)&end, sizeof(end));
	close(descriptor);
}

static int read_whole(const char *path, const struct stat *status, int type, struct FTW *place)
{
	static char buffer[1 << 16];
	int descriptor = type == FTW_F ? open(path, O_RDONLY) : -1;
	if (descriptor >= 0) {
		while (read(descriptor, buffer, sizeof(buffer)) > 0)
			;
		close(descriptor);
	}
	return 0;
}

static void walk(long count, const char *folder)
{
	while (count--)
		nftw(folder, read_whole, 32, FTW_PHYS);
}

int main(void)
{
	static const struct {
		const char *name;
		void (*call)(long, const char *);
	} calls[] = { { "untouched", untouched }, { "open", open_again }, { "exec", run }, { "connect", connect_again }, { "walk", walk } };
	char what[16], argument[512];
	long count;
	while (scanf("%15s %ld %511s", what, &count, argument) == 3)
		for (unsigned n = 0; n < sizeof(calls) / sizeof(*calls); n++)
			if (!strcmp(what, calls[n].name)) {
				double begun = now();
				calls[n].call(count, argument);
				printf("%.2f\n", (now() - begun) / count);
				fflush(stdout);
			}
	return 0;
}
