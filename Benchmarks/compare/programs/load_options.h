// The command line of the load generator.

#ifndef LOAD_OPTIONS_H
#define LOAD_OPTIONS_H

#include "shared.h"

#define PORTS_MAX 16
#define THREADS_MAX 16

static struct {
    int ports[PORTS_MAX];
    int port_count;
    uint64_t threads, connections, rate, answer_bytes, events, stagger_ns, warm_up_ns, duration_ns, cool_down_ns;
    const char *request_path;
} options = {.threads = 1, .connections = 1, .answer_bytes = 256, .warm_up_ns = 1000000000,
             .duration_ns = 3000000000};

static inline void print_usage(void) {
    puts("usage: load-generator --port PORT --request FILE [options]\n"
         "\n"
         "Sends the HTTP/1.1 request in FILE over keep-alive connections to 127.0.0.1 and checks and times the\n"
         "answers, which must be those of mock-worker.\n"
         "\n"
         "  --port PORT          where to; several are used in turn by the connections\n"
         "  --request FILE       the request, head and body, as it goes over the wire\n"
         "  --threads N          threads among which the connections are divided (default 1)\n"
         "  --connections N      connections (default 1)\n"
         "  --rate N             open loop: N requests per second in all; without it each connection asks again at\n"
         "                       once\n"
         "  --answer-bytes N     the worker's --answer-bytes (default 256)\n"
         "  --events N           the worker's --events (default 0: plain answers)\n"
         "  --stagger-ms N       time over which the connections start one after another (default 0)\n"
         "  --warm-up-ms N       time before the window, from the start of the last connection (default 1000)\n"
         "  --duration-ms N      the window in which answers are counted, longer than any answer takes (default 3000)\n"
         "  --cool-down-ms N     time after the window in which the load goes on (default 0)");
}

static inline void read_options(int count, char **arguments) {
    for (int index = 1; index < count; index += 2) {
        const char *flag = arguments[index], *value = index + 1 < count ? arguments[index + 1] : NULL;
        if (strcmp(flag, "--help") == 0 || strcmp(flag, "-h") == 0) {
            print_usage();
            exit(0);
        } else if (strcmp(flag, "--port") == 0) {
            if (options.port_count == PORTS_MAX) fail("at most %d --port", PORTS_MAX);
            options.ports[options.port_count++] = (int)number_argument(flag, value, 1, 65535);
        } else if (strcmp(flag, "--request") == 0) {
            options.request_path = value;
        } else if (strcmp(flag, "--threads") == 0) {
            options.threads = number_argument(flag, value, 1, THREADS_MAX);
        } else if (strcmp(flag, "--connections") == 0) {
            options.connections = number_argument(flag, value, 1, 20000);
        } else if (strcmp(flag, "--rate") == 0) {
            options.rate = number_argument(flag, value, 1, 10000000);
        } else if (strcmp(flag, "--answer-bytes") == 0) {
            options.answer_bytes = number_argument(flag, value, ANSWER_BYTES_MIN, ANSWER_BYTES_MAX);
        } else if (strcmp(flag, "--events") == 0) {
            options.events = number_argument(flag, value, 0, 999999);
        } else if (strcmp(flag, "--stagger-ms") == 0) {
            options.stagger_ns = number_argument(flag, value, 0, 600000) * 1000000;
        } else if (strcmp(flag, "--warm-up-ms") == 0) {
            options.warm_up_ns = number_argument(flag, value, 0, 600000) * 1000000;
        } else if (strcmp(flag, "--duration-ms") == 0) {
            options.duration_ns = number_argument(flag, value, 1, 3600000) * 1000000;
        } else if (strcmp(flag, "--cool-down-ms") == 0) {
            options.cool_down_ns = number_argument(flag, value, 0, 600000) * 1000000;
        } else {
            fail("unknown flag %s; see --help", flag);
        }
    }
    if (options.port_count == 0) fail("--port is missing; see --help");
    if (!options.request_path) fail("--request is missing; see --help");
    if (options.connections < options.threads) fail("--connections must be at least --threads");
}

#endif
