"""Settings of hypothesis: how many examples, and no deadline on a busy machine.

``NUMPYGPT_EXAMPLES=1000 pytest`` looks longer than the default.
"""

import os

from hypothesis import settings


settings.register_profile(
    "numpygpt", deadline=None, max_examples=int(os.environ.get("NUMPYGPT_EXAMPLES", 25))
)
settings.load_profile("numpygpt")
# No doctests in these; three files of one name are too many for pytest.
collect_ignore = ["conftest.py", "cli/conftest.py", "scripts/conftest.py"]
