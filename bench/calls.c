/* Callers who set their sessions up by SIP over UDP, and share a control connection between `--calls` of them.
 *
 *     --churn           each call ends after one exchange and its control connection with it
 *     --churn --rate N  so many calls begin in a second; timed is INVITE to 200
 *     --hold            calls stay; when all stand, each has another exchange
 *     otherwise         calls stay and exchange messages, `--depth` in flight on each connection
 *
 * Everything about a call stands in its number: Call-ID, tag and branches are made of it.
 */
#include "load.h"
#include "sip.h"

enum { ROOM = 65536, OPENING = 32, ALIAS = 64 };

enum stage { NONE, INVITING, WAITING, STANDING, LEAVING };

struct call {
    struct group *group;
    struct channel channel;
    enum stage stage;
    uint32_t round;
    int control_port;
    uint64_t sent;
    char id[ALIAS], to[2 * NAME], contact[NAME], route[2 * NAME];
};

/* One control connection and the calls that use it. */
struct group {
    int fd, have, flying, next, calls;
    bool up, leaving;
    uint64_t sent;
    struct call *call;
    char rest[TEXT];
};

int epoll, opened, opening, flying, target;
uint64_t repeated, longest;
unsigned shares[2];
uint32_t tenths[TENTHS];

static int wire, wire_port, groups, dialled;
static uint64_t number = 1000000000;
static struct call *calls;
static struct group *group, **idle;
static unsigned idle_first, idle_count;
static char in[ROOM], out[BURST * TEXT];

bool fits(void)
{
    return o.channels == 1 && !o.rtsp && !o.stream && o.depth <= o.calls && o.calls <= BURST &&
           (o.calls == 1 || !o.churn) && (!o.rate || o.churn);
}

void make_links(void)
{
    struct sockaddr_in proxy = loopback(o.port);
    wire = udp_socket(&wire_port);
    if (connect(wire, (void *)&proxy, sizeof proxy))
        die("can't connect: %s", strerror(errno));
    watch(epoll, wire, EPOLLIN, &wire);
    groups = (o.links + o.calls - 1) / o.calls;
    group = must(calloc((size_t)groups, sizeof *group));
    idle = must(calloc((size_t)groups, sizeof *idle));
    calls = must(calloc((size_t)o.links, sizeof *calls));
    for (int i = 0; i < o.links; i++) {
        struct group *g = calls[i].group = &group[i / o.calls];
        g->call = g->call ? g->call : &calls[i];
        g->calls++;
        calls[i].round = (uint32_t)clock_ns(CLOCK_REALTIME); /* a Call-ID of an earlier run would be a loop (8.2.2.2) */
    }
    for (int i = 0; i < groups && o.rate; i++)
        idle[idle_count++] = &group[i];
}

/* --- SIP ------------------------------------------------------------------------------------------------------ */

static void say(const struct call *c, const char *method, const char *uri, const char *to, int cseq, const char *more)
{
    char text[DATAGRAM];
    unsigned slot = (unsigned)(c - calls);
    int len = snprintf(text, sizeof text,
                       "%s %s SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:%d;branch=z9hG4bK%c%08x%08x\r\nMax-Forwards: 70\r\n"
                       "From: <sip:caller@127.0.0.1:%d>;tag=%08x%08x\r\nTo: %s\r\nCall-ID: %08x%08x@127.0.0.1\r\n"
                       "CSeq: %d %s\r\n%s",
                       method, uri, wire_port, *method, slot, c->round, wire_port, slot, c->round, to, slot, c->round, cseq,
                       method, more);
    send_all(wire, text, len);
}

