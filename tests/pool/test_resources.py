"""Path segments and the resources they mean."""

import pytest

from mrcpbalance.pool._resources import ResourceNames

NAMES = {
    "speechrecognizer": "speechrecog",
    "SpeechRecognizer": "speechrecog",
    "recognizer": "speechrecog",
    "speechsynthesizer": "speechsynth",
    "synthesizer": "speechsynth",
    "SYNTHESIZER": "speechsynth",
    "speakverify": "speakverify",
    "Recorder": "Recorder",
    "": "",
}


@pytest.mark.parametrize(("segment", "name"), NAMES.items())
def test_known_and_others(segment: str, name: str) -> None:
    assert ResourceNames({}).of(segment) == name


def test_overrides_come_first_and_ignore_case_too() -> None:
    names = ResourceNames({"ASR": "speechrecog", "recognizer": "dtmfrecog"})
    assert [names.of(it) for it in ("asr", "Recognizer", "speechrecognizer")] == [
        "speechrecog",
        "dtmfrecog",
        "speechrecog",
    ]
