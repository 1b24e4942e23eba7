"""Without the extra that it needs, the kit says which one."""

import subprocess
import sys


def test_without_hypothesis_the_extra_is_named():
    code = "import sys; sys.modules['hypothesis'] = None; import numpygpt.testing"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    last = out.stderr.splitlines()[-1]
    assert "ModuleNotFoundError: numpygpt.testing needs hypothesis" in last
    assert "numpygpt[test]" in last
