// SPDX-License-Identifier: Apache-2.0
/* server.c - see server.h. */
#include "support/server.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "support/client.h"
#include "support/figures.h"

#define READY_NS_MAX 180000000000u
#define END_NS_MAX 20000000000u

static struct server *running; /* what to end when the driver fails */

static void wait_ms(int ms)
{
    (void)poll(NULL, 0, ms);
}

static void path_of(const struct server *server, const char *name, char *out_path, size_t size)
{
    if (snprintf(out_path, size, "%s/%s", server->folder, name) >= (int)size)
        figures_fail("%s: the path is too long", server->folder);
}

static int remove_entry(const char *path, const struct stat *stat, int kind, struct FTW *where)
{
    (void)stat;
    (void)kind;
    (void)where;
    return remove(path);
}

static void clean_up(void)
{
    struct server *server = running;

    running = NULL;
    if (server == NULL)
        return;
    if (server->pid > 0) {
        kill(server->pid, SIGKILL);
        (void)waitpid(server->pid, NULL, 0);
        server->pid = 0;
    }
    if (!server->keep_folder)
        (void)nftw(server->folder, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

/* Ctrl-C ends the driver by exit(), which cleans up. */
static void on_signal(int number)
{
    (void)number;
    exit(1);
}

static const char *beside_driver(void)
{
    static char path[4096];
    ssize_t size = readlink("/proc/self/exe", path, sizeof(path) - 16);
    char *slash;

    if (size <= 0)
        figures_fail("/proc/self/exe: %s", strerror(errno));
    path[size] = '\0';
    slash = strrchr(path, '/');
    memcpy(slash + 1, "tallywheel", sizeof("tallywheel"));
    return path;
}

static uint16_t free_port(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    socklen_t size = sizeof(address);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 ||
        getsockname(fd, (struct sockaddr *)&address, &size) < 0)
        figures_fail("cannot find a free port: %s", strerror(errno));
    close(fd);
    return ntohs(address.sin_port);
}

static void make_folder(struct server *server, const char *parent, const char *folder)
{
    server->keep_folder = folder != NULL;
    if (folder == NULL) {
        (void)mkdir(parent, 0777);
        snprintf(server->folder, sizeof(server->folder), "%s/tallywheel-bench-XXXXXX", parent);
        if (mkdtemp(server->folder) == NULL)
            figures_fail("%s: %s", server->folder, strerror(errno));
        return;
    }
    snprintf(server->folder, sizeof(server->folder), "%s", folder);
    if (mkdir(folder, 0777) < 0 && errno != EEXIST)
        figures_fail("%s: %s", folder, strerror(errno));
}

void server_init(struct server *server, const char *program, const char *parent, const char *folder,
                 struct span config)
{
    struct sigaction action = {.sa_handler = on_signal};
    char path[600];
    FILE *file;

    *server = (struct server){.program = program != NULL ? program : beside_driver()};
    if (access(server->program, X_OK) < 0)
        figures_fail("%s: %s (say another with --server)", server->program, strerror(errno));
    make_folder(server, parent, folder);
    running = server;
    atexit(clean_up);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    server->port = free_port();
    path_of(server, "bench.yaml", path, sizeof(path));
    if (access(path, R_OK) == 0)
        return;
    file = fopen(path, "w");
    if (file == NULL || fwrite(config.data, 1, config.size, file) != config.size ||
        fclose(file) != 0)
        figures_fail("%s: %s", path, strerror(errno));
}

static void run_program(const struct server *server, pid_t parent)
{
    char config[600], said[600], data[600], address[32];
    int fd;

    path_of(server, "bench.yaml", config, sizeof(config));
    path_of(server, "said.txt", said, sizeof(said));
    path_of(server, "data", data, sizeof(data));
    snprintf(address, sizeof(address), "127.0.0.1:%u", server->port);
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent)
        _exit(1);
    fd = open(said, O_WRONLY | O_CREAT | O_TRUNC, 0666);
    if (fd < 0 || dup2(fd, 1) < 0 || dup2(fd, 2) < 0)
        _exit(1);
    execl(server->program, server->program, "serve", "--config", config, "--data", data, "--http",
          address, (char *)NULL);
    perror(server->program);
    _exit(1);
}

static void fail_to_start(struct server *server, const char *why)
{
    struct bytes said = {0};

    server_said(server, &said);
    figures_fail("the server %s; it said: %s", why, bytes_text(&said));
}

uint64_t server_start(struct server *server)
{
    uint64_t begin_ns = figures_now_ns();
    struct bytes body = {0};
    pid_t parent = getpid();

    fflush(stdout);
    server->pid = fork();
    if (server->pid < 0)
        figures_fail("fork: %s", strerror(errno));
    if (server->pid == 0)
        run_program(server, parent);
    while (client_get(server->port, "/readyz", &body) != 200) {
        if (waitpid(server->pid, NULL, WNOHANG) == server->pid) {
            server->pid = 0;
            fail_to_start(server, "ended");
        }
        if (figures_now_ns() - begin_ns > READY_NS_MAX)
            fail_to_start(server, "is not ready");
        wait_ms(2);
    }
    bytes_done(&body);
    return figures_now_ns() - begin_ns;
}

void server_kill(struct server *server)
{
    kill(server->pid, SIGKILL);
    (void)waitpid(server->pid, NULL, 0);
    server->pid = 0;
}

void server_done(struct server *server)
{
    uint64_t begin_ns = figures_now_ns();

    if (server == NULL)
        return;
    if (server->pid > 0)
        kill(server->pid, SIGTERM);
    while (server->pid > 0 && figures_now_ns() - begin_ns < END_NS_MAX) {
        if (waitpid(server->pid, NULL, WNOHANG) == server->pid)
            server->pid = 0;
        else
            wait_ms(10);
    }
    if (server->pid > 0)
        fprintf(stderr, "the server does not end on SIGTERM; killed\n");
    clean_up();
}

uint64_t server_cpu_ns(const struct server *server)
{
    struct timespec time;
    clockid_t clock;

    if (clock_getcpuclockid(server->pid, &clock) != 0 || clock_gettime(clock, &time) != 0)
        figures_fail("the server's processor time cannot be read: has it ended?");
    return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

double server_rss_bytes(const struct server *server)
{
    char path[64];
    long pages = 0;
    FILE *file;

    snprintf(path, sizeof(path), "/proc/%ld/statm", (long)server->pid);
    file = fopen(path, "r");
    if (file == NULL || fscanf(file, "%*s %ld", &pages) != 1)
        pages = 0;
    if (file != NULL)
        fclose(file);
    return (double)pages * (double)sysconf(_SC_PAGESIZE);
}

void server_get(const struct server *server, const char *path, struct bytes *out_body)
{
    int status = client_get(server->port, path, out_body);

    if (status != 200)
        figures_fail("GET %s: status %d: %s", path, status, bytes_text(out_body));
}

void server_said(const struct server *server, struct bytes *out)
{
    char path[600];
    FILE *file;

    path_of(server, "said.txt", path, sizeof(path));
    file = fopen(path, "r");
    bytes_clear(out);
    if (file == NULL)
        return;
    out->size = fread(bytes_reserve(out, 16384), 1, 16384, file);
    fclose(file);
}
