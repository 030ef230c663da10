"""What `ec2-train` refuses before it asks anybody."""

import pytest

import definitions


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--name", "Try_1"], "--name 'Try_1' names no training"),
        (["--name", "x" * 41], "at most 40"),
        (["--stop"], "say which with --name"),
    ],
)
def test_a_wrong_command_line_is_told(arguments, told, capsys):
    assert definitions.main(["ec2-train", *arguments]) == 1
    assert told in capsys.readouterr().err
