"""The checks; each runs alone, as in `nox -s lint`. The tools they need are named in pyproject.toml."""

import nox

nox.needs_version = ">=2024.10"
nox.options.default_venv_backend = "virtualenv"
nox.options.reuse_existing_virtualenvs = True
nox.options.sessions = ["lint", "typing", "tests"]

PYPROJECT = nox.project.load_toml("pyproject.toml")
# Rooms that decide and touch nothing: all of their branches are reached through public calls, without any I/O.
PURE = ("mrcpwire", "pool", "sessions", "mrcpv1", "mrcpv2", "passthrough")


def install(session: nox.Session, *groups: str, project: bool = True) -> None:
    """Install dependency groups, and the project as it stands."""
    wanted = nox.project.dependency_groups(PYPROJECT, *groups)
    session.install(*wanted, *(["-e", "."] if project else []))


@nox.session
def lint(session: nox.Session) -> None:
    """Style, walls between the rooms, and what asynchronous code gets wrong."""
    install(session, "lint", project=False)
    session.run("ruff", "check")
    session.run("ruff", "format", "--check")
    session.run("flake8")


@nox.session
def typing(session: nox.Session) -> None:
    """Types of code, tests, examples and benchmarks."""
    install(session, "typing")
    session.run("mypy", *session.posargs)


@nox.session
def tests(session: nox.Session) -> None:
    """All tests, with what they covered; arguments go to pytest."""
    install(session, "test")
    session.run("coverage", "erase")
    session.run("coverage", "run", "-m", "pytest", *session.posargs)
    session.run("coverage", "combine", "--quiet")
    session.run("coverage", "report")


@nox.session
def coverage(session: nox.Session) -> None:
    """The tests of wire and cores, which must reach every branch."""
    install(session, "test")
    session.run("coverage", "erase")
    seed = "--hypothesis-seed=1"  # what random examples happen to reach must not decide
    session.run("coverage", "run", "-m", "pytest", "-q", seed, *(f"tests/{room}" for room in PURE))
    session.run("coverage", "combine", "--quiet")
    rooms = ["protocol/mrcpwire/*", *(f"mrcpbalance/{room}/*" for room in PURE[1:])]
    session.run("coverage", "report", "--fail-under=100", f"--include={','.join(rooms)}")


@nox.session
def docs(session: nox.Session) -> None:
    """The documentation as HTML; a warning is an error."""
    install(session, "docs")
    session.run("sphinx-build", "-W", "--keep-going", "-b", "html", "docs", "docs/_build/html")


@nox.session
def bench(session: nox.Session) -> None:
    """Speed beside haproxy and nginx in the same run; needs gcc and two cores. Arguments go to bench/run.py."""
    install(session)
    session.run("python", "bench/run.py", *session.posargs)


@nox.session
def faults(session: nox.Session) -> None:
    """Servers killed, stopped, slow, refusing, vanished and flapping, reloads and upgrades, under load; prints what they cost."""
    install(session, "test")
    scenarios = (
        "tests/scenarios/test_faults.py",
        "tests/scenarios/test_health.py",
        "tests/scenarios/test_reload.py",
        "tests/scenarios/test_upgrade.py",
    )
    session.run("python", "-m", "pytest", "-q", "-s", *scenarios, *session.posargs)
