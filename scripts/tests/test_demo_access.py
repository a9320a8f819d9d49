"""That the demo of access believes only what PostgreSQL shows."""

import demo_access
import pytest
from demo_access import Login
from scene import NotAsPromised

CLOSED = 'FATAL:  role "ada@acmecorp.example" is not permitted to log in'
RUN_OUT = 'FATAL:  password authentication failed for user "ada@acmecorp.example"'


def test_who_reads_is_in_and_who_is_refused_is_out() -> None:
    demo_access.expect_accepted(Login("sesame", ""))
    demo_access.expect_refused(Login("", CLOSED))
    demo_access.expect_refused(Login("", RUN_OUT))


@pytest.mark.parametrize("login", [Login("sesame", ""), Login("", ""), Login("sesame", CLOSED)])
def test_who_reads_is_not_out(login: Login) -> None:
    with pytest.raises(NotAsPromised):
        demo_access.expect_refused(login)


def test_a_database_that_is_gone_proves_nothing() -> None:
    gone = "connection to server at 127.0.0.1, port 5432 failed: Connection refused"
    with pytest.raises(NotAsPromised):
        demo_access.expect_refused(Login("", gone))


@pytest.mark.parametrize("login", [Login("", CLOSED), Login("", ""), Login("other", "")])
def test_who_does_not_read_the_secret_is_not_in(login: Login) -> None:
    with pytest.raises(NotAsPromised):
        demo_access.expect_accepted(login)


@pytest.mark.parametrize("seconds", [0.0, demo_access.LASTS_SECONDS - 0.1, 120.0])
def test_an_end_at_another_time_is_not_the_end(seconds: float) -> None:
    demo_access.expect_in_time(demo_access.LASTS_SECONDS + 0.5)
    with pytest.raises(NotAsPromised):
        demo_access.expect_in_time(seconds)


@pytest.mark.parametrize("answer", ["t|f", "f|t", "t|t", "", "f"])
def test_what_is_left_is_no_revoke(answer: str) -> None:
    demo_access.expect_nothing_left("f|f")
    with pytest.raises(NotAsPromised):
        demo_access.expect_nothing_left(answer)
