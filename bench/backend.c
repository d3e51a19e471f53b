/* A speech server without speech: every request is answered at once with its response and its event.
 *
 *     backend [--apart] [--silent]      response and event leave in two writes; callers don't answer events
 *
 * Prints six ports: exchanges at backend a and at backend b (RTSP or MRCPv2, told apart by the first octet), a stream
 * from a and one from b, SIP over UDP at a and at b, whose control connections go where the exchanges go. Ends with
 * whoever started it. A request that isn't the expected one, octet by octet, ends it.
 */
#include "agent.h"
#include <stddef.h>
#include <sys/prctl.h>

enum { ROOM = 16384, EVENTS = 512 };

struct server {
    int fd, port;
    struct agent *agent; /* NULL: no SIP */
    bool streams;
    char tag;
    unsigned sessions;
    struct text request, response, event; /* MRCPv2 */
};

struct peer {
    int fd, have;
    struct server *server;
    unsigned events, answers;
    size_t sent; /* of a stream */
    char session[ID + 1];    /* RTSP; empty: none */
    struct rtsp_texts texts; /* RTSP */
    char rest[TEXT]; /* of a message that is still coming */
};

static bool apart, silent;
static char *stream_octets;
static char in[ROOM], out[2 * ROOM];

static struct server *serve(int epoll, char tag, bool streams)
{
    struct server *s = must(calloc(1, sizeof *s));
    struct sockaddr_in any = loopback(0);
    *s = (struct server){.fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), .tag = tag, .streams = streams};
    if (bind(s->fd, (void *)&any, sizeof any) || listen(s->fd, 4096))
        die("can't listen: %s", strerror(errno));
    mrcp_texts(NO_ID, &s->request, &s->response, &s->event);
    s->response.octets[s->response.tag] = s->event.octets[s->event.tag] = tag;
    no_delay(s->fd); /* those accepted inherit it */
    getsockname(s->fd, (void *)&any, &(socklen_t){sizeof any});
    s->port = ntohs(any.sin_port);
    printf("%s%d", tag == 'a' && !streams ? "" : " ", s->port);
    watch(epoll, s->fd, EPOLLIN, s);
    return s;
}

static void greet(int epoll, struct server *s)
{
    int fd;
    while ((fd = accept4(s->fd, NULL, NULL, SOCK_NONBLOCK)) >= 0) {
        struct peer *p = must(malloc(sizeof *p));
        memset(p, 0, offsetof(struct peer, texts));
        p->fd = fd;
        p->server = s;
        watch(epoll, fd, s->streams ? EPOLLIN | EPOLLOUT | EPOLLET : EPOLLIN | EPOLLET, p);
    }
}

/* Two messages, in one write or in two; what waits in `out` goes first. */
static int reply(struct peer *p, int waiting, const struct text *response, const struct text *event)
{
    memcpy(out + waiting, response->octets, (size_t)response->len);
    waiting += response->len;
    if (apart) {
        send_all(p->fd, out, waiting);
        waiting = 0;
    }
    memcpy(out + waiting, event->octets, (size_t)event->len);
    return waiting + event->len;
}

static int mrcp_request(struct peer *p, const char *octets, int have, int *waiting)
{
    struct server *s = p->server;
    struct text *fill[] = {&s->request, &s->response, &s->event};
    if (have < s->request.len)
        return 0;
    for (int i = 0; i < 3; i++) {
        put_number(fill[i], octets + s->request.hole[0]);
        memcpy(fill[i]->octets + fill[i]->id, octets + s->request.id, ID);
    }
    if (octets[s->request.id] == 's' && !stands(s->agent, octets + s->request.id))
        die("backend %c: a request on no channel of ours:\n%.*s", s->tag, s->request.len, octets);
    if (memcmp(octets, s->request.octets, (size_t)s->request.len))
        die("backend: a changed request:\n%.*s\ninstead of\n%.*s", have, octets, s->request.len, s->request.octets);
    *waiting = reply(p, *waiting, &s->response, &s->event);
    return s->request.len;
}

static const char *cseq(const char *octets, int len)
{
    const char *at = memmem(octets, (size_t)len, "\r\nCSeq: ", 8);
    if (!at || octets + len - at < 8 + DIGITS)
        die("backend: no CSeq of ten digits:\n%.*s", len, octets);
    return at + 8;
}

static int status(const char *number, const char *line, const char *session, const char *more, const char *body, int waiting)
{
    struct text t;
    rtsp(&t, line, session, more, body);
    put_number(&t, number);
    memcpy(out + waiting, t.octets, (size_t)t.len);
    return waiting + t.len;
}

