"""The `.env` of the compose file."""

import base64

from deploy.cli.secrets_file import render


def test_empty_variables_get_values_and_the_rest_stays() -> None:
    example = "# A_KEY=\nPASSWORD=\nTOKEN_KEY=\nCLOCK=wall\n"
    comment, password, key, clock = render(example).splitlines()
    assert (comment, clock) == ("# A_KEY=", "CLOCK=wall")
    assert len(password.removeprefix("PASSWORD=")) >= 24
    assert len(base64.urlsafe_b64decode(key.removeprefix("TOKEN_KEY="))) == 32


def test_no_two_files_are_alike() -> None:
    assert render("PASSWORD=\n") != render("PASSWORD=\n")
