/* The load generator: sessions that exchange messages as fast as they are answered, or at a fixed rate; or one long stream.
 *
 * Counting begins when every session stands and the warm-up is over. What is counted ended between two readings of the
 * CPU clocks of the processes watched. Anything unexpected from the proxy, or too late, ends the run with status 1.
 */
#include "load.h"
#include <getopt.h>
#include <sys/prctl.h>
#include <sys/timerfd.h>

enum { EVENTS = 512, FIRST_HELD = 100, VISITS = 256 }; /* so many sessions held speak at a time */

struct options o = {.links = 1, .depth = 1, .channels = 1, .calls = 1, .exchanges = 2, .warm = 0.2, .seconds = 1};
struct reading from, to, now;
bool timed, stopping;
uint64_t start;

static int timer = -1;
static uint64_t late;

static void tick(void)
{
    uint64_t due = 0;
    if (read(timer, &due, sizeof due) != sizeof due || stopping)
        return;
    uint64_t missed = begin_due(due);
    late += from.at ? missed : 0;
}

static void start_ticking(void)
{
    struct itimerspec every = {.it_value.tv_nsec = 1000, .it_interval.tv_nsec = 1000000000 / o.rate};
    timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK);
    timerfd_settime(timer, 0, &every, NULL);
    watch(epoll, timer, EPOLLIN, NULL);
}

static void read_clocks(void)
{
    for (int i = 0; i < o.watched; i++)
        now.cpu[i] = clock_ns(o.watch[i]);
    now.cpu[o.watched] = clock_ns(CLOCK_PROCESS_CPUTIME_ID);
}

static void look_at_clock(void)
{
    now.at = clock_ns(CLOCK_MONOTONIC);
    if (timed && !from.at && now.at >= start) {
        read_clocks();
        from = now;
    } else if (from.at && !to.at && now.at >= from.at + (uint64_t)(o.seconds * 1e9)) {
        read_clocks();
        to = now;
        stopping = true;
    }
}

static void turn(void)
{
    struct epoll_event events[EVENTS];
    int n = epoll_wait(epoll, events, EVENTS, 100);
    look_at_clock();
    for (int i = 0; i < n; i++)
        if (events[i].data.ptr)
            heard(events[i].data.ptr, events[i].events);
        else
            tick();
}

static double percentile(double share)
{
    uint64_t all = 0, sum = 0;
    for (int i = 0; i < TENTHS; i++)
        all += tenths[i];
    for (int i = 0; i < TENTHS; i++)
        if ((sum += tenths[i]) >= (uint64_t)(share * (double)all) && sum)
            return i / 10.0;
    return 0;
}

static void report(void)
{
    printf("{\"count\": %llu, \"seconds\": %.9f, \"p50\": %.1f, \"p99\": %.1f, \"late\": %llu, \"repeated\": %llu, \"shares\": [%u, %u], \"cpu\": [",
           (unsigned long long)(to.count - from.count), (double)(to.at - from.at) / 1e9, percentile(0.5), percentile(0.99),
           (unsigned long long)late, (unsigned long long)repeated, shares[0], shares[1]);
    for (int i = 0; i <= o.watched; i++)
        printf("%s%.9f", i ? ", " : "", (double)(to.cpu[i] - from.cpu[i]) / 1e9);
    puts("]}");
}

/* Open the sessions in two steps and wait for a line after each, so that somebody can weigh the proxy. */
static void hold(void)
{
    char line[8];
    for (int step = 0; step < 2; step++) {
        target = step || o.links < FIRST_HELD ? o.links : FIRST_HELD;
        dial_some();
        while (opened < target || opening || flying)
            turn();
        while (step && (flying > VISITS || visit_next()))
            turn();
        while (flying)
            turn();
        if (repeated)
            die("%llu messages came once more: somebody missed a deadline", (unsigned long long)repeated);
        printf("%d %.3f\n", opened, (double)longest / 1e6);
        fflush(stdout);
        if (!fgets(line, sizeof line, stdin))
            exit(1);
    }
}

static void too_late(int signal)
{
    (void)signal;
    fprintf(stderr, "stalled: %d of %d sessions stand, %d exchanges are open, %llu ended\n", opened, o.links, flying,
            (unsigned long long)now.count);
    _exit(1);
}

static void read_options(int argc, char **argv)
{
    static const struct option known[] = {
        {"to", 1, 0, 't'},       {"rtsp", 0, 0, 'R'},    {"stream", 0, 0, 'S'}, {"churn", 0, 0, 'C'},   {"hold", 0, 0, 'H'},
        {"silent", 0, 0, 'q'},   {"links", 1, 0, 'l'},   {"depth", 1, 0, 'd'},  {"channels", 1, 0, 'c'}, {"rate", 1, 0, 'r'},
        {"calls", 1, 0, 'k'},    {"exchanges", 1, 0, 'e'}, {"warm", 1, 0, 'w'},    {"seconds", 1, 0, 's'}, {"deadline", 1, 0, 'x'}, {"cpu", 1, 0, 'p'}, {0}};
    for (int c; (c = getopt_long(argc, argv, "", known, NULL)) != -1;)
        switch (c) {
        case 't': o.port = atoi(optarg); break;
        case 'R': o.rtsp = true; break;
        case 'S': o.stream = true; break;
        case 'C': o.churn = true; break;
        case 'H': o.hold = true; break;
        case 'q': o.silent = true; break;
        case 'l': o.links = atoi(optarg); break;
        case 'd': o.depth = atoi(optarg); break;
        case 'c': o.channels = atoi(optarg); break;
        case 'k': o.calls = atoi(optarg); break;
        case 'r': o.rate = atoi(optarg); break;
        case 'e': o.exchanges = atoi(optarg); break;
        case 'w': o.warm = atof(optarg); break;
        case 's': o.seconds = atof(optarg); break;
        case 'x': alarm((unsigned)atoi(optarg)); break;
        case 'p':
            if (o.watched == WATCHED || clock_getcpuclockid(atoi(optarg), &o.watch[o.watched++]))
                die("process %s has no CPU clock", optarg);
            break;
        default: exit(2);
        }
    if (!o.port || o.links < 1 || o.depth < 1 || o.depth > BURST || o.calls < 1 || !fits())
        die("these options don't go together");
}

static void run(void)
{
    if (o.stream || o.churn) {
        timed = true;
        start = now.at + (uint64_t)(o.warm * 1e9);
    }
    target = o.links;
    dial_some();
    while (!stopping) {
        turn();
        if (o.rate && timed && timer < 0)
            start_ticking();
    }
    while (!o.stream && (flying || (o.churn && opened + opening)))
        turn(); /* what is on its way must arrive */
    report();
}

int main(int argc, char **argv)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    signal(SIGALRM, too_late);
    read_options(argc, argv);
    epoll = epoll_create1(0);
    make_links();
    now.at = clock_ns(CLOCK_MONOTONIC);
    if (o.hold)
        hold();
    else
        run();
}
