"""The command line, behind ``python -m numpygpt`` and the script ``numpygpt``.

    options.py       what can be typed, and what is said when it is mistyped
    prompt.py        the prompt, from wherever it comes
    sentences.py     ending a text where a sentence ends
    output.py        text to stdout, everything said about it to stderr
    page.py          --page: the run as one HTML file
    command.py       load, generate, print
    interactive.py   -i: a text that you and the model write in turns
    interrupt.py     Ctrl-C, from the first millisecond on

Exit codes: 0 done, 1 could not (the message says what to do), 2 wrong usage,
130 interrupted. A reader that closes the pipe early ends the run quietly.
"""
