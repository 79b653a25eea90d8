"""Arrow looks for pandas once, finds none, and whoever wants pandas still gets it."""

import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = """
import sys
{first}
import pyarrow as pa
pa.array(["a"]), pa.Table.from_pylist([{{"a": 1}}])
print("pandas" in sys.modules)
import pandas
print(pandas.__version__)
"""


@pytest.mark.parametrize(("first", "loaded"), [("", "True"), ("import nightsort.arrow", "False")])
def test_arrow_does_not_load_pandas_and_others_can(first: str, loaded: str, tmp_path: Path) -> None:
    (tmp_path / "pandas.py").write_text("__version__ = '0.1'\n")  # any will do: what counts is who imports it
    script = f"import sys; sys.path.insert(0, {str(tmp_path)!r})\n" + SCRIPT.format(first=first)
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    said = done.stdout.split()
    if first:
        assert said == [loaded, "0.1"]
    else:
        assert said[:1] == [loaded] or "pandas" in done.stderr, "without it Arrow would have looked"


def test_a_pandas_that_is_loaded_stays() -> None:
    script = "import pandas, sys; before = list(sys.meta_path)\n"
    script += "import nightsort.arrow; print(sys.meta_path == before, sys.modules['pandas'] is pandas)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.stdout.split() == ["True", "True"], done.stderr
