"""Why the admin interface can't be had."""


class AdminError(Exception):
    """It can't begin; says why and what to do."""


class TokenError(AdminError):
    """The token file can't serve; says which, and what is wrong."""
