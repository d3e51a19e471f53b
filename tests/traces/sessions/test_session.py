"""What a session answers to."""

import pytest

from tests.traces.packets import CALLER, SERVER
from tests.traces.scene import Scene, answer, setup

NAMES = {
    "1": True,
    "id-12345": True,
    "id-1": True,
    "id-": False,  # too little to go by
    "id-2": False,
    "2": False,
    "": False,
}


@pytest.mark.parametrize(("name", "called"), NAMES.items())
def test_names(name: str, called: bool) -> None:
    scene = Scene()
    talk = scene.tcp(CALLER, SERVER)
    talk.up(setup(1))
    talk.down(answer(1, b"id-12345"))
    [session] = scene.read().sessions
    assert session.is_called(name) is called