static void invite(struct call *c)
{
    char sdp[1024], more[2048], uri[NAME], to[NAME + 2];
    int body = snprintf(sdp, sizeof sdp, OFFER, c->group->up ? "existing" : "new");
    snprintf(more, sizeof more,
             "Contact: <sip:caller@127.0.0.1:%d>\r\nContent-Type: application/sdp\r\nContent-Length: %d\r\n\r\n%s", wire_port,
             body, sdp);
    snprintf(uri, sizeof uri, "sip:mrcp@127.0.0.1:%d", o.port);
    snprintf(to, sizeof to, "<%s>", uri);
    c->round++;
    c->stage = INVITING;
    c->sent = clock_ns(CLOCK_MONOTONIC);
    say(c, "INVITE", uri, to, 1, more);
}

/* A proxy that set Record-Route is one hop, so its order is the Route's. */
static void say_within(const struct call *c, const char *method, int cseq)
{
    char more[3 * NAME];
    snprintf(more, sizeof more, "%s%s%sContent-Length: 0\r\n\r\n", *c->route ? "Route: " : "", c->route,
             *c->route ? "\r\n" : "");
    say(c, method, c->contact, c->to, cseq, more);
}

static void acknowledge(const struct call *c)
{
    say_within(c, "ACK", 1);
}

static void leave(struct call *c)
{
    c->stage = LEAVING;
    say_within(c, "BYE", 2);
}

static void dial(struct group *g)
{
    g->up = g->leaving = false;
    g->have = 0;
    opening += g->calls;
    invite(g->call); /* those who share its connection follow when it stands */
}

void dial_some(void)
{
    while (!o.rate && dialled < target && opening < OPENING) {
        struct group *g = &group[dialled / o.calls];
        dialled += g->calls;
        dial(g);
    }
}

static void connect_control(struct group *g, int port)
{
    struct sockaddr_in at = loopback(port);
    g->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    if (g->fd < 0 || (connect(g->fd, (void *)&at, sizeof at) && errno != EINPROGRESS))
        die("can't connect: %s", strerror(errno));
    no_delay(g->fd);
    watch(epoll, g->fd, EPOLLIN | EPOLLOUT | EPOLLET, g);
}

static void copied(char *to, size_t room, const char *from, size_t len)
{
    if (len >= room)
        die("too long: %.*s", (int)len, from);
    memcpy(to, from, len);
    to[len] = 0;
}

/* What the answer says of the channel, after it was found to be one of the two answers there can be. */
static void read_answer(struct call *c, const struct said *m)
{
    const char *control = strstr(m->body, "\r\nm=application "), *id = strstr(m->body, "\r\na=channel:");
    bool a = strstr(m->body, "\r\n" AUDIO("5000", "recvonly")), b = strstr(m->body, "\r\n" AUDIO("6000", "recvonly"));
    const char *end = id ? strstr(id, "@speechrecog\r\n") : NULL;
    if (!control || !end || a == b || sscanf(control + 16, "%d TCP/MRCPv2 1\r", &c->control_port) != 1)
        die("a changed answer:\n%s", m->octets);
    id += strlen("\r\na=channel:");
    copied(c->id, sizeof c->id, id, (size_t)(end - id));
    c->channel.stage = -1;
    mrcp_texts(c->id, &c->channel.request, &c->channel.want[0], &c->channel.want[1]);
    for (int i = 0; i < 2; i++)
        c->channel.want[i].octets[c->channel.want[i].tag] = a ? 'a' : 'b';
    shares[b]++;
}

static void stand(struct call *c);

static void accepted(struct call *c, const struct said *m)
{
    int len;
    uint64_t took = (clock_ns(CLOCK_MONOTONIC) - c->sent) / 100;
    if (from.at && !stopping)
        tenths[took < TENTHS ? took : TENTHS - 1]++;
    const char *contact = field(m, "Contact", &len), *end = memchr(contact, '>', (size_t)len);
    if (*contact != '<' || !end)
        die("no usable Contact:\n%s", m->octets);
    copied(c->contact, sizeof c->contact, contact + 1, (size_t)(end - contact - 1));
    const char *to = field(m, "To", &len);
    copied(c->to, sizeof c->to, to, (size_t)len);
    *c->route = 0;
    if (strstr(m->octets, "\r\nRecord-Route: ")) {
        const char *route = field(m, "Record-Route", &len);
        copied(c->route, sizeof c->route, route, (size_t)len);
    }
    read_answer(c, m);
    acknowledge(c);
    c->stage = WAITING;
    if (c->group->up)
        stand(c);
    else
        connect_control(c->group, c->control_port);
}

