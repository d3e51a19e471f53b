/* The callers: their sessions, their exchanges, and that what they hear is what they must hear. */
#include "load.h"

enum { ROOM = 65536, OPENING = 64 };

int epoll, opened, opening, flying, target;
uint64_t repeated, longest;
unsigned shares[2];
uint32_t tenths[TENTHS];

static int dialled;
static uint64_t number = 1000000000;
static struct link *links, **idle;
static unsigned idle_first, idle_count;
static char in[ROOM], out[BURST * TEXT];

static void begin(struct link *l);

bool fits(void)
{
    return o.channels >= o.depth && o.channels <= 0xffff && o.calls == 1 && !(o.rtsp && o.channels > 1) &&
           (o.rtsp || !(o.churn || o.hold));
}

void make_links(void)
{
    links = must(calloc((size_t)o.links, sizeof *links));
    idle = must(calloc((size_t)o.links, sizeof *idle));
    for (int i = 0; i < o.links; i++)
        links[i].channels = must(calloc((size_t)o.channels, sizeof *links[i].channels));
}

static const char *next_number(void)
{
    static char digits[DIGITS + 1];
    uint64_t n = ++number;
    for (int i = DIGITS; i--; n /= 10)
        digits[i] = (char)('0' + n % 10);
    return digits;
}

static int append(int len, const struct text *t)
{
    memcpy(out + len, t->octets, (size_t)t->len);
    return len + t->len;
}

static int append_owed(struct link *l)
{
    bool owed = l->owes;
    l->owes = false;
    return owed ? append(0, &l->answer) : 0;
}

/* --- sessions ------------------------------------------------------------------------------------------------- */

static void dial(struct link *l)
{
    struct sockaddr_in proxy = loopback(o.port);
    l->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    if (l->fd < 0 || (connect(l->fd, (void *)&proxy, sizeof proxy) && errno != EINPROGRESS))
        die("can't connect: %s", strerror(errno));
    no_delay(l->fd);
    l->phase = DIALLING;
    l->have = l->exchanges = 0;
    opening++;
    watch(epoll, l->fd, o.stream ? EPOLLIN : EPOLLIN | EPOLLOUT | EPOLLET, l);
}

void dial_some(void)
{
    while (dialled < target && opening < OPENING)
        dial(&links[dialled++]);
}

static void ask(struct link *l, struct text *request)
{
    memcpy(l->asked, next_number(), DIGITS);
    put_number(request, l->asked);
    int len = append_owed(l);
    send_all(l->fd, out, append(len, request));
}

static void stand(struct link *l)
{
    l->phase = OPEN;
    opening--;
    opened++;
    if (o.churn || o.hold)
        begin(l);
    dial_some();
    if (!timed && opened == o.links && !o.hold) {
        timed = true;
        start = now.at + (uint64_t)(o.warm * 1e9);
        for (int i = 0; i < o.links && !o.churn; i++)
            if (o.rate)
                idle[idle_count++] = &links[i];
            else
                begin(&links[i]);
    }
}

static void connected(struct link *l)
{
    static struct text setup;
    char id[ID + 1];
    if (o.rtsp) {
        if (!setup.len)
            rtsp(&setup, "SETUP " URI " RTSP/1.0", "",
                 "Transport: RTP/AVP;unicast;client_port=4000-4001\r\nContent-Type: application/sdp\r\n",
                 SDP_OF("caller", "4000", "sendonly"));
        l->phase = SETTING_UP;
        ask(l, &setup);
        return;
    }
    for (int i = 0; i < o.channels; i++) {
        struct channel *c = &l->channels[i];
        snprintf(id, sizeof id, "%08x%08x", (unsigned)(l - links), (unsigned)i);
        mrcp_texts(id, &c->request, &c->want[0], &c->want[1]);
        c->stage = -1;
        c->known = false;
    }
    stand(l);
}

static bool is_success(const struct link *l, const char *octets, int len)
{
    char field[] = "\r\nCSeq: " NUMBER "\r\n";
    memcpy(strchr(field, '#'), l->asked, DIGITS);
    return !strncmp(octets, "RTSP/1.0 200 ", 13) && memmem(octets, (size_t)len, field, strlen(field));
}

static void set_up(struct link *l, const char *octets, int len)
{
    struct rtsp_texts t;
    char session[64];
    const char *at = memmem(octets, (size_t)len, "\r\n" SESSION, 2 + strlen(SESSION));
    if (!is_success(l, octets, len) || !at || sscanf(at + 2 + strlen(SESSION), "%63[^; \r]", session) != 1)
        die("SETUP was answered with\n%.*s", len, octets);
    rtsp_texts(&t, session);
    *l->channels = (struct channel){.request = t.request, .want = {t.response, t.event}, .stage = -1};
    l->answer = t.answer;
    l->teardown = t.teardown;
    shares[session[0] == 'b']++;
    stand(l);
}

static void torn_down(struct link *l, const char *octets, int len, int have)
{
    if (!is_success(l, octets, len) || len < have)
        die("TEARDOWN was answered with\n%.*s", have, octets);
    close(l->fd);
    l->phase = IDLE;
    opened--;
    now.count++;
    if (!stopping)
        dial(l);
}

/* --- exchanges ------------------------------------------------------------------------------------------------ */

static void begin(struct link *l)
{
    int len = append_owed(l);
    for (int i = 0; i < o.depth; i++) {
        struct channel *c = &l->channels[l->next];
        const char *digits = next_number();
        l->next = (l->next + 1) % o.channels;
        put_number(&c->request, digits);
        put_number(&c->want[0], digits);
        put_number(&c->want[1], digits);
        c->stage = 0;
        len = append(len, &c->request);
    }
    l->flying = o.depth;
    flying += o.depth;
    if (o.rate)
        l->sent = clock_ns(CLOCK_MONOTONIC);
    send_all(l->fd, out, len);
}

