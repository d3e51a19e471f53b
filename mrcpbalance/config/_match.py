"""Which sessions of a listener go to another pool, by what their first request says."""

from collections.abc import Mapping

import attrs

from ._kinds import FEATURE, NETWORK, PATTERN, POOL_NAME, RESOURCE, Entries
from ._pattern import Pattern
from ._sections import setting


@attrs.frozen(kw_only=True)
class MatchConfig:
    """New sessions that another pool serves. The first entry that fits wins; it has a condition at least, and all of them must hold."""

    pool: str = attrs.field(metadata=setting(POOL_NAME, "The pool that serves these sessions.", stand_in=""))
    path: Pattern | None = attrs.field(
        default=None,
        metadata=setting(
            PATTERN,
            "The path of the RTSP request, as in `/de/*`, without the query.",
            only_for=("rtsp", "auto"),
        ),
    )
    user: Pattern | None = attrs.field(
        default=None,
        metadata=setting(
            PATTERN,
            "The user that the INVITE's Request-URI names, as in `de-*`; none is as good as an empty one.",
            only_for=("sip", "auto"),
        ),
    )
    accept_contact: Mapping[str, Pattern] | None = attrs.field(
        default=None,
        metadata=setting(
            Entries(FEATURE, PATTERN, "a table of patterns by parameter"),
            'Parameters of the INVITE\'s Accept-Contact (RFC 3841), as in `{ language = "de*" }` for'
            ' `*;language="de,en"`: one value of each must fit. One without a value has the value `TRUE`.',
            only_for=("sip", "auto"),
        ),
    )
    resource: str | None = attrs.field(
        default=None,
        metadata=setting(
            RESOURCE,
            "A resource it asks for, by its MRCPv2 name: that of the first request, or one of those in the INVITE. Which one an"
            " RTSP path means, the `resource_names` of the entry's pool tell.",
            only_for=("rtsp", "sip", "mrcp", "auto"),
        ),
    )
    source: str | None = attrs.field(default=None, metadata=setting(NETWORK, "The network its caller is in."))
