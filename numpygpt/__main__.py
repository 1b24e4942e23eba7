"""The command line: ``python -m numpygpt "Once upon a time"``.

It prints the prompt and its continuation as it is drawn. How: cli/.
"""

import sys

from .cli.command import main

if __name__ == "__main__":
    sys.exit(main())
