"""Why the admin interface can't be had, or an order not be carried out."""

from collections.abc import Collection


class AdminError(Exception):
    """It can't begin; says why and what to do."""


class TokenError(AdminError):
    """The token file can't serve; says which, and what is wrong."""


class ReloadError(Exception):
    """A reload that changed nothing; `faults` say why, one a line. With `conflict` no other file would do either."""

    def __init__(self, faults: Collection[str], *, conflict: bool = False) -> None:
        super().__init__("; ".join(faults))
        self.faults = tuple(faults)
        self.conflict = conflict
