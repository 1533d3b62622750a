"""From nothing to running servers on a bare Debian system, as root and as a user, with and without Node."""

import pytest

from tests.devstack import bare_environment
from tests.devstack.bare_environment import CASES, Case

pytestmark = [
    pytest.mark.soak,
    pytest.mark.skipif(bool(bare_environment.unavailable()), reason=bare_environment.unavailable() or "available"),
]


class TestABareMachine:
    @pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
    def test_is_set_up_started_and_stopped(self, case: Case) -> None:
        measured = bare_environment.run(case)
        assert measured["left"] == 0
        assert measured["again"] < 1
        assert measured["node"] == ("system" if case.node else "wheel")
        assert measured["runs_as"] == case.runs_as

    def test_without_a_network_is_told_so_in_one_line(self) -> None:
        case = CASES[2]
        with bare_environment.system(case) as root:
            script = 'cd "$HOME" && git clone -q /srv/origin it && cd it && make setup'
            done = bare_environment.enter(root, case, script, network=False)
        lines = done.stderr.splitlines()
        assert done.returncode != 0
        assert [line for line in lines if line.startswith("make: could not install the Python packages: check the")]
        assert not [line for line in lines if "Traceback" in line]