static void settle(struct link *l)
{
    int len = append_owed(l);
    if (len)
        send_all(l->fd, out, len);
}

static void note_time(struct link *l)
{
    uint64_t took = (clock_ns(CLOCK_MONOTONIC) - l->sent) / 100;
    if (from.at)
        tenths[took < TENTHS ? took : TENTHS - 1]++;
    idle[(idle_first + idle_count++) % (unsigned)o.links] = l;
}

/* All that was in flight on this link is over: what now? */
static void landed(struct link *l)
{
    l->exchanges++;
    if (o.rate)
        note_time(l);
    if (o.churn && l->exchanges == o.exchanges) {
        l->phase = TEARING_DOWN;
        ask(l, &l->teardown);
    } else if (o.rate || o.hold || (stopping && !o.churn)) {
        settle(l);
    } else {
        begin(l);
    }
}

static int channel_number(const char *id)
{
    int n = 0;
    for (int i = ID - 4; i < ID; i++)
        n = n * 16 + (id[i] <= '9' ? id[i] - '0' : id[i] - 'a' + 10);
    return n;
}

/* Which channel the message at `octets` speaks on; NULL: too little of it is there. */
static struct channel *speaker(struct link *l, const char *octets, int have)
{
    struct channel *first = l->channels;
    if (o.rtsp)
        return first;
    if (have < 14)
        return NULL;
    int id = first->want[octets[13] > '9'].id;
    if (have < id + ID)
        return NULL;
    int n = channel_number(octets + id);
    if (n < 0 || n >= o.channels)
        die("a message on no channel of ours:\n%.*s", have, octets);
    return first + n;
}

static void learn(struct channel *c, const char *octets)
{
    char tag = octets[c->want[0].tag];
    for (int i = 0; i < 2; i++)
        c->want[i].octets[c->want[i].tag] = tag;
    c->known = true;
    shares[tag == 'b']++;
}

static int hear(struct link *l, const char *octets, int have)
{
    struct channel *c = speaker(l, octets, have);
    if (!c)
        return 0;
    if (c->stage < 0)
        die("a message nobody waits for:\n%.*s", have, octets);
    struct text *want = &c->want[c->stage];
    if (have < want->len)
        return 0;
    if (want->tag && !c->known)
        learn(c, octets);
    if (memcmp(octets, want->octets, (size_t)want->len))
        die("a changed message:\n%.*s\ninstead of\n%.*s", have, octets, want->len, want->octets);
    if (c->stage++)
        c->stage = -1;
    if (c->stage < 0) {
        if (o.rtsp && !o.silent) {
            l->owes = true;
            put_number(&l->answer, want->octets + want->hole[0]);
        }
        now.count += !o.churn;
        flying--;
        if (!--l->flying)
            landed(l);
    }
    return want->len;
}

static int take(struct link *l, const char *octets, int have)
{
    if (l->phase == OPEN)
        return hear(l, octets, have);
    int len = rtsp_end(octets, have);
    if (len && l->phase == SETTING_UP)
        set_up(l, octets, len);
    else if (len)
        torn_down(l, octets, len, have);
    return len;
}

static void converse(struct link *l)
{
    memcpy(in, l->rest, (size_t)l->have);
    ssize_t got = recv(l->fd, in + l->have, (size_t)(ROOM - l->have), 0);
    if (got < 0 && errno == EAGAIN)
        return;
    if (got <= 0)
        die("the proxy closed a connection: %s", got ? strerror(errno) : "end of its octets");
    int have = l->have + (int)got, used = 0, step = 1;
    while (used < have && step) {
        step = take(l, in + used, have - used);
        used += step;
    }
    l->have = have - used;
    if (l->have > TEXT)
        die("a message without an end:\n%.*s", l->have, in + used);
    memcpy(l->rest, in + used, (size_t)l->have);
    if (have == ROOM)
        converse(l); /* with edges, a full read must be followed by another */
}

/* --- a stream ------------------------------------------------------------------------------------------------- */

/* Octets are dropped unread, which costs next to nothing; every 16th read is compared. */
static void drain(struct link *l)
{
    static char *octets, *taken;
    static uint64_t reads;
    ssize_t got;
    octets = octets ? octets : pattern();
    taken = taken ? taken : must(malloc(READ));
    for (int i = 0; i < 4; i++) {
        bool compare = reads++ % 16 == 0;
        got = recv(l->fd, taken, READ, compare ? 0 : MSG_TRUNC);
        if (got < 0 && errno == EAGAIN)
            return;
        if (got <= 0)
            die("the proxy closed the stream");
        if (compare && memcmp(taken, octets + now.count % PATTERN, (size_t)got))
            die("the stream is changed near octet %llu", (unsigned long long)now.count);
        now.count += (uint64_t)got;
    }
}


/* --- for the clockwork ---------------------------------------------------------------------------------------- */

bool visit_next(void)
{
    return false;
}

void heard(struct link *l, uint32_t events)
{
    if (o.stream) {
        drain(l);
        return;
    }
    if (l->phase == DIALLING && events & EPOLLOUT)
        connected(l);
    if (events & (EPOLLIN | EPOLLHUP | EPOLLERR))
        converse(l);
}

uint64_t begin_due(uint64_t due)
{
    for (; due && idle_count; due--, idle_count--) {
        struct link *l = idle[idle_first];
        idle_first = (idle_first + 1) % (unsigned)o.links;
        begin(l);
    }
    return due;
}