static int setup(struct peer *p, const char *number, int waiting)
{
    struct server *s = p->server;
    snprintf(p->session, sizeof p->session, "%c%015x", s->tag, ++s->sessions * 2654435761u);
    rtsp_texts(&p->texts, p->session);
    return status(number, "RTSP/1.0 200 OK", p->session,
                  "Transport: RTP/AVP;unicast;client_port=4000-4001;server_port=5000-5001;source=127.0.0.1\r\n"
                  "Content-Type: application/sdp\r\n", SDP_OF("server", "5000", "recvonly"), waiting);
}

static bool is(const char *octets, int len, struct text *expected, const char *number)
{
    put_number(expected, number);
    return len == expected->len && !memcmp(octets, expected->octets, (size_t)len);
}

static int rtsp_message(struct peer *p, const char *octets, int have, int *waiting)
{
    int len = rtsp_end(octets, have);
    if (!len)
        return 0;
    const char *number = cseq(octets, len);
    if (!strncmp(octets, "SETUP ", 6)) {
        *waiting = setup(p, number, *waiting);
        return len;
    }
    if (!*p->session || !memmem(octets, (size_t)len, p->session, ID)) {
        *waiting = status(number, "RTSP/1.0 454 Session Not Found", "", "", "", *waiting);
        return len;
    }
    struct rtsp_texts *t = &p->texts;
    if (is(octets, len, &t->request, number)) {
        p->events++;
        put_number(&t->response, number);
        put_number(&t->event, number);
        *waiting = reply(p, *waiting, &t->response, &t->event);
    } else if (is(octets, len, &t->answer, number)) {
        p->answers++;
    } else if (is(octets, len, &t->teardown, number)) {
        bool complete = p->answers == (silent ? 0 : p->events);
        *waiting = status(number, complete ? "RTSP/1.0 200 OK" : "RTSP/1.0 400 Answers Lost", p->session, "", "", *waiting);
        *p->session = 0;
    } else {
        die("backend: a changed message:\n%.*s", len, octets);
    }
    return len;
}

static bool converse(struct peer *p)
{
    memcpy(in, p->rest, (size_t)p->have);
    ssize_t got = recv(p->fd, in + p->have, (size_t)(ROOM - p->have), 0);
    if (got <= 0)
        return got < 0 && errno == EAGAIN;
    int have = p->have + (int)got, used = 0, waiting = 0, step = 1;
    while (used < have && step) {
        const char *at = in + used;
        step = *at == 'M' ? mrcp_request(p, at, have - used, &waiting) : rtsp_message(p, at, have - used, &waiting);
        used += step;
    }
    if (waiting)
        send_all(p->fd, out, waiting);
    p->have = have - used;
    if (p->have > TEXT)
        die("backend: a message without an end:\n%.*s", p->have, in + used);
    memcpy(p->rest, in + used, (size_t)p->have);
    return have == ROOM ? converse(p) : true; /* with edges, a full read must be followed by another */
}

static bool stream(struct peer *p)
{
    ssize_t n;
    if (recv(p->fd, in, ROOM, 0) == 0)
        return false;
    while ((n = send(p->fd, stream_octets + p->sent % PATTERN, PATTERN, MSG_NOSIGNAL)) > 0)
        p->sent += (size_t)n;
    return errno == EAGAIN;
}

int main(int argc, char **argv)
{
    struct epoll_event events[EVENTS];
    struct server *servers[4];
    struct agent *agents[2];
    int epoll = epoll_create1(0);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    for (int i = 1; i < argc; i++) {
        apart |= !strcmp(argv[i], "--apart");
        silent |= !strcmp(argv[i], "--silent");
    }
    stream_octets = pattern();
    for (int i = 0; i < 4; i++)
        servers[i] = serve(epoll, i % 2 ? 'b' : 'a', i > 1);
    for (int i = 0; i < 2; i++)
        servers[i]->agent = agents[i] = make_agent(epoll, servers[i]->tag, servers[i]->port);
    puts("");
    fflush(stdout);
    for (;;) {
        int n = epoll_wait(epoll, events, EVENTS, -1);
        for (int i = 0; i < n; i++) {
            void *owner = events[i].data.ptr;
            struct peer *p = owner;
            if (owner == servers[0] || owner == servers[1] || owner == servers[2] || owner == servers[3])
                greet(epoll, owner);
            else if (owner == agents[0] || owner == agents[1])
                answer_calls(owner);
            else if (!(p->server->streams ? stream(p) : converse(p))) {
                close(p->fd);
                free(p);
            }
        }
    }
}
