"""The compiled programs, once for all tests here."""

import pytest

from bench.compile import Programs, compile_programs, compiler


@pytest.fixture(scope="session")
def programs(tmp_path_factory: pytest.TempPathFactory) -> Programs:
    if compiler() is None:
        pytest.skip("no C compiler (Debian: gcc)")
    return compile_programs(tmp_path_factory.mktemp("build"))
