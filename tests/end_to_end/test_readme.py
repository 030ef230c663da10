"""What the README shows is what the commands print."""

import re
from pathlib import Path

from commands.demo import describe_result

README = (Path(__file__).parents[2] / "README.md").read_text()


def shown_after(command):
    """The lines of the block in the README that begins with `$ command`."""
    block = README.partition(f"$ {command}\n")[2].partition("```")[0]
    assert block, f"the README does not show {command}"
    return block.strip().splitlines()


def shape(line):
    """A line without what differs from run to run: figures, identifiers, folders, column widths."""
    line = re.sub(r"execution/\w+", "execution/ID", line)
    line = re.sub(r"deploy:[\w-]+", "deploy:ID", line)
    line = re.sub(
        r"\d+-(\w+)\.jpg, a picture of \1: \1 ", "LABEL.jpg, a picture of LABEL: LABEL ", line
    )
    line = re.sub(r"\S*/demo/", "FOLDER/demo/", line)
    line = re.sub(r"\d+(\.\d+)?(e-\d+)?", "N", line)
    return re.sub(r"\s+", " ", line.strip())


def test_the_readme_shows_what_the_demo_prints(demonstration):
    printed = describe_result(demonstration).strip().splitlines()
    assert [shape(line) for line in shown_after("make demo")] == [shape(line) for line in printed]


def test_every_command_that_the_readme_names_exists(command_line):
    named = set(re.findall(r"definitions\.py (?!--)([a-z0-9-]+)", README))
    assert len(named) > 8
    listed = re.findall(r"^ {2,4}([a-z0-9-]+)", command_line.run("--help").stdout, re.MULTILINE)
    assert named - set(listed) == set()
