"""Back-pressure: who isn't read until less waits for whom."""

import abc


class Holding(abc.ABC):
    """A link's part in it. It is held while any of its targets has too much waiting, some of it fed by this link."""

    __slots__ = ("sources", "targets")

    def __init__(self) -> None:
        self.sources: set[Holding] | None = (
            None  # held because of this one; no set without need, as most never do
        )
        self.targets: set[Holding] | None = None  # because of which this one is held

    @abc.abstractmethod
    def tune(self) -> None:
        """Read or don't, as `targets` and everything else says now."""

    def hold(self, target: "Holding") -> None:
        """Be held until less waits for `target`."""
        if self.targets is None:
            self.targets = set()
        if target.sources is None:
            target.sources = set()
        self.targets.add(target)
        target.sources.add(self)
        self.tune()

    def free_sources(self) -> None:
        """Hold nobody any longer."""
        sources, self.sources = self.sources, None
        for source in sources or ():
            (source.targets or set()).discard(self)
            source.tune()

    def forget_targets(self) -> None:
        """Be held by nobody, as there is nothing more to read; or nobody to mind."""
        targets, self.targets = self.targets, None
        for target in targets or ():
            (target.sources or set()).discard(self)
