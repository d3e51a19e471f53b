/* The backend's side of SIP: every INVITE is answered at once with 200 and a channel; both backends issue the same ids. */
#include "sip.h"

struct agent;

struct agent *make_agent(int epoll, char tag, int control_port);
void answer_calls(struct agent *a);                        /* all that is waiting */
bool stands(const struct agent *a, const char *channel_id); /* an id of ID octets */
