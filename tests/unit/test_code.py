"""What a rule depends on: definitions that a script names, and those that these name."""

from pathlib import Path

import pytest
from lagbias.plan.code import ALWAYS, WHOLE, Code

FILES = {
    "job.py": "from lagbias.room.work import work\n\n\ndef run(job):\n    work(job)\n",
    "lagbias/room/work.py": """
from lagbias.base import tools
from lagbias.base.numbers import ONE, Shape as Form

UNUSED = 3
log = print


def work(job):
    \"\"\"Works.\"\"\"
    from lagbias.base.late import late

    return helper(job) + ONE + late() + tools.first()


def helper(job):
    return Form(2).side  # a comment


def other():
    return TWO
""",
    "lagbias/base/numbers.py": """
import math

ONE, TWO = 1, 2
math.tau


class Shape:
    \"\"\"A shape.\"\"\"

    def area(self):
        return size_of(self)


def size_of(shape):
    return 4
""",
    "lagbias/room/boxes.py": """
from lagbias.base.numbers import Shape, size_of
from lagbias.base.tools import first


class Box(Shape):
    sides = 6

    @property
    def name(self):
        return "box"

    def halos(self):
        return first()

    def particles(self):
        return size_of(self)

    def _hidden(self):
        return 1
""",
    "lagbias/base/late.py": "def late():\n    return 0\n",
    "lagbias/base/tools.py": "def first():\n    return 1\n\n\ndef second():\n    return 2\n",
}


@pytest.fixture
def folder(tmp_path) -> Path:
    for name, text in FILES.items():
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    return tmp_path


def test_definitions_are_followed_from_name_to_name(folder):
    found = Code(folder).reached("job")
    assert {place for place in found if place[1] != ALWAYS} == {
        ("lagbias.room.work", "work"),
        ("lagbias.room.work", "helper"),
        ("lagbias.base.numbers", "ONE"),
        ("lagbias.base.numbers", "TWO"),  # of the same statement
        ("lagbias.base.numbers", "Shape"),
        ("lagbias.base.numbers", "size_of"),  # a class counts with its methods
        ("lagbias.base.late", "late"),
        ("lagbias.base.tools", WHOLE),  # imported as a whole
    }


def changed(folder: Path, file: str, old: str, new: str) -> set[str]:
    """Rooms whose digest an edit changes."""
    before = Code(folder).digests("job", "")
    text = (folder / file).read_text()
    assert text.count(old) == 1
    (folder / file).write_text(text.replace(old, new))
    after = Code(folder).digests("job", "")
    return {room for room in before.keys() | after.keys() if before.get(room) != after.get(room)}


@pytest.mark.parametrize(
    ("file", "old", "new", "rooms"),
    [
        ("lagbias/base/numbers.py", "return 4", "return 5", {"base"}),
        ("lagbias/base/numbers.py", "ONE, TWO = 1, 2", "ONE, TWO = 1, 3", {"base"}),
        ("lagbias/base/numbers.py", "math.tau", "math.pi", {"base"}),  # runs at import
        ("lagbias/base/tools.py", "return 2", "return 3", {"base"}),  # of a whole module
        ("lagbias/room/work.py", "Form(2)", "Form(3)", {"room"}),
        ("lagbias/room/work.py", "+ ONE", "- ONE", {"room"}),
        ("lagbias/room/work.py", "  # a comment", "", set()),
        ("lagbias/room/work.py", "Works.", "Works well.", set()),
        ("lagbias/room/work.py", "return TWO", "return ONE", set()),
        ("lagbias/room/work.py", "UNUSED = 3", "UNUSED = 4", set()),
        ("lagbias/room/work.py", "log = print", "log: Registry[int] = {}", set()),
    ],
)
def test_an_edit_counts_where_it_is_reached(folder, file, old, new, rooms):
    assert changed(folder, file, old, new) == rooms


def test_what_is_loaded_by_its_place_counts_too(folder):
    code = Code(folder)
    plain = code.digests("job", "")
    assert code.digests("job", "lagbias.room.work:other") != plain
    own = folder / "mine.py"
    own.write_text("class Mine:\n    side = 1\n")
    first = Code(folder).digests("job", f"{own}:Mine")
    assert first == plain | {str(own): first[str(own)]}
    own.write_text("class Mine:\n    side = 2\n")
    assert Code(folder).digests("job", f"{own}:Mine") != first
    parameter = Code(folder).of("job", lambda wildcards: wildcards["place"])
    assert parameter({"place": ""}) == plain


@pytest.mark.parametrize(
    ("old", "new", "methods"),
    [
        ("return first()", "return 2", {"halos", "halos,particles"}),
        ("return size_of(self)", "return 3", {"particles", "halos,particles"}),
        ("return 1", "return 4", {"halos", "particles", "halos,particles"}),
        ('return "box"', 'return "cube"', {"halos", "particles", "halos,particles"}),
        ("sides = 6", "sides = 7", {"halos", "particles", "halos,particles"}),
    ],
)
def test_of_a_class_some_methods_count(folder, old, new, methods):
    """Its other public methods are not followed; its bases and all else of it are."""
    every = ("halos", "particles", "halos,particles")
    file = folder / "lagbias/room/boxes.py"

    def digests():
        return {of: Code(folder).digests("job", f"lagbias.room.boxes:Box.{of}") for of in every}

    before = digests()
    file.write_text(file.read_text().replace(old, new))
    after = digests()
    assert {of for of in every if after[of] != before[of]} == methods


def test_of_every_rule_something_is_reached():
    scripts = Path(__file__).parents[2] / "workflow/scripts"
    code = Code(scripts)
    for script in scripts.glob("*.py"):
        assert len(code.digests(script.stem, "")) > 0, script
