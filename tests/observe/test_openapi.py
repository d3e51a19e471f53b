"""The description of the admin interface: all that it names is there, and may be asked so."""

from mrcpbalance.observe import openapi
from mrcpbalance.recording._recorder import KNOWN
from tests.observe.admin_stage import AdminStage

API = "/api/v1"
EXAMPLES = {"pool": "speech", "listener": "v1", "integer": "1", "number": "1", "boolean": "true"}


async def test_the_description_names_what_there_is() -> None:
    stage = AdminStage()
    told = (await stage.get(f"{API}/openapi.json")).json
    assert (told["openapi"], told["info"]["version"]) == ("3.1.0", "1.2.3")
    stage.session("beef")
    values = {"pool": "speech", "backend": "asr-1", "id": "beef"}
    for path, operations in told["paths"].items():
        for method, operation in operations.items():
            named = [one["name"] for one in operation["parameters"] if one["in"] == "path"]
            assert all(f"{{{name}}}" in path for name in named)
            answer = await stage.ask(method.upper(), path.format(**values))
            assert answer.status == 200, path


async def test_what_is_described_may_be_asked() -> None:
    stage = AdminStage()
    asked = 0
    for path, operations in (await stage.get(f"{API}/openapi.json")).json["paths"].items():
        for method, operation in operations.items():
            for one in (one for one in operation["parameters"] if one["in"] == "query"):
                name, schema = one["name"], one["schema"]
                for value in schema.get("enum", [EXAMPLES.get(name, EXAMPLES.get(schema["type"], "x"))]):
                    answer = await stage.ask(method.upper(), f"{path}?{name}={value}")
                    assert answer.status == 200, (path, name, value)
                    asked += 1
    assert asked > len(EXAMPLES)


def test_what_is_described_of_a_recording_is_all_it_takes() -> None:
    paths = openapi.describe("1")["paths"]
    assert isinstance(paths, dict)
    assert {one["name"] for one in paths[f"{API}/record"]["post"]["parameters"]} == set(KNOWN)
