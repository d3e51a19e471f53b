"""Tables of the file become attrs classes: a field's metadata says how its key is read and what it means."""

from collections.abc import Callable, Iterator, Mapping
from typing import Final, Generic, TypeVar, cast

import attrs

from ._faults import Notes, Place, UnfitError, found, nearest
from ._kinds import Kind, name_fault, read

T = TypeVar("T")

_SETTING: Final = "mrcpbalance.setting"
_FAULTY: Final = object()


@attrs.frozen(kw_only=True)
class Setting:
    """What a key takes and means.

    `only_for` names the protocols (of a listener) or addresses (of a backend) it makes sense with; `stand_in` is what a
    required key gets, when it is missing or faulty, so that the rest can be checked all the same.
    """

    kind: Kind[object]
    meaning: str
    only_for: tuple[str, ...] = ()
    stand_in: object = None


def setting(
    kind: Kind[object], meaning: str, *, only_for: tuple[str, ...] = (), stand_in: object = None
) -> dict[str, object]:
    """Make the metadata of a field that is a key of the file; a field without is none."""
    return {_SETTING: Setting(kind=kind, meaning=meaning, only_for=only_for, stand_in=stand_in)}


def settings(cls: type[object]) -> Iterator[tuple["attrs.Attribute[object]", Setting]]:
    """Give the keys of a table, in the order they are documented in."""
    for field in attrs.fields(cast("type[attrs.AttrsInstance]", cls)):
        if _SETTING in field.metadata:
            yield field, cast("Setting", field.metadata[_SETTING])


@attrs.frozen
class Section(Generic[T]):
    """A table that becomes one object; `title` is its header in the documentation."""

    cls: type[T]
    title: str

    @property
    def expected(self) -> str:
        """Name it."""
        return f"a table [{self.title}]"

    def read(self, value: object, place: Place) -> T:
        """Give the object, noting every fault in it."""
        if not isinstance(value, dict):
            raise UnfitError
        return read_table(self.cls, value, place)


@attrs.frozen
class Sections(Generic[T]):
    """A table of tables, each with a name of the operator's."""

    cls: type[T]
    title: str

    @property
    def expected(self) -> str:
        """Name one."""
        return f"at least one table [{self.title}]"

    def read(self, value: object, place: Place) -> Mapping[str, T]:
        """Give the objects by name, noting every fault in them."""
        if not isinstance(value, dict) or not value:
            raise UnfitError
        return {name: self._read_one(name, table, place.under(name)) for name, table in value.items()}

    def _read_one(self, name: str, value: object, place: Place) -> T:
        if problem := name_fault(name):
            place.fault(problem, 'expected a name without "/" and control characters')
        if isinstance(value, dict):
            return read_table(self.cls, value, place, name=name)
        place.fault(found(value), f"expected a table [{self.title}]")
        return read_table(self.cls, {}, Place(Notes(), place.path), name=name)  # one fault is enough


@attrs.frozen
class Rows(Generic[T]):
    """An array of tables, each of which becomes one object."""

    cls: type[T]
    title: str

    @property
    def expected(self) -> str:
        """Name one."""
        return f"tables [[{self.title}]]"

    def read(self, value: object, place: Place) -> tuple[T, ...]:
        """Give the objects in order, noting every fault in them."""
        if not isinstance(value, list):
            raise UnfitError
        return tuple(self._read_one(row, place.under(index)) for index, row in enumerate(value))

    def _read_one(self, value: object, place: Place) -> T:
        if isinstance(value, dict):
            return read_table(self.cls, value, place)
        place.fault(found(value), f"expected a table [[{self.title}]]")
        return read_table(self.cls, {}, Place(Notes(), place.path))  # one fault is enough


def read_table(cls: type[T], table: Mapping[str, object], place: Place, **fixed: object) -> T:
    """Make the object a table stands for; a faulty value is noted and replaced, so that all faults are seen."""
    known = list(settings(cls))
    _refuse_unknown(table, [field.name for field, _ in known], place)
    values = dict(fixed)
    for field, setting in known:
        here = place.under(field.name)
        if field.name in table:
            here.notes.given.add(here.path)
            value = read(setting.kind, table[field.name], here, _FAULTY)
            if value is not _FAULTY:
                values[field.name] = value
        elif field.default is attrs.NOTHING:
            here.fault("missing", f"expected {setting.kind.expected}")
        if field.default is attrs.NOTHING:
            values.setdefault(field.name, setting.stand_in)
    return cast("Callable[..., T]", cls)(**values)


def _refuse_unknown(table: Mapping[str, object], known: list[str], place: Place) -> None:
    for key in table:
        if key not in known:
            place.under(key).fault("unknown key", nearest(key, known))
