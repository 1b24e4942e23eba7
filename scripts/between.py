"""Put what a script has found between two marks of a README."""

import re

from numpygpt.files.hub import writing


def write_between(path, begin, end, text):
    """Replace what stands between the marks ``begin`` and ``end`` in a file."""
    page = path.read_text(encoding="utf-8")
    between = re.compile(f"{re.escape(begin)}.*{re.escape(end)}", re.DOTALL)
    page = between.sub(lambda _: f"{begin}\n{text}\n{end}", page)
    with writing(path) as file:
        file.write(page.encode())
