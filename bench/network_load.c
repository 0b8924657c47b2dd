/*
 * Clients for bench/door.ts that are not the bottleneck: tasks in, answers out, as many clients as
 * wanted in one process. Prints tasks a second, and the median and the 99th percentile of the time that
 * each took, in microseconds.
 *
 *     network_load ADDRESS CLIENTS TASKS PIPELINED PACKET [PAUSE]
 *
 * ADDRESS is a path of a unix socket or a port on 127.0.0.1. PIPELINED is 0 for a connection each, or how
 * many tasks of a connection wait for their answers. PACKET is a file with the bytes of one task; twenty `@`
 * in it become the time at which it is sent, nanoseconds of CLOCK_MONOTONIC. PAUSE is how many microseconds
 * pass between an answer and the next task of a client.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define ANSWER 4
#define MOST_DEPTH 256
#define STAMP 20

struct client {
  int fd;
  int filled;            /* bytes of the answer that has begun */
  int waiting;           /* tasks that wait for their answers */
  int first;             /* of the times below */
  long long at[MOST_DEPTH];
};

static int epoll_fd, depth;
static useconds_t pause_us;
/* Where the packet has its time; null when it has none. */
static unsigned char *stamp;
static long left, done, tasks;
static long long *took;
static unsigned char packet[70000];
static size_t packet_size;
static struct sockaddr_storage address;
static socklen_t address_size;

static long long now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static void fail(const char *what) {
  perror(what);
  exit(1);
}

static void watch(struct client *c) {
  struct epoll_event event = {.events = EPOLLIN, .data.ptr = c};
  if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, c->fd, &event)) fail("epoll_ctl");
}

static void dial(struct client *c) {
  c->fd = socket(address.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (c->fd < 0) fail("socket");
  /* A backlog that is full makes it wait, or says so. */
  while (connect(c->fd, (struct sockaddr *)&address, address_size)) {
    if (errno != EAGAIN && errno != EINTR) fail("connect");
  }
  c->filled = 0;
}

static void submit(struct client *c) {
  if (stamp) {
    char digits[STAMP + 1];
    snprintf(digits, sizeof digits, "%020lld", now());
    memcpy(stamp, digits, STAMP);
  }
  for (size_t at = 0; at < packet_size;) {
    ssize_t count = send(c->fd, packet + at, packet_size - at, MSG_NOSIGNAL);
    if (count < 0) fail("send");
    at += count;
  }
  c->at[(c->first + c->waiting++) % MOST_DEPTH] = now();
  left--;
}

static void begin(struct client *c) {
  long long at = now();
  dial(c);
  submit(c);
  c->at[c->first] = at;
  watch(c);
}

/* Returns 0 when the client has nothing more to do. */
static int hear(struct client *c) {
  unsigned char answers[ANSWER * MOST_DEPTH];
  size_t wanted = depth ? sizeof answers : (size_t)(ANSWER - c->filled);
  ssize_t count = recv(c->fd, answers, wanted, 0);
  if (count <= 0) fail("it closed without an answer");
  for (ssize_t n = 0; n < count; n++) {
    c->filled++;
    if (c->filled == ANSWER) {
      if (answers[n] != 1) fail("it refused a task");
      took[done++] = now() - c->at[c->first];
      c->first = (c->first + 1) % MOST_DEPTH;
      c->waiting--;
      c->filled = 0;
    }
  }
  if (depth) {
    while (left > 0 && c->waiting < depth) submit(c);
    return c->waiting > 0;
  }
  if (c->waiting > 0) return 1;
  close(c->fd);
  if (left <= 0) return 0;
  if (pause_us) usleep(pause_us);
  begin(c);
  return 1;
}

static int compare(const void *a, const void *b) {
  long long x = *(const long long *)a, y = *(const long long *)b;
  return (x > y) - (x < y);
}

int main(int argc, char **argv) {
  if (argc != 6 && argc != 7) return 2;
  int clients = atoi(argv[2]);
  tasks = left = atol(argv[3]);
  depth = atoi(argv[4]);
  FILE *file = fopen(argv[5], "rb");
  if (!file) fail(argv[5]);
  packet_size = fread(packet, 1, sizeof packet, file);
  stamp = memmem(packet, packet_size, "@@@@@@@@@@@@@@@@@@@@", STAMP);
  pause_us = argc == 7 ? atoi(argv[6]) : 0;
  if (argv[1][0] == '/') {
    struct sockaddr_un *un = (struct sockaddr_un *)&address;
    un->sun_family = AF_UNIX;
    strncpy(un->sun_path, argv[1], sizeof un->sun_path - 1);
    address_size = sizeof *un;
  } else {
    struct sockaddr_in *in = (struct sockaddr_in *)&address;
    in->sin_family = AF_INET;
    in->sin_port = htons(atoi(argv[1]));
    in->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address_size = sizeof *in;
  }
  took = malloc(sizeof *took * tasks);
  struct client *all = calloc(clients, sizeof *all);
  epoll_fd = epoll_create1(0);
  long long started = now();
  int busy = 0;
  for (int n = 0; n < clients && left > 0; n++, busy++) {
    begin(&all[n]);
    while (depth && left > 0 && all[n].waiting < depth) submit(&all[n]);
  }
  while (busy > 0) {
    struct epoll_event events[256];
    int count = epoll_wait(epoll_fd, events, 256, 30000);
    if (count == 0) { errno = ETIMEDOUT; fail("nobody answers"); }
    for (int n = 0; n < count; n++) if (!hear(events[n].data.ptr)) busy--;
  }
  double seconds = (now() - started) / 1e9;
  qsort(took, done, sizeof *took, compare);
  printf("%.0f %.1f %.1f\n", done / seconds, took[done / 2] / 1e3, took[(long)(done * 0.99)] / 1e3);
  return 0;
}
