"""One file an exercise: lesson, stub, hints, cases, and what may be wrong."""