static void ended(struct call *c)
{
    struct group *g = c->group;
    close(g->fd);
    c->stage = NONE;
    opened--;
    now.count++;
    if (o.rate)
        idle[(idle_first + idle_count++) % (unsigned)groups] = g;
    else if (!stopping)
        dial(g);
}

/* Find the call a response is for, and see that it repeats what it must (RFC 3261, 8.2.6.2). */
static struct call *answered(const struct said *m, const char *method)
{
    char want[2 * NAME];
    int len;
    unsigned slot, round;
    if (sscanf(field(m, "Call-ID", &len), "%8x%8x@127.0.0.1\r", &slot, &round) != 2 || slot >= (unsigned)o.links)
        die("a response to nobody's call:\n%s", m->octets);
    snprintf(want, sizeof want, "<sip:caller@127.0.0.1:%d>;tag=%08x%08x", wire_port, slot, round);
    if (!field_is(m, "From", want))
        die("a response with another From:\n%s", m->octets);
    snprintf(want, sizeof want, "SIP/2.0/UDP 127.0.0.1:%d;branch=z9hG4bK%c%08x%08x", wire_port, *method, slot, round);
    if (strncmp(field(m, "Via", &len), want, strlen(want)))
        die("a response with another Via:\n%s", m->octets);
    return calls[slot].round == round ? &calls[slot] : NULL;
}

static void respond(const struct said *m)
{
    if (field_is(m, "CSeq", "1 INVITE")) {
        struct call *c = answered(m, "INVITE");
        if (!strncmp(m->octets, "SIP/2.0 1", 9))
            return;
        if (strncmp(m->octets, "SIP/2.0 200 ", 12))
            die("an INVITE was answered with\n%s", m->octets);
        if (c && c->stage == INVITING) {
            accepted(c, m);
            return;
        }
        repeated++;
        if (c)
            acknowledge(c);
    } else if (field_is(m, "CSeq", "2 BYE")) {
        struct call *c = answered(m, "BYE");
        if (strncmp(m->octets, "SIP/2.0 200 ", 12))
            die("a BYE was answered with\n%s", m->octets);
        if (!c || c->stage != LEAVING)
            repeated++;
        else
            ended(c);
    } else {
        die("a message nobody waits for:\n%s", m->octets);
    }
}

/* --- exchanges ------------------------------------------------------------------------------------------------ */

static void begin(struct group *g, int depth)
{
    int len = 0;
    for (int i = 0; i < depth; i++) {
        struct call *c = &g->call[g->next];
        char digits[DIGITS + 1];
        snprintf(digits, sizeof digits, "%010llu", (unsigned long long)++number % 10000000000u);
        g->next = (g->next + 1) % g->calls;
        put_number(&c->channel.request, digits);
        put_number(&c->channel.want[0], digits);
        put_number(&c->channel.want[1], digits);
        c->channel.stage = 0;
        memcpy(out + len, c->channel.request.octets, (size_t)c->channel.request.len);
        len += c->channel.request.len;
    }
    g->flying += depth;
    g->sent = clock_ns(CLOCK_MONOTONIC);
    flying += depth;
    send_all(g->fd, out, len);
}

bool visit_next(void)
{
    static int visited;
    if (visited == groups)
        return false;
    begin(&group[visited], group[visited].calls);
    visited++;
    return true;
}

