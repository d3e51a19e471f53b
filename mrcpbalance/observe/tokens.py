"""The tokens of the admin interface, and what they allow."""

import hmac
from pathlib import Path
from typing import Literal

import attrs

from mrcpbalance.config import AdminConfig

from .errors import TokenError

Role = Literal["operator", "reader"]
type_mark = tuple[int, int, int]


@attrs.define(eq=False)
class Token:
    """The token in a file; a file that changes is read again, and one that no longer serves lets nobody in."""

    path: Path
    key: str  # of the configuration, for errors
    mark: type_mark
    text: str

    @classmethod
    def of(cls, path: str, key: str = "token_file") -> "Token":
        """Read it; raises TokenError."""
        file = Path(path)
        return cls(file, key, _mark(file, key), _read(file, key))

    def is_it(self, given: str) -> bool:
        """Compare, in a time that tells nothing; raises TokenError when the file no longer serves."""
        mark = _mark(self.path, self.key)
        if mark != self.mark:
            self.text = _read(self.path, self.key)
            self.mark = mark
        return hmac.compare_digest(given.encode(), self.text.encode())


def _mark(file: Path, key: str) -> type_mark:
    try:
        status = file.stat()
    except OSError as error:
        raise TokenError(f"admin.{key}: {file} can't be read: {error.strerror}") from None
    return status.st_ino, status.st_mtime_ns, status.st_size


def _read(file: Path, key: str) -> str:
    try:
        text = file.read_text(encoding="utf-8").strip()
    except OSError as error:
        raise TokenError(f"admin.{key}: {file} can't be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise TokenError(f"admin.{key}: {file} can't be read: it is no text in UTF-8") from None
    if not text:
        raise TokenError(f"admin.{key}: {file} is empty; write a token of your choice into it")
    if not (text.isascii() and text.isprintable() and " " not in text):
        raise TokenError(f"admin.{key}: {file} must hold one line of ASCII characters without blanks")
    return text


@attrs.frozen
class Tokens:
    """Who is let in, by the token they send."""

    operator: Token
    reader: Token | None = None

    @classmethod
    def of(cls, config: AdminConfig) -> "Tokens | None":
        """Read those that are configured; None when there are none. Raises TokenError."""
        if config.token_file is None:
            return None
        reader = config.read_token_file
        return cls(
            Token.of(config.token_file), None if reader is None else Token.of(reader, "read_token_file")
        )

    def role(self, given: str) -> Role | None:
        """Tell what a token allows; raises TokenError when a file that had to be asked no longer serves."""
        if self.operator.is_it(given):
            return "operator"
        return "reader" if self.reader is not None and self.reader.is_it(given) else None
