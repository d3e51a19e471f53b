"""What tests of captures begin with."""

import pytest

from tests.traces.packets import CALLER, SERVER
from tests.traces.scene import Call, Scene, Tcp


@pytest.fixture
def scene() -> Scene:
    return Scene()


@pytest.fixture
def talk(scene: Scene) -> Tcp:
    return scene.tcp(CALLER, SERVER)


@pytest.fixture
def call(scene: Scene) -> Call:
    return Call(scene)