static void stand(struct call *c)
{
    struct group *g = c->group;
    c->stage = STANDING;
    opening--;
    opened++;
    if (o.churn || o.hold) {
        g->next = (int)(c - g->call);
        begin(g, 1);
    }
    dial_some();
    if (!timed && opened == o.links && !o.hold) {
        timed = true;
        start = now.at + (uint64_t)(o.warm * 1e9);
        for (int i = 0; i < groups && !o.churn; i++)
            begin(&group[i], o.depth);
    }
}

static void connected(struct group *g)
{
    g->up = true;
    stand(g->call);
    for (int i = 1; i < g->calls; i++)
        invite(&g->call[i]);
}

static void landed(struct group *g, struct call *c)
{
    if (o.churn) {
        g->leaving = true;
        leave(c);
    } else if (!o.hold && !stopping && !g->flying) {
        begin(g, o.depth);
    } else if (o.hold && !g->flying) {
        uint64_t took = clock_ns(CLOCK_MONOTONIC) - g->sent;
        longest = took > longest ? took : longest;
    }
}

/* Whose channel the message at `octets` names; NULL: too little of it is there. */
static struct call *speaker(struct group *g, const char *octets, int have)
{
    if (have < 14)
        return NULL;
    const struct text *like = &g->call->channel.want[octets[13] > '9'];
    int id = like->id, len = (int)strlen(g->call->id);
    if (have < id + len)
        return NULL;
    for (int i = 0; i < g->calls; i++)
        if (g->call[i].stage == STANDING && !memcmp(g->call[i].id, octets + id, (size_t)len))
            return &g->call[i];
    die("a message on no channel of ours:\n%.*s", have, octets);
    return NULL;
}

static int hear(struct group *g, const char *octets, int have)
{
    struct call *c = speaker(g, octets, have);
    if (!c)
        return 0;
    if (c->channel.stage < 0)
        die("a message nobody waits for:\n%.*s", have, octets);
    const struct text *want = &c->channel.want[c->channel.stage];
    if (have < want->len)
        return 0;
    if (memcmp(octets, want->octets, (size_t)want->len))
        die("a changed message:\n%.*s\ninstead of\n%.*s", have, octets, want->len, want->octets);
    if (!c->channel.stage++)
        return want->len;
    c->channel.stage = -1;
    now.count += !o.churn;
    flying--;
    g->flying--;
    landed(g, c);
    return want->len;
}

static void converse(struct group *g)
{
    memcpy(in, g->rest, (size_t)g->have);
    ssize_t got = recv(g->fd, in + g->have, (size_t)(ROOM - g->have), 0);
    if (got < 0 && errno == EAGAIN)
        return;
    if (got == 0 && g->leaving)
        return;
    if (got <= 0)
        die("the proxy closed a connection: %s", got ? strerror(errno) : "end of its octets");
    int have = g->have + (int)got, used = 0, step = 1;
    while (used < have && step) {
        step = hear(g, in + used, have - used);
        used += step;
    }
    g->have = have - used;
    if (g->have > TEXT)
        die("a message without an end:\n%.*s", g->have, in + used);
    memcpy(g->rest, in + used, (size_t)g->have);
    if (have == ROOM)
        converse(g); /* with edges, a full read must be followed by another */
}

/* --- for the clockwork ---------------------------------------------------------------------------------------- */

void heard(struct link *l, uint32_t events)
{
    struct group *g = (void *)l;
    if ((void *)l == &wire) {
        static char room[DATAGRAM];
        struct sockaddr_in source;
        for (struct said m; take_datagram(wire, &m, room, &source);)
            respond(&m);
        return;
    }
    if (!g->up && events & EPOLLOUT)
        connected(g);
    if (events & (EPOLLIN | EPOLLHUP | EPOLLERR))
        converse(g);
}

uint64_t begin_due(uint64_t due)
{
    for (; due && idle_count; due--, idle_count--) {
        struct group *g = idle[idle_first];
        idle_first = (idle_first + 1) % (unsigned)groups;
        dial(g);
    }
    return due;
}
